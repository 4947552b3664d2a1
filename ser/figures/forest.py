"""The form that most figures have: lines below each other, each with a label above and values with intervals.

Labels stand above the values, not beside them, so that a phone's width is left for the values.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import altair as alt

from ser.figures.spec import Rows, drawn, form

_LABEL, _FIRST, _NEXT, _BELOW = 2, 24, 14, 10  # pixels: where a label begins, its first value is, how far on others are


@dataclass(frozen=True)
class Kind:
    """One kind of value: its words in the legend, and how it is drawn."""

    name: str
    colour: str
    shape: str


@dataclass(frozen=True)
class Line:
    """A label and its values; a value is a mapping with `kind`, `x`, and where it has them `low`, `high` and more."""

    label: str
    values: Rows


def forest(
    scale: str,
    title: str,
    lines: Sequence[Line],
    kinds: Sequence[Kind],
    axis: str,
    zero: bool = False,
    more: Sequence[str] = (),
    same_height: bool = False,
) -> dict[str, Any]:
    """The specification of a forest plot; `kinds` are the known ones, of which the legend has those that occur.

    `axis` is the title of the axis of values, `zero` marks its 0, `more` names further fields for the tooltip.
    `same_height`: the values of a line are drawn over each other, not below each other.
    """
    occurring = {value["kind"] for line in lines for value in line.values}
    rows: list[dict[str, Any]] = []
    top = 0
    for line in lines:
        rows.append({"y": top + _LABEL, "label": line.label})
        for place, value in enumerate(line.values):
            rows.append({"y": top + _FIRST + (0 if same_height else place * _NEXT), **value})
        top = int(rows[-1]["y"]) + _BELOW
    made = _form(tuple(kind for kind in kinds if kind.name in occurring), axis, zero, tuple(more))
    return drawn(made, scale, title, rows, top)


@lru_cache(maxsize=64)
def _form(kinds: tuple[Kind, ...], axis: str, zero: bool, more: tuple[str, ...]) -> dict[str, Any]:
    names = [kind.name for kind in kinds]
    x_scale = alt.Scale(zero=False, nice=True)
    x_axis = alt.Axis(title=axis, tickCount=5)
    y = alt.Y("y:Q", scale=None, axis=None)
    legend = alt.Legend(title=None) if len(names) > 1 else None
    colour = alt.Color("kind:N", scale=alt.Scale(domain=names, range=[kind.colour for kind in kinds]), legend=legend)
    shape = alt.Shape("kind:N", scale=alt.Scale(domain=names, range=[kind.shape for kind in kinds]), legend=legend)
    x = alt.X("x:Q", scale=x_scale, axis=x_axis)
    shown = [alt.Tooltip(f"{name}:N") for name in ("of", "kind")]
    shown += [alt.Tooltip("x:Q", title="value"), alt.Tooltip("low:Q"), alt.Tooltip("high:Q")]
    shown += [alt.Tooltip(f"{name}:N") for name in more]
    has = "isValid(datum.x)"
    layers = [
        alt.Chart().transform_filter("isValid(datum.low)").mark_rule(strokeWidth=2)
        .encode(x=alt.X("low:Q", scale=x_scale, axis=x_axis), x2="high:Q", y=y),
        alt.Chart().transform_filter(has).mark_point().encode(x=x, y=y, color=colour, shape=shape, tooltip=shown),
        alt.Chart().transform_filter("isValid(datum.label)").mark_text(align="left", baseline="top", limit=360)
        .encode(x=alt.value(0), y=y, text="label:N"),
    ]  # fmt: skip
    if zero:
        rule = alt.Chart().mark_rule(strokeDash=[4, 3]).encode(x=alt.datum(0, type="quantitative", scale=x_scale))
        layers.insert(0, rule)
    return form(alt.layer(*layers))
