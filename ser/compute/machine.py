"""The kind of machine: what decides, besides seed, code and versions, which bits a computation gives.

Libraries choose their kernels by the CPU that they find, and kernels add in different orders. `machine` says what they
chose; `limits` lowers them to what all CPUs of a mixed cluster have.
"""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from ser.errors import listed

# What each library reads when it is loaded: torch's own kernels, its matrix products and its convolutions, the matrix
# products of numpy and scipy, and numpy's functions. MKL_CBWR has an effect on Intel's CPUs only.
_LIMITS = {
    "native": {},
    "avx2": {
        "ATEN_CPU_CAPABILITY": "avx2",
        "MKL_CBWR": "AVX2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "OPENBLAS_CORETYPE": "Haswell",
        "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
    },
}
_CPU = Path("/proc/cpuinfo")
_DRIVER = Path("/proc/driver/nvidia/version")
DRIVER_VERSION = r"Kernel Module.*?\s(\d+\.[\d.]+)"


def limits(cpu: str) -> dict[str, str]:
    """Environment variables for a setting `compute.cpu`; they must be set before the libraries are loaded."""
    return dict(_LIMITS[cpu])


def machine(device: str, uses_torch: bool) -> dict[str, str]:
    """What libraries chose on this machine, as `numpy`, `blas`, `torch`, `vendor` (MKL, in torch, also looks at that)
    and, for a `device` other than cpu, `gpu`, `cuda`, `cudnn`, `driver`; `limits` are variables as above that are set.

    torch, whose import is slow, is imported only if it is used. What is not known is left out.
    """
    import numpy as np
    from threadpoolctl import threadpool_info

    extensions = np.show_config(mode="dicts")["SIMD Extensions"]  # type: ignore[call-overload, index, unused-ignore]
    found = {
        "numpy": [*extensions.get("baseline", []), *extensions.get("found", [])][-1],
        "blas": ", ".join(
            sorted({library["architecture"] for library in threadpool_info() if "architecture" in library})
        ),
        "limits": " ".join(f"{name}={os.environ[name]}" for name in sorted(_LIMITS["avx2"]) if name in os.environ),
    }
    if uses_torch:
        import torch

        found |= {"torch": torch.backends.cpu.get_cpu_capability(), "vendor": _found(r"vendor_id\s*:\s*(\S+)", _CPU)}
        if device != "cpu":
            found |= {
                "gpu": torch.cuda.get_device_name(),
                "cuda": torch.version.cuda or "",
                "cudnn": str(torch.backends.cudnn.version() or ""),
                "driver": _found(DRIVER_VERSION, _DRIVER),
            }
    return {name: text for name, text in sorted(found.items()) if text}


def in_words(machines: Sequence[Mapping[str, str]]) -> list[str]:
    """Each machine by what distinguishes it from the others: `numpy X86_V4, torch AVX512`; "" where nothing does."""
    names = sorted({name for one in machines for name in one})
    different = [name for name in names if len({one.get(name) for one in machines}) > 1]
    different = [name for name in different if name != "limits"] or different  # long, and seen in the others
    return [", ".join(f"{name} {one.get(name, 'none')}" for name in different) for one in machines]


def mixture(machines: Mapping[str, Mapping[str, str]]) -> list[str]:
    """A note if runs, by name, were made on different kinds of machine; nothing if all were made on one kind."""
    kinds: list[Mapping[str, str]] = []
    for of_run in machines.values():
        kinds += [] if of_run in kinds else [of_run]
    parts = [
        f"{words} ({listed((name for name, of_run in machines.items() if of_run == kind), 5)})"
        for kind, words in zip(kinds, in_words(kinds), strict=True)
    ]
    return [f"runs were made on different kinds of machine: {' and '.join(parts)}"] if len(kinds) > 1 else []


def _found(pattern: str, path: Path) -> str:
    """What the group in `pattern` matches first in a file of the kernel; "" if nothing."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    match = re.search(pattern, text)
    return match[1] if match else ""
