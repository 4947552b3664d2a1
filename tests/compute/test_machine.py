"""What a machine is said to be, and the setting that makes CPUs alike."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from helpers import ROOT
from ser.compute import machine
from ser.compute.machine import in_words, limits, mixture

SAID = """
import json, sys
from ser.compute.machine import machine
print(json.dumps([machine("cpu", {uses_torch}), sorted({{"torch"}} & set(sys.modules))]))
"""
# One matrix product, function and convolution of each library that the setting is about.
BITS = """
import hashlib, numpy, torch
torch.set_num_threads(1)
rng, found = numpy.random.default_rng(0), {}
x = rng.normal(size=(300, 257))
image, kernel = (torch.from_numpy(rng.normal(size=size)).float() for size in ((8, 16, 64, 64), (32, 16, 3, 3)))
found["numpy"], found["blas"] = numpy.exp(x), x @ x.T
found["torch"], found["oneDNN"] = torch.from_numpy(x).float().softmax(1), torch.conv2d(image, kernel)
for name, value in found.items():
    print(name, hashlib.sha256(numpy.asarray(value).tobytes()).hexdigest())
"""


def call(code: str, cpu: str) -> str:
    """The output of Python code under a setting, warnings being errors."""
    environment = {name: text for name, text in os.environ.items() if name not in limits("avx2")} | limits(cpu)
    command = [sys.executable, "-W", "error", "-c", code]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("uses_torch", [False, True])
def test_libraries_obey_the_setting_and_the_machine_says_so(uses_torch: bool) -> None:
    said, imported = json.loads(call(SAID.format(uses_torch=uses_torch), "avx2"))
    assert (said["numpy"], said["blas"]) == ("X86_V3", "Haswell")
    assert said.get("torch", "") == ("AVX2" if uses_torch else "")
    assert set(limits("avx2")) == {word.partition("=")[0] for word in said["limits"].split() if "=" in word}
    assert imported == ["torch"] * uses_torch
    assert "gpu" not in said and "limits" not in json.loads(call(SAID.format(uses_torch=uses_torch), "native"))[0]


def test_where_there_is_more_than_avx2_the_setting_changes_bits() -> None:
    native, lowered = (dict(line.split() for line in call(BITS, cpu).splitlines()) for cpu in ("native", "avx2"))
    if json.loads(call(SAID.format(uses_torch=True), "native"))[0]["torch"] != "AVX512":
        assert native == lowered
        pytest.skip("this CPU has no AVX-512")
    assert {name for name in native if native[name] != lowered[name]} == {"numpy", "blas", "torch", "oneDNN"}


def test_machines_are_told_apart_by_what_differs() -> None:
    old = {"blas": "Haswell", "torch": "AVX2", "vendor": "GenuineIntel"}
    new = old | {"blas": "SkylakeX", "torch": "AVX512"}
    assert in_words([old, new]) == ["blas Haswell, torch AVX2", "blas SkylakeX, torch AVX512"]
    assert in_words([old, old]) == ["", ""]
    assert in_words([old, old | {"gpu": "A"}]) == ["gpu none", "gpu A"]
    assert in_words([old, new | {"limits": "MKL_CBWR=AVX2"}])[0] == "blas Haswell, torch AVX2"
    assert mixture({"a": old, "b": old}) == mixture({}) == []
    assert mixture({"a": old, "b": new, "c": old}) == [
        "runs were made on different kinds of machine: blas Haswell, torch AVX2 (a, c) and "
        "blas SkylakeX, torch AVX512 (b)"
    ]


@pytest.mark.parametrize(
    "line",
    [
        "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5 22:23:56 UTC 2024",
        "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  550.54.15  Release Build  (dvs-builder)",
    ],
)
def test_the_drivers_version_is_found_in_either_form(tmp_path: Path, line: str) -> None:
    (tmp_path / "version").write_text(f"{line}\nGCC version: 12.3.0\n")
    assert machine._found(machine.DRIVER_VERSION, tmp_path / "version") == "550.54.15"
    assert machine._found(machine.DRIVER_VERSION, tmp_path / "none") == ""
