"""The conda file and the image's definition install what the lock names, by hash, and nothing else."""

import re

import yaml

from helpers import ROOT


def test_conda_brings_python_and_pip_the_lock() -> None:
    text = (ROOT / "envs/environment.yml").read_text()
    packages = yaml.safe_load(text)["dependencies"]
    assert packages == ["python=3.11", "pip", {"pip": ["--require-hashes", "--requirement requirements.lock"]}]
    assert "--python-version 3.11" in (ROOT / "Makefile").read_text()  # what the lock was made for


def test_the_image_has_the_lock_and_the_code_of_the_clone() -> None:
    text = (ROOT / "envs/ser.def").read_text()
    sections = dict(re.findall(r"^%(\w+)\n(.*?)(?=^%|\Z)", text, re.MULTILINE | re.DOTALL))
    assert re.search(r"^From: python:3\.11-", text, re.MULTILINE)
    copied = dict(line.split() for line in sections["files"].strip().splitlines())
    assert all((ROOT / source).exists() for source in copied)
    installs = [line.strip() for line in sections["post"].splitlines() if "pip install" in line]
    assert installs == [
        "python -m pip install --no-cache-dir --require-hashes --no-deps --requirement /opt/requirements.lock",
        "python -m pip install --no-cache-dir --no-deps --no-build-isolation --editable /ser",
    ]
    assert copied["envs/requirements.lock"] == "/opt/requirements.lock" and copied["ser"] == "/ser/ser"
    assert '--bind "$PWD":/ser --pwd /ser' in text
