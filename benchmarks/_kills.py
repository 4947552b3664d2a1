"""What faults.py does to builds: start one, wait for a job of a rule, kill something. And what is compared then."""

import csv
import os
import random
import re
import shutil
import signal
import statistics
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import psutil

import _paths  # noqa: F401 (lets helpers be found)
from helpers.project import BIN, PATIENCE, Project
from ser.files import sha256_of

KINDS = ("job", "power", "snakemake")
# What must be the same, whatever happened on the way, and what may differ.
COMPARED = ("results", *(f"work/demo/{name}" for name in ("releases", "encoders", "manifests", "audio", "features")))
COMPARED += tuple(f"work/demo/{name}" for name in ("splits", "runs", "evaluations"))
MAY_DIFFER = {
    "work/demo/manifests/*.tree.json": "when the recordings were written, so that they are read again only if changed",
    "results/report.html": "how long jobs took; all else in it is compared in other files",
    "results/partial.csv": "what was finished when a build failed",
    "*/.*": "what a killed job had begun under a temporary name, if a change that is taken back keeps it from starting",
}
# These may be absent, once nothing is planned: Snakemake does not miss what only finished jobs have read. It happens
# when a change is taken back after the job was killed that made them anew.
READ_ONCE = tuple(f"work/demo/{name}/" for name in ("releases", "encoders", "audio", "features"))
DERIVED = {
    "results/table.csv": "table",
    "results/honest_gap.csv": "honest_gap",
    "results/protocol_ladder.csv": "protocol_ladder",
    "results/comparisons.csv": "comparisons",
    "results/plots/claims.csv": "charts",
}
# Seconds into the next build until orphans go on: it takes about 3 to start its first job. Some go on when the last
# build of a change has ended, or after so many seconds in which it may have been waiting for them.
REPRIEVE, LATE, HOW_OFTEN_LATE = 8.0, 40.0, 0.2
HOW_OFTEN_COLD = 0.5  # without the process that forks jobs (ser/compute/warm.py), with which none outlive Snakemake


@dataclass(frozen=True)
class Reference:
    """A build from nothing."""

    project: Project

    @property
    def files(self) -> dict[str, str]:
        """Each compared file's SHA-256."""
        return hashes(self.project.folder)

    @property
    def seconds(self) -> dict[str, float]:
        """How long a job of each rule takes."""
        found: dict[str, list[float]] = {}
        root = self.project.folder / "work/demo/benchmarks"
        for path in root.rglob("*.tsv"):
            rule = path.relative_to(root).parts[0].removesuffix(".tsv")
            if rule == "train" and "-fold" not in path.name:
                rule = "train_4_folds"
            with path.open(newline="") as file:
                found.setdefault(rule, []).extend(float(line["s"]) for line in csv.DictReader(file, delimiter="\t"))
        return {rule: statistics.median(each) for rule, each in found.items()}


def hashes(folder: Path) -> dict[str, str]:
    files = (path for part in COMPARED for path in folder.joinpath(part).rglob("*") if path.is_file())
    names = {path.relative_to(folder).as_posix(): path for path in files}
    return {name: sha256_of(path) for name, path in names.items() if not any(fnmatch(name, p) for p in MAY_DIFFER)}


def difference(found: dict[str, Any], expected: dict[str, Any]) -> list[str]:
    return sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))


