"""Ways to do the same, measured in turns (A B C A B C ...), so that whatever else a machine does hits all of them.

A benchmark is a module with

    TITLE, UNIT     what is compared ({} is the variant); what its seconds are per
    REPEATS         turns of each way in the full form
    prepare(place)  makes the input below `place.folder`; returns facts about it, `units` (how many UNITs) among them
    WAYS            name -> function(place) -> Work; the first way is ours
    beside(place)   optional: measured after each round, such as what the machine can do at most

Each way has a process of its own, in which it stays: what it imports, or sets in torch, is no other's business.
"""

import ctypes
import importlib
import multiprocessing
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ser.compute.warm import LIBRARIES

_PR_SET_CHILD_SUBREAPER = 36
_PATIENCE = 20  # seconds for what a way has started to end
KINDS = ("wall", "cpu")
Seconds = tuple[float, float]  # of the wall clock; of processors


@dataclass(frozen=True)
class Place:
    """Where a benchmark works, on what, and how much of it."""

    folder: Path
    is_short: bool = False
    emodb: Path | None = None
    device: str = "cpu"
    variant: str = ""


@dataclass
class Work:
    """`run` is measured, unless it returns the seconds that count. `start`, where starting takes long: the same with
    next to nothing to do, measured once beside it. `facts` are asked for after the last turn.
    """

    run: Callable[[], Seconds | None]
    start: Callable[[], Seconds | None] | None = None
    facts: Callable[[], Mapping[str, Any]] = dict


def compare(benchmark: str, place: Place, repeats: int = 0, report: Callable[[str], object] = print) -> dict[str, Any]:
    """What `docs/performance.md` says of a benchmark: each turn's seconds, medians, ratios with their spread."""
    module = importlib.import_module(benchmark)
    repeats = repeats or (1 if place.is_short else module.REPEATS)
    names = list(module.WAYS)
    with ExitStack() as stack:
        with new_process(place.is_short) as once:
            facts = once.submit(_prepare, benchmark, place).result()
        processes = {name: stack.enter_context(new_process(place.is_short)) for name in names}
        for name, process in processes.items():
            process.submit(_open, benchmark, name, place).result()
        turns: dict[str, list[dict[str, Seconds]]] = {name: [] for name in names}
        beside = []
        for number in range(repeats):
            for name, process in processes.items():
                turns[name].append(turn := process.submit(_turn, number == 0).result())
                of_kinds = ", ".join(f"{x:.2f} s {kind}" for x, kind in zip(turn["run"], KINDS, strict=True))
                report(f"{benchmark} {place.variant} {number + 1}/{repeats}: {name}: {of_kinds}")
            if hasattr(module, "beside"):
                beside.append(processes[names[0]].submit(_beside, benchmark, place).result())
        ways = {name: process.submit(_facts).result() for name, process in processes.items()}
    units = facts["units"]
    for name, of_way in turns.items():
        ways[name] |= {key: [turn[key] for turn in of_way if key in turn] for key in of_way[0]}
        ways[name] |= {"per_unit": {kind: _spread([x / units for x in beyond(ways[name], kind)]) for kind in KINDS}}
    ours, *others = names
    return {
        "title": module.TITLE.format(place.variant),
        "unit": module.UNIT,
        "form": "short" if place.is_short else "full",
        "input": facts,
        **({"beside": beside} if beside else {}),
        "ours": ours,
        "ways": ways,
        "ratios": {name: {kind: ratio(ways[name], ways[ours], kind) for kind in KINDS} for name in others},
    }


def beyond(way: Mapping[str, Any], kind: str) -> list[float]:
    """Seconds of each turn; without those of a start, where there is one."""
    place = KINDS.index(kind)
    whole = [run[place] for run in way["run"]]
    if "start" not in way:
        return whole
    start = statistics.median(start[place] for start in way["start"])
    return [max(seconds - start, 1e-9) for seconds in whole]


def ratio(other: Mapping[str, Any], ours: Mapping[str, Any], kind: str) -> dict[str, float]:
    """How many times as long the other way takes: neighbouring turns are compared, then the median is taken."""
    found = _spread([a / b for a, b in zip(beyond(other, kind), beyond(ours, kind), strict=True)])
    if "start" in ours:
        place = KINDS.index(kind)
        pairs = zip(other["run"], ours["run"], strict=True)
        found["with_start"] = round(statistics.median(a[place] / b[place] for a, b in pairs), 3)
    return found


def _spread(values: Sequence[float]) -> dict[str, float]:
    """With this few turns, the lowest and the highest say more than a deviation."""
    three = {"median": statistics.median(values), "low": min(values), "high": max(values)}
    return {name: float(f"{value:.4g}") for name, value in three.items()}


def seconds() -> Seconds:
    """The clocks now. Processor time is this process's with all its threads, and that of children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return time.perf_counter(), sum(of.ru_utime + of.ru_stime for of in used)


# ---- in the process of a way ----

_work: Work


def new_process(is_short: bool = False) -> ProcessPoolExecutor:
    """One process, which runs one call after another: a fresh one, or in short one that has the libraries loaded."""
    if is_short:
        multiprocessing.set_forkserver_preload([module for modules in LIBRARIES.values() for module in modules])
    return ProcessPoolExecutor(1, multiprocessing.get_context("forkserver" if is_short else "spawn"))


def adopt_orphans() -> None:
    """What a build leaves to end by itself (ser/compute/warm.py) becomes a child of this process."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)


def wait_for_children() -> None:
    """Until they have ended, and their processor time counts, but no longer than _PATIENCE."""
    deadline = time.monotonic() + _PATIENCE
    with suppress(ChildProcessError):
        while time.monotonic() < deadline:
            if os.waitpid(-1, os.WNOHANG) == (0, 0):
                time.sleep(0.02)


def _prepare(benchmark: str, place: Place) -> dict[str, Any]:
    found: dict[str, Any] = importlib.import_module(benchmark).prepare(place)
    return found


def _open(benchmark: str, way: str, place: Place) -> None:
    global _work
    adopt_orphans()
    _work = importlib.import_module(benchmark).WAYS[way](place)
    wait_for_children()


def _turn(is_first: bool) -> dict[str, Seconds]:
    found = {"run": _timed(_work.run)}
    if _work.start and is_first:
        found["start"] = _timed(_work.start)
    return {name: (round(wall, 3), round(cpu, 3)) for name, (wall, cpu) in found.items()}


def _timed(run: Callable[[], Seconds | None]) -> Seconds:
    begun = seconds()
    counted = run()
    ended = seconds()[0]
    wait_for_children()
    return counted or (ended - begun[0], seconds()[1] - begun[1])


def _beside(benchmark: str, place: Place) -> Any:
    return importlib.import_module(benchmark).beside(place)


def _facts() -> dict[str, Any]:
    return dict(_work.facts())
