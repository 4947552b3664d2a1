# The plan, checked before any job starts; where things are; and what the rules' inputs are made of.
import gc
import json
import os
import re
import shlex
import sys

sys.path.insert(0, workflow.basedir)

gc.disable()  # until jobs start: what is planned is kept, and Python would look through all of it again and again

from snakemake.exceptions import WorkflowError

from ser.compute.clone import check_writable, clone_name
from ser.compute.machine import limits
from ser.errors import InputError, did_you_mean, in_one_line
from ser.plan import places
from ser.plan.code import code_of_module, reaches, uses_training_loop
from ser.plan.families import families
from ser.plan.jobs import train_options, training_rules
from ser.plan.ladders import ladders
from ser.plan.load import OWN, load_plan, read_params
from ser.plan.made_from import MadeFrom
from ser.plan.origins import Origins
from ser.plan.pairs import pairs
from ser.plan.parts import number_of_parts
from ser.plan.remarks import unread_corpora
from ser.plan.shown import FOLD, shown
from ser.runs.files import KEPT, MODEL, TEST_EPOCHS
from ser.splits.protocol import SELECTIONS

PYTHON = shlex.quote(sys.executable)
JOB = f"{PYTHON} workflow_scripts/_job.py"  # {JOB} {log.cost} LIBRARIES SCRIPT ... (ser/compute/warm.py)

try:
    with in_one_line("planning"):
        # not by `configfile`, which lets a repeated key win and, where the file asks for it, runs Python that is in it
        config.update(read_params(given=config))
        PLAN = load_plan(config, Path(workflow.basedir))
except InputError as error:
    raise WorkflowError(str(error)) from None

os.environ.update(limits(config["compute"]["cpu"]))  # for all jobs, before their libraries are loaded
CONFIG = json.dumps(config)
PLACES = places.Places.of(PLAN.scale)
ORIGINS = Origins(config, is_job=not workflow.is_main_process)
MADE_FROM = MadeFrom(PLAN, config, ORIGINS)  # each rule's `made_from`: a change shows however far below it happened
DEMO = PLAN.scale == "demo"
GROUPS = {group.name: group for group in PLAN.groups}
PROTOCOLS = {f"{group.experiment}/{group.protocol_name}": group.protocol for group in PLAN.groups}
CORPORA = sorted({group.corpus for group in PLAN.live})


def interrupted(kind, error, trace):
    """Ctrl-C while jobs are being found: Snakemake ends with asyncio's traceback. Once they run it has its own words."""
    if issubclass(kind, KeyboardInterrupt):
        print("interrupted: the same command continues from here", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)


if workflow.is_main_process:
    sys.excepthook = interrupted


wildcard_constraints:
    corpus="[a-z0-9_]+",
    encoder="[a-z0-9_]+",
    feature="[a-z0-9_]+-[0-9a-f]{8}",
    protocol="[a-z0-9_]+/[a-z0-9_]+",
    selection="|".join(SELECTIONS),
    draw=r"(/seed\d+)?",
    seed=r"\d+",
    fold=r"\d+",
    part=r"\d+",
    parts=r"\d+",


def group_of(wildcards):
    return planned(GROUPS, wildcards.group)


def planned(known, name):
    """What the plan has under a `name` that somebody typed as a target."""
    if name not in known or getattr(known[name], "skipped", ""):
        reason = known[name].skipped if name in known else did_you_mean(name, known)
        raise InputError(f"{name}: not planned at scale {PLAN.scale} (ser status): {reason}")
    return known[name]


def any_of(names):
    """A wildcard constraint: one of `names`; matches nothing if there are none."""
    return "|".join(map(re.escape, names)) or "(?!)"


def trains_speech_encoder(group):
    """Whether a run trains a speech encoder."""
    return bool(group.encoders) and reaches(code_of_module(f"ser.systems.{group.system}"), "ser.encoders.speech")


def trains_large_encoder(group):
    """Whether a run trains a speech encoder of published size."""
    made_here = all(ORIGINS.is_made_here(encoder) for encoder in group.encoders.values())
    return not made_here and trains_speech_encoder(group)


def runs_of(group, file="metrics.json"):
    """One file of each run of a group, seed-major."""
    return [f"{PLACES.run(group.name, *run)}/{file}" for run in group.runs]


def splits_of(group, suffix=".json"):
    """One file of each split of a group."""
    return [PLACES.split(name, suffix) for name in group.splits]


def evidence(groups):
    """What a file of results is computed from that compares runs: inputs by name."""
    return {
        "splits": [splits_of(group, suffix) for group in groups for suffix in (".json", ".csv")],
        "runs": [runs_of(group) for group in groups],
        "predictions": [runs_of(group, "predictions.csv") for group in groups],
        "reports": sorted({PLACES.manifest(group.corpus, ".json") for group in groups}),
    }


def encoder_of(wildcards):
    """The encoder that a feature needs, or None."""
    return PLAN.specs[wildcards.feature].get("encoder")


if workflow.is_main_process:
    try:  # before Snakemake itself writes there
        check_writable(".snakemake", ".snakemake/ser.lock", "work", places.RESULTS)
    except InputError as error:
        raise WorkflowError(str(error)) from None
    if Path(OWN).is_file():
        print(f"{OWN} overrides params.yaml", file=sys.stderr)
        if stage := os.environ.get("DVC_STAGE"):
            raise WorkflowError(
                f"{OWN}: stage {stage}: DVC keeps the versions of params.yaml only: move its entries there"
            )
    for line in unread_corpora(PLAN, config):
        print(line, file=sys.stderr)
    for corpus in CORPORA:
        if not DEMO and not Path(root := ORIGINS.root(corpus)).is_dir():
            print(f"no recordings of {corpus} at {root}: using what was read from them before", file=sys.stderr)
