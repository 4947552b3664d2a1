"""Draws what a network attends to, over the waveform and the spectrogram of a piece."""

from collections.abc import Mapping, Sequence
from io import BytesIO
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
_RANGE = 60  # dB below the loudest that are told apart


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
        if weights is None:
            raise InputError(f"--explain: {self.predictor.trained.name} has no attention: leave --explain out")
        name = f"{Path(file).stem}-{start:g}s"
        number = next(n for n in range(1, 1_000_000) if (f"{name}-{n}" if n > 1 else name) not in self._names)
        name = f"{name}-{number}" if number > 1 else name
        self._names.add(name)
        path = self.folder / f"{name}.png"
        with atomic_file(path) as temporary:
            temporary.write_bytes(picture(samples, weights, start, title))
        return path


def attention(predictor: Predictor, samples: np.ndarray) -> np.ndarray | None:
    """float64 [frames], every 10 ms of int16 `samples`: the mean weight over models, and over the segments that hold a
    frame; 1 is the weight that each would have if all had the same. None for a row whose settings leave no attention.
    """
    import torch

    total, count = np.zeros((2, 1 + len(samples) // HOP))
    fold = predictor.fold(predictor.stores(samples))
    for task, network in predictor.tasks(fold):
        examples = task.examples(fold.test, None)
        with torch.inference_mode():
            weights = predictor.system.attention(network, task.collate(examples, None))
        if weights is None:
            return None
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


def picture(
    samples: np.ndarray,
    weights: np.ndarray,
    start: float = 0.0,
    title: str = "",
    *,
    size: tuple[float, float] = (9, 5),
    dpi: int = 100,
    form: str = "png",
    options: Mapping[str, Any] | None = None,
) -> bytes:
    """An image in the format `form` that is `size` inches large: waveform and spectrogram of int16 `samples`, which
    begin at second `start`, and below them what `attention` found. `options` are those of the format, as Pillow has
    them.
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    x = waveform(samples)
    seconds = start + np.arange(len(x)) / RATE
    end = start + len(x) / RATE
    with rc_context({"font.size": 10 if size[0] > 6 else 8}):
        figure = Figure(figsize=size, layout="constrained")
        axes: Any = figure.subplots(3, 1, sharex=True, height_ratios=(1, 2, 1))
        axes[0].plot(seconds, x, linewidth=0.4, color="0.3")
        axes[0].set_ylabel("waveform")
        power = power_frames(x, centred_window("hann", WINDOW, 512), HOP, "silence")
        decibels = 10 * np.log10(np.maximum(power, _FLOOR)).T
        axes[1].imshow(
            decibels,
            origin="lower",
            aspect="auto",
            extent=(start, end, 0, RATE / 2000),
            cmap="magma",
            vmin=decibels.max() - _RANGE,
        )
        axes[1].set_ylabel("kHz")
        axes[2].fill_between(start + np.arange(len(weights)) * HOP / RATE, weights, color="C0", linewidth=0.5)
        axes[2].axhline(1, linewidth=0.5, color="0.2")
        axes[2].set_ylim(0, max(2, 1.1 * weights.max()))  # weights that hardly differ are to look so
        axes[2].set_ylabel("attention")
        axes[2].set_xlabel("seconds (attention 1: an even share)")
        axes[2].set_xlim(start, end)
        if title:
            axes[0].set_title(title, fontsize="medium")
        FigureCanvasAgg(figure)
        file = BytesIO()
        figure.savefig(file, format=form, dpi=dpi, pil_kwargs=options)
    return file.getvalue()
