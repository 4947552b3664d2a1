"""A small project under DVC, for the tests of versions: a network, and a system without training, on one corpus."""

import re
import subprocess

import pytest

from helpers.params import params
from helpers.project import Project, copy_project

EXPERIMENTS = {"attention_fcn": ["full"], "fair": ["majority"]}
NETWORK = "attention_fcn/full/iemocap_2280_sessions"
RATE = re.compile(r"learning_rate: 0\.\d+$", re.MULTILINE)  # of the demo rows


def set_rate(project: Project, rate: str) -> None:
    path = project.folder / "experiments/attention_fcn.yaml"
    path.write_text(RATE.sub(f"learning_rate: {rate}", path.read_text()))


def trained(said: str) -> set[str]:
    return set(re.findall(r"training (\S+), seed", said))


def results(project: Project) -> dict[str, bytes]:
    """Predictions and results, but for the page: it says how long jobs took."""
    files = [*project.folder.glob("work/demo/runs/**/predictions.csv"), *(project.folder / "results").rglob("*.*")]
    return {str(path.relative_to(project.folder)): path.read_bytes() for path in files if path.suffix != ".html"}


def versioned_project(folder) -> Project:
    """One in which `dvc repro` has run and whose dvc.lock is committed."""
    scales = params()["scales"] | {"demo": {"corpora": ["iemocap"], "seeds": [1], "one_job_per": "seed"}}
    project = copy_project(folder, experiments=EXPERIMENTS, scales=scales)
    project.replace("experiments/attention_fcn.yaml", "  full:\n", "  full:\n    selections: [clean]\n")
    project.replace("experiments/fair.yaml", "  majority:\n", "  majority:\n    protocols: [iemocap_5531]\n")
    project.version()
    project.tool("dvc", "repro")
    project.commit()
    return project


def failure(project: Project, *command: str, **environment: str) -> str:
    with pytest.raises(subprocess.CalledProcessError) as error:
        project.tool(*command, **environment)
    return error.value.output
