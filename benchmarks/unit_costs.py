"""What one unit of each kind of work costs on this machine: the figures that docs/scaling.md multiplies.

    python benchmarks/unit_costs.py [--repeats 3] [--only NAME ...] [--output ser/plan/unit_costs.json]

Without a GPU, seconds are processor seconds, which a busy machine hardly changes; with one, wall seconds.
Noise with IEMOCAP's durations, encoders of published size with random weights, settings of the experiment files, one
thread. Where torch finds no GPU, precision is float32, and batches of the networks that train an encoder are small
(`batch` says so). Each measurement has its own process, so that its peak memory is its own.
Needs nothing but `ser` and its libraries. Prints markdown; --output keeps the same as JSON for ser/plan/costs.py, by
which jobs ask for memory and time.
"""

import argparse
import json
import multiprocessing
import resource
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

import torch

from _machine import gflops, machine
from _units import MEASURED


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", default=3, type=int)
    parser.add_argument("--only", nargs="+", choices=MEASURED, default=list(MEASURED), metavar="NAME")
    parser.add_argument("--output", type=Path)
    args = parser.parse_args()
    found = {"machine": here(), "costs": {}}
    if args.output and args.output.exists():
        found["costs"] = json.loads(args.output.read_text())["costs"]  # keeps what is not measured again
    print(json.dumps(found["machine"]))
    print(f"\n| what | per | seconds | GFLOP | MiB | of {args.repeats} |\n|---|---|---|---|---|---|")
    for name in args.only:
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            cost = pool.submit(measure, name, args.repeats).result()
        found["costs"][name] = cost
        gflop = f"{cost['flop'] / 1e9:.4g}" if cost.get("flop") else ""
        each = ", ".join(f"{seconds:.3g}" for seconds in cost["each"])
        print(f"| {name} | {cost['per']} | {cost['seconds']:.4g} | {gflop} | {cost['mib']:.0f} | {each} |", flush=True)
        if args.output:
            args.output.write_text(json.dumps(found, indent=1) + "\n")


def here() -> dict[str, Any]:
    """The machine, and what a large matrix product reaches on one thread of its processor, and on its GPU."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return {
        **machine(device),
        "threads": 1,
        "float32_gflops": round(gflops("float32", 1536), 1),
        "bfloat16_matmul_tflops": round(gflops("bfloat16", 8192, device) / 1e3, 2) if device == "cuda" else None,
    }


def measure(name: str, repeats: int) -> dict[str, Any]:
    """`seconds` (median of `each`) and, where torch counts them, `flop` of one unit and `float32_gflops`, what a matrix
    product reached at that time; peak memory `mib`; its bytes.
    """
    rate = gflops("float32", 1536)
    with tempfile.TemporaryDirectory() as folder:
        cost = MEASURED[name](Path(folder), repeats)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if torch.cuda.is_available() and torch.cuda.max_memory_allocated():
        cost["gpu_mib"] = torch.cuda.max_memory_allocated() / 2**20
    if cost.get("flop"):
        cost["float32_gflops"] = round(rate, 1)
    return {**cost, "seconds": median(cost["each"]), "mib": peak}


if __name__ == "__main__":
    main()
