"""Gathering a group's runs: which runs and predictions are refused, and how they are named."""

from pathlib import Path

import pytest

from helpers.builders import edit_sealed
from helpers.runs import write_run, write_runs
from ser.errors import InputError
from ser.evaluations.evaluate import evaluate
from ser.files import sha256_of
from ser.splits.split import Split


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data_hash": "0"}, "different data_hash: {folder}"),
        ({"protocol_hash": "0"}, "different protocol_hash: {folder}"),
        ({"settings": {"C": 2.0}}, "different settings: {folder}"),
        ({"code_version": "new"}, "different code_version: {folder}"),
        ({"fold": 2}, "seed 1 fold 2 given twice"),
        ({"fold": 9}, "seed 1 fold 9 is not a fold of the split: {folder}"),
        ({"fold": "3"}, "seed and fold must be integers"),
    ],
)
def test_a_run_of_something_else_is_refused(tmp_path: Path, split: Split, change: dict, message: str) -> None:
    folders = write_runs(tmp_path, split, (1,))
    path = folders[2] / "metrics.json"
    edit_sealed(path, **change)
    with pytest.raises(InputError) as caught:
        evaluate([split], folders)
    assert message.format(folder=folders[2]) in str(caught.value)


def test_runs_of_different_kinds_of_machine_are_named(tmp_path: Path, split: Split) -> None:
    folders = write_runs(tmp_path, split, (1,))
    for number, folder in enumerate(folders):
        machine = {"blas": "Haswell", "torch": "AVX2" if number == 2 else "AVX512"}
        edit_sealed(folder / "metrics.json", machine=machine)
    assert evaluate([split], [folders[2]], partial=True)["notes"] == [*split.notes]
    assert evaluate([split], folders)["notes"] == [
        *split.notes,
        "runs were made on different kinds of machine: torch AVX512 (seed 1 fold 1, seed 1 fold 2, seed 1 fold 4, "
        "seed 1 fold 5) and torch AVX2 (seed 1 fold 3)",
    ]


def test_missing_runs_are_named(tmp_path: Path, split: Split) -> None:
    folders = write_runs(tmp_path, split, (1, 2))
    with pytest.raises(InputError, match="runs missing: seed 1 fold 2, seed 2 fold 5: make them"):
        evaluate([split], [*folders[:1], *folders[2:9]])
    (folders[3] / "predictions.csv").unlink()
    with pytest.raises(InputError, match="fold4.predictions.csv: no such file"):
        evaluate([split], folders)
    (folders[3] / "metrics.json").unlink()
    with pytest.raises(InputError, match="fold4.metrics.json: no such file"):
        evaluate([split], folders)


def sign(folder: Path) -> None:
    """Let a run's metrics.json name its predictions as they are now."""
    edit_sealed(folder / "metrics.json", sha256={"predictions.csv": sha256_of(folder / "predictions.csv")})


def test_predictions_that_were_edited_are_refused(tmp_path: Path, split: Split) -> None:
    folders = write_runs(tmp_path, split, (1,))
    path = folders[2] / "predictions.csv"
    path.write_text(path.read_text().replace(",-", ",-1", 1))
    with pytest.raises(InputError, match=r"fold3.predictions.csv: not what the run wrote .* remove .*fold3"):
        evaluate([split], folders)


def test_predictions_of_other_utterances_are_refused(tmp_path: Path, split: Split) -> None:
    folders = write_runs(tmp_path, split, (1,))
    (folders[0] / "predictions.csv").write_bytes((folders[1] / "predictions.csv").read_bytes())
    sign(folders[0])
    with pytest.raises(InputError, match="fold1.predictions.csv: not the test utterances and targets of fold 1"):
        evaluate([split], folders)
    path = folders[1] / "predictions.csv"
    (tmp_path / "seed1" / "fold1" / "predictions.csv").unlink()
    write_run(folders[0], split, 1, 1)
    path.write_text(path.read_text().replace(",sad,", ",angry,", 1))
    sign(folders[1])
    with pytest.raises(InputError, match="fold2.predictions.csv: not the test utterances and targets of fold 2"):
        evaluate([split], folders)
