"""A row on a frozen encoder, from the recordings to its scores: ours, and s3prl's way, which runs the encoder again at
every step (_usual_probe.py).

`start`: both over files of half a second; not in the short form.
"""

import shutil
from pathlib import Path
from typing import Any

from _inputs import checkpoint, iemocap_samples, write_speech
from _pipeline import PROBE, Pipeline, noise_pipeline, usual_probe
from _turns import Place, Work
from ser.waveforms import RATE

TITLE = "A row on a frozen HuBERT base"
UNIT = "row"
REPEATS = 2
EPOCHS = 4
FILES, HELD_OUT = 8, 4  # two speakers of two files each are the dev and the test part
RUN = "work/free/runs/bench/probe/noise/clean/seed1/fold1/metrics.json"


def prepare(place: Place) -> dict[str, Any]:
    samples = [RATE] * FILES if place.is_short else iemocap_samples(FILES)
    checkpoint("hubert_base", place.folder, place.is_short)
    write_speech(place.folder / "corpus", samples)
    write_speech(place.folder / "brief", [RATE // 2] * FILES)
    audio = round(sum(samples) / RATE, 2)
    return {"units": 1, "files": FILES, "seconds_of_audio": audio, "epochs": _epochs(place)}


def ours(place: Place) -> Work:
    """`snakemake` from the audio store on: states, splits, training."""
    whole = _pipeline(place, "corpus")
    brief = whole if place.is_short else _pipeline(place, "brief")

    def run(pipeline: Pipeline) -> None:
        pipeline.forget("features", "splits", "runs", "states")
        pipeline.build(RUN)

    return Work(lambda: run(whole), None if place.is_short else lambda: run(brief))


def recomputed(place: Place) -> Work:
    def train(corpus: str) -> None:
        output = place.folder / f"head-{corpus}"
        shutil.rmtree(output, ignore_errors=True)
        files = _files(place, corpus)
        options = [
            *("--checkpoint", str(place.folder / "hubert_base"), "--output", str(output)),
            *("--epochs", str(_epochs(place)), "--held-out", str(HELD_OUT), "--files", *map(str, files)),
        ]
        usual_probe(place, "recomputed", *options)

    return Work(lambda: train("corpus"), None if place.is_short else lambda: train("brief"))


def _pipeline(place: Place, corpus: str) -> Pipeline:
    files = _files(place, corpus)
    speakers = ["train"] * (FILES - HELD_OUT) + ["a", "a", "b", "b"]
    settings = {"epochs": _epochs(place), "steps_per_epoch": 0}
    folder, hubert = place.folder / f"{corpus}-project", place.folder / "hubert_base"
    found = noise_pipeline(folder, files, speakers, hubert, {"probe": PROBE | {"settings": settings}})
    found.build(RUN)
    return found


def _files(place: Place, corpus: str) -> list[Path]:
    return sorted((place.folder / corpus).glob("*.wav"))


def _epochs(place: Place) -> int:
    return 2 if place.is_short else EPOCHS


WAYS = {"ours": ours, "recomputed": recomputed}
