"""The protocol ladder: the same rows from random folds to speakers and texts apart, and what each step gains."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from ser.figures.figure import Figure
from ser.figures.forest import Line, forest
from ser.figures.spec import WORDS, interval
from ser.figures.words import Own, axis_of, kinds_of
from ser.plan.groups import Plan
from ser.results.lines import Line as TableLine


def figures(plan: Plan, lines: Sequence[TableLine]) -> Iterator[Figure]:
    """Of each ladder a figure of its steps' values and one of the gains, from the lines of
    results/protocol_ladder.csv.
    """
    own = Own(plan)
    shown = [line for line in lines if line["value"] and own.is_main(line)]
    shown = sorted(shown, key=lambda line: (line["experiment"], line["ladder"]))
    for (experiment, ladder), found in groupby(shown, key=lambda line: (line["experiment"], line["ladder"])):
        of_ladder = list(found)
        kinds = kinds_of(line["row"] for line in of_ladder)
        metrics = list(dict.fromkeys(line["metric"] for line in of_ladder))
        groups = tuple(dict.fromkeys(group for line in of_ladder for group in own.groups(line)))
        steps: dict[str, dict[str, TableLine]] = {}
        gains: dict[str, dict[str, TableLine]] = {}
        for line in of_ladder:
            steps.setdefault(line["title"], {})[line["row"]] = line
            if line["gain"]:
                label = f"{line['gains_by']} ({line['step']} minus {line['against']})"
                gains.setdefault(label, {})[line["row"]] = line
        for name, what, rows, columns in (
            ("steps", "under each protocol", steps, ("value", "ci_low", "ci_high")),
            ("gains", "gained by each step", gains, ("gain", "gain_ci_low", "gain_ci_high")),
        ):
            if rows:
                title = f"Protocol ladder on {ladder}: {metrics[0]} {what}"
                forest_lines = [
                    Line(label, [[{"kind": row, **interval(line, *columns)}] for row, line in of_label.items()])
                    for label, of_label in rows.items()
                ]
                axis = f"{'gain, ' if name == 'gains' else ''}{axis_of(metrics)}"
                yield Figure(
                    name=f"ladder-{experiment}-{ladder}-{name}",
                    section="ladder",
                    title=title,
                    caption=(
                        f"{metrics[0]} of {', '.join(kind.name for kind in kinds)} on the same utterances of "
                        f"{ladder}, {what}: from folds that publications use to speakers and texts apart. Lines are "
                        f"95 % intervals for other speakers. {WORDS[plan.scale]}"
                    ),
                    spec=forest(plan.scale, title, forest_lines, kinds, axis, zero=name == "gains"),
                    groups=groups,
                )
