"""test_epochs.safetensors: it reads back as written, and the same scores are the same bytes."""

from pathlib import Path

import numpy as np
import pytest

from helpers.training import fold
from ser.runs.epochs import read_epochs, write_epochs


def test_what_was_written_is_read(tmp_path: Path) -> None:
    scores = np.random.default_rng(1).normal(size=(4, 9, 3))
    for name in ("a", "b"):
        write_epochs(tmp_path / name, fold(), scores)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    found = read_epochs(tmp_path / "a")
    assert found.dtype == np.float32 and found.tobytes() == scores.astype(np.float32).tobytes()
    write_epochs(tmp_path / "none", fold(), None)
    assert read_epochs(tmp_path / "none").shape == (0, 9, 3)


def test_scores_of_other_utterances_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="for 9 utterances, 3 labels"):
        write_epochs(tmp_path / "a", fold(), np.zeros((4, 8, 3)))
