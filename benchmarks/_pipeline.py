"""The project as a user runs it: a copy of it, in which `snakemake` builds what a benchmark asks for."""

import csv
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from _paths import ROOT
from _turns import Place
from helpers import warm
from helpers.params import params
from helpers.project import PATIENCE, copy_project

EXPERIMENT = {
    "title": "Benchmark",
    "reference": "none",
    "protocols": {
        "noise": {
            "corpus": "noise",
            "labels": {"angry": ["angry"], "sad": ["sad"]},
            "subset": "all",
            "folds": {"kind": "leave_one_out", "group": "speaker", "number": 3},
            "dev": {"kind": "next_group"},
            "aggregation": "pooled",
            "leaks": [],
            "selections": ["clean"],
            "source": "chosen",
        }
    },
    "claims": [],
}
PROBE = {"title": "Frozen HuBERT base", "source": "chosen", "from": "superb_er/hubert_base"}


class Pipeline:
    """A copy of the project; every core is its to use."""

    def __init__(self, folder: Path, scale: str, experiments: dict[str, Any], **changes: Any) -> None:
        self.folder, self.work = folder, folder / "work" / scale
        copy_project(folder, scale=scale, experiments=experiments, **changes)

    def build(self, *targets: str, **environment: str) -> None:
        """Build targets; nothing is to be done if they are there."""
        named = {name: value for name, value in os.environ.items() if name != "SNAKEMAKE_PROFILE"}
        found = subprocess.run(
            warm.snakemake("--cores", "all", "--", *targets),
            cwd=self.folder,
            env=named | warm.for_jobs() | environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        if found.returncode:
            raise RuntimeError(f"{targets}: {found.stderr[-4000:]}")

    def forget(self, *names: str) -> None:
        """Remove folders of `work/<scale>`, or results."""
        for name in names:
            shutil.rmtree(self.folder / name if name == "results" else self.work / name, ignore_errors=True)

    def cost(self, train_as: int = 3) -> dict[str, dict[str, float]]:
        """What the jobs of each rule took, by the files in work/<scale>/benchmarks; `train` is told apart by `train_as`
        parts of their places: 3 are rows.
        """
        found: dict[str, dict[str, float]] = {}
        root = self.work / "benchmarks"
        for path in sorted(root.rglob("*.tsv")):
            place = path.relative_to(root).with_suffix("").parts
            rule = "/".join(place[: train_as if place[0] == "train" else 1])
            with path.open(newline="") as file:
                (used,) = csv.DictReader(file, delimiter="\t")
            of = found.setdefault(rule, {"jobs": 0, "cpu": 0.0, "mib": 0.0})
            of["jobs"] += 1
            of["cpu"] = round(of["cpu"] + float(used["cpu_time"]), 2)
            of["mib"] = max(of["mib"], float(used["max_rss"]))
        return found


def noise_pipeline(
    folder: Path, paths: Sequence[Path], speakers: Sequence[str], hubert: Path, rows: Mapping[str, Mapping[str, Any]]
) -> Pipeline:
    """One that has a corpus of the files `paths` of three speakers, and an experiment `bench` with `rows`, such as
    PROBE, for which `hubert` is the checkpoint of HuBERT base.
    """
    manifest = folder.with_suffix(".csv")
    with manifest.open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["path", "speaker", "emotion"])
        for number, (path, speaker) in enumerate(zip(paths, speakers, strict=True)):
            lines.writerow([path.name, speaker, ("angry", "sad")[number % 2]])
    corpora = {"noise": {"root": str(paths[0].parent), "manifest": str(manifest)}}
    scales = params()["scales"]
    scales["free"] |= {"corpora": ["noise"], "seeds": [1]}
    found = Pipeline(
        folder, "free", {"bench": "all"}, corpora=corpora, scales=scales, encoders={"hubert_base": str(hubert)}
    )
    text = yaml.safe_dump(EXPERIMENT | {"rows": rows}, sort_keys=False)
    (folder / "experiments/bench.yaml").write_text(text)
    return found


def usual_probe(place: Place, *arguments: str) -> None:
    """Run _usual_probe.py, a program of its own; in the tests it is forked as jobs are."""
    command = warm.script("transformers", place.folder / "probe.tsv", ROOT / "benchmarks/_usual_probe.py", *arguments)
    subprocess.run(command, env=os.environ | warm.for_jobs(), check=True)
