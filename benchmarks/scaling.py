"""What scale `paper` costs on MSP-Podcast 2.0 and the other corpora: the tables of docs/scaling.md.

    python benchmarks/scaling.py [--costs benchmarks/unit_costs.json] [--no-jobs]

The plan is the real one, for empty folders in place of corpora and checkpoints; jobs are counted by `snakemake -n`
(--no-jobs leaves that out). Costs are those of unit_costs.py. Assumptions are in the constants below and in the
document; a row is charged as its system's row `full`, and every run goes to its last epoch.
"""

import argparse
import json
import re
import tempfile
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from itertools import product
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np

from _paths import ROOT
from helpers.params import params
from helpers.project import Project, copy_project
from planning import n_runs
from ser.encoders.published import ENCODERS, MADE_HERE, NAMES
from ser.features.spec import feature_name
from ser.plan.groups import Group, Plan
from ser.plan.load import load_plan

# Utterances and mean seconds. MSP-Podcast 2.0: 409 h. IEMOCAP's mean: fine_tuning.py. The other means are rough.
CORPORA = {
    "iemocap": (10_039, 4.55),
    "casia": (1_200, 2.0),
    "msp_podcast": (264_705, 409 * 3600 / 264_705),
    "emodb": (535, 2.8),
    "ravdess": (1_440, 3.7),
    "crema_d": (7_442, 2.5),
}
# EmoDB's utterances by the letter of their emotion, and those of four classes; IEMOCAP's are in the protocol's name.
EMODB = {"W": 127, "L": 81, "N": 79, "F": 71, "A": 69, "T": 62, "E": 46}
EMODB_4 = sum(EMODB[letter] for letter in "WNFT")
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
# Release 2.0's own parts are not known here: those of 1.11 in per cent. Every turn counts, whatever its emotion.
MSP_PARTS = {"train": 0.554, "dev": 0.131, "test1": 0.202, "test2": 0.098}
# Tera-operations per second that a data-centre GPU (A100 class) is assumed to reach here; nobody has measured it.
ASSUMED_TFLOPS = {"float32": 8.0, "float16": 40.0, "bfloat16": 40.0}
SHAPES = {"base": (13, 768), "large": (25, 1024), "tiny": (4, 32)}  # states of an encoder: layers + 1, width
FUNCTIONALS = 400  # roughly this many numbers per utterance
TEXT = 8_000  # bytes of metrics.json and history.csv of a run
MLFLOW = 300  # bytes of mlflow.db per value of an epoch, all else included: 302 MB for 1.02 million (tracking.py)
VALUES = 5  # per epoch: loss, learning rate, what is measured on the dev part
RECORDS = 34_000  # bytes of Snakemake's records per job: 358 MB on disk for 10,462 (planning.py)
WHOLE = ("area_attention", "mfhca", "ca_mser", "emosphere_ser")  # unit_costs.py already counts all that they score
UNITS = {"linear_probe": "superb_er"}  # system -> the experiment that was measured, where the names differ


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--costs", type=Path, default=ROOT / "benchmarks" / "unit_costs.json")
    parser.add_argument("--no-jobs", action="store_true")
    args = parser.parse_args()
    costs = json.loads(args.costs.read_text())["costs"]
    with tempfile.TemporaryDirectory() as name:
        project = Path(name) / "project"
        plan = simulated(project)
        print(f"{n_runs(plan)} runs in {len(list(plan.live))} groups\n")
        if not args.no_jobs:
            table(("rule", "jobs"), jobs(project))
    table(("what", "per", "CPU s", "GFLOP", "peak MiB"), map(unit, costs, costs.values()))
    print(f"a clip of MSP-Podcast in a batch of 16: {padded_seconds():.1f} s with its padding\n")
    table(("experiment", "runs", "examples, millions", "CPU core-hours", "PFLOP", "GPU hours"), trained(plan, costs))
    table(("store", "stores", "GB", "CPU core-hours", "GPU hours"), stored(plan, costs))
    sizes = ("weights of one, MB", "all weights, GB", "predictions, GB", "epochs' scores, GB", "state in training, GB")
    table(("system", "runs", *sizes), kept(plan, costs))
    table(("beside them", "count", "GB"), beside(plan))
    hours, cost = CORPORA["msp_podcast"][0] * CORPORA["msp_podcast"][1] / 3600, costs["extract wavlm_large"]
    core, gpu = 3 * hours * cost["seconds"], 3 * hours * cost["flop"] / ASSUMED_TFLOPS["float32"] / 1e12
    print(f"three large encoders over {hours:.0f} h: {core / 3600:.0f} CPU core-hours or {gpu / 3600:.1f} GPU hours\n")
    table(("what is stored of one large encoder", "bytes a value", "GB", "GB, three"), large_encoders())


