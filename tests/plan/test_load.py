"""The plan: what is expanded, what is skipped and why, and what is refused, in one line, before any job starts."""

import copy
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from helpers import ROOT
from helpers.params import params
from ser.encoders.demo import write_encoder
from ser.errors import InputError
from ser.plan.groups import Plan
from ser.plan.load import load_plan
from ser.plan.places import Places
from ser.plan.validation import read_yaml

PLACES = Places.of("free")
SYSTEM = """
from dataclasses import dataclass
from typing import Literal

@dataclass(frozen=True)
class Settings:
    rate: float
    epochs: int
    mode: Literal["a", "b"]
    flag: bool | None
"""

PROTOCOL = {
    "corpus": "emodb",
    "labels": {"angry": ["angry"], "sad": ["sad"]},
    "folds": {"kind": "leave_one_out", "group": "speaker", "number": 10},
    "dev": {"kind": "next_group"},
    "aggregation": "pooled",
    "leaks": ["sentences"],
    "selections": ["clean", "test_selected"],
    "source": "chosen",
}

EXPERIMENT = {
    "title": "A paper",
    "reference": "Somewhere",
    "system": "net",
    "features": {"spectrogram": {"value": {"kind": "log_mel"}, "source": "code"}},
    "settings": {
        "rate": {"value": 0.1, "source": "paper"},
        "epochs": {"value": 50, "source": "chosen"},
        "mode": {"value": "a", "source": "code"},
        "flag": {"value": None, "source": "chosen"},
    },
    "scales": {"demo": {"source": "chosen", "settings": {"epochs": 2}}},
    "protocols": {"emodb_2": PROTOCOL},
    "rows": {
        "full": {"title": "Everything", "table": "1", "source": "paper"},
        "mode_b": {"title": "The other mode", "source": "code", "settings": {"mode": "b"}, "selections": ["clean"]},
    },
    "sources": {"table": {"evidence": "paper", "cite": "Table 1"}},
    "claims": [
        {
            "row": "full",
            "protocol": "emodb_2",
            "values": {"WA": 70.5},
            "table": "1",
            "selection": "unknown",
            "aggregation": "unknown",
            "source": "table",
        }
    ],
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "schemas", tmp_path / "schemas")
    (tmp_path / "ser" / "systems").mkdir(parents=True)
    (tmp_path / "ser" / "systems" / "net.py").write_text(SYSTEM)
    for path in (ROOT / "ser" / "corpora").rglob("*.py"):
        copy = tmp_path / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.touch()
    (tmp_path / "experiments").mkdir()
    (tmp_path / "corpora").mkdir()
    return tmp_path


def plan(project: Path, experiment: dict[str, Any] | None = None, **changes: Any) -> Plan:
    (project / "experiments" / "one.yaml").write_text(yaml.safe_dump(experiment or EXPERIMENT, sort_keys=False))
    corpora = {"emodb": {"root": str(project / "corpora")}}
    given = {"scale": "free", "experiments": {"one": "all"}, "corpora": corpora}
    return load_plan(params(**given | changes), project)


def changed(path: str, value: Any) -> dict[str, Any]:
    """The experiment with the value at a dotted `path` replaced; None removes it."""
    experiment = copy.deepcopy(EXPERIMENT)
    *parents, last = path.split(".")
    place: Any = experiment
    for key in parents:
        place = place[int(key)] if isinstance(place, list) else place[key]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return experiment


def test_expands_rows_protocols_and_selections(project: Path) -> None:
    groups = plan(project).groups
    assert [group.name for group in groups] == [
        "one/full/emodb_2/clean",
        "one/full/emodb_2/test_selected",
        "one/mode_b/emodb_2/clean",
    ]
    assert groups[0].seeds == (1, 2, 3, 4, 5)
    assert not any(group.skipped for group in groups)


def test_a_row_and_a_scale_change_settings_and_keep_their_sources(project: Path) -> None:
    group = plan(project).groups[2]
    assert dict(group.settings) == {"rate": 0.1, "epochs": 50, "mode": "b", "flag": None}
    assert group.sources["mode"] == "code" and group.sources["rate"] == "paper"
    demo = plan(project, scale="demo").groups[0]
    assert demo.settings["epochs"] == 2 and demo.sources["epochs"] == "chosen"


