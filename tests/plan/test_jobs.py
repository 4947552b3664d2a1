"""Which runs share a process, and what is said of it."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from helpers import ROOT
from helpers.params import params
from ser.plan.groups import Plan
from ser.plan.jobs import MOST, TrainingRule, training_rules
from ser.plan.load import load_plan
from ser.plan.places import Places

PLACES = Places.of("demo")


def planned(one_job_per: str, **experiments: Any) -> Plan:
    scales = params()["scales"]
    scales["demo"] |= {"one_job_per": one_job_per, "seeds": [1, 2]}
    return load_plan(params(experiments=experiments, scales=scales), ROOT)


def made(rule: TrainingRule, plan: Plan) -> list[str]:
    """The folders of all runs that the jobs of a rule make."""
    found = []
    for group in [rule.groups[0]] if rule.is_shared else rule.groups:
        folds = group.folds if "{fold}" in rule.folds else [""]
        found += [
            folder.format(group=group.name, seed=seed, fold=fold)
            for seed in group.seeds
            for fold in folds
            for folder in rule.folders(PLACES)
        ]
    return found


@pytest.mark.parametrize("one_job_per", ["fold", "seed", "system"])
def test_every_run_of_a_plan_is_made_once(one_job_per: str) -> None:
    plan = planned(one_job_per, ca_mser="all", fair=["majority", "tf_transformer"], emosphere_ser="all")
    runs = sorted(PLACES.run(group.name, *run) for group in plan.live for run in group.runs)
    rules = training_rules(plan)
    assert sorted(folder for rule in rules for folder in made(rule, plan)) == runs
    assert len({rule.name for rule in rules}) == len(rules)


def test_rows_with_other_seeds_share_no_process() -> None:
    plan = planned("system", fair=["tf_transformer"])
    first, *others = plan.groups
    plan = replace(plan, groups=(replace(first, seeds=(2, 3)), *others))
    rules = training_rules(plan)
    assert all(len({group.seeds for group in rule.groups}) == 1 for rule in rules)
    runs = sorted(PLACES.run(group.name, *run) for group in plan.live for run in group.runs)
    assert sorted(folder for rule in rules for folder in made(rule, plan)) == runs
    assert len({rule.name for rule in rules}) == len(rules)


def test_what_shares_a_process_has_one_experiment_system_and_corpus() -> None:
    rules = training_rules(planned("system", ca_mser="all", fair=["tf_transformer"]))
    kinds = [{(group.experiment, group.system, group.corpus) for group in rule.groups} for rule in rules]
    assert all(len(of_rule) == 1 for of_rule in kinds)
    assert [(rule.name, len(rule.groups)) for rule in rules if "fair" in rule.name] == [
        ("train_fair_tf_transformer_iemocap", 4),
        ("train_fair_tf_transformer_casia", 1),
    ]
    of_ca_mser = [rule for rule in rules if "ca_mser" in rule.name]
    assert len(of_ca_mser) > 1 and max(len(rule.groups) for rule in of_ca_mser) == MOST
    assert of_ca_mser[1].job == "ca_mser/train_ca_mser_ca_mser_iemocap_2/seed{seed}"


def test_the_coarser_of_what_a_row_and_its_scale_say_holds() -> None:
    for one_job_per, found in (("fold", "seed"), ("seed", "seed"), ("system", "system")):
        plan = planned(one_job_per, fair=["majority"])  # whose row says `seed`
        assert {group.one_job_per for group in plan.live} == {found}


@pytest.mark.parametrize(
    ("one_job_per", "name", "job", "runs"),
    [
        ("fold", "train", "{group}/seed{seed}-fold{fold}", 1),
        ("seed", "train_4_folds", "{group}/seed{seed}", 4),
        ("system", "train_fair_functionals_svm_casia", "fair/train_fair_functionals_svm_casia/seed{seed}", 4),
    ],
)
def test_a_job_knows_its_groups_and_all_of_its_runs(one_job_per: str, name: str, job: str, runs: int) -> None:
    plan = planned(one_job_per, fair=["tf_transformer" if one_job_per == "fold" else "functionals_svm"])
    group = next(group for group in plan.live if group.corpus == "casia")
    rule = next(rule for rule in training_rules(plan) if group in rule.groups)
    assert rule.name == name and rule.job == job
    assert list(rule.of(SimpleNamespace(group=group.name))) == [group]
    of_job = rule.runs(group, 1, 3)
    assert (group.name, 1, 3) in of_job and len(of_job) == runs
    assert all(Path(PLACES.metrics(*run)).parts[-2] == f"fold{run[2]}" for run in of_job)
