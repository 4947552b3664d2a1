"""`ser init system`: a system that runs at once, and its experiment file.

The system is `template.py`, word for word but for its first line. How networks are trained is taken from an experiment
that this project has, so that every setting is there.
"""

import json
import keyword
import re
from pathlib import Path
from typing import Any

from ser.errors import InputError
from ser.outputs import write_text
from ser.plan.settings import settings_schema
from ser.plan.validation import read_yaml

_LIKE = "light_sernet"  # whose training settings a new system starts with
_OWN: dict[str, Any] = {
    "channels": 32,
    "frames": 300,
    "learning_rate": 0.001,
    "weight_decay": 0.0,
    "epochs": 30,
    "criterion": "UA",
    "class_weights": "balanced",
}
_DEMO = {"channels": 8, "frames": 100, "epochs": 2, "steps_per_epoch": 3, "batch_size": 8}
_PROTOCOLS = ("iemocap_5531", "casia", "emodb_4", "ravdess", "crema_d")
_NAME = re.compile(r"[a-z][a-z0-9_]*")


def init_system(name: str, root: Path = Path()) -> list[Path]:
    """Write ser/systems/<name>.py and experiments/<name>.yaml; returns them.

    Raises InputError for a name that is taken or cannot be one.
    """
    check_name(name)
    system, experiment = root / "ser" / "systems" / f"{name}.py", root / "experiments" / f"{name}.yaml"
    for path in (system, experiment):
        if path.exists():
            raise InputError(f"{path}: is there already: choose another name")
    if not system.parent.is_dir() or not experiment.parent.is_dir():
        raise InputError(f"{root.resolve()}: no ser/systems and experiments here: go to the folder of the project")
    text = Path(__file__).with_name("template.py").read_text(encoding="utf-8")
    first, rest = text.split("\n", 1)
    write_text(system, f'"""{name}: {first[3].lower()}{first[4:]} Written by `ser init system`: make it yours.\n{rest}')
    write_text(experiment, _experiment(name, settings_schema(system)["properties"], root))
    return [system, experiment]


def check_name(name: str) -> None:
    """Raises InputError for what cannot be a word of the configuration."""
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        raise InputError(f"{name!r}: a name has small letters, digits and _, and begins with a letter: choose another")


def _experiment(name: str, fields: dict[str, Any], root: Path) -> str:
    known = read_yaml(root / "experiments" / f"{_LIKE}.yaml")["settings"]
    values = {field: known[field]["value"] for field in fields if field in known} | _OWN
    if missing := [field for field in fields if field not in values]:
        raise InputError(f"experiments/{_LIKE}.yaml: no value for {missing}: the template cannot be filled in")
    there = read_yaml(root / "experiments" / "fair.yaml")["protocols"]
    protocols = [f"  {protocol}: {{from: fair/{protocol}}}" for protocol in _PROTOCOLS if protocol in there]
    settings = [f"  {field}: {{value: {json.dumps(values[field])}, source: chosen}}" for field in fields]
    demo = ", ".join(f"{key}: {value}" for key, value in _DEMO.items())
    return f"""\
# Written by `ser init system {name}`: make it yours. docs/own_system.md explains every block.
title: A network of my own
reference: Nowhere yet # the paper, the repository and its commit, where there are any
system: {name} # ser/systems/{name}.py

features: # what the system finds in fold.stores, by these names; kinds: ser/features/kinds/
  spectrogram: {{value: {{kind: log_mel}}, source: chosen}}

settings: # every field of its Settings; source: paper, code (of its authors), secondary or chosen (by us)
{chr(10).join(settings)}

scales: # what one scale changes, after everything else: small enough for a laptop
  demo:
    source: chosen
    settings: {{{demo}}}

protocols: # clean ones that the project has; or one of your own, as in experiments/fair.yaml
{chr(10).join(protocols)}

rows: # lines of the table; each says only what differs from the above
  full:
    title: As it is
    source: chosen
  alike:
    title: All recordings weigh alike
    source: chosen
    settings: {{class_weights: none}}

claims: [] # what a paper says about a row: experiments/light_sernet.yaml has examples
"""
