"""The short form of the benchmark of the demo."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import _sections
import demo
import hashing


def test_where_its_time_goes_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = tmp_path / "demo.json"
    monkeypatch.setenv("SER_TESTS", "")  # what all processes of the build spend is measured
    monkeypatch.setattr(sys, "argv", ["demo.py", "--short", "--output", str(output)])
    demo.main()
    found = json.loads(output.read_text())
    of_jobs = sum(used["cpu"] for used in found["rules"].values())
    assert 0 < of_jobs < found["cpu"] < found["wall"] * (found["cores"] + 0.5)
    assert {"demo_corpus", "manifest", "train", "evaluate", "table"} <= found["rules"].keys()
    assert "| starting |" in "\n".join(_sections.demo(found))


def test_what_a_process_and_its_forks_spend_in_checksums_is_counted(tmp_path: Path) -> None:
    script = """
import hashlib, os
assert hashlib.sha256(b"abc").hexdigest() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
if not os.fork():
    with open(os.environ["BIG"], "rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    os._exit(found == hashlib.sha256(bytes(10**8)).hexdigest())
assert os.waitstatus_to_exitcode(os.wait()[1]) == 1
"""
    counts, big = tmp_path / "counts", tmp_path / "big"
    counts.mkdir()
    big.write_bytes(bytes(10**8))
    environment = {
        "PYTHONPATH": str(Path(hashing.__file__).parent / "_hashing"),
        "SER_HASHING": str(counts),
        "BIG": str(big),
    }
    subprocess.run([sys.executable, "-c", script], env=os.environ | environment, check=True)
    (first, seconds), (second, none) = sorted(
        (size, seconds) for seconds, size in (hashing.FORM.unpack(path.read_bytes()) for path in counts.iterdir())
    )[::-1]
    assert first == 2e8 and second < 1e6 and 0.02 < seconds < 20 and none < seconds
