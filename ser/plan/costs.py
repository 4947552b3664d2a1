"""What runs and stores cost, from measured unit costs (unit_costs.json, made by benchmarks/unit_costs.py).

Jobs ask for what these functions say (rules/resources.smk); docs/scaling.md adds up the same (benchmarks/scaling.py).
They change no result, except that under `compute.device: auto` a quick system takes the CPU (`device_of`).

No GPU was measured. A GPU is taken to reach the share of its peak that one core of the CPU reached of the core's own.
Examples are what a system counts as such: utterances, or segments of them.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import ceil, log
from pathlib import Path
from typing import Any

from ser.encoders.published import ENCODERS, MADE_HERE
from ser.plan.code import uses_training_loop
from ser.plan.groups import Group
from ser.plan.sizes import cells, corpus_size, expected_epochs, parts, segments

Cost = Mapping[str, Any]
FILE = Path(__file__).with_name("unit_costs.json")

QUICK = 0.005  # seconds of one core per example: with less, a run takes minutes without a GPU
STEP = 0.01  # seconds of an optimiser step on a GPU at least, for its host: assumed
TFLOPS = {  # peaks by data sheet: float32 without TF32, half precision dense
    "A100": {"float32": 19.5, "float16": 312.0, "bfloat16": 312.0},
    "H200": {"float32": 67.0, "float16": 989.0, "bfloat16": 989.0},
}
MOST = 0.8  # of its peak that a GPU is taken to reach at most, whatever the CPU reached
HALF = 0.4  # of the share in float32 that half precision is taken to reach: memory is no faster with it
SHORT = 60  # seconds to the last epoch: with less, a process makes all folds of a seed
SAFETY = 2  # times the duration to the last epoch on an A100 that a job asks for
START = 10  # minutes that a job asks for besides
MIB = 1.25  # times the memory that a job asks for
IMPORTS = 600  # MiB of a process that has imported everything, measured
BUILD = 400  # MiB of Snakemake beside the job that it runs on a node
DRIVER = 3_000  # MiB of main memory that CUDA takes: assumed
EXAMPLE = 1_000  # bytes of main memory for each utterance
UNMEASURED = (24_000, 1_440)  # MB and minutes of a system or a feature without unit costs
DEMO = (2_000, 10)


@dataclass(frozen=True)
class Needs:
    """What a job asks a cluster for: main memory in MB, minutes, and whether it needs a GPU."""

    memory: int
    minutes: int
    gpu: bool


@dataclass(frozen=True)
class Work:
    """Examples that a run trains on, scores in float32, and scores in the precision in which it trains (those of the
    test part after each epoch), and its optimiser steps.
    """

    trained: float
    scored: float
    watched: float
    steps: float


@cache
def unit_costs(file: Path = FILE) -> Mapping[str, Cost]:
    """What was measured: name -> cost."""
    costs: Mapping[str, Cost] = json.loads(file.read_text())["costs"]
    return costs


def run_cost(group: Group) -> Cost | None:
    """What its runs are charged with, per example; None where a run is measured as a whole, or not at all.

    Of a network that reads spectrograms as they are, the measured one that is nearest in size, and its cost in
    proportion.
    """
    encoder = group.encoders.get("encoder", "")
    variant = f"train {group.system}, {'tiny' if encoder in MADE_HERE else 'no'} encoder"
    is_less = not encoder or encoder in MADE_HERE
    cost = unit_costs().get(variant if is_less and variant in unit_costs() else f"train {group.system}")
    if cost is None or "cells" not in cost:
        return cost
    if not (size := cells(group.settings, group.features, corpus_size(group.corpus)[1])):
        return cost
    of_system = re.compile(rf"train {group.system}(, .+)?")
    near = [cost for name, cost in unit_costs().items() if "cells" in cost and of_system.fullmatch(name)]
    cost = min(near, key=lambda cost: abs(log(size / cost["cells"])))
    return {**cost, **{what: size / cost["cells"] * cost[what] for what in ("seconds", "flop")}}


def is_quick(system: str) -> bool:
    """Whether a run takes minutes on one core of a CPU, at any scale."""
    cost = unit_costs().get(f"train {system}")
    return not uses_training_loop(system) or (cost is not None and cost["seconds"] < QUICK)


def device_of(system: str, wanted: str) -> str:
    """The device that a system's runs are told to use where params.yaml says `wanted`."""
    return "cpu" if wanted == "auto" and is_quick(system) else wanted


