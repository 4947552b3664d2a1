"""An exported row: what is in its folder, who can open it, and that it predicts as before."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
import yaml

import ser
from helpers import ROOT
from helpers.predictable import ROWS, learn
from ser.errors import InputError
from ser.prediction.export import export
from ser.prediction.exported import CONFIG, sealed
from ser.prediction.predictor import Predictor
from ser.waveforms import waveform

HUB = ("superb_er/hubert_base", "superb_er/wav2vec2_base", "superb_er/wavlm_base_plus")
# What an installed `ser[predict]` has no use for.
NOT_NEEDED = ("ser.training.loop", "ser.plan", "ser.evaluations", "ser.results", "ser.tracking", "ser.verification")


@pytest.mark.parametrize("row", [*ROWS, "mfhca/frozen_hubert"])
def test_an_exported_row_predicts_the_same_digits(tmp_path: Path, row: str) -> None:
    learned = learn(tmp_path, row)
    export(learned.trained, tmp_path / "out")
    # Nothing of what it was made from is needed any more.
    samples = [learned.sounds[name] for name in learned.fold.test.utterances]
    before = [Predictor(learned.trained).scores(x).tobytes() for x in samples[:2]]
    shutil.rmtree(tmp_path / "fold1")
    loaded = ser.load((tmp_path / "out").rename(tmp_path / "elsewhere"))
    assert loaded.labels == learned.fold.labels
    assert [loaded.scores(x).tobytes() for x in samples[:2]] == before
    files = {path.suffix for path in (tmp_path / "elsewhere").rglob("*") if path.is_file()}
    assert files == {".safetensors", ".json", ".md"}  # no pickle, no code
    config = json.loads((tmp_path / "elsewhere" / CONFIG).read_text())["ser"]
    assert config["rate"] == 16_000 and config["labels"] == list(learned.fold.labels)


@pytest.mark.parametrize("row", HUB)
def test_transformers_opens_a_linear_probe(tmp_path: Path, row: str) -> None:
    from transformers import AutoFeatureExtractor, AutoModelForAudioClassification

    learned = learn(tmp_path, row)
    assert export(learned.trained, tmp_path / "out") == ""
    model = AutoModelForAudioClassification.from_pretrained(tmp_path / "out", local_files_only=True).eval()
    assert model.config.id2label == dict(enumerate(learned.fold.labels))
    preprocess = AutoFeatureExtractor.from_pretrained(tmp_path / "out", local_files_only=True)
    for name, ours in zip(learned.fold.test.utterances, learned.outcome.scores, strict=True):
        inputs = preprocess(waveform(learned.sounds[name]), sampling_rate=16_000, return_tensors="pt")
        with torch.inference_mode():
            theirs = model(inputs["input_values"]).logits.log_softmax(dim=1)[0].numpy()
        np.testing.assert_allclose(theirs, ours, rtol=0, atol=1e-5)


def test_what_transformers_cannot_open_says_why(tmp_path: Path) -> None:
    learned = learn(tmp_path, "superb_er/hubert_base")
    both = replace(learned.trained, models=learned.trained.models * 2)
    assert "one per fold: choose one with --fold" in export(both, tmp_path / "both")
    states = {"states": {**learned.trained.features["states"], "dtype": "float16"}}
    assert "dtype float16" in export(replace(learned.trained, features=states), tmp_path / "half")
    large = learn(tmp_path, "superb_er/wavlm_large", 2)
    assert "its encoder ends with a norm" in export(large.trained, tmp_path / "large")
    with pytest.raises(InputError, match="is there already"):
        export(both, tmp_path / "both")


def test_the_folds_of_a_row_travel_together(tmp_path: Path) -> None:
    first, second = (learn(tmp_path, "fair/functionals_svm", number) for number in (1, 2))
    both = replace(first.trained, models=first.trained.models + second.trained.models)
    export(both, tmp_path / "out")
    samples = next(iter(first.sounds.values()))
    shown = repr(ser.load(tmp_path / "out")).splitlines()
    assert shown[0] == f"{both.name}: {', '.join(both.labels)}; mean of 2 models (one per fold)"
    assert shown[1].startswith("protocol ") and shown[-1] == "hears 16000 Hz, one channel: all else is converted"
    for fold in (None, 1, 2):
        assert ser.load(tmp_path / "out", fold).predict(samples, 16_000) == Predictor(both.of(fold)).predict(
            samples, 16_000
        )


def test_the_model_card_is_what_the_hub_reads(tmp_path: Path) -> None:
    learned = learn(tmp_path, "fair/majority")
    number = {"part": "", "metric": "UA", "aggregation": "pooled", "n_utterances": 5, "n_speakers": 1, "value": 0.25}
    number["text"] = {"value": "25.00", "ci_low": "20.00", "ci_high": "30.00"}
    changes = {"corpus": "ravdess", "scored": [number], "leaks": ["sentences"], "warnings": ["mind the gap"]}
    export(replace(learned.trained, about={**learned.trained.about, **changes}), tmp_path / "out")
    text = (tmp_path / "out" / "README.md").read_text()
    _, front, body = text.split("---\n", 2)
    head = yaml.safe_load(front)
    assert head["pipeline_tag"] == "audio-classification" and head["language"] == ["en"] and head["license"] == "other"
    assert head["model-index"][0]["results"][0]["metrics"] == [{"type": "UA", "value": 25.0}]
    for part in (
        "mind the gap",
        "| 25.00 | 20.00 to 30.00 | 5 | 1 |",
        "Test and training share sentences",
        "0.5 to 1.0 s",
    ):
        assert part in body
    assert "CC BY-NC-SA 4.0" in body and "angry, sad, happy, neutral" in body and "0123456789abcdef" in body


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"format": 2}, "not written by `ser export` of this version"),
        ({"system": "../evil"}, "no system ../evil"),
        ({"models": [{"seed": 1, "fold": 1, "path": "../fold1/model.safetensors", "names": {}}]}, "outside the folder"),
        ({"models": [{"seed": 1, "fold": 1, "path": "none.safetensors", "names": {}}]}, "not a readable model"),
        ({"labels": None}, "not written by `ser export`"),
    ],
)
def test_a_folder_that_is_not_as_written_is_refused(tmp_path: Path, changes: dict[str, object], told: str) -> None:
    export(learn(tmp_path, "fair/majority").trained, tmp_path / "out")
    path = tmp_path / "out" / CONFIG
    path.write_text(json.dumps({"ser": sealed({**json.loads(path.read_text())["ser"], **changes})}))
    with pytest.raises(InputError, match="config.json|safetensors") as error:
        ser.load(tmp_path / "out")
    assert told in str(error.value)


def test_a_change_to_an_exported_file_is_noticed(tmp_path: Path) -> None:
    export(learn(tmp_path, "fair/majority").trained, tmp_path / "out")
    path = tmp_path / "out" / CONFIG
    before = path.read_text()
    path.write_text(json.dumps(json.loads(before)))  # only written differently
    ser.load(tmp_path / "out")
    path.write_text(before.replace('"rate": 16000', '"rate": 16001'))
    with pytest.raises(InputError, match="config.json: .*it has changed since.*: export it again"):
        ser.load(tmp_path / "out")
    path.write_text(before)
    model = tmp_path / "out" / "model.safetensors"
    model.write_bytes(model.read_bytes()[:-1] + b"\0")
    with pytest.raises(InputError, match="model.safetensors has changed since"):
        ser.load(tmp_path / "out")


SCRIPT = """
import builtins, sys
known, refused = set(sys.argv[3].split(",")) | set(sys.stdlib_module_names), sys.argv[4].split(",")
real = builtins.__import__
def guarded(name, globals=None, locals=None, fromlist=(), level=0):
    if (globals or {}).get("__name__", "").split(".")[0] == "ser":
        of = name.split(".")[0]
        if of != "ser" and of not in known or any(name == one or name.startswith(one + ".") for one in refused):
            raise ImportError(f"{globals['__name__']} imports {name}")
    return real(name, globals, locals, fromlist, level)
builtins.__import__ = guarded
import ser
print(repr(list(ser.load(sys.argv[1]).predict(sys.argv[2]).values.values())))
assert not any(name in sys.modules for name in refused), sorted(sys.modules)
"""


@pytest.mark.parametrize("row", ["fair/functionals_svm", "attention_fcn/full", "superb_er/hubert_base", "mfhca/full"])
def test_only_the_extras_packages_are_needed(tmp_path: Path, row: str) -> None:
    learned = learn(tmp_path, row)
    export(learned.trained, tmp_path / "out")
    samples = next(iter(learned.sounds.values()))
    soundfile.write(tmp_path / "a.wav", np.repeat(samples, 3), 48_000)  # resampled by torchaudio
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = [*project["dependencies"], *project["optional-dependencies"]["predict"]]
    known = ",".join(name.partition(">")[0] for name in names)
    command = [sys.executable, "-c", SCRIPT, tmp_path / "out", tmp_path / "a.wav", known, ",".join(NOT_NEEDED)]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=os.environ)
    assert result.returncode == 0, result.stderr[-2000:]
    assert result.stdout.strip() == repr(list(Predictor(learned.trained).predict(tmp_path / "a.wav").values.values()))
