"""The form that most figures have: lines below each other, each with a label above and values with intervals.

Labels stand above the values, not beside them, so that a phone's width is left for the values.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from textwrap import wrap
from typing import Any

import altair as alt

from ser.figures.spec import Rows, drawn, form

_WIDTH = 56  # characters of a label, which fit on a phone
_SHORT = 17  # characters of kinds that stand beside each other in the legend
_LABEL, _FIRST, _NEXT, _BELOW = 2, 24, 14, 10  # pixels: where a label begins, its first value is, how far on others are
# What a pointer, and a screen reader, is told of a value.
_SAYS = (
    "datum.of + ', ' + datum.kind + ': ' + datum.x"
    " + (isValid(datum.low) ? ' (' + datum.low + ' to ' + datum.high + ')' : '')"
    " + (datum.note ? '; ' + datum.note : '')"
)


@dataclass(frozen=True)
class Kind:
    """One kind of value: its words in the legend, and how it is drawn."""

    name: str
    colour: str
    shape: str


@dataclass(frozen=True)
class Line:
    """A label, and below it heights with values: each a mapping with `kind`, `x`, and perhaps `low`, `high`, `note`."""

    label: str
    heights: Sequence[Rows]


def forest(
    scale: str,
    title: str,
    lines: Sequence[Line],
    kinds: Sequence[Kind],
    axis: str,
    zero: bool = False,
) -> dict[str, Any]:
    """The specification of a forest plot; `kinds` are the known ones, of which the legend has those that occur.

    `axis` is the title of the axis of values, `zero` marks its 0.
    """
    occurring = {value["kind"] for line in lines for values in line.heights for value in values}
    rows: list[dict[str, Any]] = []
    top = 0
    for line in lines:
        label = wrap(line.label, _WIDTH)
        rows.append({"y": top + _LABEL, "label": "\n".join(label)})
        top += (len(label) - 1) * _NEXT
        for place, values in enumerate(line.heights):
            rows += [{"y": top + _FIRST + place * _NEXT, "of": line.label, **value} for value in values]
        top += _FIRST + (len(line.heights) - 1) * _NEXT + _BELOW
    made = _form(tuple(kind for kind in kinds if kind.name in occurring), axis, zero)
    return drawn(made, scale, title, rows, top)


def by_kind(kinds: Sequence[Kind], legend: alt.Legend | None) -> dict[str, Any]:
    """The encodings that tell the kinds of values apart, which are the data's `kind`: by colour and by shape."""
    names = [kind.name for kind in kinds]
    colours = alt.Scale(domain=names, range=[kind.colour for kind in kinds])
    shapes = alt.Scale(domain=names, range=[kind.shape for kind in kinds])
    return {
        "color": alt.Color("kind:N", scale=colours, legend=legend),
        "shape": alt.Shape("kind:N", scale=shapes, legend=legend),
    }


@lru_cache(maxsize=64)
def _form(kinds: tuple[Kind, ...], axis: str, zero: bool) -> dict[str, Any]:
    names = [kind.name for kind in kinds]
    x_scale = alt.Scale(zero=False, nice=False, padding=8)
    x_axis = alt.Axis(title=axis, tickCount=5, grid=True)
    y = alt.Y("y:Q", scale=None, axis=None)
    legend = alt.Legend(title=None, columns=1 if max(map(len, names)) > _SHORT else 3) if len(names) > 1 else None
    x = alt.X("x:Q", scale=x_scale, axis=x_axis)
    shown = {"tooltip": alt.Tooltip("says:N"), "description": alt.Description("says:N")}
    layers = [
        alt.Chart().transform_filter("isValid(datum.low)").mark_rule(strokeWidth=2, aria=False)
        .encode(x=alt.X("low:Q", scale=x_scale, axis=x_axis), x2="high:Q", y=y),
        alt.Chart().transform_filter("isValid(datum.x)").transform_calculate(says=_SAYS).mark_point()
        .encode(x=x, y=y, **by_kind(kinds, legend), **shown),
        *(
            alt.Chart().transform_filter("isValid(datum.label)")
            .mark_text(align="left", baseline="top", lineBreak="\n", aria=False, style=style)
            .encode(x=alt.value(0), y=y, text="label:N")
            for style in ("halo", "text")
        ),
    ]  # fmt: skip
    if zero:
        at = alt.XDatum(0, type="quantitative", scale=x_scale, axis=x_axis)
        layers.insert(0, alt.Chart().mark_rule(strokeDash=[4, 3], aria=False).encode(x=at))
    return form(alt.layer(*layers))
