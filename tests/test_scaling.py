"""docs/scaling.md counts all that is planned: a new row, corpus or kind of feature must not go missing there."""

import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))

import scaling  # noqa: E402
from ser.plan.load import Plan  # noqa: E402


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    return scaling.simulated(tmp_path_factory.mktemp("scaling") / "project")


@pytest.fixture(scope="module")
def costs() -> dict:
    return json.loads((ROOT / "benchmarks" / "unit_costs.json").read_text())["costs"]


def test_every_group_is_planned(plan: Plan) -> None:
    assert {group.system for group in plan.live} >= set(scaling.WHOLE)
    assert [group.skipped for group in plan.groups if group.skipped and "opensmile" not in group.skipped] == []


def test_every_run_and_store_has_a_measured_cost(plan: Plan, costs: dict) -> None:
    free = {"majority", "functionals_svm"}  # nothing to train; measured as a whole run
    systems = {scaling.UNITS.get(group.system, group.system) for group in plan.live} - free
    stores = {scaling.unit_of(spec, group.corpus) for group in plan.live for spec in group.features.values()}
    assert {f"train {system}" for system in systems} | stores - {"opensmile"} <= costs.keys()


def test_all_experiments_are_added_up(plan: Plan, costs: dict) -> None:
    *rows, total = scaling.trained(plan, costs)
    assert [row[0] for row in rows] and {row[0] for row in rows} == set(plan.experiments)
    assert int(total[1]) == scaling.n_runs(plan)
