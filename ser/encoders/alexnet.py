"""AlexNet's convolutions with weights that were learnt on natural images (ImageNet), read from a checkpoint folder.

The folder has `config.json` with `"model_type": "alexnet"` and `model.safetensors` with the convolutions under
torchvision's own names (`features.0.weight` ...); the fully connected layers, which no system uses, are not in it.
"""

from collections.abc import Sequence
from pathlib import Path

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from ser.encoders.checkpoint import ALEXNET, checkpoint_files, model_type
from ser.errors import InputError, listed

# Places of the convolutions in torchvision's `alexnet().features`, and the sizes of their kernels.
PLACES = (0, 3, 6, 8, 10)
KERNELS = (11, 5, 3, 3, 3)
WEIGHTS = tuple((f"features.{place}.weight", f"features.{place}.bias") for place in PLACES)


def alexnet_convolutions(folder: Path, channels: Sequence[int]) -> list[tuple[Tensor, Tensor]]:
    """Weight float32 [out, in, kernel, kernel] and bias [out] of the five convolutions; the first reads three channels.

    Raises InputError for a folder that is not a checkpoint of AlexNet, lacks weights, or has convolutions whose output
    channels are not `channels`.
    """
    checkpoint_files(folder)
    if model_type(folder) != ALEXNET:
        raise InputError(
            f"{folder}: model type {model_type(folder) or 'unknown'}, not {ALEXNET}: "
            f"use the folder that `ser weights {ALEXNET} DIR` writes"
        )
    try:
        state = safetensors.torch.load_file(folder / "model.safetensors")
    except SafetensorError as error:
        raise InputError(f"{folder / 'model.safetensors'}: cannot be read: {error}: copy it again") from None
    if missing := [name for pair in WEIGHTS for name in pair if name not in state]:
        raise InputError(f"{folder}: no {listed(missing)} in model.safetensors: copy it again")
    pairs = [(state[weight].float(), state[bias].float()) for weight, bias in WEIGHTS]
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
