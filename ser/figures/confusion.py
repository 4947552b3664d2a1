"""Confusion matrices: counts and row shares of a group, over all its folds and seeds."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import altair as alt
import numpy as np

from ser.figures.figure import Figure
from ser.figures.spec import WORDS, drawn, form
from ser.figures.theme import BLUE
from ser.plan.groups import Group, Plan

_CELL = 40  # pixels


def figures(plan: Plan, group: Group, evaluation: Mapping[str, Any]) -> Iterator[Figure]:
    """A figure for each reported part with classes; none for attributes."""
    labels = evaluation["labels"]
    for part, seeds in evaluation["confusion"].items():
        matrix = np.sum([seeds[seed] for seed in seeds], axis=0)
        rows = [
            {"reference": reference, "predicted": predicted, "n": int(count)}
            for reference, counts in zip(labels, matrix, strict=True)
            for predicted, count in zip(labels, counts, strict=True)
        ]
        of = f"{group.name}{part and f' {part}'}"
        title = f"Confusion, {of}"
        yield Figure(
            name="-".join(["confusion", *group.name.split("/"), *filter(None, [part])]),
            section="confusion",
            title=title,
            caption=(
                f"{of}: tested utterances by reference (rows) and prediction (columns), over "
                f"{len(seeds)} {'seed' if len(seeds) == 1 else 'seeds'} and all folds; each cell has the count and its "
                f"share of the row. {WORDS[plan.scale]}"
            ),
            spec=drawn(_form(), plan.scale, title, rows, _CELL * len(labels)),
            groups=(group.name,),
        )


@lru_cache(maxsize=1)
def _form() -> dict[str, Any]:
    shared = (
        alt.Chart()
        .encode(
            x=alt.X("predicted:N", sort=None, axis=alt.Axis(labelAngle=-40, title="predicted")),
            y=alt.Y("reference:N", sort=None, axis=alt.Axis(title="reference")),
        )
    )  # fmt: skip
    ramp = alt.Scale(domain=[0, 1], range=["#ffffff", BLUE], interpolate="rgb")
    cells = shared.mark_rect(stroke="#b0b0b0", strokeWidth=0.5).encode(
        color=alt.Color("share:Q", scale=ramp, legend=None),
        tooltip=[
            "reference:N",
            "predicted:N",
            alt.Tooltip("n:Q", title="utterances"),
            alt.Tooltip("share:Q", format=".1%"),
        ],
    )
    texts = shared.mark_text(lineBreak="\n", baseline="middle", dy=-6).encode(
        text="text:N", color=alt.condition("datum.share > 0.55", alt.value("#ffffff"), alt.value("#1a1a1a"))
    )
    chart = (
        alt.layer(cells, texts)
        .transform_joinaggregate(total="sum(n)", groupby=["reference"])
        .transform_calculate(
            share="datum.total ? datum.n / datum.total : 0",
            text="datum.n + '\\n' + format(datum.share, '.0%')",
        )
    )
    return form(chart)
