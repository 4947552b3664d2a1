"""How the script that trains is called, by its rule and by who repeats a run."""

import json

from ser.plan.groups import Group
from ser.plan.origins import Origins
from ser.plan.places import Places


def train_options(group: Group, places: Places, origins: Origins) -> list[str]:
    """The options of workflow_scripts/train.py that say what a group's runs compute, and from which features."""
    stores = [f"{name}={path}" for name, path in group.stores(places).items()]
    encoders = [f"{name}={origins.encoder(encoder)}" for name, encoder in group.encoders.items()]
    return [
        *("--system", group.system, "--group", group.name),
        *("--settings", json.dumps(dict(group.settings), sort_keys=True)),
        *(["--store", *stores] if stores else []),
        *(["--encoder", *encoders] if encoders else []),
    ]
