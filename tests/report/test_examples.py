"""An example's picture, its recording, and which utterances are chosen."""

from io import BytesIO
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import soundfile

from ser.prediction.explain import picture
from ser.report.examples import LONGEST, chosen, clip
from ser.runs.predictions import Predictions
from ser.waveforms import RATE


def test_the_recording_is_the_utterance(shared_data: Path) -> None:
    """As long, at the same time, and within the codec's error; small, and the same bytes each time."""
    for path in sorted((shared_data / "emodb/wav").glob("*.wav"))[::40]:
        samples = soundfile.read(path, dtype="int16")[0][: int(LONGEST * RATE)]
        audio = clip(samples)
        assert audio == clip(samples) and len(audio) <= 30_000
        heard, rate = soundfile.read(BytesIO(audio))
        assert (rate, len(heard)) == (RATE, len(samples))
        wanted = samples / 32_768
        signal, error = (10 * np.log10((x**2).sum()) for x in (wanted, heard - wanted))
        assert signal - error > 15, path.name  # dB; one sample later it is 11 at most


def blue(image: bytes) -> np.ndarray:
    """[width]: how many pixels of each column have the colour of attention."""
    pixels = np.asarray(PIL.Image.open(BytesIO(image)).convert("RGB")).astype(int)
    lower = pixels[len(pixels) * 2 // 3 :]
    return (np.abs(lower - (31, 119, 180)).sum(axis=2) < 60).sum(axis=0)


def test_the_picture_shows_where_the_attention_is() -> None:
    rng = np.random.default_rng(1)
    samples = (rng.normal(size=2 * RATE) * 1000).astype(np.int16)
    first, half = np.zeros(201), np.full(201, 0.5)
    first[:100] = 2
    of_first, of_half = (blue(picture(samples, weights, size=(4.2, 3.4))) for weights in (first, half))
    width = len(of_first)
    inside = np.flatnonzero(of_half)  # the axes
    middle = (inside[0] + inside[-1]) // 2
    assert abs(np.flatnonzero(of_first)[-1] - middle) <= 3 and np.flatnonzero(of_first)[0] <= inside[0] + 1
    assert of_first.max() == pytest.approx(4 * of_half.max(), rel=0.15) and width == 420


def test_one_right_and_one_wrong_of_middle_length() -> None:
    names = tuple("abcdefg")
    lengths = [1000, 3000, 2000, 4000, 1500, 9000, 100_000]
    right = np.array([True, True, True, False, False, False, False])
    classes = Predictions(names, np.zeros(7, np.int64), np.where(right, 0, 1))
    assert [names[i] for i in chosen(classes, lengths)] == ["c", "d"]
    all_right = Predictions(names, np.zeros(7, np.int64), np.zeros(7, np.int64))
    assert [names[i] for i in chosen(all_right, lengths)] == ["b"]
    attributes = Predictions(names, np.zeros((7, 2)), np.arange(14.0).reshape(7, 2)[::-1])
    assert [names[i] for i in chosen(attributes, lengths)] == ["f", "a"]  # the best, g, is too long
    assert chosen(classes, [100_000] * 7) == []
