"""Checkpoint folders: weights come from safetensors files in them, from nowhere else."""

import json
from pathlib import Path

import pytest

from ser.encoders.checkpoint import check_checkpoint, checkpoint_files
from ser.errors import InputError
from ser.sealed import Inputs, Order


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "encoder"
    folder.mkdir()
    for name in ("encoder/config.json", "encoder/preprocessor_config.json", "encoder/a.safetensors"):
        (tmp_path / name).write_text("{}")
    for name in ("encoder/a.bin", "b.safetensors", "encoder/a.safetensors.bin"):
        (tmp_path / name).write_text("")
    return folder


def index(folder: Path, *names: object) -> Path:
    path = folder / "model.safetensors.index.json"
    path.write_text(json.dumps({"weight_map": dict(enumerate(names))}))
    return path


@pytest.mark.parametrize(
    "name", ["a.bin", "../b.safetensors", "/b.safetensors", "a.safetensors.bin", "a.safetensors\n"]
)
def test_an_index_names_only_safetensors_of_its_folder(folder: Path, name: str) -> None:
    path = index(folder, "a.safetensors", name)
    with pytest.raises(InputError) as error:
        checkpoint_files(folder)
    shown = repr(name).replace("\n", "\\n")
    assert str(error.value) == (
        f"{path}: names {shown}: weights are read only from .safetensors files in this folder, for a pickle can run"
        " code: use the safetensors version of all of it"
    )


def test_an_index_of_shards_is_read(folder: Path) -> None:
    path = index(folder, "a.safetensors")
    assert checkpoint_files(folder)[2:] == [path, folder / "a.safetensors"]


@pytest.mark.parametrize("text", ["", "[]", '{"weight_map": []}', '{"weight_map": {"a": [', "[" * 100_000, "\0"])
def test_what_is_no_index_is_told(folder: Path, text: str) -> None:
    index(folder).write_text(text)
    with pytest.raises(InputError, match=r"index.json: not an index of weights: copy it again$"):
        checkpoint_files(folder)


def test_a_replaced_checkpoint_with_the_old_sizes_and_times_is_to_be_touched(folder: Path) -> None:
    index(folder, "a.safetensors")
    planned = Order(inputs={str(folder): "another digest"})
    with pytest.raises(InputError, match="than planned: `touch` its files if they were replaced and build again$"):
        check_checkpoint(folder, Inputs(planned))