def takes_gpu(system: str, wanted: str) -> bool:
    """Whether a system's runs use a GPU where there is one and params.yaml says device `wanted`."""
    return uses_training_loop(system) and device_of(system, wanted) != "cpu"


def run_needs(group: Group, wanted: str, scale: str, n_runs: int = 1) -> Needs:
    """Of a job that makes `n_runs` runs of a group one after another, where params.yaml says device `wanted`."""
    gpu = takes_gpu(group.system, wanted)
    if scale == "demo":
        return Needs(*DEMO, gpu)
    cost = run_cost(group)
    if cost is None and uses_training_loop(group.system):
        return Needs(*UNMEASURED, gpu)
    if cost is None:
        whole = unit_costs().get(f"run {group.system}", {"mib": IMPORTS})
        return _needs(whole["mib"], n_runs * run_seconds(group, ""), gpu)
    return _needs(run_mib(group, cost, gpu), n_runs * run_seconds(group, "A100" if gpu else ""), gpu)


def job_needs(groups: Sequence[Group], per_fold: bool, wanted: str, scale: str) -> Needs:
    """Of a job that makes one run, or all folds, of each of some groups of a system."""
    if scale == "demo":
        return run_needs(groups[0], wanted, scale)
    each = [run_needs(group, wanted, scale, 1 if per_fold else len(group.folds)) for group in groups]
    return Needs(max(n.memory for n in each), sum(n.minutes for n in each), each[0].gpu)


def is_short(group: Group, wanted: str) -> bool:
    """Whether a run takes so little time that a process should make all folds of a seed: starting one for each would
    hold a GPU, or a place in a queue, for as long.
    """
    gpu = "" if device_of(group.system, wanted) == "cpu" else "A100"
    return run_cost(group) is not None and run_seconds(group, gpu) < SHORT


def feature_needs(spec: Mapping[str, Any], corpus: str, wanted: str, scale: str, parts: int = 1) -> Needs:
    """Of a job that makes one of `parts` of a feature's store (`audio`: the decoded recordings)."""
    gpu = "encoder" in spec and wanted != "cpu"
    if scale == "demo":
        return Needs(*DEMO, gpu)
    cost = feature_cost(spec, corpus)
    if cost is None:
        return Needs(*UNMEASURED, gpu)
    return _needs(cost["mib"] + gpu * DRIVER, feature_seconds(spec, corpus, "A100" if gpu else "") / parts, gpu)


def feature_cost(spec: Mapping[str, Any], corpus: str) -> Cost | None:
    """What a store is charged with, per hour of audio; a tiny encoder counts as a base one."""
    if spec["kind"] == "encoder":
        name = "extract wavlm_large" if form(spec["encoder"]) == "large" else "extract hubert_base"
    else:
        rate = 48 if corpus == "ravdess" else 16
        name = f"decode, {rate} kHz mono" if spec["kind"] == "audio" else spec["kind"]
    return unit_costs().get(name)


def form(encoder: str) -> str:
    """An encoder's size: tiny, base or large."""
    known = ENCODERS.get(encoder)
    return "tiny" if encoder in MADE_HERE else "base" if known and known.front_end == "group" else "large"


def feature_seconds(spec: Mapping[str, Any], corpus: str, gpu: str) -> float:
    """Seconds to make a store on a GPU, or ("") on one core."""
    n, seconds = corpus_size(corpus)
    cost, hours = feature_cost(spec, corpus), n * seconds / 3600
    if cost is None:
        return 0.0
    return float(hours * (cost["flop"] / rate(cost, spec["precision"], gpu) if gpu else cost["seconds"]))


