"""The honest gaps that a plan has: a row and protocol under `clean`, and what its numbers are compared with."""

from collections.abc import Iterator
from dataclasses import dataclass

from ser.plan.code import uses_training_loop
from ser.plan.groups import Group, Plan

CHOSEN_ON_TEST = "chosen_on_test"
# Kind of gap -> the two numbers whose difference it is. `chosen_on_test`: the runs under `clean`, each at the epoch
# that is best on its test part.
GAPS = {
    "both": ("test_selected", "clean"),
    "choosing_on_test": (CHOSEN_ON_TEST, "clean"),
    "training_on_dev": ("test_selected", CHOSEN_ON_TEST),
}
NOT_SCORED = "the test part was not scored after each epoch: set compute.score_test_each_epoch: true in params.yaml"


@dataclass(frozen=True)
class Pair:
    """A group under `clean` and, where that is planned as well, the same row and protocol under `test_selected`."""

    clean: Group
    test_selected: Group | None

    @property
    def gaps(self) -> dict[str, str]:
        """The kinds of gap that it has, each with the reason why it is skipped; empty if it is computed.

        `choosing_on_test` needs a system that trains in epochs. `training_on_dev`, what is left of `both`, is only
        there where `test_selected` has the dev part to train on.
        """
        rules, epochs = self._rules_skipped, self._epochs_skipped
        found = {} if self.test_selected is None else {"both": rules}
        if uses_training_loop(self.clean.system):
            found["choosing_on_test"] = epochs
            if self.test_selected and self.trains_on_dev:
                found["training_on_dev"] = rules or epochs
        return found

    @property
    def trains_on_dev(self) -> bool:
        """Whether `test_selected` trains on what `clean` chooses the epoch on."""
        folds = self.clean.protocol.folds
        return not (folds.kind == "official" and set(folds.dev) <= set(folds.also_report))

    @property
    def groups(self) -> list[Group]:
        """The groups whose runs are read."""
        read = {rule for kind, skipped in self.gaps.items() if not skipped for rule in GAPS[kind]}
        found = [self.clean] if read else []
        return [self.test_selected, *found] if self.test_selected and "test_selected" in read else found

    @property
    def _rules_skipped(self) -> str:
        if self.clean.protocol.is_drawn("clean"):
            return "clean draws its dev part from what test_selected tests, so each tests other utterances"
        return self.test_selected.skipped or self.clean.skipped if self.test_selected else ""

    @property
    def _epochs_skipped(self) -> str:
        return self.clean.skipped or ("" if self.clean.scores_epochs else NOT_SCORED)


def pairs(plan: Plan) -> Iterator[Pair]:
    """One pair for each experiment, row and protocol that has a gap, in the plan's order."""
    found: dict[tuple[str, str, str], dict[str, Group]] = {}
    for group in plan.groups:
        found.setdefault((group.experiment, group.row, group.protocol_name), {})[group.selection] = group
    for groups in found.values():
        if "clean" in groups and (pair := Pair(groups["clean"], groups.get("test_selected"))).gaps:
            yield pair
