"""Writes a trained row as a folder that can be taken along: `ser.load` reads it, without the project that made it."""

import importlib.metadata
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from ser.encoders.checkpoint import checkpoint_files
from ser.errors import InputError
from ser.files import atomic_folder
from ser.outputs import json_text, write_text
from ser.prediction.card import card
from ser.prediction.exported import CONFIG, config_of, sealed
from ser.prediction.hub import obstacle, write_hub
from ser.prediction.predictor import Predictor
from ser.prediction.to_onnx import write_onnx
from ser.prediction.trained import Model, Trained
from ser.sealed import hashes_of

_FORM = (CONFIG, "preprocessor_config.json")  # of a checkpoint whose weights are in the models
_LIBRARIES = ("ser", "numpy", "torch", "transformers", "safetensors")


def export(trained: Trained, folder: Path, with_onnx: bool = False) -> str:
    """Write config.json, models, checkpoints and README.md; with `with_onnx` each model's network as ONNX, too.

    A frozen encoder is copied; of one that was trained further only the form, as its weights are the model's. Returns
    why transformers alone cannot open the folder; "" if it can. Raises InputError for a folder that is there already,
    and as `write_hub` and `write_onnx` do.
    """
    if folder.exists():
        raise InputError(f"{folder}: is there already: name a new folder, or remove it")
    why = obstacle(trained)
    with atomic_folder(folder) as part:
        about = {**trained.about, "exported_with": _versions()}
        written = replace(trained, about=about)
        written = _written(written, part) if why else write_hub(written, part)
        onnx = []
        if with_onnx:
            predictor = Predictor(written)
            for number, model in enumerate(written.models):
                onnx.append(write_onnx(predictor, number, model.path.with_suffix(".onnx")))
        config = json.loads((part / CONFIG).read_text(encoding="utf-8")) if not why else {}
        entries: dict[str, Any] = config_of(_relative(written, part)) | ({"onnx": onnx} if onnx else {})
        entries["sha256"] = hashes_of(part.rglob("*.safetensors"), part)
        write_text(part / CONFIG, json_text({**config, "ser": sealed(entries)}))
        write_text(part / "README.md", card(written, not why, bool(onnx)))
    return why


def _written(trained: Trained, folder: Path) -> Trained:
    """The row as it is once its models and checkpoints are in the folder."""
    models = []
    for model in trained.models:
        which = f"-seed{model.seed}-fold{model.fold}" if len(trained.models) > 1 else ""
        name = f"model{which}.safetensors"
        shutil.copyfile(model.path, folder / name)
        models.append(Model(model.seed, model.fold, folder / name))
    frozen = {spec["encoder"] for spec in trained.features.values() if "encoder" in spec}
    checkpoints = {}
    for name, source in trained.checkpoints.items():
        checkpoints[name] = target = folder / "encoders" / name
        target.mkdir(parents=True)
        files = checkpoint_files(source) if name in frozen else [source / word for word in _FORM]
        for file in files:
            if file.is_file():
                shutil.copyfile(file, target / file.name)
    return replace(trained, models=tuple(models), checkpoints=checkpoints)


def _relative(trained: Trained, folder: Path) -> Trained:
    """The row with paths relative to the folder."""
    models = tuple(replace(model, path=model.path.relative_to(folder)) for model in trained.models)
    checkpoints = {name: path.relative_to(folder) for name, path in trained.checkpoints.items()}
    return replace(trained, models=models, checkpoints=checkpoints)


def _versions() -> dict[str, str]:
    return {name: importlib.metadata.version(name) for name in _LIBRARIES}
