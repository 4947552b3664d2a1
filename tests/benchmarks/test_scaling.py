"""docs/scaling.md counts everything that is planned: nothing that the project ships may be missing from it."""

import pytest

import scaling
from helpers import ROOT
from ser.plan import costs
from ser.plan.groups import Plan

# What the project ships; a user's additions need not have been measured.
SHIPPED = {
    *("area_attention", "attention_fcn", "ca_mser", "emosphere_ser", "functionals_svm", "light_sernet"),
    *("linear_probe", "majority", "mfhca", "tf_transformer"),
}
KINDS = {"audio", "clip_mfcc", "encoder", "functionals", "log_mel", "log_stft", "mfcc", "opensmile"}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    return scaling.simulated(tmp_path_factory.mktemp("scaling") / "project")


@pytest.fixture(scope="module")
def plan(whole: Plan) -> Plan:
    return scaling.only(whole, SHIPPED, KINDS)


def test_every_group_is_planned(plan: Plan) -> None:
    assert {group.system for group in plan.live} == SHIPPED
    reasons = [group.skipped for group in plan.groups if group.skipped and "opensmile" not in group.skipped]
    assert {reason for reason in reasons if "is not part of scale" not in reason} == set()


def test_every_run_and_store_has_a_measured_cost(plan: Plan) -> None:
    whole_runs = {"majority", "functionals_svm"}  # nothing to train; measured as a whole run
    assert {group.system for group in plan.live if costs.run_cost(group) is None} == whole_runs
    stores = {(group.corpus, spec["kind"]) for group in plan.live for spec in group.features.values()}
    pairs = [(group.corpus, spec) for group in plan.live for spec in group.features.values()]
    assert stores and all(
        costs.feature_cost(spec, corpus) for corpus, spec in pairs if spec["kind"] not in ("audio", "opensmile")
    )


def test_short_runs_share_a_process_per_seed(plan: Plan) -> None:
    for group in plan.live:
        is_whole = costs.run_cost(group) is None  # their rows say `seed`
        assert group.one_job_per == ("seed" if is_whole or costs.is_short(group, "auto") else "fold"), group.name


def test_all_experiments_are_added_up(plan: Plan) -> None:
    *rows, total = scaling.papers(plan)
    assert {row[0] for row in rows} == {group.experiment for group in plan.live}
    assert int(total[1]) == scaling.n_runs(plan)


def test_the_document_has_what_jobs_ask_for_now(whole: Plan) -> None:
    """Else: python benchmarks/scaling.py. With opensmile installed or a system added, the plan is another."""
    if {group.system for group in whole.live} != SHIPPED or any(
        spec["kind"] == "opensmile" for group in whole.live for spec in group.features.values()
    ):
        pytest.skip("another plan than the document's")
    text = (ROOT / "docs/scaling.md").read_text(encoding="utf-8")
    assert scaling.updated(text, scaling.tables(whole)) == text


def test_a_document_without_a_mark_is_refused() -> None:
    assert scaling.updated("a\n<!-- scaling.py: x -->\n\n| old |\n\nb\n", {"x": "| new |\n"}) == (
        "a\n<!-- scaling.py: x -->\n\n| new |\n\nb\n"
    )
    with pytest.raises(ValueError, match="0 marks for the table y"):
        scaling.updated("a\n", {"y": "| new |\n"})
