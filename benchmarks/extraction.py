"""Frozen HuBERT base over a corpus: the pipeline, and the two ways of other projects (_usual_probe.py).

`start`: the same over files of half a second; what is left without it is what a large corpus costs. Not in short.
"""

import shutil
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from _inputs import checkpoint, iemocap_samples, resolved, write_speech
from _machine import cpu_gflops, encoder_gflop
from _pipeline import PROBE, Pipeline, noise_pipeline, usual_probe
from _turns import Place, Work
from ser.features.store import Store
from ser.waveforms import RATE

TITLE = "Extraction with a frozen HuBERT base"
UNIT = "second of audio"
REPEATS = 2
FILES = 16


def prepare(place: Place) -> dict[str, Any]:
    """Sound of IEMOCAP's lengths and the checkpoint; in short 4 files of a second and a tiny one."""
    samples = [RATE] * 4 if place.is_short else iemocap_samples(FILES)
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
    states = resolved("superb_er")["features"]["states"] | {"precision": "auto"}
    return _built(place, "ours", features={"states": states})


def in_float32(place: Place) -> Work:
    return _built(place, "float32")


def single(place: Place) -> Work:
    return _usual(place, "single")


def padded(place: Place) -> Work:
    return _usual(place, "padded")


def beside(place: Place) -> dict[str, float]:
    """What a large matrix product reaches."""
    return cpu_gflops(256 if place.is_short else 2048, place.is_short)


def _built(place: Place, name: str, **changes: dict[str, Any]) -> Work:
    """`snakemake features_all`: the real rules, on all cores."""
    projects = {}
    for corpus in _corpora(place):
        paths = sorted((place.folder / corpus).glob("*.wav"))
        speakers = [str(number % 3) for number in range(len(paths))]
        folder, hubert = place.folder / f"{name}-{corpus}", place.folder / "hubert_base"
        projects[corpus] = noise_pipeline(folder, paths, speakers, hubert, {"probe": PROBE | changes})
        if not place.is_short:
            projects[corpus].build("features_all")

    def run(corpus: str) -> None:
        projects[corpus].forget("features")
        projects[corpus].build("features_all")

    def facts() -> dict[str, Any]:
        return {"differs_by": _difference(place, projects["corpus"])} if name == "float32" else {}

    return Work(lambda: run("corpus"), None if place.is_short else lambda: run("two"), facts)


def _usual(place: Place, how: str) -> Work:
    start = None if place.is_short else lambda: _extract(place, how, "two")
    return Work(lambda: _extract(place, how, "corpus"), start)


def _corpora(place: Place) -> list[str]:
    return ["corpus"] if place.is_short else ["corpus", "two"]


def _extract(place: Place, how: str, corpus: str) -> None:
    output = place.folder / f"{how}-{corpus}"
    shutil.rmtree(output, ignore_errors=True)
    files = sorted((place.folder / corpus).glob("*.wav"))
    options = ["--checkpoint", str(place.folder / "hubert_base"), "--output", str(output), "--files", *map(str, files)]
    usual_probe(place, how, *options)


def _difference(place: Place, pipeline: Pipeline) -> dict[str, float]:
    """By how much the other ways' states differ from ours in float32, at most, in standard deviations of those."""
    store = _store(pipeline.folder)
    others = {how: place.folder / f"{how}-corpus" for how in ("single", "padded")}
    read = {how: partial(_read, folder) for how, folder in others.items()}
    automatic = _store(place.folder / "ours-corpus")
    read["ours"] = lambda name: automatic[name][0]
    found = {}
    for how, states in read.items():
        each = [np.abs(states(name) - store[name][0]).max() / store[name][0].std() for name in store]
        found[how] = float(f"{max(each):.2g}")
    return found


def _store(project: Path) -> Store:
    (path,) = project.glob("work/free/features/noise/*.safetensors")
    return Store(path)


def _read(folder: Path, name: str) -> np.ndarray:
    states: np.ndarray = np.load(folder / f"{name}.npy")
    return states


WAYS = {"ours": ours, "ours in float32": in_float32, "one at a time": single, "padded batches": padded}
