"""What a system classifies besides the labels, from training to numbers, by the scripts as the rules call them."""

import csv
import json
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score

from helpers import ROOT
from helpers.builders import protocol
from helpers.emosphere_folds import LABELS, SMALL, make_fold
from ser.manifests.utterance import Utterance
from ser.splits.make import make_split
from ser.splits.write import write_split
from ser.systems.shared.regions import region_of


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A split of tones, their store and an encoder."""
    folder = tmp_path_factory.mktemp("auxiliary")
    fold = make_fold(folder)
    rows = [
        Utterance(
            name, "x.wav", speaker=f"{part}{i % 3}", emotion="sad", partition=part, **dict(zip(LABELS, x, strict=True))
        )
        for part, of in (("train", fold.train), ("dev", fold.dev), ("test1", fold.test))
        for i, (name, x) in enumerate(zip(of.utterances, of.targets.tolist(), strict=True))
    ]
    folds = {"kind": "official", "train": ["train"], "dev": ["dev"], "test": ["test1"]}
    fields = {"labels": None, "targets": [*LABELS], "scale": [1, 7], "subset": "all", "leaks": []}
    made = protocol(**fields, folds=folds, dev={"kind": "official"})
    write_split(make_split(made, "clean", rows), made, folder / "split.csv", folder / "split.json")
    return folder


def script(folder: Path, name: str, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / f"workflow_scripts/{name}.py"), *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def train(folder: Path, output: str, *options: str, **settings: Any) -> subprocess.CompletedProcess[str]:
    given = json.dumps(asdict(replace(SMALL, epochs=1, **settings)))
    inputs = ["--split", "split.json", "--store", "audio=audio.safetensors", "--encoder", "encoder=wavlm_large"]
    of_run = ["--system", "emosphere_ser", "--settings", given, "--folds", "1", "--seed", "1", "--device", "cpu"]
    return script(folder, "train", *of_run, *inputs, "--output-dir", output, *options)


def test_regions_are_predicted_and_scored(folder: Path) -> None:
    done = train(folder, "runs", "--auxiliary", "region", regions="grid_180")
    assert done.returncode == 0, done.stderr
    with (folder / "runs/fold1/predictions.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    points = [[float(line[f"target_{axis}"]) - 4 for axis in ("arousal", "valence", "dominance")] for line in lines]
    targets, predicted = ([int(line[f"{kind}_region"]) for line in lines] for kind in ("target", "predicted"))
    assert targets == region_of("grid_180", np.array(points)).tolist() and {*targets} == {0, 1}
    options = ["--splits", "split.json", "--runs", "runs/fold1", "--output", "e.json"]
    assert script(folder, "evaluate", *options).returncode == 0
    evaluation = json.loads((folder / "e.json").read_text())
    numbers = evaluation["results"]["test1"]["pooled"]
    expected = {
        "region_WA": accuracy_score(targets, predicted),
        "region_macro_f1": f1_score(targets, predicted, average="macro"),
    }
    assert min(expected.values()) > 0
    assert {name: numbers[name]["value"] for name in expected} == pytest.approx(expected, abs=1e-12)
    assert [(numbers[name]["n_utterances"], numbers[name]["n_speakers"]) for name in expected] == [(6, 3)] * 2
    assert {*numbers} == {*(f"ccc_{name}" for name in (*LABELS, "average")), *expected}


@pytest.mark.parametrize(
    ("options", "settings", "said"),
    [
        ([], {}, "classifies region besides the labels, nothing by its AUXILIARY"),
        (["--auxiliary", "region"], {"region_loss": "none"}, "classifies nothing besides the labels, region by its"),
    ],
)
def test_a_system_that_does_otherwise_than_it_declares_is_refused(
    folder: Path, options: list[str], settings: dict[str, Any], said: str
) -> None:
    done = train(folder, "refused", *options, **settings)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(f"error: ser/systems/emosphere_ser.py: {said}")
    assert not (folder / "refused").exists()