def simulated(project: Path) -> Plan:
    """The plan at scale `paper` as if every corpus and every checkpoint were there."""
    copy = copy_project(project)
    corpora, encoders = {}, {}
    for corpus in CORPORA:
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


def jobs(project: Path) -> list[tuple[Any, ...]]:
    """Rule and number of jobs, as a dry run counts them."""
    return list(Project(project).planned("all").items())


def unit(name: str, cost: Mapping[str, Any]) -> tuple[Any, ...]:
    return name, cost["per"], f"{cost['seconds']:.3g}", f"{cost.get('flop', 0) / 1e9:.3g}", f"{cost['mib']:.0f}"


def padded_seconds(batch: int = 16) -> float:
    """The mean of a batch's longest clip: log-normal from 2.75 to 11 s, as the corpus's turns are, around its mean."""
    rng = np.random.default_rng(1)
    seconds = np.clip(rng.lognormal(np.log(5.15), 0.42, (20_000, batch)), 2.75, 11)
    return float(seconds.max(axis=1).mean())


def trained(plan: Plan, costs: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Per experiment: epochs x (training examples + a third of the scored ones: no gradient) x cost of an example."""
    totals: dict[str, list[float]] = defaultdict(lambda: [0.0] * 5)
    for group in plan.live:
        cost = costs.get(f"train {UNITS.get(group.system, group.system)}")
        examples = passes(group, cost) if cost else 0.0
        n = len(group.runs)
        core = examples * cost["seconds"] if cost else run_seconds(group, costs)
        flop = examples * cost["flop"] if cost else 0.0
        gpu = flop / ASSUMED_TFLOPS[group.settings.get("precision", "float32")] / 1e12
        for place, value in enumerate((1, examples / 1e6, core / 3600, flop / 1e15, gpu / 3600)):
            totals[group.experiment][place] += n * value
    rows = sorted(totals.items(), key=lambda item: -item[1][3])
    rows.append(("all", [sum(column) for column in zip(*totals.values(), strict=True)]))
    return [(name, f"{n:.0f}", *map(short, rest)) for name, (n, *rest) in rows]


def run_seconds(group: Group, costs: Mapping[str, Any]) -> float:
    return costs["run functionals_svm"]["seconds"] if group.system == "functionals_svm" else 0.0


def passes(group: Group, cost: Mapping[str, Any]) -> float:
    """Examples that a run costs; one that is only scored counts as a third."""
    settings, (train, dev, test) = group.settings, parts(group)
    longer = CORPORA[group.corpus][1] / CORPORA["iemocap"][1] if group.system == "attention_fcn" else 1.0
    per_utterance = cost["examples_per_utterance"]
    epoch = train * per_utterance * longer
    if settings["steps_per_epoch"]:
        epoch = settings["steps_per_epoch"] * settings["batch_size"] * settings["accumulation"]
    scored = per_utterance * longer * segments(group)
    each_epoch = dev + test * group.scores_epochs
    return settings["epochs"] * (epoch + each_epoch * scored / 3) + test * scored / 3


def segments(group: Group) -> float:
    """Segments of an utterance in evaluation, where overlapping ones are scored."""
    seconds, overlap = (group.settings.get(name, 0) for name in ("segment_seconds", "segment_overlap"))
    if not seconds or group.system in WHOLE:
        return 1.0
    return max(1, ceil((CORPORA[group.corpus][1] - seconds) / (seconds * (1 - overlap))) + 1)


def parts(group: Group) -> tuple[float, float, float]:
    """Utterances of one fold that train, that are scored each epoch, and that are scored at the end."""
    n, k = CORPORA[group.corpus][0], group.protocol.n_folds
    if group.corpus == "msp_podcast":
        tests = MSP_PARTS["test1"] + MSP_PARTS["test2"]
        dev = MSP_PARTS["dev"] if group.selection == "clean" else tests
        return n * MSP_PARTS["train"], n * dev, n * (tests + MSP_PARTS["dev"])
    if number := re.match(r"iemocap_(\d+)", group.protocol_name):
        n = int(number[1])
    if group.corpus == "emodb" and len(group.protocol.labels) == 4:
        n = EMODB_4
    tested = group.protocol.folds.fraction or 1 / k
    return n * (1 - tested), n * tested, n * tested


def stored(plan: Plan, costs: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Per kind of store: how many, their bytes from their shapes, and what they cost to make."""
    totals: dict[str, list[float]] = defaultdict(lambda: [0.0] * 4)
    pairs = {(group.corpus, feature_name(spec)): spec for group in plan.live for spec in group.features.values()}
    stores = [(corpus, spec) for (corpus, _), spec in pairs.items() if spec["kind"] != "audio"]
    for corpus, spec in [*((corpus, {"kind": "audio"}) for corpus in CORPORA), *stores]:
        n, seconds = CORPORA[corpus]
        size, hours = size_of(spec, n, seconds), n * seconds / 3600
        cost = costs[unit_of(spec, corpus)]
        gpu = 0.0
        if spec["kind"] == "encoder":
            gpu = hours * cost["flop"] / ASSUMED_TFLOPS[spec["precision"]] / 1e12 / 3600
        name = f"encoder, {form(spec['encoder'])}" if spec["kind"] == "encoder" else spec["kind"]
        for place, value in enumerate((1, size / 1e9, hours * cost["seconds"] / 3600, gpu)):
            totals[name][place] += value
    totals["all"] = [sum(column) for column in zip(*totals.values(), strict=True)]
    return [(name, f"{n:.0f}", *map(short, rest)) for name, (n, *rest) in totals.items()]


def unit_of(spec: Mapping[str, Any], corpus: str) -> str:
    """The measurement that a store is charged with; a tiny encoder counts as a base one."""
    if spec["kind"] == "encoder":
        return "extract wavlm_large" if form(spec["encoder"]) == "large" else "extract hubert_base"
    rate = 48 if corpus == "ravdess" else 16
    return f"decode, {rate} kHz mono" if spec["kind"] == "audio" else spec["kind"]


def form(encoder: str) -> str:
    tiny = "tiny" if encoder.endswith("_tiny") else ""
    return tiny or ("large" if ENCODERS[encoder].front_end == "layer" else "base")


def size_of(spec: Mapping[str, Any], n: int, seconds: float) -> float:
    """Bytes of a store of `n` utterances: frames x numbers in a frame x bytes of a number."""
    if spec["kind"] == "audio":
        return n * seconds * 16_000 * 2
    if spec["kind"] == "functionals":
        return n * FUNCTIONALS * 4
    if spec["kind"] == "encoder":
        layers, width = SHAPES[form(spec["encoder"])]
        frames = 1 if spec["pooling"] == "mean" else seconds * 50
        return n * frames * (layers if spec["layer"] == "all" else 1) * width * int(spec["dtype"][5:]) / 8
    width = spec.get("n_mfcc") or spec.get("n_mels") or spec["n_bins"]
    return n * spec.get("seconds", seconds) * 1000 / spec["hop_ms"] * width * 4


def kept(plan: Plan, costs: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Per system: bytes of what its runs leave, and of the state of one while it trains."""
    totals: dict[str, list[float]] = defaultdict(lambda: [0.0] * 4)
    for group in plan.live:
        if cost := costs.get(f"train {UNITS.get(group.system, group.system)}"):
            n, tested = len(group.runs), parts(group)[2]
            said = tested * cost["prediction_bytes"] + TEXT
            scores = group.scores_epochs * group.settings["epochs"] * tested * len(group.protocol.labels) * 4
            sizes = (cost["weights_bytes"], said, scores)
            for place, value in enumerate((n, *(n * size / 1e9 for size in sizes))):
                totals[group.system][place] += value
    rows = []
    for system, (n, *sizes) in totals.items():
        cost = costs[f"train {UNITS.get(system, system)}"]
        one, state = cost["weights_bytes"] / 1e6, cost["checkpoint_bytes"] / 1e9
        rows.append((system, f"{n:.0f}", short(one), *map(short, sizes), short(state)))
    n, *sizes = (sum(column) for column in zip(*totals.values(), strict=True))
    return [*rows, ("all", f"{n:.0f}", "", *map(short, sizes), "")]


def beside(plan: Plan) -> list[tuple[Any, ...]]:
    runs = [(group, len(group.runs)) for group in plan.live]
    values = sum(n * group.settings.get("epochs", 0) * VALUES for group, n in runs)
    n = n_runs(plan)
    return [
        ("mlflow.db: values of epochs", f"{values:,}", short(values * MLFLOW / 1e9)),
        ("Snakemake's records: runs", f"{n:,}", short(n * RECORDS / 1e9)),
    ]


def large_encoders() -> list[tuple[Any, ...]]:
    n, seconds = CORPORA["msp_podcast"]
    base = {"kind": "encoder", "encoder": "wavlm_large"}
    options = {
        "all layers, mean over time": {"layer": "all", "pooling": "mean", "dtype": "float32"},
        "one layer, every frame": {"layer": "last", "pooling": "none", "dtype": "float16"},
        "all layers, every frame": {"layer": "all", "pooling": "none", "dtype": "float16"},
    }
    rows = []
    for name, option in options.items():
        size = size_of(base | option, n, seconds) / 1e9
        rows.append((name, int(option["dtype"][5:]) // 8, short(size), short(3 * size)))
    return rows


def short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2g}"


def table(header: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    print(f"| {' | '.join(names := list(header))} |\n|{'---|' * len(names)}")
    for row in rows:
        print(f"| {' | '.join(map(str, row))} |")
    print()


if __name__ == "__main__":
    main()