def run_seconds(group: Group, gpu: str, is_expected: bool = False) -> float:
    """Seconds of a run to its last epoch, or to the one that it is expected to stop after; on a GPU, or ("") on one
    core.
    """
    cost = run_cost(group)
    if cost is None:
        return float(unit_costs().get(f"run {group.system}", {"seconds": 0.0})["seconds"])
    if not gpu:
        work = work_of(group, cost, is_expected)
        return (work.trained + (work.scored + work.watched) / 3) * float(cost["seconds"])
    return max(gpu_seconds(group, gpu, is_expected))


def gpu_seconds(group: Group, gpu: str, is_expected: bool = False) -> tuple[float, float]:
    """Of a run on a GPU: the seconds of its operations, and those of its host; the longer of the two passes."""
    cost = run_cost(group)
    if cost is None:
        return 0.0, 0.0
    work = work_of(group, cost, is_expected)
    # An example is scored without a backward pass, two thirds of the operations (training/loop.py).
    trained = (work.trained + work.watched / 3) * cost["flop"] / rate(cost, group.settings["precision"], gpu)
    return trained + work.scored * cost["flop"] / 3 / rate(cost, "float32", gpu), work.steps * STEP


def rate(cost: Cost, precision: str, gpu: str) -> float:
    """Operations per second that a GPU is taken to reach; `auto` is bfloat16 there."""
    precision = "bfloat16" if precision == "auto" else precision
    share = min(MOST, cost["flop"] / cost["seconds"] / cost["float32_gflops"] / 1e9)
    return float(share * (1 if precision == "float32" else HALF) * TFLOPS[gpu][precision] * 1e12)


def work_of(group: Group, cost: Cost, is_expected: bool = False) -> Work:
    """What a run does until its last epoch, or until it is expected to stop."""
    settings, (train, dev, test) = group.settings, parts(group)
    each = cost["examples_per_utterance"]
    epochs, batch = expected_epochs(group) if is_expected else settings["epochs"], settings["batch_size"]
    an_epoch = train * each
    if settings["steps_per_epoch"]:
        an_epoch = settings["steps_per_epoch"] * batch * settings["accumulation"]
    each *= segments(group)
    if "padded_seconds" in cost:  # a batch that trains has the length of its longest; those that are scored are sorted
        each *= min(1, corpus_size(group.corpus)[1] / cost["padded_seconds"])
    scored, watched = (epochs * dev + test) * each, epochs * test * group.scores_epochs * each
    return Work(epochs * an_epoch, scored, watched, (epochs * an_epoch + (scored + watched) / 3) / batch)


def audio_passed(group: Group) -> float:
    """Seconds of recordings that a run with a training loop is expected to train on; three that are scored count as
    one. Its size, where no unit cost says more.
    """
    work = work_of(group, {"examples_per_utterance": 1.0}, is_expected=True)
    return (work.trained + (work.scored + work.watched) / 3) * corpus_size(group.corpus)[1]


def run_mib(group: Group, cost: Cost, gpu: bool) -> float:
    """MiB of main memory of a run. On a GPU: the copy of the state that is saved; on a CPU: network, gradients, state
    and what goes through the network, which grows with the batch.
    """
    state, weights = float(cost["checkpoint_bytes"]) / 2**20, float(cost["weights_bytes"]) / 2**20
    besides = state - weights + corpus_size(group.corpus)[0] * EXAMPLE / 2**20
    if gpu:
        return IMPORTS + DRIVER + weights + besides
    at_once = group.settings["micro_batch"] or group.settings["batch_size"]
    an_example = max(0.0, cost["mib"] - IMPORTS - state - weights) / cost["batch"]
    return float(cost["mib"] + max(0, at_once - cost["batch"]) * an_example + besides)


def _needs(mib: float, seconds: float, gpu: bool) -> Needs:
    """With what is added for safety, rounded up to 500 MB and 10 minutes."""
    memory, minutes = (mib + BUILD) * MIB * 2**20 / 1e6, seconds * SAFETY / 60 + START
    return Needs(ceil(memory / 500) * 500, ceil(minutes / 10) * 10, gpu)
