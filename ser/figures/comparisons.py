"""Comparisons of rows: the differences of a family, and which of them hold for all of it together."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from ser.figures.figure import Figure
from ser.figures.forest import Kind, Line, forest
from ser.figures.spec import WORDS, interval
from ser.figures.theme import BLUE, GREY, VERMILLION
from ser.figures.words import Own, axis_of
from ser.plan.groups import Plan
from ser.results.lines import Line as TableLine
from ser.results.lines import part_of

LEVEL = 0.05
DIFFERS = Kind(f"p of the family below {LEVEL}", VERMILLION, "circle")
MAY_NOT = Kind(f"p of the family {LEVEL} or more", BLUE, "square")
UNTESTED = Kind("no test", GREY, "diamond")


def figures(plan: Plan, lines: Sequence[TableLine]) -> Iterator[Figure]:
    """A figure for each family that has differences, of UA or the mean CCC, from the lines of
    results/comparisons.csv.
    """
    own = Own(plan)
    shown = [line for line in lines if line["difference"] and own.is_main(line)]
    for (experiment, protocol, selection, part), found in groupby(shown, key=_family):
        of_family = list(found)
        metric, tests = of_family[0]["metric"], list(dict.fromkeys(filter(None, (line["test"] for line in of_family))))
        of = "/".join([experiment, protocol, selection]) + (f" {part}" if part else "")
        title = f"Differences in {metric}, {of}"
        rows = [Line(f"{line['row']} minus {line['against']}{_p(line)}", [[_value(line)]]) for line in of_family]
        tested = (
            f"p is over all {of_family[0]['family']} comparisons of the family ({', '.join(tests)})"
            if tests
            else "there is no test of so few speakers, sessions or seeds"
        )
        yield Figure(
            name="-".join(["comparisons", experiment, protocol, selection, *filter(None, [part])]),
            section="comparisons",
            title=title,
            caption=(
                f"{of}: by how much {metric} of two rows differs, with 95 % intervals for other speakers, each alone; "
                f"{tested}. {WORDS[plan.scale]}"
            ),
            spec=forest(
                plan.scale, title, rows, (DIFFERS, MAY_NOT, UNTESTED), f"difference, {axis_of([metric])}", zero=True
            ),
            groups=tuple(
                dict.fromkeys(
                    f"{experiment}/{line[side]}/{protocol}/{selection}"
                    for line in of_family
                    for side in ("row", "against")
                )
            ),
        )


def _family(line: TableLine) -> tuple[str, str, str, str]:
    return line["experiment"], line["protocol"], line["selection"], part_of(line)


def _value(line: TableLine) -> dict[str, object]:
    p = line["p_family"]
    kind = UNTESTED if not p else DIFFERS if p.startswith("<") or float(p) < LEVEL else MAY_NOT
    return {"kind": kind.name, **interval(line, "difference")}


def _p(line: TableLine) -> str:
    p = line["p_family"]
    return f" · p {p}" if p.startswith("<") else f" · p = {p}" if p else ""
