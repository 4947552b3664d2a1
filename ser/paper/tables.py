"""The tables that a paper prints, as words: latex.py and markdown.py write them."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from ser.evaluations.names import metric_names, unit_of
from ser.figures.spec import WORDS
from ser.figures.words import Own, main_metric
from ser.plan.groups import Plan
from ser.results.lines import Line, part_of, protocol_of

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class Column:
    """`long`: text that may be broken; `word`: text; `number`."""

    title: str
    kind: Literal["long", "word", "number"]


@dataclass(frozen=True)
class Table:
    """`name` is a file name; the `caption` stands alone; `notes` stand below the rows."""

    name: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


def tables(
    plan: Plan, table: Sequence[Line], gaps: Sequence[Line], steps: Sequence[Line], comparisons: Sequence[Line]
) -> list[Table]:
    """From the lines of the files of results: claims, values of each protocol, gaps, ladders, comparisons. But for
    claims, what has no value is not in them.
    """
    return [
        *_claims(plan, table),
        *_protocols(plan, table),
        *_gaps(plan, gaps),
        *_ladders(plan, steps),
        *_comparisons(plan, comparisons),
    ]


def _claims(plan: Plan, lines: Sequence[Line]) -> Iterator[Table]:
    for (experiment,), found in _by([line for line in lines if line["claim"]], lambda line: (line["experiment"],)):
        sources = list(dict.fromkeys(line["claim_source"] for line in found))
        several = len({line["verdict"] for line in found}) > 1
        verdict = [] if several else [f"The verdict on each is: {found[0]['verdict']}."]
        yield _table(
            plan,
            f"claims-{experiment}",
            f"{_paper(plan, experiment)}: claims, and values with their 95 % intervals for other speakers.",
            (
                ("Row", "long"),
                ("Protocol", "long"),
                ("Metric", "word"),
                ("Claim", "number"),
                ("Value", "number"),
                ("95 % interval", "number"),
                *((("Verdict", "long"),) if several else ()),
                ("From", "word"),
            ),
            (
                (
                    _title(plan, line),
                    " ".join(filter(None, [protocol_of(line), part_of(line)])),
                    line["metric"],
                    line["claim"],
                    line["value"],
                    _interval(line),
                    *([line["verdict"]] if several else []),
                    f"({sources.index(line['claim_source']) + 1})",
                )
                for line in found
            ),
            [*verdict, *(f"({number}) {source}" for number, source in enumerate(sources, 1))],
        )


def _protocols(plan: Plan, lines: Sequence[Line]) -> Iterator[Table]:
    groups = {group.name: group for group in plan.live}
    own = [
        line
        for line in lines
        if line["value"]
        and line["run_group"] in groups
        and groups[line["run_group"]].protocol.aggregation == line["aggregation"]
    ]
    for (experiment, protocol, part), found in _by(
        own, lambda line: (line["experiment"], protocol_of(line), part_of(line))
    ):
        made = groups[found[0]["run_group"]].protocol
        names = {line["metric"] for line in found}
        metrics = [name for name in metric_names(made) if name in names]
        metrics += sorted(names - {*metrics})
        values = {(line["run_group"], line["metric"]): line for line in found}
        for unit in dict.fromkeys(map(unit_of, metrics)):
            shown = [name for name in metrics if unit_of(name) == unit]
            main = main_metric(made) if main_metric(made) in shown else shown[0]
            rows = []
            for group in dict.fromkeys(line["run_group"] for line in found):
                line = next(line for line in found if line["run_group"] == group)
                of_metrics = [values[group, name]["value"] if (group, name) in values else "" for name in shown]
                interval = _interval(values[group, main]) if (group, main) in values else ""
                rows.append((_title(plan, line), line["selection"], *of_metrics, interval, line["n_seeds"]))
            of = f"{protocol} {part}".strip()
            unit_words = "CCC" if unit == "coefficient" else unit
            regions = "regions" if unit != unit_of(main_metric(made)) else ""
            yield _table(
                plan,
                "-".join(filter(None, ["values", experiment, protocol, part, regions])),
                f"{_paper(plan, experiment)}, protocol {of} ({made.corpus}), {made.aggregation}: values "
                f"({unit_words}), means over seeds, and the 95 % interval of {main} for other speakers.",
                (
                    ("Row", "long"),
                    ("Selection", "long"),
                    *((name.removeprefix("ccc_"), "number") for name in shown),
                    (f"95 % of {main.removeprefix('ccc_')}", "number"),
                    ("Seeds", "number"),
                ),
                rows,
            )


def _gaps(plan: Plan, lines: Sequence[Line]) -> Iterator[Table]:
    own = Own(plan)
    shown = [line for line in lines if line["gap"] and own.is_main(line) and line["aggregation"] == own.averaging(line)]
    for (experiment,), found in _by(shown, lambda line: (line["experiment"],)):
        metrics = " and ".join(dict.fromkeys(line["metric"] for line in found))
        yield _table(
            plan,
            f"honest_gap-{experiment}",
            f"{_paper(plan, experiment)}: what {metrics} gains when the epoch is chosen on the test part, with 95 % "
            "intervals for other speakers. choosing_on_test: the clean runs at another epoch (what is above the value "
            "of halves that choose for each other is at most luck); both: test_selected minus clean; training_on_dev: "
            "the rest of both.",
            (
                ("Row", "long"),
                ("Protocol", "long"),
                ("Gap", "long"),
                ("clean", "number"),
                ("on test", "number"),
                ("halves", "number"),
                ("Gain", "number"),
                ("95 % interval", "number"),
            ),
            (
                (
                    _title(plan, line),
                    " ".join(filter(None, [line["protocol"], part_of(line)])),
                    line["gap_kind"],
                    line["clean"],
                    line["chosen_on_test"] if line["gap_kind"] == "choosing_on_test" else line["test_selected"],
                    line["split_half"],
                    line["gap"],
                    _interval(line),
                )
                for line in found
            ),
        )


def _ladders(plan: Plan, lines: Sequence[Line]) -> Iterator[Table]:
    own = Own(plan)
    shown = [line for line in lines if line["value"] and own.is_main(line)]
    for (experiment, ladder), found in _by(shown, lambda line: (line["experiment"], line["ladder"])):
        yield _table(
            plan,
            f"protocol_ladder-{experiment}-{ladder}",
            f"Protocol ladder on {ladder}: {found[0]['metric']} of the same rows on the same utterances, and what a "
            "step gains over a cleaner one, with 95 % intervals for other speakers.",
            (
                ("Row", "long"),
                ("Step", "word"),
                ("Value", "number"),
                ("95 % interval", "number"),
                ("Over", "word"),
                ("Gain", "number"),
                ("95 % interval", "number"),
            ),
            (
                (
                    _title(plan, line),
                    line["step"],
                    line["value"],
                    _interval(line),
                    line["against"],
                    line["gain"],
                    _interval(line, "gain_"),
                )
                for line in found
            ),
        )


def _comparisons(plan: Plan, lines: Sequence[Line]) -> Iterator[Table]:
    own = Own(plan)
    shown = [line for line in lines if line["difference"] and own.is_main(line)]
    for (experiment, protocol, selection, part), found in _by(
        shown, lambda line: (line["experiment"], line["protocol"], line["selection"], part_of(line))
    ):
        of = " ".join(filter(None, [protocol, part, selection]))
        tests = ", ".join(dict.fromkeys(filter(None, (line["test"] for line in found))))
        yield _table(
            plan,
            "-".join(filter(None, ["comparisons", experiment, protocol, selection, part])),
            f"{_paper(plan, experiment)}, {of}: differences in {found[0]['metric']} with 95 % intervals for other "
            f"speakers; "
            + (f"p over the family of {found[0]['family']} comparisons ({tests})." if tests else "there is no test."),
            (
                ("Row", "long"),
                ("Against", "long"),
                ("Difference", "number"),
                ("95 % interval", "number"),
                ("p (family)", "number"),
            ),
            (
                (
                    _title(plan, line),
                    str(plan.experiments[experiment]["rows"][line["against"]]["title"]),
                    line["difference"],
                    _interval(line),
                    line["p_family"],
                )
                for line in found
            ),
        )


def _table(
    plan: Plan,
    name: str,
    caption: str,
    columns: Sequence[tuple[str, Literal["long", "word", "number"]]],
    rows: Iterable[Sequence[str]],
    notes: Sequence[str] = (),
) -> Table:
    """The first cell of a row is empty where it is that of the row before."""
    made, lines, above = tuple(Column(title, kind) for title, kind in columns), [], ""
    for first, *others in rows:
        lines.append(("" if first == above else first, *others))
        above = first
    return Table(name, f"{caption} {WORDS[plan.scale]}", made, tuple(lines), tuple(notes))


def _by(lines: Sequence[Line], key: Callable[[Line], Key]) -> Iterator[tuple[Key, list[Line]]]:
    """The lines of each key, in the order in which keys first occur."""
    found: dict[Key, list[Line]] = {}
    for line in lines:
        found.setdefault(key(line), []).append(line)
    yield from found.items()


def _paper(plan: Plan, experiment: str) -> str:
    return str(plan.experiments[experiment]["title"])


def _title(plan: Plan, line: Line) -> str:
    return str(plan.experiments[line["experiment"]]["rows"][line["row"]]["title"])


def _interval(line: Line, prefix: str = "") -> str:
    low, high = line[f"{prefix}ci_low"], line[f"{prefix}ci_high"]
    return f"[{low}, {high}]" if low else ""
