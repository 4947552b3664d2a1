"""The two groups that an honest gap compares: one row and protocol under `clean` and under `test_selected`."""

from collections.abc import Iterator
from dataclasses import dataclass

from ser.plan.groups import Group, Plan

BOTH = ("test_selected", "clean")


@dataclass(frozen=True)
class Pair:
    """The two groups of a row and protocol."""

    test_selected: Group
    clean: Group

    @property
    def skipped(self) -> str:
        """Why there is no gap; empty if there is one."""
        if self.clean.protocol.is_drawn("clean"):
            return "clean draws its dev part from what test_selected tests, so each tests other utterances"
        return self.test_selected.skipped or self.clean.skipped


def pairs(plan: Plan) -> Iterator[Pair]:
    """One pair for each experiment, row and protocol that is planned under both rules, in the plan's order."""
    found: dict[tuple[str, str, str], dict[str, Group]] = {}
    for group in plan.groups:
        found.setdefault((group.experiment, group.row, group.protocol_name), {})[group.selection] = group
    for groups in found.values():
        if set(BOTH) <= groups.keys():
            yield Pair(groups["test_selected"], groups["clean"])
