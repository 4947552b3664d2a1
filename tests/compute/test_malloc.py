"""Memory that tensors give back is kept: fewer pages are asked for."""

import os
import subprocess
import sys

import pytest

PAGES = """
import platform, resource, sys
from ser.compute.malloc import keep_freed_memory
if sys.argv[1] == "kept":
    keep_freed_memory()
import torch
torch.set_num_threads(1)
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def work():
    for _ in range(20):
        torch.ones(4_000_000).add(1).mul(2)  # 16 MB each
work()
before = faults()
work()
print(faults() - before, platform.libc_ver()[0])
"""


def pages(how: str) -> int:
    """How many pages the same work asks the system for when it is done again.

    glibc begins by returning all above 128 KiB; that it adapts, which depends on what else is on the heap, is off.
    """
    fixed = {f"MALLOC_{name}_THRESHOLD_": "131072" for name in ("MMAP", "TRIM")}
    command = [sys.executable, "-c", PAGES, how]
    done = subprocess.run(command, env=os.environ | fixed, capture_output=True, text=True, check=True)
    number, *library = done.stdout.split()
    if library != ["glibc"]:
        pytest.skip("another C library than glibc")
    return int(number)


def test_freed_memory_is_used_again() -> None:
    assert pages("kept") < 0.01 * pages("returned")
