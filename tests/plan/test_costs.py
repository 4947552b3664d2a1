"""What jobs ask for: what each system needs, by its unit costs, settings, corpus and device."""

from dataclasses import replace

import pytest

from helpers import ROOT
from helpers.params import params
from ser.features.spec import validate_spec
from ser.files import words
from ser.plan import costs
from ser.plan.costs import Needs, device_of, feature_needs, is_short, job_needs, run_needs
from ser.plan.groups import Group
from ser.plan.load import load_plan
from ser.plan.sizes import OWN, corpus_size


@pytest.fixture(scope="module")
def groups() -> dict[str, Group]:
    """By name, at scale `paper`, whether or not their corpora and encoders are there."""
    plan = load_plan(params(scale="paper"), ROOT)
    return {group.name: group for group in plan.groups}


# What a job of one run asks for: MB, minutes, and whether a GPU.
ASKED = {
    "fair/majority/iemocap_5531/clean": Needs(1_500, 10, False),
    "fair/functionals_svm/iemocap_5531/clean": Needs(2_000, 20, False),
    "superb_er/hubert_base/iemocap_5531_sessions/clean": Needs(2_000, 20, False),
    "tf_transformer/full/iemocap_2280_speakers/clean": Needs(2_000, 20, False),
    "fair/tf_transformer/iemocap_5531/clean": Needs(2_000, 50, False),
    "light_sernet/ce_3s/iemocap_5531/clean": Needs(5_500, 30, True),
    "attention_fcn/full/iemocap_2280_sessions/clean": Needs(5_500, 40, True),
    "area_attention/one_epoch/iemocap_2659/clean": Needs(5_500, 180, True),
    "ca_mser/full/iemocap_5531_speakers/clean": Needs(8_000, 320, True),
    "mfhca/full/iemocap_5531_speakers/clean": Needs(7_500, 320, True),
    "emosphere_ser/full/in_house/clean": Needs(12_500, 1_310, True),
    "emosphere_ser/official_parts/msp_podcast_attributes/clean": Needs(12_500, 1_590, True),
}


@pytest.mark.parametrize("name", ASKED)
def test_what_a_run_asks_for_on_iemocap_and_msp_podcast(groups: dict[str, Group], name: str) -> None:
    assert run_needs(groups[name], "auto", "paper") == ASKED[name]


def test_the_whole_plan_needs_gpus_only_for_what_is_not_quick(groups: dict[str, Group]) -> None:
    without = {group.system for group in groups.values() if not run_needs(group, "auto", "paper").gpu}
    assert {"majority", "functionals_svm", "linear_probe", "tf_transformer"} <= without
    assert without.isdisjoint({"attention_fcn", "area_attention", "ca_mser", "emosphere_ser", "light_sernet", "mfhca"})


@pytest.mark.parametrize(
    ("wanted", "quick", "slow"), [("auto", "cpu", "auto"), ("cpu", "cpu", "cpu"), ("cuda", "cuda", "cuda")]
)
def test_auto_is_the_cpu_for_quick_systems_and_nothing_else_is_changed(wanted: str, quick: str, slow: str) -> None:
    assert device_of("tf_transformer", wanted) == device_of("linear_probe", wanted) == quick
    assert device_of("light_sernet", wanted) == device_of("not_measured", wanted) == slow


def test_cuda_asks_for_a_gpu_wherever_a_network_trains_and_cpu_nowhere(groups: dict[str, Group]) -> None:
    probe, majority = groups["fair/linear_probe/iemocap_5531/clean"], groups["fair/majority/iemocap_5531/clean"]
    assert run_needs(probe, "cuda", "paper").gpu and not run_needs(majority, "cuda", "paper").gpu
    assert not any(run_needs(group, "cpu", "paper").gpu for group in groups.values())


