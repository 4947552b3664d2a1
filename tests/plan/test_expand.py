"""From rows to groups: what a row is made of, what is noted beside it, and what is skipped and why."""

import copy
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from helpers import ROOT
from helpers.params import params
from helpers.plans import EXPERIMENT, SYSTEM, changed, plan
from ser.encoders import published
from ser.errors import InputError
from ser.plan import settings
from ser.plan.jobs import train_options
from ser.plan.load import load_plan
from ser.plan.origins import Origins
from ser.plan.places import Places
from ser.results.table import table_lines
from ser.sealed import Order

PLACES = Places.of("free")


def test_expands_rows_protocols_and_selections(project: Path) -> None:
    groups = plan(project).groups
    assert [group.name for group in groups] == [
        "one/full/emodb_2/clean",
        "one/full/emodb_2/test_selected",
        "one/mode_b/emodb_2/clean",
    ]
    assert groups[0].seeds == (1, 2, 3, 4, 5)
    assert not any(group.skipped for group in groups)


def test_the_seeds_of_published_runs_come_first_at_scale_paper() -> None:
    groups = {
        scale: load_plan(
            params(scale=scale, experiments={"ca_mser": "all", "mfhca": "all", "fair": "all"}), ROOT
        ).groups
        for scale in ("free", "paper")
    }
    ours = (1, 2, 3, 4, 5)
    for scale, seeds in (("free", (ours, ours)), ("paper", ((111, 211, 1, 2, 3), (111, 1, 2, 3, 4)))):
        for name, expected in zip(("ca_mser", "mfhca"), seeds, strict=True):
            assert {group.seeds for group in groups[scale] if group.experiment == name} == {expected}
        assert {group.seeds for group in groups[scale] if group.experiment == "fair"} == {ours, (1,)}


def test_published_seeds_that_are_none_are_named(project: Path) -> None:
    with pytest.raises(InputError, match="experiments/one.yaml: seeds.value: empty: name at least one"):
        plan(project, changed("seeds", {"value": [], "source": "code"}))


def test_a_row_and_a_scale_change_settings_and_keep_their_sources(project: Path) -> None:
    group = plan(project).groups[2]
    assert dict(group.settings) == {"rate": 0.1, "epochs": 50, "mode": "b", "flag": None}
    assert group.sources["mode"] == "code" and group.sources["rate"] == "paper"
    demo = plan(project, scale="demo").groups[0]
    assert demo.settings["epochs"] == 2 and demo.sources["epochs"] == "chosen"


def test_a_scale_may_not_undo_what_makes_a_row_differ(project: Path) -> None:
    experiment = changed("rows.mode_b.settings", {"epochs": 7})
    assert plan(project, experiment).groups[2].settings["epochs"] == 7
    with pytest.raises(InputError) as error:
        plan(project, experiment, scale="demo")
    mend = "scales: {demo: {source: code, settings: {epochs: 7}}}"
    assert str(error.value) == (
        "experiments/one.yaml: rows.mode_b: scale demo sets epochs, which is what makes this row differ: "
        f"write it into the row as `{mend}`"
    )
    experiment = changed("rows.mode_b", {**EXPERIMENT["rows"]["mode_b"], **yaml.safe_load(mend)})
    assert plan(project, experiment, scale="demo").groups[2].settings["epochs"] == 7


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("settings.epochs", 3, "settings.epochs: 3 is not a mapping (key: value): write it like {value: 3, source: c"),
        (
            "rows.mode_b.settings",
            {"epochs": {"value": 3, "source": "chosen"}},
            "rows.mode_b: settings of net: epochs: {'value': 3, 'source': 'chosen'} is not a whole number: write 3 al",
        ),
        ("rows.mode_b.source", None, "rows.mode_b: missing 'source' (chosen: what you decided yourself)"),
    ],
)
def test_settings_in_a_wrong_form_are_told_the_right_one(project: Path, path: str, value: Any, message: str) -> None:
    with pytest.raises(InputError) as error:
        plan(project, changed(path, value))
    assert message in str(error.value) and "\n" not in str(error.value)