@dataclass
class Victim:
    """A project whose builds are killed. `orphans` outlived their Snakemake: they are halted at once, so that what they
    leave can be looked at, and go on at some moment of the next build, or when the last one has ended.
    """

    project: Project
    targets: Sequence[str]
    chance: random.Random
    orphans: list[psutil.Process] = field(default_factory=list)
    lasted: float = 0.0  # seconds that the last job ran until it was killed or ended
    code: int = 0  # that the last build which nobody killed ended with
    _alarm: threading.Timer | None = None

    @property
    def log(self) -> Path:
        return self.project.folder.with_suffix(".log")

    @property
    def complaints(self) -> list[str]:
        """What the last build said about what went wrong."""
        lines = self.log.read_text().splitlines()
        return list(dict.fromkeys(line for line in lines if re.match(r"error|Error|\w+(Error|Exception)\b", line)))[:9]

    def start(self, is_last: bool = False) -> psutil.Popen:
        command = [BIN / "snakemake", "--cores", "2", "--", *self.targets]
        with self.log.open("w") as out:
            build = psutil.Popen(
                command,
                cwd=self.project.folder,
                env=os.environ | ({"SER_WARM": ""} if self.chance.random() < HOW_OFTEN_COLD else {}),
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        if halted := [process for process in self.orphans if is_alive(process)]:
            is_late = is_last and self.chance.random() < HOW_OFTEN_LATE
            reprieve = LATE if is_late else self.chance.uniform(0, REPRIEVE)
            self._alarm = threading.Timer(reprieve, lambda: each(halted, "resume"))
            self._alarm.start()
        return build

    def strike(self, rule: str, kind: str, seconds: float) -> str:
        """Start a build and kill something once a job of `rule` has run for `seconds`. `met`: it ran until then;
        `missed`: it had ended, so the build was killed as by a power cut; `over`: so had the build.
        """
        build = self.start()
        job, start = job_of(build, rule), time.monotonic()
        while job and is_alive(job) and time.monotonic() < start + seconds:
            time.sleep(0.01)
        self.lasted = time.monotonic() - start
        if build.poll() is not None or not job:
            self.code = build.wait(PATIENCE)
            return "over"
        if is_missed := not is_alive(job):
            kind = "power"
        if kind == "job":
            each([job], "kill")
            build.wait(PATIENCE)
        elif kind == "power":
            self._release()
            forked = [*_children(build)]  # not all of them are in its group
            os.killpg(build.pid, signal.SIGKILL)
            each([*self.orphans, *group(build.pid), *forked], "kill")
            build.wait()
            wait_for(forked)
        else:
            build.kill()
            build.wait()
            self.orphans += (left := group(build.pid))
            each(left, "suspend")
        if kind == "power":
            wait_for([*self.orphans, *group(build.pid)])
        return "missed" if is_missed else "met"

    def finish(self) -> None:
        """Build to the end, and wait for orphans."""
        self.code = self.start(is_last=True).wait(PATIENCE)
        self._release()
        each(self.orphans, "resume")
        wait_for(self.orphans)
        self.orphans, self._alarm = [], None

    def renew(self, reference: Reference) -> None:
        """A finished build in place of the project, which is put aside; MLflow's store belongs to its folder."""
        self._release()
        each(self.orphans, "kill")
        wait_for(self.orphans)
        self.orphans, folder = [], self.project.folder
        if folder.exists():
            folder.rename(folder.with_name(f"{folder.name}-{len([*folder.parent.iterdir()])}"))
        shutil.copytree(
            reference.project.folder,
            folder,
            symlinks=True,
            ignore=shutil.ignore_patterns("mlflow.db", "mlruns", "tracked.json"),
        )

    def _release(self) -> None:
        if self._alarm:
            self._alarm.cancel()
            self._alarm.join()


def each(processes: Collection[psutil.Process], what: str) -> None:
    """Call a method of all of them; some may have ended by now."""
    for process in processes:
        try:
            getattr(process, what)()
        except psutil.NoSuchProcess:
            continue


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_for(processes: Collection[psutil.Process]) -> None:
    """Until all have ended."""
    deadline = time.monotonic() + PATIENCE
    while any(map(is_alive, processes)):
        assert time.monotonic() < deadline, processes
        time.sleep(0.05)


def group(number: int) -> list[psutil.Process]:
    """The processes of a process group."""
    return [process for process in psutil.process_iter() if is_alive(process) and _is_in(process, number)]


def _is_in(process: psutil.Process, number: int) -> bool:
    try:
        return os.getpgid(process.pid) == number
    except ProcessLookupError:
        return False


def job_of(build: psutil.Popen, rule: str) -> psutil.Process | None:
    """A job of `rule`; None if the build ends before there is one."""
    while build.poll() is None:
        for process in _children(build):
            try:
                if rule_of(process.cmdline()) == rule:
                    return process
            except psutil.Error:
                continue
        time.sleep(0.01)
    return None


def _children(build: psutil.Popen) -> Iterator[psutil.Process]:
    try:
        yield from build.children(recursive=True)
    except psutil.NoSuchProcess:
        return


def rule_of(command: Sequence[str]) -> str:
    """The rule whose script a command runs; "" if it is no job."""
    scripts = [Path(word).stem for word in command[1:5] if word.startswith("workflow_scripts/")]
    if not scripts or "--partial" in command:
        return ""
    rule = scripts[-1]  # after that which starts all of them
    if rule == "train":
        folds = command.index("--device") - command.index("--folds") - 1
        return rule if folds == 1 else f"train_{folds}_folds"
    return rule
