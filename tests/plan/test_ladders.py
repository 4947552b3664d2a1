"""Ladders: which groups are their steps, and what is refused, by name and in one line, before any job starts."""

from pathlib import Path
from typing import Any

import pytest

from helpers.params import params
from helpers.plans import EXPERIMENT, PROTOCOL, plan
from ser.errors import InputError
from ser.plan.ladders import ladders

RANDOM = PROTOCOL | {
    "folds": {"kind": "random_k_fold", "number": 10, "seed": 1},
    "dev": {"kind": "random", "fraction": 0.1, "seed": 1},
}
OFFICIAL = PROTOCOL | {
    "folds": {"kind": "official", "train": ["train"], "dev": ["dev"], "test": ["test"]},
    "dev": {"kind": "official"},
}
STEPS = {
    "first": {"title": "1", "suffix": "random", "selection": "test_selected", "against": {"second": "a", "third": "b"}},
    "second": {"title": "2", "suffix": "random", "selection": "clean", "against": {"third": "c"}},
    "third": {"title": "3", "suffix": "speakers", "selection": "clean"},
}
ROWS = {
    "full": EXPERIMENT["rows"]["full"],
    "mode_b": {**EXPERIMENT["rows"]["mode_b"], "selections": ["clean", "test_selected"]},
}


def with_ladder(steps: dict[str, Any] | None = None, protocols: dict[str, Any] | None = None) -> dict[str, Any]:
    ladder = {"steps": steps or STEPS, "protocols": protocols or {"emodb": ["first", "second", "third"]}}
    planned = {"emodb_2": PROTOCOL, "emodb_speakers": PROTOCOL, "emodb_random": RANDOM, "emodb_official": OFFICIAL}
    return EXPERIMENT | {"ladder": ladder, "protocols": planned, "rows": ROWS}


def test_each_row_climbs_each_ladder(project: Path) -> None:
    protocols = {"emodb": ["first", "third"]}
    found = list(ladders(plan(project, with_ladder(protocols=protocols))))
    steps = [{name: (step.group.name, step.against) for name, step in ladder.steps.items()} for ladder in found]
    assert [ladder.name for ladder in found] == ["emodb", "emodb"]
    assert steps == [
        {
            "first": (f"one/{row}/emodb_random/test_selected", {"third": "b"}),  # second is not climbed
            "third": (f"one/{row}/emodb_speakers/clean", {}),
        }
        for row in ("full", "mode_b")
    ]


def test_a_row_without_a_ladders_protocols_does_not_climb_it(project: Path) -> None:
    experiment = with_ladder()
    experiment["rows"] = ROWS | {"full": {**ROWS["full"], "protocols": ["emodb_2"]}}
    found = ladders(plan(project, experiment))
    assert {step.group.row for ladder in found for step in ladder.steps.values()} == {"mode_b"}
    experiment["rows"] = {"full": experiment["rows"]["full"]}
    with pytest.raises(InputError, match="row full has no runs for step first, second, third: plan them"):
        plan(project, experiment)


def test_choosing_on_test_takes_the_clean_runs_if_they_scored_each_epoch(project: Path) -> None:
    steps = {**STEPS, "first": {**STEPS["first"], "selection": "chosen_on_test"}}
    for is_scored in (True, False):
        compute = params()["compute"] | {"score_test_each_epoch": is_scored}
        ladder = next(ladders(plan(project, with_ladder(steps), compute=compute)))
        first, second = ladder.steps["first"], ladder.steps["second"]
        assert first.group is second.group and first.is_chosen_on_test and not second.is_chosen_on_test
        assert ("set compute.score_test_each_epoch: true" in first.skipped) == (not is_scored) and not second.skipped


def test_only_rows_that_are_planned_climb(project: Path) -> None:
    found = ladders(plan(project, with_ladder(), experiments={"one": ["mode_b"]}))
    assert {step.group.row for ladder in found for step in ladder.steps.values()} == {"mode_b"}
    assert not list(ladders(plan(project)))


@pytest.mark.parametrize(
    ("experiment", "message"),
    [
        (with_ladder(protocols={"emodb": ["first", "secnd"]}), "ladder.protocols.emodb: unknown 'secnd': did you mean"),
        (
            with_ladder(protocols={"emobd": ["first", "third"]}),
            "emobd: step first: unknown 'emobd_random': did you mea",
        ),
        (with_ladder({**STEPS, "third": {**STEPS["third"], "against": {"fist": ""}}}), "third.against: unknown 'fist'"),
        (with_ladder({**STEPS, "third": {**STEPS["third"], "suffx": "a"}}), "unknown key 'suffx'"),
        (
            with_ladder({**STEPS, "third": {**STEPS["third"], "selection": "last_epoch"}}),
            "ladder.protocols.emodb: row full has no runs for step third: plan them, or leave it out",
        ),
        (
            with_ladder({**STEPS, "third": {**STEPS["third"], "suffix": "official"}}),
            "step third: protocol emodb_official has official parts: use folds of all utterances",
        ),
    ],
)
def test_wrong_ladders_are_refused_by_name(project: Path, experiment: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as error:
        plan(project, experiment)
    text = str(error.value)
    assert message in text and text.startswith("experiments/one.yaml") and "\n" not in text
