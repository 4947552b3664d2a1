"""Which rows are compared with each other: within a protocol and selection rule of an experiment, each with the paper's
headline row, the experiment's first, or where that is not planned with the first that is; in an experiment that claims
nothing, every pair.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from ser.plan.groups import Group, Plan


@dataclass(frozen=True)
class Family:
    """The comparisons that are judged together: each of a row with another."""

    comparisons: tuple[tuple[Group, Group], ...]

    @property
    def groups(self) -> list[Group]:
        """The groups whose runs are read."""
        both = [group for pair in self.comparisons if not any(of.skipped for of in pair) for group in pair]
        return list({group.name: group for group in both}.values())


def families(plan: Plan) -> Iterator[Family]:
    """In the plan's order. Rows that are not computed are in none, except as the headline that others miss."""
    found: dict[tuple[str, str, str], list[Group]] = {}
    for group in plan.groups:
        found.setdefault((group.experiment, group.protocol_name, group.selection), []).append(group)
    for (experiment, *_), groups in found.items():
        live = [group for group in groups if not group.skipped]
        headline = next(iter(plan.experiments[experiment]["rows"]))
        first = next((group for group in groups if group.row == headline), groups[0])
        if plan.experiments[experiment]["claims"]:
            comparisons = [(group, first) for group in live if group is not first]
        else:
            comparisons = [*combinations(live, 2)]
        if comparisons:
            yield Family(tuple(comparisons))
