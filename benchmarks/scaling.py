"""What scale `paper` costs: writes the tables of docs/scaling.md, each below its mark, from ser/plan/costs.py.

    python benchmarks/scaling.py

The plan is the real one, for empty folders in place of corpora and checkpoints. What jobs ask for is by the same
functions, so a change to ser/plan/unit_costs.json changes both: call this again then.
"""

import argparse
import json
import re
import tempfile
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

from _paths import ROOT
from helpers.params import params
from helpers.project import copy_project
from planning import n_runs
from ser.encoders.published import ENCODERS, MADE_HERE, NAMES
from ser.features.spec import feature_name
from ser.files import words
from ser.plan import costs
from ser.plan.groups import Group, Plan
from ser.plan.load import load_plan
from ser.plan.sizes import bins, corpus_size, expected_epochs, parts
from ser.training.state import PAUSE, SMALL

DOCUMENT = ROOT / "docs" / "scaling.md"
EMODB = {"W": 127, "L": 81, "N": 79, "F": 71, "A": 69, "T": 62, "E": 46}  # utterances by the letter of their emotion
# The recordings of corpora of which some rows need whole classes, and are skipped without them.
NAMED = {
    "emodb": [f"03a{n % 10 + 1:02}{e}{chr(97 + n // 10)}.wav" for e, count in EMODB.items() for n in range(count)],
    "ravdess": [
        f"Actor_{actor:02}/03-01-{emotion:02}-{intensity:02}-{statement:02}-{take:02}-{actor:02}.wav"
        for actor, emotion in product(range(1, 25), range(1, 9))
        for intensity in range(1, 2 if emotion == 1 else 3)  # neutral (01) has no strong intensity
        for statement, take in product((1, 2), (1, 2))
    ],
}
SHAPES = {"base": (13, 768), "large": (25, 1024), "tiny": (4, 32)}  # states of an encoder: layers + 1, width
FUNCTIONALS = 400  # roughly this many numbers per utterance
TEXT = 8_000  # bytes of metrics.json and history.csv of a run
MLFLOW = 300  # bytes of mlflow.db per value of an epoch, all else included: 302 MB for 1.02 million (tracking.py)
VALUES = 5  # per epoch: loss, learning rate, what is measured on the dev part
RECORDS = 34_000  # bytes of Snakemake's records per job: 358 MB on disk for 10,462 (planning.py)
Row = tuple[Any, ...]


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    with tempfile.TemporaryDirectory() as name:
        found = tables(simulated(Path(name) / "project"))
    DOCUMENT.write_text(updated(DOCUMENT.read_text(), found))


def tables(plan: Plan) -> dict[str, str]:
    """The tables that follow from the plan and the unit costs, by their marks."""
    hours = ("expected, A100", "expected, H200", "to the last epoch, A100")
    unit = ("CPU s", "GFLOP", "share of peak")
    job = ("corpus", "GPU", "MB", "expected, min", "asked, min", "runs")
    sizes = ("weights of one, MB", "all, GB", "predictions, GB", "scores of epochs, GB")
    states = ("state, GB", "states written, TB")
    return {
        "short": table(("", ""), in_short(plan)),
        "papers": table(("experiment", "runs", *hours, "CPU core-hours", "IEMOCAP, one seed"), papers(plan)),
        "corpora": table(("corpus", "runs", *hours, "stores, GB", "weights, GB"), by_corpus(plan)),
        "jobs": table(("system", *unit, *job), asked(plan)),
        "runs": table(("system", "runs", *sizes, *states), kept(plan)),
    }


def updated(text: str, found: Mapping[str, str]) -> str:
    """A document with the tables below the marks `<!-- scaling.py: NAME -->` replaced. Raises ValueError where one is
    missing.
    """
    for name, new in found.items():
        text, n = re.subn(rf"(?m)(^<!-- scaling.py: {name} -->\n\n)(?:\|.*\n)*", lambda m, new=new: m[1] + new, text)
        if n != 1:
            raise ValueError(f"{n} marks for the table {name}")
    return text


def simulated(project: Path) -> Plan:
    """The plan at scale `paper` as if every corpus and every checkpoint were there."""
    copy = copy_project(project)
    corpora, encoders = {}, {}
    for corpus in words("corpora"):
        root = project / "simulated" / corpus
        root.mkdir(parents=True)
        for name in NAMED.get(corpus, ()):
            (root / name).parent.mkdir(exist_ok=True)
            (root / name).touch()
        corpora[corpus] = {"root": str(root)}
    for encoder in sorted(set(NAMES) - set(MADE_HERE)):
        folder = project / "simulated" / encoder
        folder.mkdir()
        form = ENCODERS.get(encoder)
        built = {"model_type": form.architecture.lower(), "feat_extract_norm": form.front_end} if form else {}
        for file, content in (("config.json", built), ("preprocessor_config.json", {}), ("model.safetensors", {})):
            (folder / file).write_text(json.dumps(content))
        encoders[encoder] = str(folder)
    changes = {"scale": "paper", "corpora": corpora, "encoders": encoders}
    copy.set(**changes)
    return load_plan(params(**changes), project)


