"""Comparisons of rows: differences within a protocol, with intervals, and tests that hold for all of them together."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from ser.errors import listed
from ser.evaluations.differences import Difference, Tests
from ser.evaluations.evaluate import data_hash, metrics_of
from ser.evaluations.gather import Gathered
from ser.evaluations.intervals import Seeds
from ser.evaluations.names import metric_names, rounded
from ser.plan.families import families
from ser.plan.groups import Group, Plan
from ser.plan.made_from import MadeFrom
from ser.plan.places import Places
from ser.results.sides import load_group, mixture_of
from ser.results.table import COUNTS, INTERVAL, described, joined, measured, read_report
from ser.splits.split import Split, of_seed

COLUMNS = [
    "experiment",
    "row",
    "against",
    "system",
    "corpus",
    "labels",
    "subset",
    "protocol",
    "folds",
    "selection",
    "metric",
    "value",
    "value_against",
    "difference",
    *INTERVAL,
    "test",
    "p",
    "family",
    "p_family",
    *COUNTS,
    "aggregation",
    "scale",
    "protocol_hash",
    "data_hash",
    "code_version",
    "code_version_against",
    "status",
    "note",
]


@dataclass(frozen=True)
class Side:
    """A row's runs."""

    splits: Sequence[Split]
    gathered: Gathered
    is_deterministic: bool

    def seeds(self, part: str, aggregation: str, among: Sequence[int]) -> Seeds:
        """The folds of those of its seeds that are `among` these; a deterministic row's one seed stands for all."""
        of_seeds = self.gathered.parts[part].aggregations[aggregation][""]
        if self.is_deterministic:
            return of_seeds[:1]
        return [folds for seed, folds in zip(self.gathered.seeds, of_seeds, strict=True) if seed in among]

    def tested(self, among: Sequence[int]) -> list[tuple[str, ...]]:
        """The utterances of each fold and seed; those of a row without randomness are the same for each."""
        splits = [of_seed(self.splits, self.gathered.seeds[0] if self.is_deterministic else seed) for seed in among]
        folds = range(1, splits[0].n_folds + 1)
        return [tuple(split.utterances[row] for row in split.scored(fold)) for split in splits for fold in folds]


def comparison_lines(plan: Plan, places: Places, made_from: MadeFrom) -> Iterator[dict[str, Any]]:
    """A line per comparison, part and metric of the labels, in the protocol's averaging, from the files in `places`.

    Raises InputError as `gather` does.
    """
    for family in families(plan):
        sides = {group.name: _side(plan, group, places, made_from) for group in family.groups}
        protocol = family.comparisons[0][0].protocol
        report = read_report(family.groups[0], places) if family.groups else {}
        for part in protocol.reported:
            found = [_difference(sides, part, *comparison) for comparison in family.comparisons]
            tests = Tests.of({number: of for number, of in enumerate(found) if isinstance(of, Difference)})
            for (number, comparison), metric in product(enumerate(family.comparisons), metric_names(protocol)):
                line, of = _described(plan, *comparison, part, metric), found[number]
                if isinstance(of, Difference):
                    both = [sides[group.name] for group in comparison]
                    columns, notes = _columns(plan, comparison, part, metric, of, both, report)
                    line |= columns | tests.columns(metric, number)
                    line["note"] = joined([*notes, tests.none.get(number, "")])
                else:
                    line["note"] = of
                yield line


def _side(plan: Plan, group: Group, places: Places, made_from: MadeFrom) -> Side:
    loaded, row = load_group(group, places, made_from), plan.experiments[group.experiment]["rows"][group.row]
    return Side(loaded.splits, loaded.gathered(), row.get("deterministic", False))


def _difference(sides: Mapping[str, Side], part: str, *groups: Group) -> Difference | str:
    """What is compared, or why nothing is."""
    if missing := next((group for group in groups if group.skipped), None):
        return f"{missing.row} is skipped: {missing.skipped}"
    first, second = (sides[group.name] for group in groups)
    random, common = _random((first, second)), _common((first, second))
    clusters, aggregation = first.gathered.parts[part].clusters, groups[0].protocol.aggregation
    if not common:
        return "the rows have no seed in common"
    if random and clusters.is_crossed and len(common) < 2:
        shared = " in common" if _differ(random) else ""
        return f"one seed{shared}: another training of the same row may differ as much"
    others = second.gathered.parts[part].clusters
    if first.tested(common) != second.tested(common) or len(clusters.of) != len(others.of):
        return "the rows test other utterances"
    one, other = (side.seeds(part, aggregation, common) for side in (first, second))
    return Difference(metrics_of(first.splits[0]), one, other, clusters, first.splits[0].classes)


def _random(sides: Sequence[Side]) -> list[list[int]]:
    """The seeds of each side that has a use for them."""
    return [side.gathered.seeds for side in sides if not side.is_deterministic]


def _common(sides: Sequence[Side]) -> list[int]:
    """The seeds that both sides have; of two deterministic rows the one that each has."""
    random = _random(sides)
    return sorted(set.intersection(*map(set, random))) if random else sides[0].gathered.seeds[:1]


def _described(plan: Plan, group: Group, other: Group, part: str, metric: str) -> dict[str, Any]:
    """A line's columns that need no number; its status is that of a comparison which is not computed."""
    line = described(plan, group, part, metric, group.protocol.aggregation)
    line |= {"against": other.row, "protocol": group.protocol_name, "selection": group.selection}
    line |= {"protocol_hash": group.protocol.digest(group.selection), "status": "skipped"}
    return {key: line.get(key, "") for key in COLUMNS}


def _columns(
    plan: Plan,
    groups: tuple[Group, Group],
    part: str,
    metric: str,
    of: Difference,
    sides: Sequence[Side],
    report: Mapping[str, Any],
) -> tuple[dict[str, Any], list[str]]:
    """All columns but those of the test, and the notes on both rows."""
    (first, second), interval = (side[metric] for side in of.values), of.intervals[metric]
    numbers = {"value": first - second, "seed_std": None, **interval.facts, "notes": [interval.reason]}
    common = _common(sides)
    numbers |= sides[0].gathered.parts[part].counts | {"n_seeds": of.n_seeds}
    columns, notes = measured(plan, replace(groups[0], seeds=tuple(common)), metric, numbers, report)
    columns |= {"difference": columns.pop("value"), "value": rounded(first, metric)}
    columns |= {"value_against": rounded(second, metric)} | _facts(sides)
    del columns["seed_std"]
    about = [
        *(f"{group.row}: {group.note}" for group in groups if group.note),
        *(
            f"{group.row} trains on the dev part too"
            for group, side in zip(groups, sides, strict=True)
            if side.gathered.trains_on_dev
        ),
        *([f"over seeds {listed(common)}, which both rows have"] if _differ(_random(sides)) else []),
        *mixture_of({group.row: side.gathered for group, side in zip(groups, sides, strict=True)}),
    ]
    return columns, [*about, *notes]


def _differ(seeds: Sequence[Sequence[int]]) -> bool:
    return len({frozenset(of_side) for of_side in seeds}) > 1


def _facts(sides: Sequence[Side]) -> dict[str, Any]:
    """What two sides were computed from."""
    versions = [side.gathered.facts["code_version"] for side in sides]
    hashes = {"data_hash": data_hash(sides[0].splits)}
    return hashes | dict(zip(("code_version", "code_version_against"), versions, strict=True))
