"""Scores per speaker, and of women and men where the corpus says who is: how unlike the speakers are."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import altair as alt
import numpy as np

from ser.evaluations.evaluate import of_each_speaker
from ser.evaluations.gather import Gathered
from ser.evaluations.names import unit_of
from ser.figures.figure import Figure
from ser.figures.forest import Kind, by_kind
from ser.figures.spec import WORDS, drawn, form
from ser.figures.theme import BLUE, GREEN, GREY, VERMILLION
from ser.figures.words import axis_of, file_name, main_metric
from ser.plan.groups import Group, Plan
from ser.splits.split import Split

ALL = Kind("all", GREEN, "diamond")
GENDERS = {"female": Kind("women", VERMILLION, "triangle-up"), "male": Kind("men", BLUE, "circle")}
UNKNOWN = Kind("not known", GREY, "square")
MOST = 40  # speakers with a line each: of more, they are drawn on one line for each gender
_STEP, _STRIP = 18, 32  # pixels of a line


def figures(
    plan: Plan, group: Group, evaluation: Mapping[str, Any], split: Split, gathered: Gathered
) -> Iterator[Figure]:
    """A figure for each reported part: UA, or the mean CCC, of each speaker; WA where no speaker has all classes."""
    for name, part in gathered.parts.items():
        scores, metric = of_each_speaker(split, part), main_metric(group.protocol)
        if not np.isfinite(scores[metric]).any():
            metric = "WA" if split.are_classes else metric
        defined = np.isfinite(scores[metric])
        if not defined.any():
            continue
        unit, digits = (100, 1) if unit_of(metric) == "per cent" else (1, 3)
        speakers = sorted(
            zip(scores[metric][defined], *_who(part.names, part.genders, defined), strict=True), reverse=True
        )
        each = [
            {"speaker": who, "kind": GENDERS.get(gender, UNKNOWN).name, "x": round(unit * float(value), digits)}
            for value, who, gender in speakers
        ]
        numbers = evaluation["results"][name][group.protocol.aggregation][metric]
        together = [
            {"speaker": f"all: {kind.name}" if kind is not ALL else "all", "kind": kind.name}
            | {field: round(unit * numbers[key], digits) for field, key in keys.items() if _is_known(numbers.get(key))}
            for kind, keys in (
                (ALL, {"x": "value", "low": "ci_low", "high": "ci_high"}),
                (GENDERS["female"], {"x": "women"}),
                (GENDERS["male"], {"x": "men"}),
            )
        ]
        together = [row for row in together if "x" in row]
        many = len(each) > MOST
        if many:
            each = [{"speaker": f"each: {row['kind']}", **{k: row[k] for k in ("kind", "x")}} for row in each]
        of = f"{group.name}{name and f' {name}'}"
        title = f"{metric} of each speaker, {of}"
        yield Figure(
            name=file_name("speakers", group, name),
            section="speakers",
            title=title,
            caption=(
                f"{of}: {metric} of each tested speaker over all folds, the mean over seeds, and above them of all"
                f"{', of women and of men' if len(together) > 1 else ''} ({group.protocol.aggregation}), with the 95 % "
                "interval of all."
                f"{_lacking(int((~defined).sum()), metric)} {WORDS[plan.scale]}"
            ),
            spec=_drawn(plan.scale, title, [*together, *each], metric, many),
            groups=(group.name,),
        )


def _who(names: tuple[str, ...], genders: np.ndarray, which: np.ndarray) -> tuple[list[str], list[str]]:
    return [names[i] for i in np.flatnonzero(which)], [str(genders[i]) for i in np.flatnonzero(which)]


def _is_known(value: float | None) -> bool:
    return value is not None and bool(np.isfinite(value))


def _lacking(number: int, metric: str) -> str:
    who = "One speaker, whose" if number == 1 else f"{number} speakers, whose"
    return f" {who} {metric} is undefined, {'is' if number == 1 else 'are'} not shown." if number else ""


def _drawn(scale: str, title: str, rows: list[dict[str, Any]], metric: str, many: bool) -> dict[str, Any]:
    occurring = {row["kind"] for row in rows}
    kinds = tuple(kind for kind in (ALL, *GENDERS.values(), UNKNOWN) if kind.name in occurring)
    height = (_STRIP if many else _STEP) * len({row["speaker"] for row in rows})
    return drawn(_form(kinds, metric), scale, title, rows, height)


@lru_cache(maxsize=32)
def _form(kinds: tuple[Kind, ...], metric: str) -> dict[str, Any]:
    legend = alt.Legend(title=None, columns=4)
    scale, axis = alt.Scale(zero=False, nice=False, padding=8), alt.Axis(tickCount=5)
    x = alt.X("x:Q", title=axis_of([metric]), scale=scale, axis=axis)
    points = alt.Chart().mark_point().encode(
        x=x,
        **by_kind(kinds, legend),
        tooltip=["speaker:N", "kind:N", alt.Tooltip("x:Q", title=axis_of([metric]))],
    )  # fmt: skip
    low = alt.X("low:Q", title=axis_of([metric]), scale=scale)
    rules = (
        alt.Chart()
        .transform_filter("isValid(datum.low)")
        .mark_rule(strokeWidth=2, aria=False)
        .encode(x=low, x2="high:Q")
    )
    y = alt.Y("speaker:N", sort=None, axis=alt.Axis(title=None, grid=True))
    return form(alt.layer(rules, points).encode(y=y))
