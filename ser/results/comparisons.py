"""Comparisons of rows: differences within a protocol, with intervals, and tests that hold for all of them together."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from ser.evaluations.evaluate import data_hash, mean_values, metrics_of
from ser.evaluations.gather import Gathered, GatheredPart, gather
from ser.evaluations.intervals import Clusters, Interval, Metrics, Sums, intervals
from ser.evaluations.names import metric_names, rounded
from ser.evaluations.swaps import FEWEST_CLUSTERS, MOST_EXACT, exchanged, exchanges, p_values, t_p_values
from ser.plan.families import families
from ser.plan.groups import Group, Plan
from ser.plan.made_from import MadeFrom
from ser.plan.places import Places
from ser.results.table import described
from ser.splits.split import Split, read_split

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
    "ci_low",
    "ci_high",
    "ci_method",
    "n_clusters",
    "ci_df",
    "test",
    "p",
    "family",
    "p_family",
    "n_seeds",
    "n_folds",
    "n_utterances",
    "n_speakers",
    "aggregation",
    "scale",
    "protocol_hash",
    "data_hash",
    "code_version",
    "code_version_against",
    "status",
    "note",
]
Seeds = Sequence[Sequence[Sums]]
Numbers = tuple[tuple[Mapping[str, float], Mapping[str, float]], Mapping[str, Interval]]  # values; intervals
P = dict[int, tuple[float, float]]  # comparison -> p, alone and over the family


@dataclass(frozen=True)
class Side:
    """A row's runs."""

    splits: list[Split]
    gathered: Gathered
    is_deterministic: bool

    def seeds(self, part: str, aggregation: str, among: Sequence[int]) -> Seeds:
        """The folds of those of its seeds that are `among` these; a deterministic row's one seed stands for all."""
        of_seeds = self.gathered.parts[part].aggregations[aggregation][""]
        if self.is_deterministic:
            return of_seeds[:1]
        return [folds for seed, folds in zip(self.gathered.seeds, of_seeds, strict=True) if seed in among]


@dataclass(frozen=True)
class Compared:
    """Two rows' numbers of one part, metric by metric."""

    part: GatheredPart
    metrics: Metrics
    first: Seeds
    second: Seeds

    @property
    def intervals(self) -> dict[str, Interval]:
        """Metric -> interval of the difference."""
        return intervals(self.metrics, self.first, self.part.clusters, minus=self.second)

    @property
    def values(self) -> tuple[dict[str, float], dict[str, float]]:
        """Metric -> value, of both."""
        first, second = (mean_values(self.metrics, seeds, self.part.clusters) for seeds in (self.first, self.second))
        return first, second


def comparison_lines(plan: Plan, places: Places, made_from: MadeFrom) -> Iterator[dict[str, Any]]:
    """A line per comparison, part and metric of the labels, in the protocol's averaging, from the files in `places`.

    Raises InputError as `gather` does.
    """
    for family in families(plan):
        sides = {group.name: _side(plan, group, places, made_from) for group in family.groups}
        protocol = family.comparisons[0][0].protocol
        for part in protocol.reported:
            found = [_compared(sides, part, *comparison) for comparison in family.comparisons]
            computed = {number: of for number, of in enumerate(found) if isinstance(of, Compared)}
            numbers = {number: (of.values, of.intervals) for number, of in computed.items()}
            tests = _tests(computed, numbers)
            for (number, comparison), metric in product(enumerate(family.comparisons), metric_names(protocol)):
                line = _described(plan, *comparison, part, metric)
                if number in computed:
                    values, of_metrics = numbers[number]
                    line |= _columns(metric, computed[number], values, of_metrics[metric])
                    line |= _tested(metric, number, tests, computed[number].part.clusters)
                    line |= _facts([sides[group.name] for group in comparison])
                else:
                    line["note"] = found[number]
                yield line


def _side(plan: Plan, group: Group, places: Places, made_from: MadeFrom) -> Side:
    splits = [read_split(places.split(name)) for name in group.splits]
    folders = [Path(places.run(group.name, *run)) for run in group.runs]
    row = plan.experiments[group.experiment]["rows"][group.row]
    return Side(splits, gather(splits, folders, made_from.seeds(group)), row.get("deterministic", False))


