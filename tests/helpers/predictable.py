"""A row of each system as the plan has it at scale demo, trained on a few artificial sounds: what predictions need."""

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

from helpers import ROOT
from helpers.params import params
from helpers.segment_folds import feature, sound
from ser.encoders.demo import write_encoder
from ser.features.packing import write_store
from ser.features.spec import validate_spec
from ser.features.store import Store
from ser.outputs import write_model
from ser.plan.groups import Group, Plan
from ser.plan.load import load_plan
from ser.prediction.trained import Model, Trained
from ser.runs.contract import Context, Fold, Outcome, Part

# One row of each system, and those that need something else when they predict.
ROWS = (
    "fair/majority",
    "fair/functionals_svm",
    "attention_fcn/full",
    "tf_transformer/full",
    "light_sernet/ce_3s",
    "area_attention/vtlp_3x3",
    "superb_er/hubert_base",
    "mfhca/full",
    "ca_mser/full",
    "emosphere_ser/full",
)
EMOTIONS = ("angry", "sad", "happy", "neutral")
ABOUT = {"protocol_hash": "0123456789abcdef", "unit": "probability", "corpus": "tones", "selection": "clean"}
ABOUT |= {"leaks": [], "scored": [], "heard": {"utterances": 12, "seconds": [0.5, 0.7, 1.0]}, "warnings": []}
ABOUT |= {"n_folds": 2, "notes": ["test shares sentences with train, as declared"]}
ABOUT |= {"title": "A row", "row": "", "labels": [], "protocol": {}, "scale": "demo", "encoders": {}}
ABOUT |= {"data_hash": "", "trained_with": {}}


@dataclass(frozen=True)
class Learned:
    """What a run was given, what came of it, and the row that can be predicted with."""

    fold: Fold
    outcome: Outcome
    trained: Trained

    @property
    def sounds(self) -> dict[str, np.ndarray]:
        """The tested utterances: int16 [samples]."""
        return {name: np.array(self.fold.stores["audio"][name]) for name in self.fold.test.utterances}


@cache
def plan() -> Plan:
    return load_plan(params(), ROOT)


def group_of(row: str) -> Group:
    """The first group of a row (`experiment/row`)."""
    return next(group for group in plan().groups if f"{group.experiment}/{group.row}" == row and not group.skipped)


def learn(folder: Path, row: str, number: int = 1, **settings: object) -> Learned:
    """Train fold `number` (its sounds differ) of a row, with `settings` changed."""
    import importlib

    group = group_of(row)
    system = importlib.import_module(f"ser.systems.{group.system}")
    rng = np.random.default_rng(number)
    names = [f"{part}{i}" for part, n in (("train", 8), ("dev", 4), ("test", 5)) for i in range(n)]
    sounds = {name: sound(i % 4, int(rng.integers(8_000, 16_000)), rng) for i, name in enumerate(names)}
    folder = folder / f"fold{number}"
    write_store(folder / "audio", names, lambda some: [sounds[name] for name in some], key="k", metadata={})
    stores = {"audio": Store(folder / "audio")}
    wanted = {*group.encoders.values(), *(s["encoder"] for s in group.features.values() if "encoder" in s)}
    checkpoints = {name: folder / name for name in sorted(wanted)}
    for name, path in checkpoints.items():
        write_encoder(name, path, seed=1)
    for name, spec in group.features.items():
        if spec["kind"] != "audio":
            options = {"encoder_dir": checkpoints[spec["encoder"]], "device": "cpu"} if "encoder" in spec else {}
            stores[name] = feature(folder / name, stores["audio"], spec, **options)

    scale = group.protocol.scale
    labels = group.protocol.labels if scale else EMOTIONS

    def part(prefix: str) -> Part:
        some = tuple(name for name in names if name.startswith(prefix))
        classes = np.array([names.index(name) % 4 for name in some])
        targets = (classes[:, None] + np.arange(3) + 1.5).astype(np.float32) if scale else classes
        return Part(some, ("s",) * len(some), targets, tuple(EMOTIONS[k] for k in classes) if scale else ())

    encoders = {name: checkpoints[encoder] for name, encoder in group.encoders.items()}
    fold = Fold(number, labels, part("train"), part("dev"), part("test"), stores, encoders, scale)
    given = replace(system.Settings(**group.settings), **settings)
    outcome = system.run(fold, given, Context(seed=1))
    write_model(folder / "model.safetensors", outcome.model)
    features = {name: validate_spec(spec) for name, spec in group.features.items()}
    models = (Model(1, number, folder / "model.safetensors"),)
    trained = Trained(
        **{"name": group.name, "system": group.system, "settings": given.__dict__, "labels": labels, "scale": scale},
        **{"features": features, "encoders": group.encoders, "checkpoints": checkpoints, "models": models},
        about=ABOUT | {"labels": list(labels), "row": group.name},
    )
    return Learned(fold, outcome, trained)
