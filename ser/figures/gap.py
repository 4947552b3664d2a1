"""The honest gap in its parts: what choosing the epoch on test gains, and what runs of their own gain."""

from collections.abc import Iterator, Sequence

from ser.figures.figure import Figure
from ser.figures.forest import Kind, Line, forest
from ser.figures.spec import WORDS, interval
from ser.figures.theme import BLUE, GREEN, GREY, VERMILLION
from ser.figures.words import Own, axis_of, in_figures
from ser.plan.groups import Plan
from ser.results.lines import Line as TableLine
from ser.results.lines import part_of

KINDS = {
    "choosing_on_test": Kind("the epoch alone: the clean runs at another epoch", BLUE, "circle"),
    "split_half": Kind("the same, halves of test choosing for each other", GREY, "diamond"),
    "training_on_dev": Kind("training on dev as well: the rest of both", GREEN, "triangle-up"),
    "both": Kind("both: test_selected minus clean, between runs", VERMILLION, "square"),
}


def figures(plan: Plan, lines: Sequence[TableLine]) -> Iterator[Figure]:
    """Of each experiment, from the lines of results/honest_gap.csv: the gaps of UA, or of the mean CCC, in the
    protocol's own averaging.
    """
    own = Own(plan)
    shown = [line for line in lines if line["gap"] and own.is_main(line) and line["aggregation"] == own.averaging(line)]
    for experiment, words, found in in_figures(shown):
        paper, metrics = plan.experiments[experiment]["title"], list(dict.fromkeys(line["metric"] for line in found))
        title = f"{paper}: the honest gap{words and f', {words}'}"
        yield Figure(
            name="-".join(["gap", experiment, *words.split()]),
            section="gap",
            title=title,
            caption=(
                f"{paper}: what is gained in {' and '.join(metrics)} when the epoch is chosen on the test part: by the "
                "choice alone (circles, by construction hardly below 0; what is above the diamond is at most luck), "
                "and between runs under the two rules, where there are both (squares; triangles: what the dev part "
                f"gains as training data). Lines are 95 % intervals for other speakers. {WORDS[plan.scale]}"
            ),
            spec=forest(plan.scale, title, list(_lines(found)), [*KINDS.values()], f"gain, {axis_of(metrics)}", True),
            groups=tuple(dict.fromkeys(group for line in found for group in own.groups(line))),
        )


def _lines(found: Sequence[TableLine]) -> Iterator[Line]:
    several = len({(line["protocol"], line["folds"]) for line in found}) > 1
    by_label: dict[str, dict[str, TableLine]] = {}
    for line in found:
        where = [line["protocol"], part_of(line)] if several else []
        by_label.setdefault(" · ".join(filter(None, [line["row"], *where])), {})[line["gap_kind"]] = line
    for label, kinds in by_label.items():
        heights = []
        for kind in (kind for kind in KINDS if kind in kinds):
            line = kinds[kind]
            heights.append([{"kind": KINDS[kind].name, **interval(line, "gap")}])
            if line["split_half"]:
                half = round(float(line["split_half"]) - float(line["clean"]), 4)
                heights[-1].append({"kind": KINDS["split_half"].name, "x": half})
        yield Line(label, heights)