def only(plan: Plan, systems: Collection[str], kinds: Collection[str]) -> Plan:
    """The plan without groups of other systems or with other kinds of features."""
    groups = (group for group in plan.groups if group.system in systems)
    return replace(plan, groups=tuple(g for g in groups if {spec["kind"] for spec in g.features.values()} <= {*kinds}))


def in_short(plan: Plan) -> list[Row]:
    """What most will ask first."""
    groups = list(plan.live)
    a100, h200, last, core = (sum(column) for column in zip(*map(hours, groups), strict=True))
    one = [replace(group, seeds=group.seeds[:1]) for group in groups if group.corpus == "iemocap"]
    a100_one, h200_one, _, core_one = (sum(column) for column in zip(*map(hours, one), strict=True))
    alone = sum(len(group.runs) * costs.run_seconds(group, "", is_expected=True) for group in groups) / 3600
    on_gpu = [group for group in groups if needs(group).gpu]
    asked_for = (
        sum(
            costs.job_needs([group], group.one_job_per == "fold", "auto", "paper").minutes
            * (len(group.runs) if group.one_job_per == "fold" else len(group.seeds))
            for group in on_gpu
        )
        / 60
    )
    specs = stores(plan)
    disk = sum(size_of(spec, *corpus_size(corpus)) for corpus, spec in specs) / 1e9
    making = sum(costs.feature_seconds(spec, corpus, "") for corpus, spec in specs) / 3600
    n, values = n_runs(plan), sum(len(group.runs) * group.settings.get("epochs", 0) * VALUES for group in groups)
    made = [(len(g.seeds) * (len(g.folds) if g.one_job_per == "fold" else 1), g) for g in groups]
    jobs, with_gpu = sum(jobs for jobs, _ in made), sum(jobs for jobs, group in made if needs(group).gpu)
    return [
        ("runs", f"{n:,} in {len(groups)} groups; {sum(len(group.runs) for group in on_gpu):,} need a GPU"),
        ("jobs that train", f"{jobs:,}; {with_gpu:,} of them ask for a GPU"),
        ("GPU hours, expected", f"{a100:,.0f} of an A100, or {h200:,.0f} of an H200"),
        ("GPU hours at most", f"{last:,.0f} of an A100: every run to its last epoch; jobs ask for {asked_for:,.0f}"),
        ("one seed of all rows on IEMOCAP", f"{a100_one:,.0f} hours of an A100, or {h200_one:,.0f} of an H200"),
        ("runs without a GPU", f"{core:,.0f} core-hours; {core_one:,.0f} for one seed of IEMOCAP"),
        ("all of it without any GPU", f"{alone:,.0f} core-hours, expected: do not try"),
        ("stores", f"{len(specs)}, {disk:.0f} GB, {making:.0f} core-hours"),
        ("beside the runs", f"MLflow {values * MLFLOW / 1e9:.1f} GB, Snakemake's records {n * RECORDS / 1e9:.1f} GB"),
    ]


def hours(group: Group) -> tuple[float, float, float, float]:
    """Of all runs of a group: of an A100 and an H200 as expected, of an A100 to the last epoch, or of a core."""
    n = len(group.runs) / 3600
    if not needs(group).gpu:
        return 0.0, 0.0, 0.0, n * costs.run_seconds(group, "")
    expected = (n * costs.run_seconds(group, name, is_expected=True) for name in ("A100", "H200"))
    return (*expected, n * costs.run_seconds(group, "A100"), 0.0)


def needs(group: Group) -> costs.Needs:
    return costs.run_needs(group, "auto", "paper")


def papers(plan: Plan) -> list[Row]:
    """Per experiment file; the last column: hours of an A100 that one seed of its IEMOCAP rows is expected to take."""
    totals: dict[str, list[float]] = defaultdict(lambda: [0.0] * 6)
    for group in plan.live:
        found = hours(group)
        one_seed = found[0] / len(group.seeds) if group.corpus == "iemocap" else 0.0
        _add(totals[group.experiment], len(group.runs), *found, one_seed)
    return _rows(totals, by=1)


def by_corpus(plan: Plan) -> list[Row]:
    totals: dict[str, list[float]] = {corpus: [0.0] * 6 for corpus in words("corpora")}
    for group in plan.live:
        cost, n = costs.run_cost(group), len(group.runs)
        weights = n * cost["weights_bytes"] / 1e9 if cost else 0.0
        _add(totals[group.corpus], n, *hours(group)[:3], 0, weights)
    for corpus, spec in stores(plan):
        totals[corpus][4] += size_of(spec, *corpus_size(corpus)) / 1e9
    return _rows(totals, by=1)


