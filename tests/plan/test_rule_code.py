"""What each rule's code depends on, package by package: an edit elsewhere must not run the rule again."""

import re

import pytest

from helpers import ROOT
from ser.files import words
from ser.plan.code import code_of, code_of_module, reaches, uses_training_loop
from ser.plan.made_from import pages_beside

GROUND = {"ser", "workflow_scripts"}  # what they all use: ser/*.py and the scripts' own frame
SCRIPTS = {
    "demo_corpus": "corpora plan",
    "demo_encoder": "encoders plan",
    "manifest": "manifests plan",
    "audio": "features manifests plan",
    "splits": "manifests plan splits",
    "features": "compute encoders features plan",
    "train": "compute encoders features plan runs splits",
    "evaluate": "compute evaluations plan runs splits",
    "table": "compute encoders evaluations features manifests plan results runs splits",
    "honest_gap": "compute encoders evaluations features manifests plan results runs splits training",
    "protocol_ladder": "compute encoders evaluations features manifests plan results runs splits training",
    "comparisons": "compute encoders evaluations features manifests plan results runs splits",
    "charts": "encoders evaluations features manifests plan results runs splits",
    "examples": "compute encoders evaluations features manifests plan prediction report runs splits training",
    "report": "compute encoders evaluations features figures forecast manifests plan report results runs splits"
    " verification",
    "paper": "compute encoders evaluations features figures manifests paper plan results runs splits",
    "track": "compute encoders evaluations features manifests plan results runs splits tracking",
}
# All that a script needs of these packages.
NO_MORE = {
    "audio": {"plan": "code"},
    "features": {"plan": "code", "compute": "gpu", "encoders": "checkpoint"},
    "train": {
        "plan": "code",
        "compute": "gpu machine",
        "encoders": "checkpoint",
        "features": "store",
        "runs": "auxiliary contract epochs files given_files predictions",
        "splits": "split",
    },
    "evaluate": {"compute": "machine", "plan": "code", "runs": "auxiliary predictions", "splits": "split"},
    "honest_gap": {"runs": "auxiliary epochs files given_files predictions", "training": "criterion"},
    "demo_corpus": {"plan": "code"},
    "manifest": {"plan": "code"},
    "splits": {"plan": "code"},
    "demo_encoder": {"plan": "code", "encoders": "alexnet checkpoint demo fetch published"},
}
NETWORK = "compute runs training"
SYSTEMS = {
    "area_attention": f"features splits systems {NETWORK}",
    "attention_fcn": f"encoders features splits systems {NETWORK}",
    "ca_mser": f"encoders features splits systems {NETWORK}",
    "emosphere_ser": f"encoders features splits systems {NETWORK}",
    "functionals_svm": "features runs splits systems",
    "light_sernet": f"features splits systems {NETWORK}",
    "linear_probe": f"features splits systems {NETWORK}",
    "majority": "features runs splits systems",
    "mfhca": f"encoders features splits systems {NETWORK}",
    "predictions": "features runs splits systems",
    "tf_transformer": f"features splits systems {NETWORK}",
}


def packages(code: tuple[str, ...]) -> dict[str, set[str]]:
    """Package -> its files among `code`."""
    found: dict[str, set[str]] = {}
    for path in code:
        if match := re.fullmatch(r"ser/(\w+)/(.+)\.py", path):
            found.setdefault(match[1], set()).add(match[2])
    return {package: files - {"__init__"} for package, files in found.items() if files != {"__init__"}}


@pytest.mark.parametrize("script", SCRIPTS)
def test_what_a_rules_script_depends_on(script: str) -> None:
    found = packages(code_of(f"workflow_scripts/{script}.py"))
    assert sorted(found) == SCRIPTS[script].split()
    for package, files in NO_MORE.get(script, {}).items():
        assert sorted(found[package]) == files.split(), package


def test_the_page_depends_on_its_style_and_its_scripts() -> None:
    """They are no modules, so no import leads to them."""
    parts = {str(path.relative_to(ROOT)) for path in (ROOT / "ser/report").glob("*.*") if path.suffix != ".py"}
    assert parts and parts == {*pages_beside(code_of("workflow_scripts/report.py"))}
    assert not pages_beside(code_of("workflow_scripts/table.py"))


def test_every_rule_is_listed() -> None:
    scripts = set(re.findall(r"workflow_scripts/(\w+)\.py", "".join(p.read_text() for p in ROOT.glob("rules/*.smk"))))
    assert scripts - {"_job"} == {*SCRIPTS}


@pytest.mark.parametrize("system", SYSTEMS)
def test_what_a_system_depends_on(system: str) -> None:
    found = packages(code_of_module(f"ser.systems.{system}"))
    assert sorted(found) == sorted(SYSTEMS[system].split())
    others = {*words("systems")} - {system}
    assert not found["systems"] & others
    assert found.get("encoders", set()) <= {"alexnet", "checkpoint", "speech"}
    of_waveforms = {"framing", "spec", "spectrogram"} if system == "area_attention" else set()  # it warps spectra
    assert found["features"] == {"store"} | of_waveforms and found["splits"] == {"split"}
    assert found.get("compute", set()) <= {"machine", "malloc"}


def test_only_who_opens_images_weights_depends_on_their_reader() -> None:
    using = {system for system in SYSTEMS if reaches(code_of_module(f"ser.systems.{system}"), "ser.encoders.alexnet")}
    assert using == {"attention_fcn", "ca_mser"}


@pytest.mark.parametrize("kind", sorted({*words("features/kinds")} - {"audio"}))
def test_a_feature_depends_on_no_other_kind(kind: str) -> None:
    found = packages(code_of_module(f"ser.features.kinds.{kind}"))
    base = {"mfcc": {"kinds/log_mel"}}.get(kind, set())
    assert {file for file in found["features"] if file.startswith("kinds/")} - {"kinds/__init__"} == {
        f"kinds/{kind}"
    } | base


def test_who_trains_and_who_trains_an_encoder() -> None:
    """This decides whether a GPU is requested."""
    training = {system for system in SYSTEMS if uses_training_loop(system)}
    assert training == {*SYSTEMS} - {"functionals_svm", "majority", "predictions"}
    assert uses_training_loop("not_here")  # its gap is shown as skipped, not left out
    chooses_nothing = {s for s in SYSTEMS if "\nCHOOSES_NOTHING = True\n" in (ROOT / f"ser/systems/{s}.py").read_text()}
    assert chooses_nothing == {*SYSTEMS} - training - {"predictions"}  # what they chose on is not known
    speech = {system for system in SYSTEMS if reaches(code_of_module(f"ser.systems.{system}"), "ser.encoders.speech")}
    assert speech == {"ca_mser", "emosphere_ser", "mfhca"}
