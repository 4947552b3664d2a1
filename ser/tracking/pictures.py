"""Pictures of runs as SVG: training curves and confusion matrices.

Text stays text, so that a picture is small and can be searched. Building a figure costs more than drawing it: one is
kept for each form and given new data, which makes thousands of pictures affordable.
"""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.typing import RcKeyType

from ser.files import atomic_file
from ser.runs.history import DEV, History, dev_column, mean_by_epoch

# With these, the same data gives the same bytes. Writing SVG leaves a figure at 72 dpi: one of other dpi would have
# another bitmap when it is used again.
DPI = 72
STYLE: dict[RcKeyType, Any] = {"svg.fonttype": "none", "svg.hashsalt": "ser", "font.size": 9.0}


def draw_confusion(path: Path, matrix: Any, labels: Sequence[str], title: str) -> None:
    """Draw counts and row shares of `matrix` [K, K], rows the reference; a row without utterances stays white."""
    matrix = np.asarray(matrix)
    totals = matrix.sum(axis=1, keepdims=True)
    shares = np.divide(matrix, totals, out=np.zeros(matrix.shape), where=totals > 0)
    with matplotlib.rc_context(STYLE):
        figure, image, texts = _confusion_figure(tuple(labels))
        figure.axes[0].set_title(title, fontsize="medium", y=1.02)
        image.set_data(shares)
        for text, count, share in zip(texts, matrix.flat, shares.flat, strict=True):
            text.set_text(f"{count}\n{100 * share:.0f} %" if count else "0")
            text.set_color("white" if share > 0.5 else "black")
        _save(figure, path)


def draw_curves(path: Path, histories: Sequence[History], title: str) -> None:
    """Draw training loss and dev metric by epoch: each run thin, the mean of the runs that reached an epoch thick."""
    with matplotlib.rc_context(STYLE):
        figure, thin, thick = _curves_figure(len(histories) if len(histories) > 1 else 0)
        figure.axes[0].set_title(title, fontsize="medium", y=1.02)
        dev = dev_column(histories[0])
        figure.axes[1].set_ylabel(DEV.get(dev, "no dev part"))
        for axes, name, lines, mean in zip(figure.axes, ("train_loss", dev), thin, thick, strict=True):
            drawn = histories if name else []
            for line, history in zip(lines, drawn, strict=False):  # no thin line for a single run
                line.set_data(history["epoch"], history[name])
            for line in lines[len(drawn) :]:
                line.set_data([], [])
            mean.set_data(*(mean_by_epoch(drawn, name)[:2] if drawn else ([], [])))
            axes.relim()
            axes.autoscale_view()
        _save(figure, path)


@lru_cache(maxsize=8)
def _confusion_figure(labels: tuple[str, ...]) -> tuple[Figure, Any, list[Any]]:
    size = 2.2 + 0.55 * len(labels)
    figure = Figure(figsize=(size + 0.4, size), dpi=DPI)
    figure.subplots_adjust(left=0.24, bottom=0.24, right=0.96, top=0.9)
    axes = figure.add_subplot()
    places = range(len(labels))
    image = axes.imshow(np.zeros((len(labels), len(labels))), cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(places, labels, rotation=30, ha="right")
    axes.set_yticks(places, labels)
    axes.tick_params(length=0)
    axes.set_xlabel("predicted")
    axes.set_ylabel("reference")
    _place_labels(axes, -1.1 / size, -1.1 / size)
    texts = [axes.text(x, y, "", ha="center", va="center", fontsize="small") for y in places for x in places]
    return figure, image, texts


@lru_cache(maxsize=4)
def _curves_figure(n_runs: int) -> tuple[Figure, list[list[Any]], list[Any]]:
    figure = Figure(figsize=(5.6, 3.6), dpi=DPI)
    figure.subplots_adjust(left=0.12, bottom=0.14, right=0.88, top=0.9)
    axes = figure.add_subplot()
    sides = axes, axes.twinx()
    thin, thick = [], []
    for side, colour, name in zip(sides, ("tab:blue", "tab:orange"), ("training loss", "dev"), strict=True):
        thin.append([side.plot([], [], color=colour, linewidth=0.5, alpha=0.4)[0] for _ in range(n_runs)])
        thick.extend(side.plot([], [], color=colour, linewidth=2, label=name))
        side.tick_params(axis="y", colors=colour)
        side.yaxis.label.set_color(colour)
        _place_labels(side, -0.12, -0.11 if side is axes else 1.13)
    axes.set_xlabel("epoch")
    axes.set_ylabel("training loss")
    axes.xaxis.get_major_locator().set_params(integer=True)  # type: ignore[call-arg]  # a MaxNLocator, by default
    return figure, thin, thick


def _place_labels(axes: Any, x_label: float, y_label: float) -> None:
    """Put the labels here, in heights and widths of the axes; letting matplotlib find a place is half the drawing."""
    axes.xaxis.set_label_coords(0.5, x_label)
    axes.yaxis.set_label_coords(y_label, 0.5)


def _save(figure: Figure, path: Path) -> None:
    with atomic_file(path) as temporary:
        FigureCanvasSVG(figure).print_svg(temporary, metadata={"Date": None})