def asked(plan: Plan) -> list[Row]:
    """Per system and corpus: what the job of the longest run asks for, and how long it is expected to take; before it,
    what an example of that run costs.
    """
    found: dict[tuple[str, str], list[Group]] = defaultdict(list)
    for group in plan.live:
        if group.corpus in ("iemocap", "msp_podcast"):
            found[group.system, group.corpus].append(group)
    rows = []
    for (system, corpus), groups in found.items():
        name = "A100" if needs(groups[0]).gpu else ""
        longest = max(groups, key=lambda group: costs.run_seconds(group, name))
        need, cost = needs(longest), costs.run_cost(longest)
        unit: Row = ("", "", "")
        if cost:
            share = cost["flop"] / cost["seconds"] / cost["float32_gflops"] / 1e9
            unit = (short(cost["seconds"]), short(cost["flop"] / 1e9), short(share))
        minutes = short(costs.run_seconds(longest, name, is_expected=True) / 60)
        job = (corpus, "yes" if need.gpu else "no", f"{need.memory:,}", minutes, f"{need.minutes:,}")
        rows.append((system, *unit, *job, sum(len(group.runs) for group in groups)))
    return rows


def stores(plan: Plan) -> list[tuple[str, Mapping[str, Any]]]:
    """(corpus, spec) of each; the recordings of all corpora are among them."""
    pairs = {(group.corpus, feature_name(spec)): spec for group in plan.live for spec in group.features.values()}
    found = [(corpus, spec) for (corpus, _), spec in pairs.items() if spec["kind"] != "audio"]
    return [*((corpus, {"kind": "audio"}) for corpus in words("corpora")), *found]


def size_of(spec: Mapping[str, Any], n: int, seconds: float) -> float:
    """Bytes of a store of `n` utterances: frames x numbers in a frame x bytes of a number."""
    if spec["kind"] == "audio":
        return n * seconds * 16_000 * 2
    if spec["kind"] == "functionals":
        return n * FUNCTIONALS * 4
    if spec["kind"] == "encoder":
        layers, width = SHAPES[costs.form(spec["encoder"])]
        frames = 1 if spec["pooling"] == "mean" else seconds * 50
        return n * frames * (layers if spec["layer"] == "all" else 1) * width * int(spec["dtype"][5:]) / 8
    return n * spec.get("seconds", seconds) * 1000 / spec["hop_ms"] * bins(spec) * 4


def kept(plan: Plan) -> list[Row]:
    """Per system: bytes of what its runs leave, and of the states that they write; those of one are of its largest."""
    totals: dict[str, list[float]] = defaultdict(lambda: [0.0] * 5)
    one: dict[str, tuple[float, float]] = defaultdict(lambda: (0.0, 0.0))
    for group in plan.live:
        if cost := costs.run_cost(group):
            n, tested = len(group.runs), parts(group)[2]
            scores = group.scores_epochs * group.settings["epochs"] * tested * len(group.protocol.labels) * 4
            weights, state = cost["weights_bytes"], cost["checkpoint_bytes"] - cost["weights_bytes"]
            sizes = (weights, tested * cost["prediction_bytes"] + TEXT, scores, saves(group, state) * state / 1e3)
            _add(totals[group.system], n, *(n * size / 1e9 for size in sizes))
            one[group.system] = max(one[group.system], (weights, state))
    rows = []
    for system, (n, *sizes, written) in totals.items():
        weights, state = one[system]
        cells = (weights / 1e6, *sizes, state / 1e9, written)
        rows.append((system, f"{n:.0f}", *map(short, cells)))
    n, *sizes, written = (sum(column) for column in zip(*totals.values(), strict=True))
    return [*rows, ("all", f"{n:.0f}", "", *map(short, sizes), "", short(written))]


def saves(group: Group, state: float) -> float:
    """How often a run is expected to save its state: after each epoch, or a large one once a minute."""
    epochs = expected_epochs(group)
    return epochs if state <= SMALL else min(epochs, costs.run_seconds(group, "A100", is_expected=True) / PAUSE)


def _add(total: list[float], *values: float) -> None:
    total[:] = [old + new for old, new in zip(total, values, strict=True)]


def _rows(totals: Mapping[str, list[float]], by: int | None = None) -> list[Row]:
    """A row for each, in falling order of a column, and one for all; the first number is a count."""
    items = sorted(totals.items(), key=lambda item: -item[1][by]) if by is not None else list(totals.items())
    items.append(("all", [sum(column) for column in zip(*totals.values(), strict=True)]))
    return [(name, f"{n:.0f}", *map(short, rest)) for name, (n, *rest) in items]


def short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or not value else f"{value:.2g}"


def table(header: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    names = list(header)
    lines = [names, ["---" for _ in names], *rows]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)


if __name__ == "__main__":
    main()
