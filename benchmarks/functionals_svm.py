"""How long a user waits for one line of the table: functionals and SVM on EmoDB-4, leave-one-speaker-out.

Ours is `snakemake results/table.csv` where nothing is computed. Beside it a script in one process without any pipeline,
on the same descriptors: it says what of our time is computation. nkululeko 1.14 took 28 s from nothing, and 10 s after
a changed setting, on these 339 files with 2 cores (measured apart: it is not installed here).
"""

import pickle
from typing import Any

import numpy as np
import soundfile

from _inputs import recordings
from _pipeline import Pipeline
from _turns import Place, Work
from helpers.params import params
from ser.features.spec import open_extractor, validate_spec

TITLE = "Functionals and SVM, one line of the table"
UNIT = "line"
REPEATS = 3
NKULULEKO = 28.0  # seconds


def prepare(place: Place) -> dict[str, Any]:
    of = recordings(place)
    known = {"nkululeko_seconds": NKULULEKO} if place.emodb else {}
    return {"units": 1, "recordings": of.what, "utterances": len(of.paths), **known}


def ours(place: Place) -> Work:
    """With EmoDB at scale free; otherwise at scale demo, on the CASIA that the pipeline writes."""
    experiments = {"fair": ["functionals_svm"]}
    if place.emodb:
        corpora = {"emodb": {"root": str(place.emodb.resolve())}}
        pipeline = Pipeline(place.folder / "project", "free", experiments, corpora=corpora)
    else:
        scales = params()["scales"]
        scales["demo"]["corpora"] = ["casia"]
        pipeline = Pipeline(place.folder / "project", "demo", experiments, scales=scales)
    pipeline.build("corpora")
    made_here = ("manifests", "audio", "features", "splits", "runs", "states", "evaluations")

    def run() -> None:
        pipeline.forget("results", *made_here)
        pipeline.build("results/table.csv")

    return Work(run)


def script(place: Place) -> Work:
    """Descriptors of each file, pickled; then scikit-learn, one speaker left out at a time."""
    of = recordings(place)

    def run() -> None:
        from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
        from sklearn.svm import SVC

        extract = open_extractor(validate_spec({"kind": "functionals"})).compute
        vectors = np.concatenate([extract([soundfile.read(path, dtype="float32")[0]])[0] for path in of.paths])
        (place.folder / "functionals.pickle").write_bytes(pickle.dumps(vectors))
        machine = make_pipeline(StandardScaler(), SVC(class_weight="balanced", gamma="auto"))
        cross_val_predict(machine, vectors, of.targets, groups=of.speakers, cv=LeaveOneGroupOut())

    return Work(run)


WAYS = {"ours": ours, "script": script}
