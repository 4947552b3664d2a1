"""Claims against values: a forest plot for each paper."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from ser.evaluations.names import unit_of
from ser.figures.figure import Figure
from ser.figures.forest import Kind, Line, forest
from ser.figures.spec import WORDS, interval
from ser.figures.theme import BLUE, GREEN, GREY, ORANGE, PURPLE, VERMILLION
from ser.figures.words import axis_of
from ser.plan.groups import Plan
from ser.results.lines import Line as TableLine
from ser.results.lines import part_of, protocol_of

CLAIM = Kind("the paper's claim", GREY, "diamond")
VERDICTS = (
    Kind("confirmed", GREEN, "circle"),
    Kind("below", VERMILLION, "triangle-down"),
    Kind("above", ORANGE, "triangle-up"),
    Kind("undecidable", PURPLE, "square"),
    Kind("not comparable", BLUE, "cross"),
)
MOST = 30  # lines of one figure: of more, each metric has its own


def figures(plan: Plan, table: Sequence[TableLine]) -> Iterator[Figure]:
    """Of each experiment whose claims have values, a figure for each unit; `table`: the lines of results/table.csv."""
    claimed = [line for line in table if line["claim"] and line["value"]]
    for experiment, found in groupby(claimed, key=lambda line: line["experiment"]):
        of_paper = list(found)
        for unit in dict.fromkeys(unit_of(line["metric"]) for line in of_paper):
            lines = [line for line in of_paper if unit_of(line["metric"]) == unit]
            metrics = list(dict.fromkeys(line["metric"] for line in lines))
            parts = [[metric] for metric in metrics] if len(lines) > MOST else [metrics]
            for part in parts:
                of_part = [line for line in lines if line["metric"] in part]
                yield _figure(plan, experiment, part, of_part, len(parts) > 1 or unit != unit_of(of_paper[0]["metric"]))


def _figure(plan: Plan, experiment: str, metrics: list[str], lines: Sequence[TableLine], several: bool) -> Figure:
    paper = plan.experiments[experiment]["title"]
    are_same = len({_where(line) for line in lines}) == 1
    rows = [
        Line(
            " · ".join(
                [line["row"], *([line["metric"]] if len(metrics) > 1 else []), *([] if are_same else [_where(line)])]
            ),
            [
                [
                    {"kind": line["verdict"], **interval(line, "value")},
                    {"kind": CLAIM.name, "x": float(line["claim"]), "note": line["claim_source"]},
                ]
            ],
        )
        for line in lines
    ]
    title = f"{paper}: claims and values" + (f", {', '.join(metrics)}" if several else "")
    return Figure(
        name="-".join(["claims", experiment, *(metrics if several else [])]),
        section="claims",
        title=title,
        caption=(
            f"{paper}: what the paper claims (diamonds) and what is computed here (other shapes, by verdict), "
            f"{', '.join(metrics)}. Lines are 95 % intervals of the computed values for other speakers. "
            f"{WORDS[plan.scale]}"
        ),
        spec=forest(plan.scale, title, rows, (*VERDICTS, CLAIM), axis_of(metrics)),
        groups=tuple(dict.fromkeys(line["run_group"] for line in lines)),
    )


def _where(line: TableLine) -> str:
    return " ".join(filter(None, [protocol_of(line), part_of(line)]))
