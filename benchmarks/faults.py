"""Whether builds that are killed, in any order, end with anything but what a build from nothing makes.

    python benchmarks/faults.py --kills 10 --training 20 --seed 1 --output benchmarks/results/faults.json

In one folder `demo_seed`, on which every artifact depends, is changed to and fro. After a change the build is started
and killed while a job of one rule runs, started again and killed in another rule, and so on down to the table; then it
is left to end. What is killed is the job's process, or Snakemake with all jobs (a power cut), or Snakemake alone: its
jobs end with it, or, in every other build, where nothing forks them, go on beside the next one. Now and then the change
is taken back in between.

After each kill, each file of results/ must be what a build from nothing makes of the current `demo_seed`, or a dry run
must plan to make it again. In the end nothing may be planned, and each file of `COMPARED` (_kills.py) and each run in
MLflow must be as after a build from nothing. Exit code 1 if anything was not.

`kills` counts only those that met the job while it ran; `missed`: it had ended before, so a power cut followed at
once (or, rarely, the whole build had); `afterwards`: what lay in results/ after a kill; `absent`: builds that did not
make files of a folder again because nothing reads them any more (`READ_ONCE`). `--folder` keeps the projects, and
puts those aside that differ.
"""

import csv
import json
import os
import random
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from typing import Annotated, Any

import typer

from _kills import COMPARED, DERIVED, KINDS, READ_ONCE, Reference, Victim, difference, hashes
from helpers.params import params
from helpers.project import Project, copy_project
from ser.files import sha256_of
from ser.outputs import write_json

TRAINING = ("train", "train_4_folds")
# In this order, those of a line at random.
RULES = (
    ("demo_corpus", "demo_encoder"),
    ("manifest",),
    ("audio", "splits"),
    ("features",),
    TRAINING,
    ("evaluate", "honest_gap", "protocol_ladder", "comparisons"),  # all are read from the runs
    ("table", "charts", "track"),
)
CHANGES_OF_MIND = 0.1  # how often a change is taken back after a kill
TRIES = 10  # that may miss, per kill that is wanted


@dataclass(frozen=True)
class Scope:
    """What is built, and whose jobs are killed."""

    experiments: Mapping[str, list[str]]
    targets: tuple[str, ...]
    rules: tuple[tuple[str, ...], ...]


# Networks with a state per epoch, in jobs of one fold and of all, on spectrograms and on an encoder's states.
WHOLE = Scope({"tf_transformer": ["full"], "fair": ["linear_probe"]}, ("all",), RULES)
# What the tests have time for: no network, no MLflow.
SHORT = Scope({"fair": ["functionals_svm"]}, tuple(DERIVED), (("train_4_folds",), ("evaluate",)))


@dataclass
class Outcome:
    """What happened; the keys are those of the JSON file."""

    kills: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    afterwards: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    missed: Counter[str] = field(default_factory=Counter)
    builds: Counter[str] = field(default_factory=Counter)
    absent: Counter[str] = field(default_factory=Counter)
    problems: list[dict[str, Any]] = field(default_factory=list)


def main(
    kills: Annotated[int, typer.Option(help="wanted of each rule")] = 10,
    training: Annotated[int, typer.Option(help="wanted of each rule that trains")] = 20,
    seed: Annotated[int, typer.Option(help="of all that is left to chance")] = 1,
    output: Annotated[Path | None, typer.Option(help="JSON file to write")] = None,
    kind: Annotated[list[str] | None, typer.Option(help=f"of {', '.join(KINDS)}: only these; may be repeated")] = None,
    folder: Annotated[Path | None, typer.Option(help="where to build; must not exist")] = None,
    short: Annotated[bool, typer.Option(help="two rules of a small plan, as the tests do")] = False,
) -> None:
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as temporary:
        faults = Faults(SHORT if short else WHOLE, folder or Path(temporary) / "faults", seed, kind or KINDS)
        for _ in faults.run(kills, training):
            facts = faults.facts | {"minutes": round((time.monotonic() - start) / 60, 1)}
            if output:
                write_json(output, facts)
    print(f"{'rule':14}" + "".join(f"{kind:>10}" for kind in (*KINDS, "missed")))
    for rule in faults.rules:
        counts = [*(faults.outcome.kills[rule][kind] for kind in KINDS), faults.outcome.missed[rule]]
        print(f"{rule:14}" + "".join(f"{count:10}" for count in counts))
    print(f"{facts['minutes']} minutes; builds: {dict(faults.outcome.builds)}")
    for problem in faults.outcome.problems:
        print(json.dumps(problem, indent=2))
    raise typer.Exit(bool(faults.outcome.problems))


