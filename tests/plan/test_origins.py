"""Where recordings and checkpoints come from, and that large files are not read at each start."""

import os
from pathlib import Path

import pytest

from helpers.params import params
from ser.encoders.checkpoint import checkpoint_digest
from ser.plan import origins
from ser.plan.origins import Origins


@pytest.fixture
def checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "hubert"
    folder.mkdir()
    for name in ("config.json", "preprocessor_config.json", "model.safetensors"):
        (folder / name).write_text("{}")
    monkeypatch.chdir(tmp_path)
    return folder


def test_a_checkpoint_is_read_again_only_when_it_may_have_changed(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []
    monkeypatch.setattr(origins, "checkpoint_digest", lambda folder: read.append(folder) or checkpoint_digest(folder))
    given = params(scale="free", encoders={"hubert_base": str(checkpoint)})
    first = Origins(given).weights("hubert_base")
    assert first == Origins(given).weights("hubert_base") == checkpoint_digest(checkpoint) and len(read) == 1
    os.utime(checkpoint / "config.json", (1, 1))
    assert Origins(given).weights("hubert_base") == first and len(read) == 2
    (checkpoint / "model.safetensors").write_text("{ }")
    assert Origins(given).weights("hubert_base") != first and len(read) == 3


def test_who_makes_an_encoder(checkpoint: Path) -> None:
    given = params(scale="free", encoders={"hubert_base": str(checkpoint)})
    found = Origins(given)
    assert not found.is_made_here("hubert_base") and found.is_made_here("hubert_tiny")
    assert found.encoder_files("hubert_base")[-1] == str(checkpoint / "model.safetensors")
    assert found.encoder_files(None) == []
    assert Origins(params()).is_made_here("hubert_base")
