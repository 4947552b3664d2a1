# What jobs need: memory and minutes on a cluster, slots of this machine's GPUs. How much: ser/plan/costs.py.
from functools import cache
from math import inf

from ser.compute import patches, slurm
from ser.compute.gpu import gpu_ids
from ser.plan import costs

# A cluster is asked for a `gpu` (Slurm's word); the machine that runs a job shares out slots of its GPUs
# (ser/compute/gpu.py).
GPUS = gpu_ids()
SLOTS = config["compute"]["gpu_slots"]
patches.limit(workflow, "gpu_slots", SLOTS * max(1, len(GPUS)))
patches.limit(workflow, "gpu", 1)  # jobs that are submitted together share one GPU


# On a cluster each submission has its own GPUs: what others use is Slurm's business.
resource_scopes:
    gpu="local",
    gpu_slots="local",


TRIES = 3  # up to which a job that was killed asks for more: `retries` of profiles/slurm


def needs(amount, most=lambda: inf):
    """MB or minutes that a rule asks a cluster for; a job that was killed asks for twice, then three times as much, but
    for no more than `most`."""
    return lambda wildcards, attempt: min(
        min(attempt, TRIES) * (amount(wildcards) if callable(amount) else amount), most()
    )


@cache
def longest():
    """Minutes that the profile's partition allows. A run that takes longer goes on in the next job."""
    return slurm.longest(partition) if (partition := patches.slurm_partition(workflow)) else inf


def gpu(is_needed):
    """GPUs to ask a cluster for: of any device but `cpu`, as whether there is one is known only on the node."""
    return int(is_needed and not workflow.local_exec)


def gpu_slots(is_useful, slots):
    """Slots of a GPU of this machine; none where there is no GPU, as they would only queue."""
    device = config["compute"]["device"]
    return slots * int(is_useful and (device == "cuda" or (device == "auto" and bool(GPUS))))


def small_at_demo(name):
    """Which jobs a cluster gets as one submission; profiles/slurm says how many. At scale demo every job is small; at
    the others a job that fails must not take its neighbours with it."""
    return name if DEMO else None


@cache
def feature_needs(corpus, feature="", parts=1):
    """Of what makes one of `parts` of a feature; without one, of what decodes a corpus."""
    spec = PLAN.specs[feature] if feature else {"kind": "audio"}
    return costs.feature_needs(spec, corpus, config["compute"]["device"], PLAN.scale, parts)


def train_needs(training):
    """Per job of a rule that trains: what it asks for. Groups that share a process follow each other."""
    found = {}

    def of(wildcards):
        groups = training.of(wildcards)
        if groups[0].name not in found:
            found[groups[0].name] = costs.job_needs(
                groups, "{fold}" in training.folds, config["compute"]["device"], PLAN.scale
            )
        return found[groups[0].name]

    return of


def train_device(group):
    """The device that its runs are told to use."""
    return costs.device_of(group.system, config["compute"]["device"])


def takes_gpu(group):
    return costs.takes_gpu(group.system, config["compute"]["device"])


def train_submission(group):
    """Runs that need no GPU are not submitted with those that do: they would hold it."""
    return small_at_demo("gpu_runs" if takes_gpu(group) else "runs")


def train_gpu(group):
    return gpu(takes_gpu(group))


def train_slots(group):
    """A run that trains a speech encoder needs all memory of a GPU."""
    return gpu_slots(takes_gpu(group), SLOTS if trains_large_encoder(group) else 1)
