"""Predicts recordings by a trained row: the same code as a run's test part, one utterance at a time, on the CPU."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from ser.compute.malloc import keep_freed_memory
from ser.errors import InputError
from ser.features.memory import MemoryStore, feature_in_memory
from ser.features.spec import Extractor, open_extractor
from ser.features.store import Store
from ser.prediction.recordings import recording
from ser.prediction.trained import Model, Trained, spoken
from ser.runs.contract import Fold, Part
from ser.waveforms import RATE

_AUDIO = {"kind": "audio", "rate": RATE}


@dataclass(frozen=True)
class Prediction:
    """`values`: class -> probability (they sum to 1), or attribute -> value on the protocol's scale; `label` is the
    first class with the highest probability ("" where attributes are predicted).
    """

    label: str
    values: Mapping[str, float]


class Predictor:
    """Opens what a trained row needs, once; from then on torch computes on one thread, as in the runs.

    The probabilities of several models are averaged, and so are their attributes. Raises InputError for a model that is
    damaged or incomplete, and as extractors do.
    """

    def __init__(self, trained: Trained) -> None:
        self.trained = trained
        self.labels = trained.labels
        self.system = importlib.import_module(f"ser.systems.{trained.system}")
        self.settings = self.system.Settings(**trained.settings)
        self.extractors: dict[str, Extractor] = {
            name: open_extractor(spec, encoder_dir=trained.checkpoints.get(spec.get("encoder", "")), device="cpu")
            for name, spec in trained.features.items()
            if spec["kind"] != "audio"
        }
        self.models = [_tensors(model) for model in trained.models]
        self.networks: list[Any] = []
        if hasattr(self.system, "Task"):
            import torch

            torch.set_num_threads(1)
            keep_freed_memory()

    def __repr__(self) -> str:
        """What `ser predict` says of the row, and the rate at which it hears."""
        return "\n".join([*spoken(self.trained), f"hears {RATE} Hz, one channel: all else is converted"])

    def predict(self, of: Path | str | np.ndarray, rate: int | None = None) -> Prediction:
        """The prediction of a whole audio file, or of an array at `rate` Hz, [samples] or [samples, channels]: floats
        within [-1, 1], or int16. Raises InputError for what is no recording of speech (recordings.py).
        """
        return self.prediction(self.scores(recording(of, rate)))

    def prediction(self, scores: np.ndarray) -> Prediction:
        """What `scores` float64 [models, labels] come to."""
        if self.trained.scale:
            return Prediction("", dict(zip(self.labels, scores.mean(axis=0).tolist(), strict=True)))
        each = np.exp(scores - scores.max(axis=1, keepdims=True))
        shares = (each / each.sum(axis=1, keepdims=True)).mean(axis=0)
        values = dict(zip(self.labels, shares.tolist(), strict=True))
        return Prediction(self.labels[int(shares.argmax())], values)

    def scores(self, samples: np.ndarray) -> np.ndarray:
        """float64 [models, labels] of int16 [samples] at 16 kHz: what the runs' predictions.csv would hold."""
        fold = self.fold(self.stores(samples))
        if not hasattr(self.system, "Task"):
            rows = [self.system.predict(fold, self.settings, model) for model in self.models]
        else:
            from ser.training.scoring import predict

            rows = [
                predict(task, network, fold.test, self.settings, "cpu")[:, : len(self.labels)]
                for task, network in self.tasks(fold)
            ]
        return np.concatenate(rows)

    def stores(self, samples: np.ndarray) -> dict[str, Store]:
        """The features of one utterance, by the system's names for them."""
        of = {"utterance": samples}
        return {
            name: feature_in_memory(name, spec, self.extractors[name], of)
            if name in self.extractors
            else MemoryStore(name, _AUDIO, of)
            for name, spec in self.trained.features.items()
        }

    def tasks(self, fold: Fold) -> list[tuple[Any, Any]]:
        """A task on the fold for each model, with its network, which is made once."""
        from ser.training.task import FITTED

        found = []
        for number, model in enumerate(self.models):
            fitted = {name.removeprefix(FITTED): value for name, value in model.items() if name.startswith(FITTED)}
            try:
                task = self.system.Task(replace(fold, fitted=fitted), self.settings)
            except KeyError as error:
                path = self.trained.models[number].path
                raise InputError(f"{path}: has no {FITTED}{error.args[0]}: remove its folder and build again") from None
            if number == len(self.networks):
                self.networks.append(_network(task, model, FITTED, self.trained.models[number].path))
            found.append((task, self.networks[number]))
        return found

    def fold(self, stores: Mapping[str, Store]) -> Fold:
        """A fold that tests one utterance, of which these are the features."""
        number, scale = len(self.labels), self.trained.scale
        target = np.full((1, number), np.mean(scale), np.float32) if scale else np.zeros(1, np.int64)
        test = Part(("utterance",), ("",), target, ("",) if scale else ())
        none = Part((), (), target[:0])
        encoders = {name: self.trained.checkpoints[encoder] for name, encoder in self.trained.encoders.items()}
        return Fold(1, self.labels, none, none, test, stores, encoders, scale, fitted={})


def _tensors(model: Model) -> dict[str, np.ndarray]:
    """Those of a model, by the system's names."""
    try:
        with safe_open(model.path, "numpy") as file:
            names = model.names or {name: name for name in file.keys()}  # noqa: SIM118 (no dict)
            return {ours: file.get_tensor(theirs) for ours, theirs in names.items()}
    except (SafetensorError, OSError, KeyError) as error:
        raise InputError(f"{model.path}: not a readable model ({error}): make it again") from None


def _network(task: Any, model: Mapping[str, np.ndarray], prefix: str, path: Path) -> Any:
    import torch

    network = task.network()
    weights = {name: torch.from_numpy(value) for name, value in model.items() if not name.startswith(prefix)}
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise InputError(f"{path}: not the weights of this network ({str(error).splitlines()[1].strip()})") from None
    return network.eval()
