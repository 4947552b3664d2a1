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
from ser import slurm
from ser.errors import InputError
from ser.features.encoder_files import checkpoint_files
from ser.features.spec import feature_file
from ser.gpu import gpu_ids
from ser.pairs import pairs
from ser.plan import load
from ser.report import headlines, plot_name

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
# A cluster is asked for a `gpu` (Slurm's word); the machine that runs a job shares out slots of its GPUs (ser/gpu.py).
GPUS = gpu_ids()
SLOTS = config["compute"]["gpu_slots"]
if "gpu_slots" not in workflow.global_resources:
    workflow.register_resource("gpu_slots", SLOTS * max(1, len(GPUS)))
# Jobs that are submitted together share one GPU.
workflow.register_resource("gpu", 1)
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


# Which jobs a cluster gets as one submission; profiles/slurm says how many.
def small_at_demo(name):
    """At scale demo every job is small. At the others a job that fails must not take its neighbours with it."""
    return name if DEMO else None


# On a cluster each submission has GPUs of its own: what others use is Slurm's business.
resource_scopes:
    gpu="local",
    gpu_slots="local",


# Snakemake's own lock outlives a killed run (so profiles/default turns it off); this one ends with its process.
LOCK = FileLock(".snakemake/ser.lock", timeout=0)


onstart:
    try:
        LOCK.acquire()
    except Timeout:
        raise WorkflowError("another snakemake is at work in this folder: wait until it ends")
    # Under the limit on the rate of jobs every pass of the scheduler orders another one for a second later, which orders
    # the next: with a hundred jobs ready that is half a core, for ever. A cluster is protected by `jobs` in its profile.
    workflow.scheduler.job_rate_limiter = None
    if workflow.executor_plugin.name == "slurm":
        try:
            slurm.check_queue(Path.cwd(), workflow.executor_settings.status_command)
            pause = workflow.remote_execution_settings.seconds_between_status_checks
            slurm.mend_status_checks(workflow.scheduler._executor, pause)
            print(*slurm.check_requests(requests()), sep="\n", file=sys.stderr)
        except InputError as error:
            raise WorkflowError(str(error)) from None


onerror:
    shell("{PYTHON} workflow_scripts/table.py --params {CONFIG:q} --partial --output results/partial.csv")
    print("what is finished stands in results/partial.csv; the same command goes on with the rest")
    print("results/table.csv, if there is one, is from an earlier build")


def kept(models):
    """The weights of a run; removed once it ends where params.yaml says that they are not wanted."""
    return models if config["compute"]["keep_models"] else temp(models)


def needs(amount):
    """MB or minutes that a rule asks a cluster for; a job that was killed asks for twice, then three times as much."""
    return lambda wildcards, attempt: attempt * (amount(wildcards) if callable(amount) else amount)


def gpu(is_useful):
    """GPUs to ask a cluster for. `auto` asks as well: whether there is one is known only on the node."""
    return int(is_useful and config["compute"]["device"] != "cpu" and not workflow.local_exec)


def gpu_slots(is_useful, slots):
    """Slots of a GPU of this machine; none where there is no GPU, as they would only queue."""
    device = config["compute"]["device"]
    return slots * int(is_useful and (device == "cuda" or (device == "auto" and bool(GPUS))))


def can_use_gpu(wildcards):
    """Only systems that use the training loop can; the others need not wait for one."""
    return uses_training_loop(group_of(wildcards))


def uses_training_loop(group):
    return "ser/training.py" in system_code(group)


def train_gpu(wildcards):
    return gpu(can_use_gpu(wildcards))


def train_submission(wildcards):
    """Runs that need no GPU are not submitted with those that do: they would hold it."""
    return small_at_demo("gpu_runs" if can_use_gpu(wildcards) else "runs")


def train_slots(wildcards):
    """A run that trains a speech encoder needs all memory of a GPU."""
    return gpu_slots(can_use_gpu(wildcards), SLOTS if trains_speech_encoder(group_of(wildcards)) else 1)


def train_memory(wildcards):
    """MB of main memory on a machine without a GPU (benchmarks/unit_costs.json)."""
    if DEMO or not can_use_gpu(wildcards):
        return 2000
    return 24000 if trains_speech_encoder(group_of(wildcards)) else 8000


def train_minutes(wildcards):
    """A run that is stopped by its time limit goes on from its last epoch when it is tried again."""
    return 10 if DEMO else 2880 if trains_speech_encoder(group_of(wildcards)) else 480


def requests():
    """What the jobs of this build will ask Slurm for, each different request once."""
    executor = workflow.scheduler.get_executor
    jobs = {workflow.dag.get_job_group(job) or job for job in workflow.dag.needrun_jobs()}
    return {
        slurm.Request.of(job.resources, job.threads, executor(job).get_partition_arg(job)): job.name
        for job in jobs
        if not job.is_local
    }


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
    return [f"{WORK}/{folder}/{file}" for folder in group.runs.values()]


def root_of(corpus):
    """Where the release tree of a corpus is."""
    return f"{WORK}/releases/{corpus}" if DEMO else config["corpora"][corpus]["root"]


if workflow.is_main_process and not DEMO:
    for corpus in CORPORA:
        if not Path(root := root_of(corpus)).is_dir():
            print(f"no recordings of {corpus} at {root}: what was read stands", file=sys.stderr)


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
