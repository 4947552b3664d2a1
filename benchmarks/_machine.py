"""What a machine can do at most, and what an encoder asks of it."""

import multiprocessing
import os
import platform
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

SECONDS = 0.4  # of each measurement of a rate


def machine(device: str) -> dict[str, Any]:
    """Its processor or GPU, how many cores it has, the libraries' versions."""
    import torch
    import transformers

    return {
        "device": torch.cuda.get_device_name() if device == "cuda" else cpu_name(),
        "cores": len(os.sched_getaffinity(0)),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }


def cpu_name() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.split(": ")[1] for line in lines if line.startswith("model name")), platform.processor())


def cpu_gflops(n: int, is_short: bool = False) -> dict[str, float]:
    """The rate of one large matrix product, in thousand millions of operations a second, by precision: on one core, and
    on all of them at once, a process each: a fresh one, or in short one that this one forks.
    """
    cores = len(os.sched_getaffinity(0))
    found = {}
    with ProcessPoolExecutor(cores, multiprocessing.get_context("fork" if is_short else "spawn")) as pool:
        list(pool.map(gflops, ["float32"] * cores, [64] * cores))  # imports torch
        for precision in ("float32", "bfloat16"):
            alone = pool.submit(gflops, precision, n).result()
            together = sum(pool.map(gflops, [precision] * cores, [n] * cores))
            found |= {f"{precision}, one core": round(alone, 1), f"{precision}, all cores": round(together, 1)}
    return found


def gflops(precision: str, n: int, device: str = "cpu") -> float:
    """The best of several products, by processor time on one thread, or by the wall clock on the GPU."""
    import torch

    torch.set_num_threads(1)
    a, b = (torch.randn(n, n, device=device).to(getattr(torch, precision)) for _ in range(2))
    clock = time.perf_counter if device == "cuda" else time.process_time  # what else runs has no say in the latter
    best, deadline = float("inf"), clock() + SECONDS
    while clock() < deadline or best == float("inf"):
        begun = clock()
        a @ b
        if device == "cuda":
            torch.cuda.synchronize()
        best = min(best, max(clock() - begun, 1e-9))
    return 2 * n**3 / best / 1e9


def encoder_gflop(checkpoint: Path, samples: list[int]) -> float:
    """The operations of one forward pass over each waveform by itself, as torch counts them, in thousand millions.

    Nothing is computed: the model is on torch's device `meta`.
    """
    import torch
    import transformers
    from torch.utils.flop_counter import FlopCounterMode

    config = transformers.AutoConfig.from_pretrained(checkpoint)
    config._attn_implementation = "eager"  # of the others, the counter does not see all products on a CPU
    with torch.device("meta"):
        model = transformers.AutoModel.from_config(config).eval()
    total = 0.0
    for size in samples:
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            model(torch.zeros(1, size, device="meta"))
        total += counter.get_total_flops()
    return total / 1e9
