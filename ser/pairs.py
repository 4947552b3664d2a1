"""Which two groups an honest gap is between: one row and protocol under `clean` and under `test_selected`."""

from collections.abc import Iterator
from dataclasses import dataclass

from ser.plan import Group, Plan

BOTH = ("test_selected", "clean")


@dataclass(frozen=True)
class Pair:
    """`either` is what both have in common: one of the two, or, where there is neither, a group of another rule."""

    either: Group
    test_selected: Group | None
    clean: Group | None

    @property
    def skipped(self) -> str:
        """Why there is no gap; empty: there is one."""
        groups = (self.test_selected, self.clean)
        absent = [name for name, group in zip(BOTH, groups, strict=True) if group is None]
        if absent:
            return f"not run under {' and '.join(absent)}"
        return next((group.skipped for group in groups if group and group.skipped), "")


def pairs(plan: Plan) -> Iterator[Pair]:
    """One pair for each experiment, row and protocol, in the plan's order."""
    found: dict[tuple[str, str, str], dict[str, Group]] = {}
    for group in plan.groups:
        found.setdefault((group.experiment, group.row, group.protocol_name), {})[group.selection] = group
    for groups in found.values():
        test_selected, clean = (groups.get(selection) for selection in BOTH)
        yield Pair(clean or test_selected or next(iter(groups.values())), test_selected, clean)
