"""One small experiment and its plan, for the tests of what is planned and what is refused."""

import copy
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from helpers import ROOT
from helpers.params import params
from ser.plan.groups import Plan
from ser.plan.load import load_plan

SYSTEM = """
from dataclasses import dataclass
from typing import Literal

@dataclass(frozen=True)
class Settings:
    rate: float
    epochs: int
    mode: Literal["a", "b"]
    flag: bool | None
"""

PROTOCOL = {
    "corpus": "emodb",
    "labels": {"angry": ["angry"], "sad": ["sad"]},
    "folds": {"kind": "leave_one_out", "group": "speaker", "number": 10},
    "dev": {"kind": "next_group"},
    "aggregation": "pooled",
    "leaks": ["sentences"],
    "selections": ["clean", "test_selected"],
    "source": "chosen",
}

EXPERIMENT = {
    "title": "A paper",
    "reference": "Somewhere",
    "system": "net",
    "features": {"spectrogram": {"value": {"kind": "log_mel"}, "source": "code"}},
    "settings": {
        "rate": {"value": 0.1, "source": "paper"},
        "epochs": {"value": 50, "source": "chosen"},
        "mode": {"value": "a", "source": "code"},
        "flag": {"value": None, "source": "chosen"},
    },
    "scales": {"demo": {"source": "chosen", "settings": {"epochs": 2}}},
    "protocols": {"emodb_2": PROTOCOL},
    "rows": {
        "full": {"title": "Everything", "table": "1", "source": "paper"},
        "mode_b": {"title": "The other mode", "source": "code", "settings": {"mode": "b"}, "selections": ["clean"]},
    },
    "sources": {"table": {"evidence": "paper", "cite": "Table 1"}},
    "claims": [
        {
            "row": "full",
            "protocol": "emodb_2",
            "values": {"WA": 70.5},
            "table": "1",
            "selection": "unknown",
            "aggregation": "unknown",
            "source": "table",
        }
    ],
}


def write_project(folder: Path) -> Path:
    """A project with one system, all corpora and no experiment in `folder`, which it returns."""
    shutil.copytree(ROOT / "schemas", folder / "schemas")
    (folder / "ser" / "systems").mkdir(parents=True)
    (folder / "ser" / "systems" / "net.py").write_text(SYSTEM)
    for path in (ROOT / "ser" / "corpora").rglob("*.py"):
        copied = folder / path.relative_to(ROOT)
        copied.parent.mkdir(parents=True, exist_ok=True)
        copied.touch()
    (folder / "experiments").mkdir()
    return folder


def write_experiment(project: Path, experiment: Mapping[str, Any] = EXPERIMENT) -> Path:
    path = project / "experiments" / "one.yaml"
    path.write_text(yaml.safe_dump(dict(experiment), sort_keys=False))
    return path


def plan(project: Path, experiment: dict[str, Any] | None = None, **changes: Any) -> Plan:
    """The plan of a project with this one experiment; `changes` replace parameters."""
    write_experiment(project, experiment or EXPERIMENT)
    corpora = {"emodb": {"root": str(project / "corpora")}}
    given = {"scale": "free", "experiments": {"one": "all"}, "corpora": corpora}
    return load_plan(params(**given | changes), project)


def changed(path: str, value: Any, of: Mapping[str, Any] = EXPERIMENT) -> dict[str, Any]:
    """The experiment, or another, with the value at a dotted `path` replaced; None removes it."""
    experiment = copy.deepcopy(dict(of))
    *parents, last = path.split(".")
    place: Any = experiment
    for key in parents:
        place = place[int(key)] if isinstance(place, list) else place[key]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return experiment
