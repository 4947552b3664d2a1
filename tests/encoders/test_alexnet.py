"""ImageNet weights: the folder, what is refused, and that our convolutions compute what torchvision's do."""

import json
import os
from pathlib import Path
from urllib.error import URLError

import pytest
import safetensors.torch
import torch
from torchvision.models import AlexNet_Weights, alexnet

from ser import cli
from ser.encoders.alexnet import KERNELS, PLACES, alexnet_convolutions
from ser.encoders.checkpoint import checkpoint_digest, checkpoint_files, is_demo, open_checkpoint
from ser.encoders.demo import write_encoder
from ser.encoders.fetch import save_alexnet
from ser.errors import InputError
from ser.systems.shared.images import DEVIATION, MEAN

CHANNELS = (64, 192, 384, 256, 256)


@pytest.fixture(scope="module")
def features() -> torch.nn.Sequential:
    torch.manual_seed(0)
    return alexnet(weights=None).features.eval()


@pytest.fixture
def state(features) -> dict[str, torch.Tensor]:
    return {f"features.{name}": tensor for name, tensor in features.state_dict().items()}


@pytest.fixture
def folder(state, tmp_path) -> Path:
    save_alexnet(state, tmp_path / "alexnet")
    return tmp_path / "alexnet"


def test_the_convolutions_are_torchvisions(features, folder):
    layers = [(place, layer) for place, layer in enumerate(features) if isinstance(layer, torch.nn.Conv2d)]
    assert tuple(place for place, _ in layers) == PLACES
    assert tuple(layer.kernel_size[0] for _, layer in layers) == KERNELS
    for (weight, bias), (_, layer) in zip(alexnet_convolutions(folder, CHANNELS), layers, strict=True):
        assert torch.equal(weight, layer.weight) and torch.equal(bias, layer.bias)


def test_the_image_statistics_are_those_of_the_weights():
    transforms = AlexNet_Weights.IMAGENET1K_V1.transforms()
    assert (tuple(transforms.mean), tuple(transforms.std)) == (MEAN, DEVIATION)


def test_the_folder_is_a_checkpoint_of_two_files(folder, state, tmp_path):
    assert [path.name for path in checkpoint_files(folder)] == ["config.json", "model.safetensors"]
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.safetensors"]
    assert not is_demo(folder)
    save_alexnet(state, tmp_path / "same")
    assert checkpoint_digest(tmp_path / "same") == checkpoint_digest(folder)
    save_alexnet(state | {"features.0.bias": state["features.0.bias"] + 1}, tmp_path / "other")
    assert checkpoint_digest(tmp_path / "other") != checkpoint_digest(folder)
    (folder / "model.safetensors").rename(folder / "model.bin")
    with pytest.raises(InputError, match=r"not a complete checkpoint: no model\.safetensors: its weights are a pickle"):
        checkpoint_files(folder)


def test_the_demo_is_narrow_random_and_says_so(tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_encoder("alexnet", tmp_path / name, seed)
    a, b, c = (checkpoint_digest(tmp_path / name) for name in "abc")
    assert a == b != c and is_demo(tmp_path / "a")
    pairs = alexnet_convolutions(tmp_path / "a", [round(width / 8) for width in CHANNELS])
    assert all(weight.std() > 0 and bias.std() > 0 for weight, bias in pairs)


def test_other_checkpoints_are_refused_both_ways(folder, tmp_path):
    write_encoder("hubert_base", tmp_path / "hubert", seed=1)
    with pytest.raises(InputError, match="hubert: model type hubert, not alexnet: use the folder that `ser weights"):
        alexnet_convolutions(tmp_path / "hubert", CHANNELS)
    with pytest.raises(InputError, match="alexnet: weights of AlexNet, not of a speech encoder"):
        open_checkpoint(folder)
    with pytest.raises(InputError, match=r"absent: no such checkpoint folder: it needs config\.json"):
        alexnet_convolutions(tmp_path / "absent", CHANNELS)


def test_broken_folders_are_named(folder, state):
    path = folder / "model.safetensors"
    gone = ("features.3.bias", "features.10.weight")
    safetensors.torch.save_file({name: tensor for name, tensor in state.items() if name not in gone}, path)
    with pytest.raises(InputError, match=r"no features\.3\.bias, features\.10\.weight in model\.safetensors"):
        alexnet_convolutions(folder, CHANNELS)
    path.write_bytes(b"\x10\0\0\0\0\0\0\0torn")
    with pytest.raises(InputError, match=r"model\.safetensors: cannot be read: .*: copy it again"):
        alexnet_convolutions(folder, CHANNELS)
    for text, problem in (("{", "not JSON"), ("[]", "not a JSON object")):
        (folder / "config.json").write_text(text)
        with pytest.raises(InputError, match=rf"config\.json: {problem}"):
            checkpoint_files(folder)


def test_another_width_is_named(folder):
    with pytest.raises(InputError) as error:
        alexnet_convolutions(folder, (96, 256, 384, 384, 256))
    assert "are 64x3x11x11 192x64x5x5 384x192x3x3 256x384x3x3 256x256x3x3, but" in str(error.value)
    assert "ask for 96x3x11x11 256x96x5x5 384x256x3x3 384x384x3x3 256x384x3x3" in str(error.value)


def ser(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr("sys.argv", ["ser", *map(str, arguments)])
    with pytest.raises(SystemExit) as end:
        cli.main()
    return end.value.code or 0


def test_the_command_fetches_by_torchvisions_client(features, state, tmp_path, monkeypatch, capsys):
    asked = []

    def download(url: str, path: str, hash_prefix: str, progress: bool) -> None:
        asked.append((url, path, hash_prefix))
        torch.save(state, path)

    monkeypatch.setattr("torch.hub.download_url_to_file", download)
    assert ser(monkeypatch, "weights", "alexnet", tmp_path / "new") == 0
    ((url, path, hash_prefix),) = asked
    assert url == AlexNet_Weights.IMAGENET1K_V1.url and url.endswith(f"{hash_prefix}.pth") and len(hash_prefix) == 8
    assert not Path(path).exists()  # the pickle is not kept
    assert torch.equal(alexnet_convolutions(tmp_path / "new", CHANNELS)[0][0], features[0].weight)
    assert json.loads((tmp_path / "new" / "config.json").read_text())["url"] == url
    assert "set encoders.alexnet in params.yaml" in capsys.readouterr().out
    assert ser(monkeypatch, "weights", "alexnet", tmp_path / "new") == 2
    assert capsys.readouterr().err == f"error: {tmp_path / 'new'}: already exists: name a new folder\n"


def test_a_pickle_that_runs_code_is_not_read(tmp_path, monkeypatch, capsys):
    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    monkeypatch.setattr("torch.hub.download_url_to_file", lambda url, path, *_, **__: torch.save(Evil(), path))
    assert ser(monkeypatch, "weights", "alexnet", tmp_path / "new") == 2
    assert list(tmp_path.iterdir()) == [] and capsys.readouterr().err.count("\n") == 2  # after torch's: Downloading


def test_without_a_network_the_command_says_one_line(tmp_path, monkeypatch, capsys):
    def urlopen(*_, **__):
        raise URLError("no route to host")

    monkeypatch.setattr("torch.hub.urlopen", urlopen)
    assert ser(monkeypatch, "weights", "alexnet", tmp_path / "new") == 2
    _downloading, error = capsys.readouterr().err.splitlines()
    assert error.startswith("error: cannot fetch http") and "no route to host" in error
    assert list(tmp_path.iterdir()) == []