def test_a_scale_may_not_undo_what_makes_a_row_differ(project: Path) -> None:
    experiment = changed("rows.mode_b.settings", {"epochs": 7})
    assert plan(project, experiment).groups[2].settings["epochs"] == 7
    with pytest.raises(InputError, match="one.yaml: rows.mode_b: scale demo sets epochs"):
        plan(project, experiment, scale="demo")


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


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("settings.raet", {"value": 1, "source": "chosen"}, "settings of net: unknown key 'raet': did you mean 'rate'"),
        ("settings.rate", None, "settings of net: missing 'rate'"),
        ("settings.rate.value", "1e-3", "rate: '1e-3' is not of type number"),
        ("settings.rate.source", None, "settings.rate: missing 'source'"),
        ("settings.rate.source", "memory", "'memory' is not one of paper, code, secondary, chosen"),
        ("settings.mode.value", "c", "mode: 'c' is not one of a, b"),
        ("rows.full.titel", "x", "rows.full: unknown key 'titel': did you mean 'title'"),
        ("rows.full.settings", {"epoch": 3}, "settings of net: unknown key 'epoch': did you mean 'epochs'"),
        ("rows.full.features", {"spectogram": {"kind": "log_mel"}}, "unknown 'spectogram': did you mean 'spectrogram'"),
        ("rows.full.features", {"spectrogram": {"kind": "log_mell"}}, "log_mell"),
        ("rows.full.features", {"spectrogram": {"kind": "log_mel", "n_mel": 3}}, "n_mel"),
        ("rows.full.protocols", ["emodb"], "rows.full.protocols: unknown 'emodb': did you mean 'emodb_2'"),
        ("rows.full.from", "one/fulll", "from: unknown 'fulll': did you mean 'full'"),
        ("system", "nett", "rows.full: system: unknown 'nett': did you mean 'net'?"),
        ("protocols.emodb_2.corpus", "emobd", "corpus: unknown 'emobd': did you mean 'emodb'"),
        ("protocols.emodb_2.folds.kind", "leave_1_out", "leave_1_out"),
        ("protocols.emodb_2.selections", ["cleen"], "'cleen' is not one of clean, test_selected, last_epoch"),
        ("claims.0.source", None, "claims.0: missing 'source'"),
        ("claims.0.row", "ful", "claim 1: row: unknown 'ful': did you mean 'full'"),
        ("claims.0.values", {"accuracy": 1}, "'accuracy' is not one of WA"),
        ("claims.0.source", "tabel", "claim 1: source: unknown 'tabel': did you mean 'table'"),
        ("claims.0.part", "test1", "claim 1: part 'test1': protocol emodb_2 has no official parts"),
    ],
)
def test_wrong_experiments_are_refused_by_name(project: Path, path: str, value: Any, message: str) -> None:
    with pytest.raises(InputError) as error:
        plan(project, changed(path, value))
    text = str(error.value)
    assert message in text and text.startswith("experiments/one.yaml") and "\n" not in text


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"scale": "papr"}, "scale: 'papr' is not one of demo, free, paper"),
        ({"seeds": [1]}, "unknown key 'seeds'"),
        ({"experiments": {"oen": "all"}}, "unknown 'oen': did you mean 'one'"),
        ({"experiments": {"one": ["ful"]}}, "experiments.one: unknown 'ful': did you mean 'full'"),
        (
            {"compute": {"device": "gpu", "threads": 1, "gpu_slots": 4, "keep_models": True}},
            "'gpu' is not one of auto, cpu, cuda",
        ),
        (
            {"compute": {"device": "cpu", "threads": 0, "gpu_slots": 4, "keep_models": True}},
            "compute.threads: 0 is less than the minimum of 1",
        ),
        (
            {"corpora": {"emodb": {"root": "/no/such/folder"}}},
            "corpora.emodb.root: no such folder: /no/such/folder",
        ),
        ({"encoders": {"hubert_base": "/tmp"}}, "encoders.hubert_base: /tmp: not a whole checkpoint: no config.json"),
    ],
)
def test_wrong_parameters_are_refused_by_name(project: Path, params: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as error:
        plan(project, **params)
    assert message in str(error.value) and str(error.value).startswith("params.yaml") and "\n" not in str(error.value)


def scale(name: str, *corpora: str) -> dict[str, Any]:
    scales = params()["scales"]
    return {"scale": name, "scales": scales | {name: scales[name] | {"corpora": list(corpora)}}}


def test_the_corpora_of_a_scale_must_exist(project: Path) -> None:
    for changes, message in [
        (scale("demo", "caisa"), "scales.demo.corpora: unknown 'caisa': did you mean 'casia'"),
        (scale("demo", "emodb"), "scales.demo.corpora: emodb has no demo (no ser/corpora/demo/emodb.py)"),
        (
            scale("free", "mine") | {"corpora": {"mine": {"root": str(project)}}},
            "corpora.mine: no ser/corpora/mine.py: name a CSV file in `manifest`",
        ),
    ]:
        with pytest.raises(InputError) as error:
            plan(project, **changes)
        assert message in str(error.value)


def test_a_brought_corpus_that_no_protocol_reads_is_refused(project: Path) -> None:
    (project / "mine.csv").touch()
    mine = {"root": str(project), "manifest": str(project / "mine.csv")}
    corpora = {"mine": mine}
    with pytest.raises(InputError, match="params.yaml: corpora.mine: no protocol reads it"):
        plan(project, **scale("free", "mine", "emodb") | {"corpora": corpora})


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


def test_a_checkpoint_under_another_ones_name_is_refused(project: Path, tmp_path: Path) -> None:
    write_encoder("wavlm_base", tmp_path / "checkpoint", seed=1)
    with pytest.raises(InputError) as error:
        plan(project, encoders={"hubert_large": str(tmp_path / "checkpoint")})
    assert str(error.value).startswith("params.yaml: encoders.hubert_large: ") and "\n" not in str(error.value)
    assert "this is wavlm with a front end normalised per group, and hubert_large is hubert with" in str(error.value)
    plan(project, encoders={"wavlm_base": str(tmp_path / "checkpoint")})


@pytest.mark.parametrize(
    ("row", "changes", "message"),
    [
        (
            "full",
            {"values": {"ccc_arousal": 0.5}},
            "claim 2: metric ccc_arousal: protocol emodb_2 reports WA, UA, macro_f1",
        ),
        (
            "mode_b",
            {"selection": "test_selected"},
            "claim 2: row mode_b is not run under emodb_2 with selection test_s",
        ),
        ("full", {"selection": "clean", "values": {"WA": 71.0}}, "claim 2: claim 1 is about the same number"),
    ],
)
def test_claims_that_no_line_would_show_are_refused(project: Path, row: str, changes: dict, message: str) -> None:
    claims = [*EXPERIMENT["claims"], EXPERIMENT["claims"][0] | {"row": row} | changes]
    with pytest.raises(InputError, match=f"experiments/one.yaml: {message}"):
        plan(project, changed("claims", claims))


def test_a_null_claim_needs_its_reason(project: Path) -> None:
    experiment = copy.deepcopy(EXPERIMENT)
    experiment["claims"][0]["values"] = {"WA": None}
    with pytest.raises(InputError, match="missing 'reason'"):
        plan(project, experiment)


def test_a_key_that_stands_twice_is_refused(project: Path) -> None:
    path = project / "twice.yaml"
    path.write_text("a: 1\nb: 2\na: 3\n")
    with pytest.raises(InputError, match="twice.yaml: line 3: 'a' stands twice"):
        read_yaml(path)


def test_the_projects_own_files_are_valid() -> None:
    groups = load_plan(params(), ROOT).groups
    assert {group.experiment for group in groups} == {path.stem for path in (ROOT / "experiments").glob("*.yaml")}
