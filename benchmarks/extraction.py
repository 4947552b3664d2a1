"""Frozen HuBERT base over a corpus: the pipeline, and the two ways of other projects (_usual_probe.py).

`start`: the same over two files of half a second; what is left without it is what a large corpus costs.
"""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from _inputs import checkpoint, iemocap_samples, write_speech
from _machine import cpu_gflops, encoder_gflop
from _paths import ROOT
from _pipeline import Pipeline, noise_pipeline
from _turns import Place, Work
from ser.features.store import Store
from ser.waveforms import RATE

TITLE = "Extraction with a frozen HuBERT base"
UNIT = "second of audio"
REPEATS = 3


def prepare(place: Place) -> dict[str, Any]:
    """Sound of IEMOCAP's lengths, 32 files, and the checkpoint; in short 4 files of a second and a tiny one."""
    samples = [RATE] * 4 if place.is_short else iemocap_samples(32)
    hubert = checkpoint("hubert_base", place.folder, place.is_short)
    write_speech(place.folder / "corpus", samples)
    write_speech(place.folder / "two", [RATE // 2] * 3)
    audio = sum(samples) / RATE
    return {
        "units": round(audio, 2),
        "files": len(samples),
        "longest": round(max(samples) / RATE, 1),
        "gflop_per_second_of_audio": round(encoder_gflop(hubert, samples) / audio, 2),
        "encoder": "tiny" if place.is_short else "HuBERT base, random weights",
    }


def ours(place: Place) -> Work:
    """`snakemake features_all`: the real rules, on all cores."""
    whole, two = (_pipeline(place, corpus) for corpus in ("corpus", "two"))

    def run(pipeline: Pipeline) -> None:
        pipeline.forget("features")
        pipeline.build("features_all")

    def start() -> None:
        run(two)

    return Work(lambda: run(whole), start, lambda: {"differs_by": _difference(place, whole)})


def single(place: Place) -> Work:
    return _usual(place, "single")


def padded(place: Place) -> Work:
    return _usual(place, "padded")


def beside(place: Place) -> dict[str, float]:
    """What a large matrix product reaches."""
    return cpu_gflops(256 if place.is_short else 2048)


def _pipeline(place: Place, corpus: str) -> Pipeline:
    paths = sorted((place.folder / corpus).glob("*.wav"))
    speakers = [str(number % 3) for number in range(len(paths))]
    found = noise_pipeline(place.folder / f"{corpus}-project", paths, speakers, place.folder / "hubert_base", {})
    found.build("features_all")
    return found


def _usual(place: Place, how: str) -> Work:
    return Work(lambda: _extract(place, how, "corpus"), lambda: _extract(place, how, "two"))


def _extract(place: Place, how: str, corpus: str) -> None:
    output = place.folder / f"{how}-{corpus}"
    shutil.rmtree(output, ignore_errors=True)
    files = sorted((place.folder / corpus).glob("*.wav"))
    program = [sys.executable, str(ROOT / "benchmarks/_usual_probe.py"), how]
    options = ["--checkpoint", str(place.folder / "hubert_base"), "--output", str(output), "--files", *map(str, files)]
    subprocess.run([*program, *options], check=True)


def _difference(place: Place, pipeline: Pipeline) -> dict[str, float]:
    """By how much the other ways' states differ from ours, at most, in standard deviations of ours."""
    (path,) = pipeline.work.glob("features/noise/*.safetensors")
    store = Store(path)
    found = {}
    for how in ("single", "padded"):
        folder = place.folder / f"{how}-corpus"
        largest = 0.0
        for name in store:
            ours = store[name][0].astype(np.float64)
            largest = max(largest, float(np.abs(np.load(folder / f"{Path(name).name}.npy") - ours).max() / ours.std()))
        found[how] = float(f"{largest:.2g}")
    return found


WAYS = {"ours": ours, "one at a time": single, "padded batches": padded}