def test_a_row_has_seeds_of_its_own(project: Path) -> None:
    assert [group.seeds for group in plan(project, changed("rows.mode_b.seeds", [7, 9])).groups] == [
        *[(1, 2, 3, 4, 5)] * 2,
        (7, 9),
    ]
    both = changed("rows.mode_b.seeds", [7, 9], changed("seeds", {"value": [3], "source": "chosen"}))
    for scale in ("demo", "free", "paper"):
        assert [group.seeds for group in plan(project, both, scale=scale).groups] == [(3,), (3,), (7, 9)]
    published = changed("seeds", {"value": [3], "source": "code"})
    assert {group.seeds for group in plan(project, published).groups} == {(1, 2, 3, 4, 5)}
    with pytest.raises(InputError, match="rows.mode_b.seeds: empty: name at least one"):
        plan(project, changed("rows.mode_b.seeds", []))


def test_a_deterministic_row_has_one_seed(project: Path) -> None:
    alone = changed("rows.mode_b.deterministic", True)
    assert [group.seeds for group in plan(project, alone).groups] == [*[(1, 2, 3, 4, 5)] * 2, (1,)]
    alone = changed("rows.mode_b.deterministic", True, changed("rows.mode_b.seeds", [7]))
    assert [group.seeds for group in plan(project, alone).groups][-1] == (7,)
    told = "experiments/one.yaml: rows.mode_b.seeds: 7, 9, but the row is deterministic: all of them would give"
    with pytest.raises(InputError, match=told):
        plan(project, changed("rows.mode_b.seeds", [7, 9], alone))


def test_a_row_of_another_system_takes_the_settings_that_both_have(project: Path) -> None:
    (project / "ser/systems/own.py").write_text("class Settings:\n    rate: float\n    epochs: int\n    width: int\n")
    own = {"title": "Own", "source": "chosen", "from": "one/mode_b", "system": "own", "settings": {"width": 8}}
    experiment = changed("rows.own", own)
    experiment["rows"]["own"]["features"] = {"audio": {"kind": "audio"}}
    group = next(group for group in plan(project, experiment).groups if group.row == "own")
    assert (group.system, dict(group.settings)) == ("own", {"rate": 0.1, "epochs": 50, "width": 8})
    assert {*group.features} == {"audio"} and group.sources["epochs"] == "chosen" and group.sources["rate"] == "paper"
    demo = next(group for group in plan(project, experiment, scale="demo").groups if group.row == "own")
    assert demo.settings["epochs"] == 2
    experiment["rows"]["own"]["settings"] = {"width": 8, "mode": "a"}
    cure = "'mode': known: epochs, rate, width; a new one is a field of Settings in ser/systems/own.py$"
    with pytest.raises(InputError, match=f"rows.own: settings of own: unknown key {cure}"):
        plan(project, experiment)


def test_rows_that_start_from_each_other_are_refused(project: Path) -> None:
    experiment = changed("rows.full.from", "one/mode_b")
    experiment["rows"]["mode_b"]["from"] = "one/full"
    with pytest.raises(InputError) as error:
        plan(project, experiment)
    circle = "a circle, one/full from one/mode_b from one/full: start one from another row"
    assert str(error.value) == f"experiments/one.yaml: rows.mode_b.from: {circle}"


def test_a_row_can_start_from_another_experiments_row(project: Path) -> None:
    other = copy.deepcopy(EXPERIMENT) | {"claims": []}
    for key in ("system", "features", "settings", "scales"):
        del other[key]
    other["rows"] = {"copy": {"title": "x", "source": "chosen", "from": "one/mode_b", "settings": {"rate": 0.5}}}
    (project / "experiments" / "two.yaml").write_text(yaml.safe_dump(other))
    group = plan(project, experiments={"two": "all"}).groups[0]
    assert group.system == "net"
    assert dict(group.settings) == {"rate": 0.5, "epochs": 50, "mode": "b", "flag": None}


