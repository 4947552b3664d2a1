"""What bfloat16 changes in the states of a frozen encoder, and in scores that rest on them: docs/performance.md.

    python benchmarks/precision.py --emodb DIR [--short] [--output benchmarks/results/precision.json]

HuBERT base with random weights over EmoDB-4, or without --emodb the demo's synthetic CASIA; of three layers and of all,
the mean over time, and logistic regression that leaves one speaker out. No trained network is at hand here.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import recall_score
from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from _inputs import checkpoint, recordings
from _paths import ROOT
from _turns import Place
from ser.features.spec import open_extractor, validate_spec
from ser.outputs import write_json

PRECISIONS = ("float32", "bfloat16")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--emodb", type=Path, help="folder that has wav/")
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks/results/precision.json")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        write_json(args.output, compared(Place(Path(folder), args.short, args.emodb)))


def compared(place: Place) -> dict[str, Any]:
    """Error of the states relative to what float32 gives, and per layer (and over all) UA and equal predictions."""
    of = recordings(place)
    waves = [soundfile.read(path, dtype="float32")[0] for path in of.paths]
    folder = checkpoint("hubert_base", place.folder, place.is_short)
    states = {}
    for precision in PRECISIONS:
        spec = {"encoder": "hubert_base", "layer": "all", "pooling": "mean", "precision": precision}
        extractor = open_extractor(validate_spec({"kind": "encoder"} | spec), encoder_dir=folder, device="cpu")
        states[precision] = np.concatenate(extractor.compute(waves))  # [utterances, layers + 1, dim]
    exact, rough = (states[precision] for precision in PRECISIONS)
    errors = np.linalg.norm(rough - exact, axis=(1, 2)) / np.linalg.norm(exact, axis=(1, 2))
    chosen = [round(third * (exact.shape[1] - 1) / 3) for third in (1, 2, 3)]
    layers = {str(n): [x[:, n] for x in (exact, rough)] for n in chosen}
    layers["mean of all"] = [x.mean(axis=1) for x in (exact, rough)]
    return {
        "input": of.what,
        "utterances": len(waves),
        "encoder": "tiny" if place.is_short else "HuBERT base, random weights",
        "error": {"median": float(np.median(errors)), "largest": float(errors.max())},
        "layers": {name: _scores(of.targets, of.speakers, *both) for name, both in layers.items()},
    }


def _scores(targets: np.ndarray, speakers: list[str], *states: np.ndarray) -> dict[str, float]:
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=300, class_weight="balanced"))
    found = [cross_val_predict(model, x, targets, groups=speakers, cv=LeaveOneGroupOut()) for x in states]
    of_each = [100 * recall_score(targets, predicted, average="macro") for predicted in found]
    return dict(zip(PRECISIONS, of_each, strict=True)) | {"same": float(np.mean(found[0] == found[1]))}


if __name__ == "__main__":
    main()
