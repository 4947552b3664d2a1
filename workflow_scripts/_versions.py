"""Artifacts out of DVC's versions of any commit, whatever else has changed since: each says what it was made from."""

import json
import os
import subprocess
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, takewhile
from pathlib import Path

from dvc.api import DVCFileSystem
from dvc.exceptions import DvcException
from dvc_data.index import DataIndexDirError

from ser.encoders.checkpoint import DESCRIPTION, checkpoint_files
from ser.plan.groups import Plan
from ser.plan.jobs import rule_by_group
from ser.plan.places import Places
from ser.sealed import Order
from ser.verification.artifacts import are_as_ordered, open_artifact

NOT_THERE = (OSError, DvcException, DataIndexDirError)
OLD = 10**18  # nanoseconds since 1970: older than anything that is made from it


def commits() -> list[str]:
    """HEAD, and what is merged into it: by a merge in progress, or by the one that HEAD is."""
    merged = ["MERGE_HEAD"] if _exists("MERGE_HEAD") else ["HEAD^1", "HEAD^2"] if _exists("HEAD^2") else []
    return ["HEAD", *merged]


def wanted(orders: Mapping[str, Order]) -> dict[str, Order]:
    """Those of the orders (describing file -> order) that nothing in work/ is made from. Evaluations take seconds."""
    made_here = (path for path in orders if path.startswith("work/") and "/evaluations/" not in path)
    return {path: orders[path] for path in made_here if not are_as_ordered(orders[path].text, [Path(path)])}


class Version:
    """What DVC keeps of a commit. Its methods raise one of NOT_THERE for what is neither in the cache nor remote."""

    def __init__(self, commit: str) -> None:
        self._files = DVCFileSystem(rev=commit)
        self._names = sorted(name.removeprefix("/") for name in self._files.find("/work", dvc_only=True))

    def found(self, orders: Mapping[str, Order], besides: Mapping[str, str]) -> dict[str, list[str]]:
        """Those of `orders` that it has: describing file -> its files, itself the last.

        `besides`: describing file -> another file that goes with it.
        """
        names = set(self._names)
        there = [path for path, order in orders.items() if path in names and self._made_from(path) == order.made_from]
        found = {}
        for path in there:
            found[path] = [name for start in _starts(path) for name in self._starting_with(start) if name != path]
            found[path] += [name for name in (besides.get(path), path) if name in names]
        return found

    def fetch(self, path: str, files: Sequence[str]) -> None:
        """Put an artifact in its place; a kill leaves one that lacks its describing file.

        Its files get the time of the newest that they are made from, which nothing that is made from them is older
        than: Snakemake must not take them for a change.
        """
        for name in files:
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).unlink(missing_ok=True)
            self._files.get_file(f"/{name}", name, cache=True)
        time = max([OLD, *(_time(Path(name)) for name in open_artifact(path).inputs)])
        for name in files:
            os.utime(name, ns=(time, time))

    def _starting_with(self, start: str) -> Iterator[str]:
        first = bisect_left(self._names, start)
        return takewhile(lambda name: name.startswith(start), islice(self._names, first, None))

    def _made_from(self, path: str) -> str:
        """What an artifact says that it was made from; of a store only the header is read (features/store.py)."""
        with self._files.open(f"/{path}", cache=not path.endswith(".safetensors")) as file:
            if path.endswith(".safetensors"):
                facts = json.loads(file.read(int.from_bytes(file.read(8), "little")))["__metadata__"]
            else:
                facts = json.loads(file.read())
        return str(facts.get("made_from", ""))


def _starts(path: str) -> tuple[str, ...]:
    """How the names of an artifact's files start; `path` describes it."""
    if Path(path).name in ("metrics.json", DESCRIPTION):
        return (f"{Path(path).parent}/",)
    stem = Path(path).with_suffix("")
    return f"{stem}.", f"{stem}/"


def benchmarks(plan: Plan, places: Places) -> dict[str, str]:
    """A run's describing file -> how long its job took."""
    rules = rule_by_group(plan)
    return {
        places.metrics(group.name, seed, fold): places.benchmark(
            "train", rules[group.name].job.format(group=group.name, seed=seed, fold=fold)
        )
        for group in plan.live
        for seed, fold in group.runs
    }


def _exists(commit: str) -> bool:
    return not subprocess.run(["git", "rev-parse", "--quiet", "--verify", commit], stdout=subprocess.DEVNULL).returncode


def _time(path: Path) -> int:
    return max(file.stat().st_mtime_ns for file in (checkpoint_files(path) if path.is_dir() else [path]))
