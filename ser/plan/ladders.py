"""Ladders of protocols: the same row and recordings from a published kind of protocol to a clean one, step by step.

An experiment's `ladder` names the steps, and on which protocols they are climbed:

    steps:
      random_test: {title: ..., suffix: random, selection: chosen_on_test, against: {random_dev: what it gains by}}
      random_dev: {title: ..., suffix: random, selection: clean}
    protocols: {emodb_4: [random_test, random_dev]}      # emodb_4_random

`chosen_on_test` is not a rule that runs have: it takes those under `clean`, each at the epoch that is best on its test
part (ser/evaluations/epochs.py).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ser.errors import InputError, listed
from ser.plan.experiments import check_names
from ser.plan.groups import Group, Plan
from ser.plan.pairs import CHOSEN_ON_TEST, NOT_SCORED
from ser.splits.protocol import Protocol


@dataclass(frozen=True)
class Step:
    """A step and the group whose runs it takes; `against`: cleaner step -> what this one does that the other does not.

    `selection`: that of the group, or `chosen_on_test`.
    """

    title: str
    group: Group
    selection: str
    against: Mapping[str, str]

    @property
    def is_chosen_on_test(self) -> bool:
        """Whether its predictions are those of other epochs than its runs chose."""
        return self.selection == CHOSEN_ON_TEST

    @property
    def skipped(self) -> str:
        """Why it is not computed; empty if it is."""
        lacks = self.is_chosen_on_test and not self.group.scores_epochs
        return self.group.skipped or (NOT_SCORED if lacks else "")


@dataclass(frozen=True)
class Ladder:
    """The steps of one row by name, in the file's order; `name` is what the names of their protocols begin with."""

    name: str
    steps: Mapping[str, Step]


def ladders(plan: Plan) -> Iterator[Ladder]:
    """In the plan's order, one ladder for each row and each of its experiment's ladders that the row has runs for."""
    groups = {group.name: group for group in plan.groups}
    rows = {(group.experiment, group.row): None for group in plan.groups}
    for experiment, row in rows:
        ladder = plan.experiments[experiment].get("ladder", {"protocols": {}})
        for name, climbed in ladder["protocols"].items():
            steps = {}
            for step in climbed:
                about = ladder["steps"][step]
                group = groups.get(f"{experiment}/{row}/{name}_{about['suffix']}/{_rule(about)}")
                if group:
                    against = {other: cause for other, cause in about.get("against", {}).items() if other in climbed}
                    steps[step] = Step(about["title"], group, about["selection"], against)
            if steps:
                yield Ladder(name, steps)


def check_ladder(experiment: Mapping[str, Any], protocols: Mapping[str, Protocol], where: str) -> None:
    """Raises InputError, beginning with `where`, for a step that does not exist, for one whose protocol does not exist
    or has official parts, for a row that has runs for some of a ladder's steps only, and for a ladder of no row.
    """
    ladder = experiment.get("ladder", {"steps": {}, "protocols": {}})
    for step, about in ladder["steps"].items():
        check_names(about.get("against", {}), ladder["steps"], f"{where}: ladder.steps.{step}.against")
    for name, steps in ladder["protocols"].items():
        at = f"{where}: ladder.protocols.{name}"
        check_names(steps, ladder["steps"], at)
        runs = {step: (f"{name}_{about['suffix']}", _rule(about)) for step, about in ladder["steps"].items()}
        for step in steps:
            protocol, _ = runs[step]
            check_names([protocol], protocols, f"{at}: step {step}")
            if protocols[protocol].reported != ("",):
                raise InputError(
                    f"{at}: step {step}: protocol {protocol} has official parts: use folds of all utterances"
                )
        lacking = {
            row: [step for step in steps if not _is_planned(experiment, row, *runs[step])] for row in experiment["rows"]
        }
        of_no_row = all(len(without) == len(steps) for without in lacking.values())
        for row, without in lacking.items():
            if of_no_row or 0 < len(without) < len(steps):
                raise InputError(f"{at}: row {row} has no runs for step {listed(without)}: plan them, or leave it out")


def _rule(step: Mapping[str, Any]) -> str:
    """The selection rule of the runs that a step of an experiment file takes."""
    return "clean" if step["selection"] == CHOSEN_ON_TEST else str(step["selection"])


def _is_planned(experiment: Mapping[str, Any], row: str, protocol: str, selection: str) -> bool:
    given, protocols = experiment["rows"][row], experiment["protocols"]
    rules = given.get("selections", protocols[protocol]["selections"])
    return protocol in given.get("protocols", protocols) and selection in rules
