"""Checkpoint folders: what must be in them, their digest, and how those of speech encoders are opened.

Weights of image networks (alexnet.py) are kept in such folders too. `checkpoint_files` and `is_demo` are called
while the workflow is parsed: nothing heavy is imported at the top.
"""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from ser.errors import InputError, listed, shown
from ser.files import sha256_of
from ser.sealed import Inputs

DESCRIPTION = "ser.json"  # what a checkpoint that is made here says about itself (ser/sealed.py)
ALEXNET = "alexnet"  # `model_type` of a folder with AlexNet's convolutions
_PICKLED = ("pytorch_model.bin", "model.bin", "pytorch_model.pt")


def checkpoint_digest(folder: Path) -> str:
    """sha256 (hex) over the names and contents of `checkpoint_files`."""
    digest = hashlib.sha256()
    for path in checkpoint_files(folder):
        digest.update(f"{path.name}\0{sha256_of(path)}\n".encode())
    return digest.hexdigest()


def check_checkpoint(folder: Path, inputs: Inputs) -> str:
    """The digest of a checkpoint's content, as an input of a job; one from outside is known by nothing else.

    Raises InputError for a checkpoint that is not complete, has changed, or is not the one that was ordered.
    """
    digest = checkpoint_digest(folder)
    if (folder / DESCRIPTION).is_file():
        inputs.read(folder / DESCRIPTION)
    else:
        inputs.note(folder, digest, digest, "`touch` its files if they were replaced")
    return digest


def is_demo(folder: Path) -> bool:
    """Whether the checkpoint is one of those with random weights that this project makes."""
    return bool(read_config(folder).get("ser_demo"))


def model_type(folder: Path) -> str:
    """The kind of network in the checkpoint: `hubert`, `wavlm`, `wav2vec2`, `alexnet` ...; "" if it does not say.

    Raises InputError if config.json is not a JSON object.
    """
    return str(read_config(folder).get("model_type", ""))


def open_checkpoint(folder: Path) -> tuple[Any, Any]:
    """The model (float32, on the CPU) and its preprocessor, read with transformers from local files alone.

    Raises InputError for a folder that lacks files, has only pickled weights, is not for 16 kHz speech, or
    whose weights do not fill the model, which would be partly random.
    """
    checkpoint_files(folder)
    if model_type(folder) == ALEXNET:
        raise InputError(f"{folder}: weights of AlexNet, not of a speech encoder: name another checkpoint")
    import torch
    import transformers
    from transformers import AutoFeatureExtractor, AutoModel

    from ser.waveforms import RATE

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    local = {"local_files_only": True, "trust_remote_code": False}
    try:
        preprocess = AutoFeatureExtractor.from_pretrained(folder, **local)
        model, report = AutoModel.from_pretrained(
            folder, dtype=torch.float32, use_safetensors=True, output_loading_info=True, **local
        )
    except MemoryError:
        raise
    except Exception as error:  # a configuration can break it in any way
        raise InputError(f"{folder}: transformers cannot open it: {_first_line(error)}") from None
    if not hasattr(model.config, "feat_extract_norm") or not hasattr(model, "encoder"):
        raise InputError(f"{folder}: model type {model.config.model_type} is not built like wav2vec 2.0 or HuBERT")
    if preprocess.sampling_rate != RATE:
        raise InputError(f"{folder}: made for {preprocess.sampling_rate} Hz, not {RATE}: use another checkpoint")
    # Only training needs the mask embedding; some published checkpoints do not have it.
    missing = sorted(set(report["missing_keys"]) - {"masked_spec_embed"})
    if missing:
        raise InputError(f"{folder}: {len(missing)} weights are missing, {missing[0]} among them: copy it again")
    return model, preprocess


def open_form(folder: Path) -> Any:
    """The model that config.json in `folder` describes (float32, on the CPU), with random weights.

    Raises InputError where transformers cannot make it.
    """
    import torch
    from transformers import AutoConfig, AutoModel

    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        return AutoModel.from_config(config, dtype=torch.float32, trust_remote_code=False)
    except Exception as error:  # a configuration can break it in any way
        raise InputError(f"{folder}: transformers cannot open it: {_first_line(error)}") from None


def checkpoint_files(folder: Path) -> list[Path]:
    """config.json, preprocessor_config.json (speech encoders) and the weights; InputError names all missing ones."""
    if not folder.is_dir():
        raise InputError(f"{folder}: no such checkpoint folder: it needs config.json and model.safetensors")
    weights = [folder / "model.safetensors"]
    index = folder / "model.safetensors.index.json"
    if index.is_file() and not weights[0].is_file():
        try:
            names = set(map(str, json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            raise InputError(f"{index}: not an index of weights: copy it again") from None
        if wrong := sorted(name for name in names if not re.fullmatch(r"[\w.-]+\.safetensors", name)):
            raise InputError(
                f"{index}: names {listed(map(shown, wrong), 3)}: weights are read only from .safetensors files in this"
                " folder, for a pickle can run code: use the safetensors version of all of it"
            )
        weights = [index, *(folder / name for name in sorted(names))]
    needed = [folder / "config.json", *weights]
    if not needed[0].is_file() or model_type(folder) != ALEXNET:
        needed.insert(1, folder / "preprocessor_config.json")
    missing = [path.name for path in needed if not path.is_file()]
    if missing:
        fix = "copy all of it"
        if "model.safetensors" in missing and any((folder / name).is_file() for name in _PICKLED):
            fix = (
                "its weights are a pickle, which can run code and is never read here: use the safetensors version from"
                " the model's page, or convert it with `save_pretrained` if you trust it"
            )
        raise InputError(f"{folder}: not a complete checkpoint: no {', '.join(missing)}: {fix}")
    return needed


def read_config(folder: Path) -> dict[str, Any]:
    """The content of config.json. Raises InputError if it is not a JSON object, OSError if it cannot be read."""
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not JSON: {error}: copy it again") from None
    if not isinstance(config, dict):
        raise InputError(f"{path}: not a JSON object: copy it again")
    return config


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:300] if str(error).strip() else type(error).__name__