def _compared(sides: Mapping[str, Side], part: str, *groups: Group) -> Compared | str:
    """What is compared, or why nothing is."""
    if missing := next((group for group in groups if group.skipped), None):
        return f"{missing.row} is skipped: {missing.skipped}"
    first, second = (sides[group.name] for group in groups)
    random = [side.gathered.seeds for side in (first, second) if not side.is_deterministic]
    common = sorted(set.intersection(*map(set, random))) if random else first.gathered.seeds[:1]
    found, aggregation = first.gathered.parts[part], groups[0].protocol.aggregation
    if not common:
        return "the rows have no seed in common"
    if random and found.clusters.is_crossed and len(common) < 2:
        return "one seed: another training of the same row may differ as much"
    seeds = [side.seeds(part, aggregation, common) for side in (first, second)]
    return Compared(found, metrics_of(first.splits[0]), *seeds)


def _tests(computed: Mapping[int, Compared], numbers: Mapping[int, Numbers]) -> dict[str, P]:
    """Metric -> comparison -> p, alone and over the family; nothing where there are too few clusters for any."""
    clusters = next((of.part.clusters for of in computed.values()), None)
    if clusters is None or _why_no_test(clusters):
        return {}
    differences: dict[str, dict[int, Any]] = {}
    swaps = exchanges(len(clusters)) if not clusters.is_crossed else None
    for number, of in computed.items():
        (values, others), of_metrics = numbers[number]
        exchanged_of = exchanged(of.metrics, of.first, of.second, of.part.clusters, swaps) if swaps is not None else {}
        for metric, interval in of_metrics.items():
            if interval.error is not None:
                with_error = (values[metric] - others[metric], interval.error, interval.freedom)
                differences.setdefault(metric, {})[number] = exchanged_of.get(metric, with_error)
    p_of = t_p_values if clusters.is_crossed else p_values
    return {metric: p_of(of_metric) for metric, of_metric in differences.items()}


def _why_no_test(clusters: Clusters) -> str:
    if clusters.is_crossed or len(clusters) >= FEWEST_CLUSTERS:
        return ""
    return f"no test: exchanges of {len(clusters)} {clusters.kind}s have no p below {2 / 2 ** len(clusters):.2g}"


def _described(plan: Plan, group: Group, other: Group, part: str, metric: str) -> dict[str, Any]:
    """A line's columns that need no number; its status is that of a comparison which is not computed."""
    line = described(plan, group, part, metric, group.protocol.aggregation)
    line |= {"against": other.row, "protocol": group.protocol_name, "selection": group.selection}
    line |= {"protocol_hash": group.protocol.digest(group.selection), "status": "skipped"}
    return {key: line.get(key, "") for key in COLUMNS}


def _columns(metric: str, of: Compared, values: Sequence[Mapping[str, float]], interval: Interval) -> dict[str, Any]:
    first, second = (of_side[metric] for of_side in values)
    return {
        "value": rounded(first, metric),
        "value_against": rounded(second, metric),
        "difference": rounded(first - second, metric),
        "ci_low": rounded(interval.low, metric),
        "ci_high": rounded(interval.high, metric),
        "ci_method": interval.method,
        "n_clusters": interval.n_clusters,
        "ci_df": "" if interval.freedom is None else f"{interval.freedom:.3g}",
        **of.part.counts,
        "n_seeds": max(len(of.first), len(of.second)),
        "status": "ok",
        "note": interval.reason,
    }


def _tested(metric: str, number: int, tests: Mapping[str, P], clusters: Clusters) -> dict[str, Any]:
    if not (p := tests.get(metric, {}).get(number)):
        return {"note": _why_no_test(clusters)} if not tests else {}
    n = len(exchanges(len(clusters)))
    of_exchanges = f"{'all' if len(clusters) <= MOST_EXACT else ''} {n} exchanges of {clusters.kind}s".strip()
    test = "t" if clusters.is_crossed else of_exchanges
    return {"test": test, "p": f"{p[0]:.4f}", "family": len(tests[metric]), "p_family": f"{p[1]:.4f}"}


def _facts(sides: Sequence[Side]) -> dict[str, Any]:
    """What two sides were computed from."""
    versions = [side.gathered.facts["code_version"] for side in sides]
    hashes = {"data_hash": data_hash(sides[0].splits)}
    return hashes | dict(zip(("code_version", "code_version_against"), versions, strict=True))