def test_what_cannot_run_is_skipped_with_the_reason(project: Path) -> None:
    assert "set corpora.emodb.root" in plan(project, corpora={}).groups[0].skipped
    assert "not part of scale demo" in plan(project, scale="demo").groups[0].skipped
    assert "no ser/systems/later.py" in plan(project, changed("system", "later")).groups[0].skipped
    encoder = {
        "spectrogram": {"value": {"kind": "encoder", "encoder": "hubert_base", "layer": "last"}, "source": "code"}
    }
    assert "set encoders.hubert_base" in plan(project, changed("features", encoder)).groups[0].skipped


def test_a_protocol_that_needs_whole_classes_names_what_is_missing(project: Path) -> None:
    """The tree has all of EmoDB's sad recordings (62), and 126 of the 127 angry ones."""
    wav = project / "corpora" / "wav"
    wav.mkdir()
    for number, letter in enumerate("T" * 62 + "W" * 126):
        (wav / f"03a{number % 10 + 1:02}{letter}{chr(ord('a') + number // 10)}.wav").touch()
    whole = changed("protocols.emodb_2.complete", True)
    assert plan(project).groups[0].skipped == ""
    assert {group.skipped for group in plan(project, whole).groups} == {
        "recordings incomplete: angry 126 of 127: complete corpora.emodb.root"
    }
    (wav / "08a01Wa.wav").touch()
    assert plan(project, whole).groups[0].skipped == ""
    assert "not part of scale demo" in plan(project, whole, scale="demo").groups[0].skipped


def test_a_rows_note_is_for_its_protocol_only(project: Path) -> None:
    groups = plan(project, changed("rows.full.notes", {"emodb_2": "beware"})).groups
    assert [group.note for group in groups] == ["beware", "beware", ""]


def test_an_encoder_with_random_weights_is_said_so(project: Path, tmp_path: Path) -> None:
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    for name in ("preprocessor_config.json", "model.safetensors"):
        (folder / name).touch()
    encoder = {
        "spectrogram": {"value": {"kind": "encoder", "encoder": "hubert_base", "layer": "last"}, "source": "code"}
    }
    for config, note in (({"ser_demo": True}, "the encoder's weights are random"), ({}, "")):
        (folder / "config.json").write_text(json.dumps({"model_type": "hubert"} | config))
        group = plan(project, changed("features", encoder), encoders={"hubert_base": str(folder)}).groups[0]
        assert (group.note, group.skipped) == (note, "")


