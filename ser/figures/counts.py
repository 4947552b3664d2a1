"""What protocols train, develop and test on: utterances per class in each fold and part."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ser.figures.cells import cells
from ser.figures.figure import Figure
from ser.figures.spec import WORDS
from ser.plan.groups import Group, Plan
from ser.plan.places import Places
from ser.sealed import read_sealed

_STEP = 20  # pixels


def figures(plan: Plan, places: Places) -> Iterator[Figure]:
    """A figure for each protocol, under `clean` if it has runs under it, and of the first seed where each draws its own
    dev part. Raises InputError for a split that is not as it was written.
    """
    protocols: dict[tuple[str, str], list[Group]] = {}
    for group in plan.live:
        protocols.setdefault((group.experiment, group.protocol_name), []).append(group)
    for (experiment, protocol), groups in protocols.items():
        group = min(groups, key=lambda group: group.selection != "clean")
        split, seed = next(iter(group.splits.items()))
        facts = read_sealed(Path(places.split(split)))
        of = f"{experiment}/{protocol}"
        title = f"Utterances, {of} ({facts['corpus']})"
        what = "class" if "classes" in facts["counts"][0]["train"] else "part"
        yield Figure(
            name=f"counts-{experiment}-{protocol}",
            section="counts",
            title=title,
            caption=(
                f"{of}: utterances of {facts['corpus']} per {what}, under selection {group.selection}"
                f"{'' if seed is None else f' with seed {seed}'}; a line for each fold and part. "
                f"{_left_out(facts)}{WORDS[plan.scale]}"
            ),
            spec=cells(
                plan.scale,
                title,
                list(_rows(facts)),
                ("class", "part"),
                ("", "fold and part"),
                of_row=False,
                step=_STEP,
            ),
            groups=tuple(group.name for group in groups),
        )


def _rows(facts: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    several = len(facts["counts"]) > 1
    for fold in facts["counts"]:
        for part in ("train", "dev", "test"):
            yield from _cells(f"{fold['fold']} {part}" if several else part, fold[part], facts["labels"])
    for part, counts in facts["counts_reported"].items():
        if several or part not in ("dev", "test"):
            yield from _cells(f"scored: {part}", counts, facts["labels"])


def _cells(part: str, counts: Mapping[str, Any], labels: Sequence[str]) -> Iterator[dict[str, Any]]:
    classes = counts.get("classes")
    for label in labels if classes else ["utterances"]:
        yield {"part": part, "class": label, "n": classes[label] if classes else counts["utterances"]}


def _left_out(facts: Mapping[str, Any]) -> str:
    number = sum(facts["left_out"].values())
    return f"{number} utterances of the corpus are in no part. " if number else ""
