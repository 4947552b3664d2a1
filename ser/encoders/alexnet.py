"""AlexNet's convolutions with weights that were learnt on natural images (ImageNet), in a checkpoint folder.

The folder has `config.json` with `"model_type": "alexnet"` and `model.safetensors` with the convolutions under
torchvision's own names (`features.0.weight` ...); the fully connected layers, which no system uses, are not in it.
"""

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from pickle import UnpicklingError

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from ser.errors import InputError, listed
from ser.features.encoder_files import ALEXNET, checkpoint_files, model_type
from ser.folders import replaced

# Places of the convolutions in torchvision's `alexnet().features`, and their kernels.
PLACES = (0, 3, 6, 8, 10)
KERNELS = (11, 5, 3, 3, 3)
# What torchvision subtracts from an image of [0, 1], and divides it by, for these weights: red, green, blue.
MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)
_NAMES = tuple((f"features.{place}.weight", f"features.{place}.bias") for place in PLACES)


def alexnet_convolutions(folder: Path, channels: Sequence[int]) -> list[tuple[Tensor, Tensor]]:
    """Weight float32 [out, in, kernel, kernel] and bias [out] of the five convolutions; the first reads three channels.

    Raises InputError for a folder that is no checkpoint of AlexNet, lacks weights, or whose convolutions do not
    have `channels` output channels.
    """
    checkpoint_files(folder)
    if model_type(folder) != ALEXNET:
        raise InputError(
            f"{folder}: model type {model_type(folder) or 'unknown'}, not {ALEXNET}: "
            f"take the folder that `ser weights {ALEXNET} DIR` writes"
        )
    try:
        state = safetensors.torch.load_file(folder / "model.safetensors")
    except SafetensorError as error:
        raise InputError(f"{folder / 'model.safetensors'}: cannot be read: {error}: copy it again") from None
    if missing := [name for pair in _NAMES for name in pair if name not in state]:
        raise InputError(f"{folder}: no {listed(missing)} in model.safetensors: copy it again")
    pairs = [(state[weight].float(), state[bias].float()) for weight, bias in _NAMES]
    inputs = (3, *channels[:-1])
    expected = [(o, i, k, k) for o, i, k in zip(channels, inputs, KERNELS, strict=True)]
    if [tuple(weight.shape) for weight, _ in pairs] != expected:
        found = " ".join("x".join(map(str, weight.shape)) for weight, _ in pairs)
        asked = " ".join("x".join(map(str, shape)) for shape in expected)
        raise InputError(
            f"{folder}: its convolutions are {found}, but the row's settings ask for {asked}: "
            f"change the settings, or train without these weights"
        )
    return pairs


def save_alexnet(state: Mapping[str, Tensor], folder: Path, **facts: bool | str) -> None:
    """Write the convolutions of `state` (torchvision's names) as a checkpoint folder, replacing what is there.

    `facts` go into config.json. Raises KeyError where `state` lacks a convolution.
    """
    kept = {name: state[name].contiguous() for pair in _NAMES for name in pair}
    config = {"model_type": ALEXNET, "channels": [len(state[bias]) for _, bias in _NAMES], **facts}
    with replaced(folder) as part:
        (part / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        # not save_file, which lets nobody but the owner read its file
        (part / "model.safetensors").write_bytes(safetensors.torch.save(kept))


def fetch_alexnet(folder: Path) -> None:
    """Fetch torchvision's `AlexNet_Weights.IMAGENET1K_V1` and write the checkpoint folder.

    torchvision publishes a pickle. Its hash is checked, it is read by torch's reader that knows tensors alone, and it
    is not kept. Raises InputError where `folder` is already there, or without a network.
    """
    if folder.exists():
        raise InputError(f"{folder}: it is already there: name a folder that is not")
    from torchvision.models import AlexNet_Weights

    weights = AlexNet_Weights.IMAGENET1K_V1
    with tempfile.TemporaryDirectory() as cache:
        try:
            state = weights.get_state_dict(model_dir=cache, check_hash=True, weights_only=True)
        except (OSError, RuntimeError, UnpicklingError) as error:  # no network; another hash; more than tensors
            reason = str(error).strip().split("\n")[0]
            raise InputError(
                f"cannot fetch {weights.url}: {reason}: write the folder on a machine with a network and copy it here"
            ) from None
    save_alexnet(state, folder, weights=str(weights), url=weights.url)
