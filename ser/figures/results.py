"""All figures of the results, in the order of the report's sections."""

from collections.abc import Iterator
from pathlib import Path

from ser.figures import claims, comparisons, confusion, counts, curves, gap, ladder, speakers
from ser.figures.figure import Figure
from ser.plan.groups import Plan
from ser.plan.made_from import MadeFrom
from ser.plan.places import COMPARISONS, HONEST_GAP, PROTOCOL_LADDER, TABLE, Places
from ser.results.lines import read_lines
from ser.results.sides import load_group
from ser.sealed import described_file, read_sealed

SECTIONS = ("claims", "gap", "ladder", "comparisons", "confusion", "curves", "speakers", "counts")


def figures(plan: Plan, places: Places, made_from: MadeFrom) -> list[Figure]:
    """The figures of a built project, of `results/` and the files in `places`; they are drawn with `theme.config`.

    Raises InputError for files of results, evaluations, runs and splits that are not as they were written.
    """
    found = [
        *claims.figures(plan, read_lines(Path(TABLE))),
        *gap.figures(plan, read_lines(Path(HONEST_GAP))),
        *ladder.figures(plan, read_lines(Path(PROTOCOL_LADDER))),
        *comparisons.figures(plan, read_lines(Path(COMPARISONS))),
        *_of_groups(plan, places, made_from),
        *counts.figures(plan, places),
    ]
    return sorted(found, key=lambda figure: SECTIONS.index(figure.section))


def _of_groups(plan: Plan, places: Places, made_from: MadeFrom) -> Iterator[Figure]:
    for group in plan.live:
        evaluation = read_sealed(Path(places.evaluation(group.name)))
        yield from confusion.figures(plan, group, evaluation)
        runs = [Path(places.metrics(group.name, *run)) for run in group.runs]
        yield from curves.figures(plan, group, [described_file(run, read_sealed(run), "history.csv") for run in runs])
        loaded = load_group(group, places, made_from)
        yield from speakers.figures(plan, group, evaluation, loaded.splits[0], loaded.gathered())