class Faults:
    """Builds in `folder`, which is made, and kills."""

    def __init__(self, scope: Scope, folder: Path, seed: int, kinds: Sequence[str] = KINDS) -> None:
        self.rules = [rule for line in scope.rules for rule in line]
        self.outcome = Outcome()
        self._scope, self._kinds, self._seed, self._chance = scope, kinds, seed, random.Random(seed)
        self._demo_seed, self._change = 1, []
        self._references = self._build_references(folder)
        self._files = {number: reference.files for number, reference in self._references.items()}
        self._seconds = self._references[1].seconds
        self._victim = Victim(Project(folder / "project"), scope.targets, self._chance)

    @property
    def facts(self) -> dict[str, Any]:
        return {
            **vars(self.outcome),
            "seed": self._seed,
            "seconds_of_a_job": {rule: round(seconds, 2) for rule, seconds in self._seconds.items()},
            "files_compared": len(self._files[1]),
        }

    def run(self, kills: int, training: int) -> Iterator[None]:
        """Yields after each change, once it is built."""
        wanted = {rule: training if rule in TRAINING else kills for rule in self.rules}
        self._victim.renew(self._references[1])
        while missing := self._missing(wanted):
            if given_up := [rule for rule in missing if self.outcome.missed[rule] > TRIES * wanted[rule]]:
                self._problem("killed too rarely", given_up)
                missing = {}
            else:
                self._turn()
                fewest = min(missing.values())  # so many changes are left for all of them
                self._one_change({rule: ceil(n / fewest) for rule, n in missing.items()})
            print(" - ".join(self._change), file=sys.stderr, flush=True)
            yield
            if not missing:
                return

    def _missing(self, wanted: Mapping[str, int]) -> dict[str, int]:
        """How many kills of each rule are still wanted."""
        missing = {rule: n - self.outcome.kills[rule].total() for rule, n in wanted.items()}
        return {rule: n for rule, n in missing.items() if n > 0}

    def _one_change(self, left: dict[str, int]) -> None:
        """Kill so often in each rule, then build to the end."""
        planned = self._check()
        while rule := self._next(planned, left):
            kind = min(self._kinds, key=lambda kind: (*self._so_far(rule, kind), self._chance.random()))
            left[rule] -= 1
            self._change.append(f"{rule}: {kind}")
            met = self._victim.strike(rule, kind, self._chance.uniform(0.1, 0.9) * self._seconds[rule])
            if met == "met":
                self.outcome.kills[rule][kind] += 1
            else:
                self._change[-1] += f", {met}"
                self.outcome.missed[rule] += 1
            if met == "missed":  # the machine may have been busier when the usual time was measured
                self._seconds[rule] = (self._seconds[rule] + self._victim.lasted) / 2
            if met == "over" and not self._is_good():
                break
            planned = self._check(rule if met == "met" else "")
            if self._chance.random() < CHANGES_OF_MIND:
                self._turn(again=True)
                planned = self._check()
        self._finish()

    def _so_far(self, rule: str, kind: str) -> tuple[int, int]:
        return self.outcome.kills[rule][kind], sum(kinds[kind] for kinds in self.outcome.kills.values())

    def _next(self, planned: Mapping[str, int], left: Mapping[str, int]) -> str | None:
        for line in self._scope.rules:
            if due := [rule for rule in line if left.get(rule) and rule in planned]:
                return self._chance.choice(due)
        return None

    def _turn(self, again: bool = False) -> None:
        """Change `demo_seed`."""
        self._demo_seed = 3 - self._demo_seed
        self._victim.project.set(demo_seed=self._demo_seed)
        self._change = [*(self._change if again else ()), f"demo_seed {self._demo_seed}"]

    def _check(self, rule: str = "") -> dict[str, int]:
        """What is planned; notes if a result could be taken for what it is not. `rule` was killed just before."""
        planned = self._victim.project.planned(*self._scope.targets)
        for path, maker in DERIVED.items():
            known = {number: files[path] for number, files in self._files.items()}
            file = self._victim.project.folder / path
            found = sha256_of(file) if file.is_file() else None
            if found not in (None, *known.values()):
                self._problem(f"{path} is of neither demo_seed")
            state = "none" if not found else "current" if found == known[self._demo_seed] else "old, planned"
            if state.startswith("old") and maker not in planned:
                self._problem(f"{path} is old, and nothing is planned")
            if rule and path == "results/table.csv":
                self.outcome.afterwards[rule][f"table: {state}"] += 1
        return planned

    def _finish(self) -> None:
        for _ in range(2):
            self._victim.finish()
            if self._is_good():
                break
        reference, folder = self._references[self._demo_seed], self._victim.project.folder
        wrong = [f"planned: {rule}" for rule in self._victim.project.planned(*self._scope.targets)]
        found = hashes(folder)
        unlike = difference(found, self._files[self._demo_seed])
        absent = [name for name in unlike if name not in found and name.startswith(READ_ONCE) and not wrong]
        self.outcome.absent.update({part for part in READ_ONCE if any(name.startswith(part) for name in absent)})
        wrong += sorted({*unlike} - {*absent})
        if "all" in self._scope.targets and not self._victim.code:
            wrong += difference(in_mlflow(folder), in_mlflow(reference.project.folder)) + unlike_table(folder)
        if wrong:
            self._problem("not as after a build from nothing", wrong)
        if wrong or self._victim.code:
            self._victim.renew(self._references[1])
            self._demo_seed = 1
        else:
            self.outcome.builds["identical"] += 1

    def _is_good(self) -> bool:
        """Whether the last build, which nobody killed, came to its end."""
        code = self._victim.code
        self.outcome.builds["failed" if code else "finished"] += 1
        if code:
            self._problem(f"a start ended with exit code {code}", self._victim.complaints)
        return not code

    def _problem(self, what: str, details: Any = None) -> None:
        self.outcome.problems.append({"what": what, "details": details, "change": list(self._change)})

    def _build_references(self, folder: Path) -> dict[int, Reference]:
        scales = params()["scales"] | {"demo": {"corpora": ["casia"], "seeds": [1], "one_job_per": "fold"}}
        found = {}
        for seed in (1, 2):
            name = folder / f"reference-{seed}"
            project = copy_project(name, experiments=self._scope.experiments, scales=scales, demo_seed=seed)
            row = project.folder / "experiments/tf_transformer.yaml"
            text, full = row.read_text(), "  full:\n"
            assert text.count(full) == 1
            row.write_text(text.replace(full, f"{full}    one_job_per: seed\n"))
            found[seed] = Reference(project)

        def build(reference: Reference) -> None:
            result = reference.project.snakemake("--cores", "1", "--", *self._scope.targets)
            assert result.returncode == 0, result.stderr[-6000:]

        with ThreadPoolExecutor(2) as pool:  # a build of so little is mostly one job after another
            list(pool.map(build, found.values()))
        assert difference(found[1].files, found[2].files), COMPARED
        return found


