"""The frame of every figure's specification: its form, which Altair checks and which is kept, and what fills it.

To build and check a form takes longer than to fill it, and hundreds of figures have the same.
"""

from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import Any

import altair as alt

SYNTHETIC = "demo: synthetic speech"
WORDS = {
    "demo": "Scale demo: synthetic speech and tiny random encoders; it says nothing about a paper.",
    "free": "Scale free: corpora that anyone can download, or one's own; no answer to a paper's claim.",
    "paper": "Scale paper: the licensed corpora and the published checkpoints.",
}
_TITLE_WIDTH = 44  # characters, which fit on a phone

Rows = Sequence[Mapping[str, Any]]


def form(chart: alt.Chart | alt.LayerChart | alt.FacetChart) -> dict[str, Any]:
    """The specification of a chart as wide as what holds it; its look is `theme.config`, its data come with `drawn`.

    Raises altair's SchemaValidationError for what is not Vega-Lite.
    """
    found: dict[str, Any] = _without_data(chart.properties(width="container").to_dict())
    return {key: value for key, value in found.items() if key not in ("config", "datasets")}


def _without_data(of: Any) -> Any:
    """A specification whose layers take the data of the whole; Altair gives each an empty one of its own."""
    if isinstance(of, list):
        return [_without_data(each) for each in of]
    if isinstance(of, dict):
        return {key: _without_data(each) for key, each in of.items() if key != "data"}
    return of


def drawn(form: Mapping[str, Any], scale: str, title: str, rows: Rows, height: int | None = None) -> dict[str, Any]:
    """A form with data, a title, and at scale demo what must not be overlooked; `height` in pixels."""
    mark = {"subtitle": SYNTHETIC} if scale == "demo" else {}
    own = {} if height is None else {"height": height}
    return {
        **form,
        **own,
        "title": {"text": wrap(title.replace("/", " / "), _TITLE_WIDTH), **mark},
        "data": {"values": list(rows)},
    }


def interval(line: Mapping[str, str], value: str, low: str = "ci_low", high: str = "ci_high") -> dict[str, float]:
    """`x`, `low` and `high` of a datum, from these columns of a line of results; without those that are empty."""
    columns = {"x": value, "low": low, "high": high}
    return {name: float(line[column]) for name, column in columns.items() if line[column]}
