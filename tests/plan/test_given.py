"""Rows of other code's predictions in the plan: what they are made of, their seeds, and what is skipped or refused."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from helpers import ROOT
from helpers.params import params
from helpers.plans import EXPERIMENT, changed, plan
from ser.errors import InputError
from ser.plan.groups import Group
from ser.plan.made_from import MadeFrom
from ser.plan.origins import Origins

SETTINGS = {"made_by": "A. Person", "code": "commit 1a2b3c4"}
ROW: dict[str, Any] = {"title": "Theirs", "source": "secondary", "system": "predictions", "selections": ["clean"]}
WHERE = "external/predictions/free/one/theirs/emodb_2/clean"
NOTE = "reported, not verified: made by A. Person with commit 1a2b3c4"


@pytest.fixture
def with_system(project: Path) -> Path:
    shutil.copy(ROOT / "ser/systems/predictions.py", project / "ser/systems")
    return project


def theirs(project: Path, **changes: Any) -> Group:
    experiment = changed("rows.theirs", ROW | {"settings": SETTINGS} | changes)
    return next(group for group in plan(project, experiment).groups if group.row == "theirs")


def put(project: Path, *seeds: int) -> None:
    for seed in seeds:
        folder = project / WHERE / f"seed{seed}"
        folder.mkdir(parents=True)
        for fold in range(1, 11):
            (folder / f"fold{fold}.csv").write_text("utterance,predicted\n")


def test_it_takes_nothing_from_an_experiment_about_another_system(with_system: Path) -> None:
    put(with_system, 7, 3)
    group = theirs(with_system)
    assert group.reported and group.note == NOTE and group.seeds == (3, 7) and group.one_job_per == "seed"
    assert dict(group.settings) == SETTINGS and group.features == {} and not group.scores_epochs and not group.skipped
    assert not any(other.reported for other in plan(with_system, EXPERIMENT).groups)


def test_a_row_that_starts_from_one_of_another_system_is_still_refused(with_system: Path) -> None:
    """Only a row that names its system itself leaves behind what is above it."""
    (with_system / "experiments/two.yaml").write_text(
        yaml.safe_dump(
            {
                **{"title": "B", "reference": "", "system": "predictions", "claims": []},
                "settings": {name: {"value": text, "source": "chosen"} for name, text in SETTINGS.items()},
                "protocols": {"emodb_2": {"from": "one/emodb_2"}},
                "rows": {"again": {"title": "Again", "source": "chosen", "from": "one/full"}},
            },
            sort_keys=False,
        )
    )
    with pytest.raises(InputError, match="rows.again: settings of predictions: unknown key"):
        plan(with_system, experiments="all")


def test_the_row_may_name_some_of_the_seeds(with_system: Path) -> None:
    put(with_system, 1, 2, 3)
    assert theirs(with_system, seeds=[3, 1]).seeds == (3, 1)
    with pytest.raises(InputError, match=f"^{WHERE}: no seed4, which the row names: it has seeds 1, 2, 3"):
        theirs(with_system, seeds=[4])


def test_without_predictions_it_is_skipped_and_says_where_they_belong(with_system: Path) -> None:
    group = theirs(with_system, notes={"emodb_2": "of 2020"})
    assert group.skipped == f"no predictions: put them into {WHERE}/seed1/fold1.csv, ..."
    assert group.note == f"{NOTE}; of 2020"


def test_a_fold_that_lacks_is_named_before_any_job(with_system: Path) -> None:
    put(with_system, 1)
    (with_system / WHERE / "seed1/fold10.csv").unlink()
    with pytest.raises(InputError, match=rf"{WHERE}/seed1: no fold10.csv: the split has 10 folds: give each its file"):
        theirs(with_system)


def test_a_row_without_randomness_has_one_seed(with_system: Path) -> None:
    put(with_system, 1, 2)
    with pytest.raises(InputError, match=f"^{WHERE}: seeds 1, 2 of a row that is deterministic: keep one of them"):
        theirs(with_system, deterministic=True)


def test_it_has_to_say_who_made_them(with_system: Path) -> None:
    with pytest.raises(
        InputError, match="rows.theirs: code is empty: say who made the predictions, and with which code"
    ):
        theirs(with_system, settings=SETTINGS | {"code": " "})
    with pytest.raises(InputError, match="rows.theirs: settings of predictions: unknown key 'rate'"):
        theirs(with_system, settings=SETTINGS | {"rate": 0.1})


def test_the_files_are_part_of_what_the_runs_of_their_seed_are_made_from(
    with_system: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(with_system, 1, 2)
    monkeypatch.chdir(with_system)
    found = plan(with_system, changed("rows.theirs", ROW | {"settings": SETTINGS}))
    group = replace(next(group for group in found.groups if group.reported))
    given = params(scale="free", corpora={"emodb": {"root": str(with_system / "corpora")}})

    def digests() -> list[str]:
        made_from = MadeFrom(found, given, Origins(given))
        assert set(made_from.runs(group, 1).inputs) >= {f"{WHERE}/seed1"}
        return [made_from.runs(group, seed).made_from for seed in (1, 2)]

    before = digests()
    (with_system / WHERE / "seed2/fold4.csv").write_text("utterance,predicted\n03a01Fa,sad\n")
    after = digests()
    assert before[0] == after[0] and before[1] != after[1]
