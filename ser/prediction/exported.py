"""A trained row as a folder that can be taken along: config.json, models, checkpoints. export.py writes it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path, PurePosixPath
from typing import Any

from ser.errors import InputError
from ser.features.spec import validate_spec
from ser.files import sha256_of, words
from ser.outputs import json_text
from ser.prediction.trained import Model, Trained
from ser.waveforms import RATE

CONFIG = "config.json"
FORMAT = 1


def sealed(entries: Mapping[str, Any]) -> dict[str, Any]:
    """The entries with their `seal`, the SHA-256 of their content, however it is written."""
    content = json.loads(json_text({**entries, "seal": ""}))
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return {**content, "seal": hashlib.sha256(text.encode()).hexdigest()}


def config_of(trained: Trained) -> dict[str, Any]:
    """The entries of config.json under `ser`; paths are relative to its folder."""
    return {
        "format": FORMAT,
        "rate": RATE,
        "name": trained.name,
        "system": trained.system,
        "settings": dict(trained.settings),
        "labels": trained.labels,
        "scale": trained.scale,
        "features": trained.features,
        "encoders": dict(trained.encoders),
        "checkpoints": {name: folder.as_posix() for name, folder in trained.checkpoints.items()},
        "models": [{**asdict(model), "path": model.path.as_posix()} for model in trained.models],
        "about": trained.about,
    }


def read_export(folder: Path) -> Trained:
    """What is in an exported folder. Raises InputError for one that `ser export` of this version did not write."""
    path = folder / CONFIG
    try:
        config = json.loads(path.read_text(encoding="utf-8"))["ser"]
        if config["format"] != FORMAT:
            raise ValueError(f"format {config['format']}, not {FORMAT}")
        if config["seal"] != sealed(config)["seal"]:
            raise ValueError("it has changed since")
        for place, sha256 in config["sha256"].items():
            if sha256_of(_below(folder, place)) != sha256:
                raise ValueError(f"{place} has changed since")
        if config["system"] not in words("systems"):
            raise ValueError(f"no system {config['system']}")
        return Trained(
            name=config["name"],
            system=config["system"],
            settings=config["settings"],
            labels=tuple(config["labels"]),
            scale=config["scale"] and tuple(config["scale"]),
            features={name: validate_spec(spec, f"{path}: {name}") for name, spec in config["features"].items()},
            encoders=config["encoders"],
            checkpoints={name: _below(folder, place) for name, place in config["checkpoints"].items()},
            models=tuple(_model(folder, model) for model in config["models"]),
            about=config["about"],
        )
    except (OSError, LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        if not path.is_file():
            raise InputError(f"{folder}: no exported row: give the folder that `ser export` wrote") from None
        raise InputError(f"{path}: not written by `ser export` of this version ({error!r}): export it again") from None


def _model(folder: Path, entry: Mapping[str, Any]) -> Model:
    return Model(entry["seed"], entry["fold"], _below(folder, entry["path"]), entry["names"])


def _below(folder: Path, place: str) -> Path:
    """A place in the folder. Raises ValueError for one outside it."""
    pure = PurePosixPath(place)
    if pure.is_absolute() or ".." in pure.parts:
        raise ValueError(f"{place} is outside the folder")
    return folder / pure
