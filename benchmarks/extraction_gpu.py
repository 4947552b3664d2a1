"""Frozen WavLM large over a corpus on a GPU: our extraction, and a loop over the files one at a time in float32.

Both are in a process that has the encoder loaded, from decoded audio on: only `ser` and its libraries are needed.
"""

import shutil
from typing import Any

import numpy as np
import torch
import transformers

from _inputs import MADE_BY, checkpoint, resolved, write_noise
from _machine import encoder_gflop, gflops
from _turns import Place, Seconds, Work
from _watch import Clock, give_back
from ser.features.extraction import write_feature
from ser.features.spec import open_extractor, validate_spec
from ser.features.store import Store
from ser.waveforms import RATE, waveform

TITLE = "Extraction with a frozen WavLM large on a GPU"
UNIT = "second of audio"
REPEATS = 5


def prepare(place: Place) -> dict[str, Any]:
    """Noise with IEMOCAP's lengths: 400 files, half an hour."""
    audio = write_noise(place.folder / "audio", 4 if place.is_short else 400)
    path = checkpoint("wavlm_large", place.folder, place.is_short)
    seconds = float(audio.lengths.sum()) / RATE
    shortened = audio.lengths[:20].tolist()
    gflop = encoder_gflop(path, shortened) * RATE / sum(shortened)
    return {
        "units": round(seconds, 1),
        "files": len(audio),
        "gflop_per_second_of_audio": round(gflop, 2),
        "encoder": "tiny" if place.is_short else "WavLM large, random weights",
    }


def ours(place: Place) -> Work:
    """As features.py computes it, with the settings of the row `superb_er/wavlm_large`."""
    return _extraction(place, {})


def bfloat16(place: Place) -> Work:
    return _extraction(place, {"precision": "bfloat16"})


def single(place: Place) -> Work:
    audio, folder = Store(place.folder / "audio"), place.folder / "single"
    transformers.logging.disable_progress_bar()
    reader = transformers.AutoFeatureExtractor.from_pretrained(place.folder / "wavlm_large")
    model = transformers.AutoModel.from_pretrained(place.folder / "wavlm_large").eval().to(place.device)

    @torch.no_grad()
    def run() -> Seconds:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        clock = Clock(place.device)
        for name in audio:
            inputs = reader(waveform(audio[name]), sampling_rate=RATE, return_tensors="pt").to(place.device)
            states = torch.stack(model(**inputs, output_hidden_states=True).hidden_states, dim=1)
            np.save(folder / f"{name}.npy", states.mean(dim=2)[0].cpu().numpy())
        passed = clock.passed()
        give_back(place.device)
        return passed

    run()
    return Work(run)


def beside(place: Place) -> dict[str, float]:
    """What a large matrix product reaches."""
    n = 256 if place.is_short else 8192
    return {precision: round(gflops(precision, n, place.device), 1) for precision in ("float32", "bfloat16")}


def _extraction(place: Place, changed: dict[str, Any]) -> Work:
    spec = validate_spec(resolved("superb_er", row="wavlm_large")["features"]["states"] | changed)
    extractor = open_extractor(spec, encoder_dir=place.folder / "wavlm_large", device=place.device)
    audio, output = Store(place.folder / "audio"), place.folder / f"states-{spec['precision']}"

    def run() -> Seconds:
        clock = Clock(place.device)
        write_feature(output, audio, spec, extractor, MADE_BY)
        passed = clock.passed()
        give_back(place.device)
        return passed

    run()
    return Work(run, facts=lambda: {"precision": spec["precision"]})


WAYS = {"ours": ours, "bfloat16": bfloat16, "one at a time": single}