def in_mlflow(folder: Path) -> dict[str, Any]:
    """`ser.key` -> what MLflow shows; a second run with the same key is found under another name."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    from mlflow import MlflowClient

    client, found = MlflowClient(f"sqlite:///{folder / 'mlflow.db'}"), {}
    for experiment in client.search_experiments():
        for run in client.search_runs([experiment.experiment_id], max_results=1000):
            key, data = run.data.tags.get("ser.key", run.info.run_id), run.data
            measured = {name: repr(value) for name, value in data.metrics.items() if not name.startswith("system/")}
            shown = run.info.status, data.tags.get("ser.digest"), data.tags.get("ser.pictures"), data.params, measured
            found[f"MLflow: {key}" + (f" again, {run.info.run_id}" if f"MLflow: {key}" in found else "")] = shown
    return found


def unlike_table(folder: Path) -> list[str]:
    """The numbers of the table that MLflow does not show."""
    shown = in_mlflow(folder)
    with (folder / "results/table.csv").open(newline="") as file:
        lines = [line for line in csv.DictReader(file) if line["value"]]
    wrong = []
    for line in lines:
        # The paper's own averaging is not named.
        name, numbers = line["metric"], shown[f"MLflow: demo/{line['run_group']}"][-1]
        value = numbers.get(f"{line['aggregation']}/{name}", numbers.get(name, "nan"))
        if f"{100 * float(value):.2f}" != line["value"]:
            wrong.append(f"MLflow: {line['run_group']}: {name} {value}, in the table {line['value']}")
    return wrong


if __name__ == "__main__":
    typer.run(main)
