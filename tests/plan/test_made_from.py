"""The digests of what artifacts are made from: what changes which of them, and nothing else."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from helpers import ROOT
from helpers.params import params
from ser.plan import code
from ser.plan.load import load_plan
from ser.plan.made_from import MadeFrom
from ser.plan.origins import Origins

SVM, MAJORITY, NETWORK = (
    "fair/functionals_svm/casia/clean",
    "fair/majority/casia/clean",
    "attention_fcn/full/iemocap_2280_sessions/clean",
)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the project's experiments, of which a test may change any."""
    for name in ("ser", "schemas"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "experiments").mkdir()
    for path in (ROOT / "experiments").glob("*.yaml"):
        (tmp_path / "experiments" / path.name).write_text(path.read_text())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def digests(**entries: Any) -> dict[str, str]:
    """The digests of three groups' splits, features, runs of seed 1 and evaluations, of the table and the examples."""
    given = params(experiments={"fair": ["functionals_svm", "majority"], "attention_fcn": ["full"]}) | entries
    plan = load_plan(given)
    made_from = MadeFrom(plan, given, Origins(given))
    groups = {group.name: group for group in plan.live if group.name in (SVM, MAJORITY, NETWORK)}
    return {"table": made_from.result("table"), "examples": made_from.examples().made_from} | {
        f"{kind} {name}": digest
        for name, group in groups.items()
        for kind, digest in {
            "split": made_from.split(group.protocol, group.selection, None).made_from,
            "features": " ".join(made_from.feature(group.corpus, spec).made_from for spec in group.features.values()),
            "runs": made_from.runs(group, 1).made_from,
            "evaluation": made_from.evaluation(group).made_from,
        }.items()
    }


def changed(change: Callable[[], None], **entries: Any) -> set[str]:
    before = digests()
    change()
    code.code_of.cache_clear()
    after = digests(**entries)
    assert before.keys() == after.keys()
    return {name for name in before if before[name] != after[name]}


def all_of(*groups: str) -> set[str]:
    kinds = ("split", "features", "runs", "evaluation")
    return {f"{kind} {group}" for kind in kinds for group in groups} - {f"features {MAJORITY}"} | {"table"}


def edit(path: str, old: str, new: str) -> None:
    text = Path(path).read_text()
    assert old in text
    Path(path).write_text(text.replace(old, new))


def test_nothing_changes_by_itself(project: Path) -> None:
    assert changed(lambda: None) == set()


def test_a_setting_changes_its_runs_and_what_follows(project: Path) -> None:
    found = changed(lambda: edit("experiments/fair.yaml", "C: 1.0", "C: 2.0"))
    assert found == {f"runs {SVM}", f"evaluation {SVM}", "table"}


def test_a_claim_changes_the_table_only(project: Path) -> None:
    assert changed(lambda: edit("experiments/attention_fcn.yaml", "70.4", "70.5")) == {"table"}


def test_a_protocol_changes_its_split(project: Path) -> None:
    def other_dev() -> None:
        path = Path("experiments/fair.yaml")
        content = yaml.safe_load(path.read_text())
        content["protocols"]["casia"]["labels"].popitem()
        path.write_text(yaml.safe_dump(content, sort_keys=False))

    assert changed(other_dev) == all_of(SVM, MAJORITY) - {f"features {SVM}"}


def test_the_recordings_change_everything(project: Path) -> None:
    assert changed(lambda: None, demo_seed=2) == all_of(SVM, MAJORITY, NETWORK) | {"examples"}


def test_how_and_where_changes_no_value_but_the_device(project: Path) -> None:
    compute = params()["compute"]
    assert changed(lambda: None, compute=compute | {"gpu_slots": 2}) == set()
    assert changed(lambda: None, compute=compute | {"keep_models": False}) == {"examples"}
    runs = {f"{kind} {group}" for kind in ("runs", "evaluation") for group in (SVM, MAJORITY, NETWORK)}
    assert changed(lambda: None, compute=compute | {"threads": 2}) == runs | {"table", "examples"}
    off = {f"runs {NETWORK}", f"evaluation {NETWORK}", "table", "examples"}  # the others train in no epochs
    assert changed(lambda: None, compute=compute | {"score_test_each_epoch": False}) == off
    features = {f"features {group}" for group in (SVM, NETWORK)}
    assert changed(lambda: None, compute=compute | {"cpu": "avx2"}) == runs | features | {"table", "examples"}


def test_another_seed_leaves_the_runs_of_the_first(project: Path) -> None:
    scales = params()["scales"]
    scales["demo"]["seeds"] = [1, 2]
    found = changed(lambda: None, scales=scales)
    assert found == {f"evaluation {group}" for group in (SVM, MAJORITY, NETWORK)} - {
        f"evaluation {name}"
        for name in (SVM, MAJORITY)  # deterministic: of one seed
    } | {"table"}
