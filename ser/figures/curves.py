"""Training curves: loss and dev score over epochs, the mean of a group's runs with their spread."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np

from ser.figures.figure import Figure
from ser.figures.spec import WORDS, drawn, form
from ser.figures.theme import BLUE, VERMILLION
from ser.figures.words import file_name
from ser.plan.groups import Group, Plan
from ser.runs.history import History, dev_column, mean_by_epoch, read_history

MOST = 100  # epochs that are drawn: of more, every second, third ...
_FEW = 20  # epochs: each has a point
_HEIGHT, _BESIDE = 220, 6  # pixels; dev stands so far beside the loss of the same epoch where each has a point


def figures(plan: Plan, group: Group, paths: Sequence[Path]) -> Iterator[Figure]:
    """A figure of the histories (history.csv) of a group's runs; none for a system that does not train by epochs.

    Raises InputError as `read_history` does.
    """
    histories = [history for path in paths if (history := read_history(path))]
    if not histories:
        return
    dev = dev_column(histories[0])
    rows = _rows(histories, dev)
    named = {"dev_UA": "dev UA (per cent)", "dev_CCC": "dev CCC"}.get(dev, "")
    title = f"Training, {group.name}"
    chosen = "the dev part" if group.selection == "clean" else f"what chose the epoch ({group.selection})"
    yield Figure(
        name=file_name("curves", group),
        section="curves",
        title=title,
        caption=(
            f"{group.name}: training loss (solid, circles)"
            + (f" and {named.split()[1]} of {chosen} (dashed, squares)" if dev else "")
            + f" by epoch: the mean of the runs that reached it, of {len(histories)} (folds and seeds), and in thin "
            f"lines one standard deviation on both sides. {WORDS[plan.scale]}"
        ),
        spec=drawn(_form(named, len(rows) <= _FEW), plan.scale, title, rows),
        groups=(group.name,),
    )


def _rows(histories: Sequence[History], dev: str) -> list[dict[str, float]]:
    """By epoch, how many runs reached it, and the mean of each column with a standard deviation below and above."""
    epochs, _, runs = mean_by_epoch(histories, "train_loss")
    columns: dict[str, np.ndarray] = {"epoch": epochs, "runs": runs}
    for name, column in (("loss", "train_loss"), ("dev", dev)):
        if column:
            unit = 100 if column == "dev_UA" else 1
            mean = mean_by_epoch(histories, column)[1]
            squares = mean_by_epoch([{"epoch": h["epoch"], column: h[column] ** 2} for h in histories], column)[1]
            spread = np.sqrt(np.maximum(squares - mean**2, 0))
            of_column = {name: mean, f"{name}_low": mean - spread, f"{name}_high": mean + spread}
            columns |= {key: unit * values for key, values in of_column.items()}
    step = -(-len(epochs) // MOST)
    kept = [i for i in range(len(epochs)) if i % step == 0 or i == len(epochs) - 1]
    return [{name: _short(values[i]) for name, values in columns.items() if np.isfinite(values[i])} for i in kept]


def _short(value: float) -> float:
    """Four digits, and no point where there is nothing after it."""
    found = float(f"{value:.4g}")
    return int(found) if found.is_integer() else found


@lru_cache(maxsize=8)
def _form(dev: str, few: bool) -> dict[str, Any]:
    """Without anything transparent: vl-convert gives a PDF with it other bytes each time."""
    whole = "datum.value % 1 ? '' : datum.label"  # with few epochs there are ticks between them
    epochs = alt.Axis(title="epoch", format="d", tickMinStep=1, labelExpr=whole, grid=False)
    sides = [("loss", "training loss, solid", BLUE, [1, 0], "circle", 0)]
    sides += [("dev", f"{dev}, dashed", VERMILLION, [6, 3], "square", _BESIDE if few else 0)] if dev else []
    of_sides = []
    for name, title, colour, dash, shape, shift in sides:
        scale = alt.Scale(zero=False)
        axis = alt.Axis(tickCount=5, grid=name == "loss")
        low, high = (alt.Y(f"{name}_{end}:Q", title=title, scale=scale) for end in ("low", "high"))
        chart = alt.Chart()
        if few:
            spread = [chart.mark_rule(color=colour, xOffset=shift, aria=False).encode(y=low, y2=f"{name}_high:Q")]
        else:
            edge = chart.mark_line(color=colour, strokeDash=dash, strokeWidth=0.75, aria=False)
            spread = [edge.encode(y=low), edge.encode(y=high)]
        point = alt.OverlayMarkDef(color=colour, shape=shape, size=50, xOffset=shift)
        line = chart.mark_line(color=colour, strokeDash=dash, xOffset=shift, point=point if few else False)
        shown = ["epoch:Q", "runs:Q", alt.Tooltip(f"{name}:Q", title=title.partition(",")[0])]
        mean = line.encode(y=alt.Y(f"{name}:Q", title=title, scale=scale, axis=axis), tooltip=shown)
        of_sides.append(alt.layer(*spread, mean))
    x = alt.X("epoch:Q", scale=alt.Scale(zero=False, nice=False, padding=12), axis=epochs)
    return form(alt.layer(*of_sides).encode(x=x).resolve_scale(y="independent").properties(height=_HEIGHT))
