"""docs/scaling.md counts everything that is planned: nothing that the project ships may be missing from it."""

import json

import pytest

import scaling
from helpers import ROOT
from ser.plan.groups import Plan

# What the project ships; a user's additions need not have been measured.
SHIPPED = {
    *("area_attention", "attention_fcn", "ca_mser", "emosphere_ser", "functionals_svm", "light_sernet"),
    *("linear_probe", "majority", "mfhca", "tf_transformer"),
}
KINDS = {"audio", "clip_mfcc", "encoder", "functionals", "log_mel", "log_stft", "mfcc", "opensmile"}


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    whole = scaling.simulated(tmp_path_factory.mktemp("scaling") / "project")
    return scaling.only(whole, SHIPPED, KINDS)


@pytest.fixture(scope="module")
def costs() -> dict:
    return json.loads((ROOT / "benchmarks" / "unit_costs.json").read_text())["costs"]


def test_every_group_is_planned(plan: Plan) -> None:
    assert {group.system for group in plan.live} == SHIPPED
    reasons = [group.skipped for group in plan.groups if group.skipped and "opensmile" not in group.skipped]
    assert {reason for reason in reasons if "is not part of scale" not in reason} == set()


def test_every_run_and_store_has_a_measured_cost(plan: Plan, costs: dict) -> None:
    free = {"majority", "functionals_svm"}  # nothing to train; measured as a whole run
    systems = {scaling.UNITS.get(group.system, group.system) for group in plan.live} - free
    stores = {scaling.unit_of(spec, group.corpus) for group in plan.live for spec in group.features.values()}
    assert {f"train {system}" for system in systems} | stores - {"opensmile"} <= costs.keys()


def test_all_experiments_are_added_up(plan: Plan, costs: dict) -> None:
    *rows, total = scaling.trained(plan, costs)
    assert [row[0] for row in rows] and {row[0] for row in rows} == {group.experiment for group in plan.live}
    assert int(total[1]) == scaling.n_runs(plan)
