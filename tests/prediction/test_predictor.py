"""A trained row predicts what its run predicted, alone as in company, for every system."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from helpers import ROOT
from helpers.predictable import ROWS, group_of, learn
from ser.errors import InputError
from ser.files import words
from ser.plan.settings import is_reported
from ser.prediction.find import trained
from ser.prediction.lines import columns, predicted, write_lines
from ser.prediction.predictor import Predictor
from ser.prediction.recordings import Piece
from ser.prediction.trained import spoken

BESIDES = (
    ("emosphere_ser/full", {"auxiliary": "emotion"}),
    ("fair/functionals_svm", {"kernel": "linear"}),
    ("mfhca/full", {"multi_spatial_fusion": False}),
)


def test_every_system_is_here() -> None:
    """All but those that have no model: their predictions are files."""
    models = {name for name in words("systems") if not is_reported(ROOT / f"ser/systems/{name}.py")}
    assert {group_of(row).system for row in ROWS} == models


@pytest.mark.parametrize(("row", "changes"), [*((row, {}) for row in ROWS), *BESIDES])
def test_a_tested_utterance_gets_what_the_run_gave_it(tmp_path: Path, row: str, changes: dict[str, object]) -> None:
    learned = learn(tmp_path, row, **changes)
    predictor = Predictor(learned.trained)
    alone = [Predictor(learned.trained).scores(next(iter(learned.sounds.values())))]
    together = [predictor.scores(samples) for samples in learned.sounds.values()]
    # The run had them in batches, which changes last bits of float32.
    np.testing.assert_allclose(np.concatenate(together), learned.outcome.scores, rtol=1e-4, atol=2e-5)
    assert alone[0].tobytes() == together[0].tobytes()


def test_several_models_are_averaged_as_probabilities(tmp_path: Path) -> None:
    first, second = (learn(tmp_path, "attention_fcn/full", number) for number in (1, 2))
    both = replace(first.trained, models=first.trained.models + second.trained.models)
    samples = next(iter(first.sounds.values()))
    each = [Predictor(both.of(fold=number)).predict(samples, 16_000).values for number in (1, 2)]
    made = Predictor(both).predict(samples, 16_000)
    for label, value in made.values.items():
        assert value == pytest.approx(sum(values[label] for values in each) / 2, abs=1e-12)
    assert made.label == max(made.values, key=made.values.__getitem__)
    assert sum(made.values.values()) == pytest.approx(1, abs=1e-12)
    with pytest.raises(InputError, match=r"no such model: it has seed 1 fold 1, seed 1 fold 2"):
        both.of(fold=3)


def test_a_run_of_before_it_kept_what_it_fitted_is_refused(tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    learned = learn(tmp_path, "attention_fcn/full")
    path = learned.trained.models[0].path
    save_file({name: array for name, array in load_file(path).items() if not name.startswith("fitted.")}, path)
    with pytest.raises(InputError, match=r"model.safetensors: has no fitted.shift: remove its folder and build again"):
        Predictor(learned.trained).scores(next(iter(learned.sounds.values())))
    path.write_bytes(b"torn")
    with pytest.raises(InputError, match="not a readable model"):
        Predictor(learned.trained)


@pytest.mark.parametrize("as_json", [False, True])
def test_attributes_are_in_the_protocols_units(tmp_path: Path, as_json: bool) -> None:
    learned = learn(tmp_path, "emosphere_ser/full")
    predictor = Predictor(learned.trained)
    found = iter([Piece("a.wav", 0, 1, next(iter(learned.sounds.values()))), Piece("b.wav", fault="empty")])
    file = io.StringIO()
    names = columns(learned.trained)
    assert names == ["file", "start", "end", "status", *learned.fold.labels, "note", "model"]
    assert len(list(write_lines(predicted(predictor, found), names, file, as_json))) == 2
    text = file.getvalue()
    lines = [json.loads(line) for line in text.splitlines()] if as_json else list(csv.DictReader(io.StringIO(text)))
    for label, score in zip(learned.fold.labels, learned.outcome.scores[0], strict=True):
        assert float(lines[0][label]) == pytest.approx(score, rel=1e-4) and 1 <= float(lines[0][label]) <= 7
        assert lines[1][label] == (None if as_json else "")
    assert (lines[1]["status"], lines[1]["note"]) == ("error", "empty")


def test_outside_a_project_it_says_where_to_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as error:
        trained("fair/majority")
    mend = "run it in the project's folder, or give one"
    assert str(error.value) == f"fair/majority: no project here, and no exported folder: {mend}"


def test_what_test_and_training_share_is_said_once(tmp_path: Path) -> None:
    about = {"leaks": ["sentences"], "notes": ["test shares sentences with train, as declared"]}
    row = learn(tmp_path, "fair/majority").trained
    said = spoken(replace(row, about={**row.about, **about}))
    assert [line for line in said if "share" in line] == ["note: test shares sentences with train, as declared"]
