"""Short runs: several in one process that is forked from a warm one, and a process for each seed and fold.

Both are builds of the same runs by Snakemake, at scale demo; the usual way differs in what `params.yaml` says about
processes, and in that no warm process is kept.
"""

from typing import Any

from _pipeline import Pipeline
from _turns import Place, Work
from helpers.params import params

TITLE = "Short runs of several seeds and folds"
UNIT = "run"
REPEATS = 2
FOLDS = 4  # of the demo's CASIA


def prepare(place: Place) -> dict[str, Any]:
    return {
        "units": FOLDS * len(_seeds(place)),
        "row": f"fair/{_row(place)} at scale demo",
        "seeds": len(_seeds(place)),
    }


def ours(place: Place) -> Work:
    return _building(place, "ours", "system")


def alone(place: Place) -> Work:
    return _building(place, "alone", "fold", SER_WARM="")


def _building(place: Place, name: str, one_job_per: str, **environment: str) -> Work:
    scales = params()["scales"]
    scales["demo"] |= {"corpora": ["casia"], "seeds": _seeds(place), "one_job_per": one_job_per}
    pipeline = Pipeline(place.folder / name, "demo", {"fair": [_row(place)]}, scales=scales)
    if not place.is_short:
        pipeline.build("runs", **environment)

    def run() -> None:
        pipeline.forget("runs", "states")
        pipeline.build("runs", **environment)

    return Work(run)


def _row(place: Place) -> str:
    return "majority" if place.is_short else "tf_transformer"


def _seeds(place: Place) -> list[int]:
    return [1] if place.is_short else [1, 2]


WAYS = {"ours": ours, "a process each": alone}
