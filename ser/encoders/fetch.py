"""AlexNet's published weights, from torchvision into a checkpoint folder (`ser weights alexnet DIR`)."""

import json
import sys
import tempfile
from collections.abc import Mapping
from contextlib import redirect_stdout
from pathlib import Path
from pickle import UnpicklingError

import safetensors.torch
from torch import Tensor

from ser.encoders.alexnet import WEIGHTS
from ser.encoders.checkpoint import ALEXNET
from ser.errors import InputError
from ser.files import atomic_folder


def save_alexnet(state: Mapping[str, Tensor], folder: Path, **facts: bool | str) -> None:
    """Write the convolutions of `state` (torchvision's names) as a checkpoint folder, replacing what is there.

    `facts` go into config.json. Raises KeyError if `state` lacks a convolution.
    """
    kept = {name: state[name].contiguous() for pair in WEIGHTS for name in pair}
    config = {"model_type": ALEXNET, "channels": [len(state[bias]) for _, bias in WEIGHTS], **facts}
    with atomic_folder(folder) as part:
        (part / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        # not save_file, which lets only the owner read its file
        (part / "model.safetensors").write_bytes(safetensors.torch.save(kept))


def fetch_alexnet(folder: Path) -> None:
    """Fetch torchvision's `AlexNet_Weights.IMAGENET1K_V1` and write the checkpoint folder.

    torchvision publishes a pickle. Its hash is checked, it is read by torch's reader for tensors alone, and it is not
    kept. Raises InputError if `folder` already exists, or without a network.
    """
    if folder.exists():
        raise InputError(f"{folder}: already exists: name a new folder")
    from torchvision.models import AlexNet_Weights

    weights = AlexNet_Weights.IMAGENET1K_V1
    with tempfile.TemporaryDirectory() as cache:
        try:
            with redirect_stdout(sys.stderr):  # the address and how far it is
                state = weights.get_state_dict(model_dir=cache, check_hash=True, weights_only=True)
        except (OSError, RuntimeError, UnpicklingError) as error:  # no network; another hash; more than tensors
            reason = str(error).strip().split("\n")[0]
            raise InputError(
                f"cannot fetch {weights.url}: {reason}: write the folder on a machine with a network and copy it here"
            ) from None
    save_alexnet(state, folder, weights=str(weights), url=weights.url)
