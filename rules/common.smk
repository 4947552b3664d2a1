# The plan, checked before any job starts, and the only functions of the workflow.
import json
import re
import shlex
import sys

sys.path.insert(0, workflow.basedir)

from filelock import FileLock, Timeout
from snakemake.exceptions import WorkflowError

from ser.code import code_of
from ser.corpora.tree import tree_digest
from ser.errors import InputError
from ser.features.encoder_files import checkpoint_files
from ser.features.spec import feature_file
from ser.gpu import gpu_ids
from ser.pairs import pairs
from ser.plan import load

PYTHON = shlex.quote(sys.executable)
RUN_FILES = ["metrics.json", "predictions.csv", "history.csv"]

try:
    PLAN = load(config, Path(workflow.basedir))
except InputError as error:
    raise WorkflowError(str(error)) from None

CONFIG = json.dumps(config)
WORK = f"work/{PLAN.scale}"
DEMO = PLAN.scale == "demo"
GROUPS = {group.name: group for group in PLAN.groups}
# A GPU job asks for one `gpu` (Slurm's word) and, on this machine, for slots of one (ser/gpu.py); none where there is no
# GPU: they would only queue.
GPUS = gpu_ids()
GPU = int(config["compute"]["device"] == "cuda" or (config["compute"]["device"] == "auto" and bool(GPUS)))
SLOTS = config["compute"]["gpu_slots"]
if "gpu_slots" not in workflow.global_resources:
    workflow.register_resource("gpu_slots", SLOTS * max(1, len(GPUS)))
CORPORA = sorted({group.corpus for group in PLAN.live})


wildcard_constraints:
    corpus="[a-z0-9_]+",
    encoder="[a-z0-9_]+",
    feature="[a-z0-9_]+-[0-9a-f]{8}",
    experiment="[a-z0-9_]+",
    protocol="[a-z0-9_]+",
    selection="clean|test_selected|last_epoch",
    seed=r"\d+",
    fold=r"\d+",


# Snakemake's own lock outlives a killed run (so profiles/default turns it off); this one ends with its process.
LOCK = FileLock(".snakemake/ser.lock", timeout=0)


onstart:
    try:
        LOCK.acquire()
    except Timeout:
        raise WorkflowError("another snakemake is at work in this folder: wait until it ends")
    # Under the limit on the rate of jobs every pass of the scheduler orders another one for a second later, which orders
    # the next: with a hundred jobs ready that is half a core, for ever. Only a cluster's controller needs the limit.
    if workflow.local_exec:
        workflow.scheduler.job_rate_limiter = None


onerror:
    shell("{PYTHON} workflow_scripts/table.py --params {CONFIG:q} --partial --output results/partial.csv")
    print("what is finished stands in results/partial.csv; the same command goes on with the rest")
    print("results/table.csv, if there is one, is from an earlier build")


def kept(models):
    """The weights of a run; removed once it ends where params.yaml says that they are not wanted."""
    return models if config["compute"]["keep_models"] else temp(models)


def needs_gpu(wildcards):
    """Only systems that use the training loop can use a GPU; the others need not wait for one."""
    return GPU if "ser/training.py" in system_code(group_of(wildcards)) else 0


def slots_of(wildcards):
    """Slots of a GPU that a run takes: one that trains a speech encoder needs all of its memory."""
    return needs_gpu(wildcards) * (SLOTS if trains_speech_encoder(group_of(wildcards)) else 1)


def train_memory(wildcards):
    """MB of main memory: weights, gradients, optimiser and best epoch of WavLM large, on a machine without a GPU."""
    return 12000 if trains_speech_encoder(group_of(wildcards)) else 2000


def trains_speech_encoder(group):
    """Whether a run trains one of published size."""
    is_large = not all(is_made_here(encoder) for encoder in group.encoders.values())
    return is_large and "ser/speech_encoder.py" in system_code(group)


def system_code(group):
    return code_of(f"ser/systems/{group.system}.py")