def test_more_epochs_take_more_time_and_larger_batches_more_memory_of_a_cpu(groups: dict[str, Group]) -> None:
    group = groups["mfhca/full/iemocap_5531_speakers/clean"]
    longer = replace(group, settings={**group.settings, "epochs": 200})
    assert run_needs(longer, "auto", "paper").minutes > 1.9 * run_needs(group, "auto", "paper").minutes
    wider = replace(group, settings={**group.settings, "micro_batch": 32})
    more, usual = (run_needs(one, "cpu", "paper").memory for one in (wider, group))
    assert (usual, more) == (17_000, 29_000)


def test_without_patience_nothing_is_expected_to_stop_early(groups: dict[str, Group]) -> None:
    group = groups["mfhca/full/iemocap_5531_speakers/clean"]
    without = replace(group, settings={**group.settings, "patience": 0})
    expected, whole = (costs.run_seconds(group, "A100", is_expected=e) for e in (True, False))
    assert 0.39 < expected / whole < 0.41
    assert costs.run_seconds(without, "A100", is_expected=True) == whole


def test_a_job_of_all_folds_asks_for_their_time_and_one_s_memory(groups: dict[str, Group]) -> None:
    group = groups["fair/linear_probe/iemocap_5531/clean"]
    one, all_folds = (job_needs([group], per_fold, "auto", "paper") for per_fold in (True, False))
    assert one == run_needs(group, "auto", "paper") and all_folds == replace(one, minutes=20)
    group = groups["fair/tf_transformer/iemocap_5531/clean"]
    one, all_folds = (job_needs([group], per_fold, "auto", "paper") for per_fold in (True, False))
    assert (one.minutes, all_folds.minutes, one.memory) == (50, 170, all_folds.memory)


def test_runs_of_less_than_five_minutes_are_short(groups: dict[str, Group]) -> None:
    present = {name: replace(group, skipped="") for name, group in groups.items()}
    short = {name for name, group in present.items() if is_short(group, "auto")}
    assert {"fair/linear_probe/emodb_4/clean", "light_sernet/ce_3s/emodb_7/clean"} <= short
    assert not short & {"mfhca/full/iemocap_5531_speakers/clean", "fair/majority/emodb_4/clean"}
    assert not is_short(present["light_sernet/ce_3s/emodb_7/clean"], "cpu")


def test_what_was_not_measured_asks_for_a_day_and_24_gb(groups: dict[str, Group]) -> None:
    group = replace(groups["fair/linear_probe/iemocap_5531/clean"], system="not_measured")
    assert run_needs(group, "auto", "paper") == Needs(24_000, 1_440, True)
    assert feature_needs({"kind": "opensmile"}, "emodb", "auto", "paper") == Needs(24_000, 1_440, False)


def test_at_scale_demo_all_jobs_ask_for_the_same(groups: dict[str, Group]) -> None:
    found = {replace(run_needs(group, "auto", "demo"), gpu=False) for group in groups.values()}
    assert found == {Needs(2_000, 10, False)}


def test_what_features_ask_for() -> None:
    wavlm = validate_spec({"kind": "encoder", "encoder": "wavlm_large", "layer": "all", "pooling": "mean"})
    audio, functionals = {"kind": "audio"}, validate_spec({"kind": "functionals"})
    assert feature_needs(wavlm, "iemocap", "auto", "paper") == Needs(9_500, 20, True)
    assert feature_needs(wavlm, "msp_podcast", "auto", "paper") == Needs(9_500, 130, True)
    assert feature_needs(wavlm, "iemocap", "cpu", "paper") == Needs(5_500, 570, False)
    assert feature_needs(audio, "msp_podcast", "auto", "paper") == Needs(1_500, 20, False)
    assert feature_needs(functionals, "a_corpus_of_my_own", "auto", "paper") == Needs(1_500, 20, False)


def test_a_corpus_says_its_size() -> None:
    assert {corpus: corpus_size(corpus)[0] for corpus in words("corpora")} == {
        "casia": 1_200,
        "crema_d": 7_442,
        "emodb": 535,
        "iemocap": 10_039,
        "msp_podcast": 264_705,
        "ravdess": 1_440,
    }
    assert all(1 < corpus_size(corpus)[1] < 10 for corpus in words("corpora"))
    assert corpus_size("a_corpus_of_my_own") == OWN
