"""Confusion matrices: counts and row shares of a group, over all its folds and seeds."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ser.figures.cells import cells
from ser.figures.figure import Figure
from ser.figures.spec import WORDS
from ser.figures.words import file_name
from ser.plan.groups import Group, Plan

_STEP = 40  # pixels


def figures(plan: Plan, group: Group, evaluation: Mapping[str, Any]) -> Iterator[Figure]:
    """A figure for each reported part with classes; none for attributes."""
    labels = evaluation["labels"]
    for part, seeds in evaluation["confusion"].items():
        matrix = np.sum([*seeds.values()], axis=0)
        rows = [
            {"reference": reference, "predicted": predicted, "n": int(count)}
            for reference, counts in zip(labels, matrix, strict=True)
            for predicted, count in zip(labels, counts, strict=True)
        ]
        of = f"{group.name}{part and f' {part}'}"
        title = f"Confusion, {of}"
        yield Figure(
            name=file_name("confusion", group, part),
            section="confusion",
            title=title,
            caption=(
                f"{of}: tested utterances by reference (rows) and prediction (columns), over "
                f"{len(seeds)} {'seed' if len(seeds) == 1 else 'seeds'} and all folds; each cell has the count and its "
                f"share of the row. {WORDS[plan.scale]}"
            ),
            spec=cells(
                plan.scale, title, rows, ("predicted", "reference"), ("predicted", "reference"), of_row=True, step=_STEP
            ),
            groups=(group.name,),
        )