def test_a_row_says_what_its_encoders_have_heard_before(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Frozen or trained further; only corpora that the row tests, and only weights that were trained at all."""
    for name, config in (("trained", {}), ("demo", {"ser_demo": True})):
        (tmp_path / name).mkdir()
        for file in ("preprocessor_config.json", "model.safetensors"):
            (tmp_path / name / file).touch()
        (tmp_path / name / "config.json").write_text(json.dumps({"model_type": "hubert"} | config))
    monkeypatch.setitem(published.TRAINED_ON, "mine", {"emodb": "its card", "iemocap": "its paper"})
    monkeypatch.setitem(published.TRAINED_ON, "hubert_base", {"emodb": "its readme"})
    experiment = changed("encoders", {"further": {"value": "mine", "source": "code"}})
    experiment["features"]["states"] = {
        "value": {"kind": "encoder", "encoder": "hubert_base", "layer": "last"},
        "source": "code",
    }
    experiment["rows"]["full"]["notes"] = {"emodb_2": "beware"}
    experiment["rows"]["mode_b"] |= {"encoders": {"further": None}}
    heard, further = "leak: encoder {} was trained on emodb ({})", str(tmp_path / "trained")
    leaks = [heard.format("hubert_base", "its readme"), heard.format("mine", "its card")]

    def notes(frozen: str, experiment: dict = experiment, **changes: Any) -> list[str]:
        folders = {"hubert_base": str(tmp_path / frozen), "mine": further}
        return [group.note for group in plan(project, experiment, encoders=folders, **changes).groups[::2]]

    assert notes("trained") == ["; ".join(["beware", *leaks]), leaks[0]]
    assert notes("demo") == [
        f"beware; the encoder's weights are random; {leaks[1]}",
        "the encoder's weights are random",
    ]
    assert notes("trained", scale="demo") == ["beware", ""]
    corpora = {"ravdess": {"root": str(project / "corpora")}}
    elsewhere = changed("protocols.emodb_2.corpus", "ravdess", experiment)
    assert notes("trained", elsewhere, corpora=corpora) == ["beware", ""]
    skipped = plan(project, experiment, encoders={"hubert_base": further, "mine": further}, corpora={})
    lines = list(table_lines(skipped, PLACES, None))
    assert {line["note"] for line in lines if line["row"] == "mode_b"} == {
        f"no recordings: set corpora.emodb.root in params.local.yaml; {leaks[0]}"
    }


def test_what_every_named_checkpoint_was_trained_on_is_stated() -> None:
    """With a source each, or None where it is not known; those that are made here were not trained."""
    assert {*published.TRAINED_ON} == {*published.NAMES}
    assert all(published.TRAINED_ON[name] == {} for name in published.MADE_HERE)
    assert all(source for heard in published.TRAINED_ON.values() for source in (heard or {}).values())


def test_encoders_that_a_row_trains_further(project: Path) -> None:
    experiment = changed("encoders", {"encoder": {"value": "hubert_base", "source": "code"}})
    experiment["features"]["audio"] = {"value": {"kind": "audio"}, "source": "code"}
    experiment["rows"]["mode_b"] |= {"encoders": {"encoder": None}, "features": {"audio": None}}
    full, _, without = plan(project, experiment).groups
    assert full.encoders == {"encoder": "hubert_base"} and "set encoders.hubert_base" in full.skipped
    assert full.stores(PLACES)["audio"] == "work/free/audio/emodb.safetensors"
    assert full.stores(PLACES)["spectrogram"].startswith("work/free/features/emodb/log_mel-")
    assert not without.encoders and not without.skipped and set(without.features) == {"spectrogram"}
    assert plan(project, experiment).specs.keys() == {Path(full.stores(PLACES)["spectrogram"]).stem}
    experiment["rows"]["full"]["encoders"] = {"encoder": "hubert_tiny"}
    tiny = plan(project, experiment).groups[0]
    assert (tiny.note, tiny.skipped) == ("the encoder's weights are random", "")
    experiment["rows"]["full"]["encoders"] = {"encoder": "hubert_bse"}
    with pytest.raises(InputError, match="rows.full: encoders: unknown 'hubert_bse': did you mean 'hubert_base'"):
        plan(project, experiment)


BESIDES = 'AUXILIARY = {"region": {"mode": ("b",), "epochs": (50, 51)}, "style": {"mode": ("c",)}}'


def test_what_is_classified_besides_the_labels_follows_from_the_settings(project: Path) -> None:
    file = project / "ser/systems/net.py"
    file.write_text(f"{SYSTEM}\n{BESIDES}\n")
    groups = plan(project).groups
    assert [(group.row, group.auxiliary) for group in groups[1:]] == [("full", ""), ("mode_b", "region")]
    assert plan(project, changed("rows.mode_b.settings", {"mode": "b", "epochs": 7})).groups[2].auxiliary == ""
    origins = Origins({"scale": "free", "corpora": {}, "encoders": {}})
    about = {"device": "cpu", "threads": 1, "output": "runs", "places": PLACES, "origins": origins}
    made_from = SimpleNamespace(runs=lambda group, seed: Order("the plan"))
    options = [train_options(group, 1, [1], **about, made_from=made_from) for group in groups]
    assert ["--auxiliary" in of_group for of_group in options] == [False, False, True]
    assert options[2][options[2].index("--auxiliary") + 1] == "region"
    file.write_text(f"{SYSTEM}\nREGION = 'region'\nAUXILIARY = {{REGION: {{}}}}\n")
    settings.declared_auxiliary.cache_clear()
    settings._tree.cache_clear()
    with pytest.raises(InputError, match=r"net.py: line \d+: AUXILIARY is computed: write its names and values$"):
        plan(project)
