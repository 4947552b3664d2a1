# The plan, checked before any job starts; where things are; and what the rules' inputs are made of.
import json
import os
import re
import shlex
import sys

sys.path.insert(0, workflow.basedir)

from snakemake.exceptions import WorkflowError

from ser.encoders.checkpoint import checkpoint_files
from ser.errors import InputError
from ser.manifests.tree import tree_digest
from ser.plan import places
from ser.plan.code import code_of, code_of_module, reaches
from ser.plan.load import OWN, load_plan
from ser.plan.pairs import pairs
from ser.splits.protocol import SELECTIONS

PYTHON = shlex.quote(sys.executable)

try:
    PLAN = load_plan(config, Path(workflow.basedir))
except InputError as error:
    raise WorkflowError(str(error)) from None

CONFIG = json.dumps(config)
PLACES = places.Places.of(PLAN.scale)
DEMO = PLAN.scale == "demo"
GROUPS = {group.name: group for group in PLAN.groups}
PROTOCOLS = {f"{group.experiment}/{group.protocol_name}": group.protocol for group in PLAN.groups}
CORPORA = sorted({group.corpus for group in PLAN.live})


wildcard_constraints:
    corpus="[a-z0-9_]+",
    encoder="[a-z0-9_]+",
    feature="[a-z0-9_]+-[0-9a-f]{8}",
    protocol="[a-z0-9_]+/[a-z0-9_]+",
    selection="|".join(SELECTIONS),
    seed=r"\d+",
    fold=r"\d+",


def group_of(wildcards):
    return GROUPS[wildcards.group]


def any_of(names):
    """A wildcard constraint: one of `names`; matches nothing if there are none."""
    return "|".join(map(re.escape, names)) or "(?!)"


def system_code(group):
    return code_of_module(f"ser.systems.{group.system}")


def uses_training_loop(group):
    return reaches(system_code(group), "ser.training.loop")


def trains_speech_encoder(group):
    """Whether a run trains a speech encoder of published size."""
    is_large = not all(is_made_here(encoder) for encoder in group.encoders.values())
    return is_large and reaches(system_code(group), "ser.encoders.speech")


def runs_of(group, file="metrics.json"):
    """One file of each run of a group, seed-major."""
    return [f"{PLACES.run(group.name, *run)}/{file}" for run in group.runs]


def split_of(group):
    return [PLACES.split(group.split, suffix) for suffix in (".json", ".csv")]


def settings_of(corpus):
    return {} if DEMO else config["corpora"][corpus]


def root_of(corpus):
    """Where the release tree of a corpus is."""
    return PLACES.release(corpus) if DEMO else config["corpora"][corpus]["root"]


def is_made_here(encoder):
    """Whether the workflow writes this checkpoint, tiny and random."""
    return DEMO or encoder not in config["encoders"]


def encoder_dir(encoder):
    return PLACES.encoder(encoder) if is_made_here(encoder) else config["encoders"][encoder]


def encoder_files(encoder):
    """The files of a checkpoint that are read; none without an encoder."""
    if not encoder:
        return []
    folder = encoder_dir(encoder)
    if is_made_here(encoder):
        return multiext(f"{folder}/", "config.json", "model.safetensors")
    return [str(path) for path in checkpoint_files(Path(folder))]


def encoder_of(wildcards):
    """The encoder that a feature needs, or None."""
    return PLAN.specs[wildcards.feature].get("encoder")


if workflow.is_main_process:
    if Path(OWN).is_file():
        print(f"{OWN} overrides params.yaml", file=sys.stderr)
        if stage := os.environ.get("DVC_STAGE"):
            raise WorkflowError(
                f"{OWN}: stage {stage}: DVC keeps the versions of params.yaml only: move its entries there"
            )
    for corpus in CORPORA:
        if not DEMO and not Path(root := root_of(corpus)).is_dir():
            print(f"no recordings of {corpus} at {root}: using what was read from them before", file=sys.stderr)