def group_of(wildcards):
    return GROUPS[wildcards.group]


def runs_of(group, file="metrics.json"):
    """One file of each run of a group, seed-major."""
    return [
        f"{WORK}/runs/{group.name}/seed{seed}/fold{fold}/{file}"
        for seed in group.seeds
        for fold in range(1, group.protocol.n_folds + 1)
    ]


def root_of(corpus):
    """Where the release tree of a corpus is."""
    return f"{WORK}/releases/{corpus}" if DEMO else config["corpora"][corpus]["root"]


def stores_of(group):
    """The system's name for a feature -> the file that it is read from."""
    return {name: f"{WORK}/{store}.safetensors" for name, store in group.stores.items()}


def is_made_here(encoder):
    """Whether the workflow writes this checkpoint, tiny and random."""
    return DEMO or encoder not in config["encoders"]


def encoder_dir(encoder):
    return f"{WORK}/encoders/{encoder}" if is_made_here(encoder) else config["encoders"][encoder]


def encoder_files(encoder):
    """The files of a checkpoint that are read; none for no encoder."""
    if not encoder:
        return []
    folder = encoder_dir(encoder)
    if is_made_here(encoder):
        return multiext(f"{folder}/", "config.json", "model.safetensors")
    return [str(path) for path in checkpoint_files(Path(folder))]


def encoder_of(wildcards):
    """The encoder that a feature needs, or None."""
    return PLAN.specs[wildcards.feature].get("encoder")


def feature_code(spec):
    return [
        *code_of("workflow_scripts/features.py"),
        *code_of(feature_file(spec["kind"])),
    ]


def loader_code(corpus):
    """The manifest script's files and the corpus's loader; a corpus given by its own manifest has none."""
    loader = f"ser/corpora/{corpus}.py"
    return [
        *code_of("workflow_scripts/manifest.py"),
        *(code_of(loader) if Path(workflow.basedir, loader).is_file() else []),
    ]


def protocol_of(wildcards):
    return next(
        group.protocol
        for group in PLAN.groups
        if (group.experiment, group.protocol_name) == (wildcards.experiment, wildcards.protocol)
    )


def any_of(names):
    """A wildcard constraint: one of `names`, or nothing at all."""
    return "|".join(map(re.escape, names)) or "(?!)"


def settings_of(corpus):
    return {} if DEMO else config["corpora"][corpus]


def digest_of(corpus):
    """What a corpus's files are: a change reads it again. A demo tree is followed by its listing, which is an input."""
    record = f"{WORK}/manifests/{corpus}.tree.json"
    return "demo" if DEMO else tree_digest(root_of(corpus), record, settings_of(corpus).get("manifest"))


def manifest_places(wildcards, input):
    """Where a corpus is. Snakemake keeps no record of a function of `input`: another place re-runs nothing."""
    manifest = settings_of(wildcards.corpus).get("manifest")
    return ["--root", root_of(wildcards.corpus), *(["--manifest", manifest] if manifest else [])]


def split_of(group):
    return multiext(f"{WORK}/{group.split}", ".json", ".csv")


def train_inputs(wildcards):
    group = group_of(wildcards)
    return {
        "split": split_of(group),
        "stores": list(stores_of(group).values()),
        "encoders": [file for encoder in group.encoders.values() for file in encoder_files(encoder)],
        "code": [
            *code_of("workflow_scripts/train.py"),
            *system_code(group),
        ],
    }


def train_options(wildcards):
    group = group_of(wildcards)
    stores = [f"{name}={path}" for name, path in stores_of(group).items()]
    encoders = [f"{name}={encoder_dir(encoder)}" for name, encoder in group.encoders.items()]
    return [
        *("--system", group.system, "--group", group.name),
        *("--settings", json.dumps(dict(group.settings), sort_keys=True)),
        *(["--store", *stores] if stores else []),
        *(["--encoder", *encoders] if encoders else []),
    ]
