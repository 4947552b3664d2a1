"""What makes the rows of `fair` comparable, in the project's own experiment files."""

import pytest

from helpers import ROOT
from helpers.params import params
from ser.plan.load import load_plan


@pytest.mark.parametrize("scale", ["demo", "free", "paper"])
def test_all_systems_weigh_classes_and_choose_the_epoch_alike(scale: str) -> None:
    plan = load_plan(params(scale=scale, experiments={"fair": "all"}), ROOT)
    of_rows = [(group.settings.get("class_weights"), group.settings.get("criterion")) for group in plan.groups]
    assert {*of_rows} <= {("balanced", "UA"), ("balanced", None), (None, None)}  # networks; SVM; majority
    assert of_rows.count(("balanced", "UA")) > len(of_rows) / 2


def test_folds_over_many_speakers_are_balanced_by_gender() -> None:
    plan = load_plan(params(scale="free", experiments={"fair": "all"}), ROOT)
    dealt = {group.protocol_name: group.protocol.folds for group in plan.groups}
    assert {name for name, folds in dealt.items() if folds.kind == "group_k_fold"} == {"ravdess", "crema_d"}
    assert all(folds.balance == "gender" for folds in dealt.values() if folds.kind == "group_k_fold")
