"""Draws what a network attends to, over the waveform and the spectrogram of a piece."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ser.errors import InputError
from ser.features.spectrogram import centred_window, power_frames
from ser.files import atomic_file
from ser.prediction.predictor import Predictor
from ser.waveforms import RATE, waveform

HOP, WINDOW = 160, 400  # samples
_FLOOR = 1e-8


class Explainer:
    """Draws pieces into `folder`, a PNG each. Raises InputError for a system whose file has no `attention`."""

    def __init__(self, predictor: Predictor, folder: Path) -> None:
        if not hasattr(predictor.system, "attention"):
            raise InputError(f"--explain: {predictor.trained.system} has no attention to draw: leave --explain out")
        self.predictor, self.folder, self._names = predictor, folder, set[str]()
        folder.mkdir(parents=True, exist_ok=True)

    def __call__(self, file: str, start: float, samples: np.ndarray, title: str) -> Path:
        """Draw a piece that starts at second `start` of a file; a second piece of its name gets a number.

        Raises InputError for a row whose settings leave no attention.
        """
        weights = attention(self.predictor, samples)
        name = f"{Path(file).stem}-{start:g}s"
        number = next(n for n in range(1, 1_000_000) if (f"{name}-{n}" if n > 1 else name) not in self._names)
        name = f"{name}-{number}" if number > 1 else name
        self._names.add(name)
        path = self.folder / f"{name}.png"
        _draw(path, start, samples, weights, title)
        return path


def attention(predictor: Predictor, samples: np.ndarray) -> np.ndarray:
    """float64 [frames], every 10 ms of int16 `samples`: the mean weight over models, and over the segments that hold a
    frame; 1 is the weight that each would have if all had the same.

    Raises InputError for a row whose settings leave no attention.
    """
    import torch

    total, count = np.zeros((2, 1 + len(samples) // HOP))
    fold = predictor.fold(predictor.stores(samples))
    for task, network in predictor.tasks(fold):
        examples = task.examples(fold.test, None)
        with torch.inference_mode():
            weights = predictor.system.attention(network, task.collate(examples, None))
        if weights is None:
            raise InputError(f"--explain: {predictor.trained.name} has no attention: leave --explain out")
        _add(total, count, [(e.start, e.stop) for e in examples], weights.double().numpy(), task.per_second)
    found: np.ndarray = total / np.maximum(count, 1)
    return found


def _add(
    total: np.ndarray, count: np.ndarray, spans: Sequence[tuple[int, int]], weights: np.ndarray, per_second: float
) -> None:
    """Add the weights [examples, T] of spans, in units of which there are `per_second`, to frames of 10 ms."""
    seconds = np.arange(len(total)) * HOP / RATE
    for (start, stop), of_span in zip(spans, weights, strict=True):
        first, last = start / per_second, stop / per_second
        inside = (seconds >= first) & (seconds < last)
        place = (seconds[inside] - first) / (last - first) * len(of_span)
        relative = of_span / max(of_span.mean(), np.finfo(np.float64).tiny)
        total[inside] += relative[place.astype(int)]
        count[inside] += 1


def _draw(path: Path, start: float, samples: np.ndarray, weights: np.ndarray, title: str) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    x = waveform(samples)
    seconds = start + np.arange(len(x)) / RATE
    end = start + len(x) / RATE
    figure = Figure(figsize=(9, 5), layout="constrained")
    axes: Any = figure.subplots(3, 1, sharex=True, height_ratios=(1, 2, 1))
    axes[0].plot(seconds, x, linewidth=0.4, color="0.3")
    axes[0].set_ylabel("waveform")
    power = power_frames(x, centred_window("hann", WINDOW, 512), HOP, "silence")
    picture = 10 * np.log10(np.maximum(power, _FLOOR)).T
    axes[1].imshow(picture, origin="lower", aspect="auto", extent=(start, end, 0, RATE / 2000), cmap="magma")
    axes[1].set_ylabel("kHz")
    axes[2].plot(start + np.arange(len(weights)) * HOP / RATE, weights, color="C0")
    axes[2].axhline(1, linewidth=0.5, color="0.5")
    axes[2].set_ylabel("attention")
    axes[2].set_xlabel("seconds (1: what all would have if they had the same)")
    axes[2].set_xlim(start, end)
    axes[0].set_title(title, fontsize="medium")
    FigureCanvasAgg(figure)
    with atomic_file(path) as temporary:
        figure.savefig(temporary, format="png", dpi=100)
