# What jobs need: memory and minutes on a cluster, slots of this machine's GPUs.
from ser.compute import patches
from ser.compute.gpu import gpu_ids

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


def small_at_demo(name):
    """Which jobs a cluster gets as one submission; profiles/slurm says how many. At scale demo every job is small; at
    the others a job that fails must not take its neighbours with it."""
    return name if DEMO else None


def train_gpu(group):
    return gpu(uses_training_loop(group.system))


def train_submission(group):
    """Runs that need no GPU are not submitted with those that do: they would hold it."""
    return small_at_demo("gpu_runs" if uses_training_loop(group.system) else "runs")


def train_slots(group):
    """A run that trains a speech encoder needs all memory of a GPU."""
    return gpu_slots(uses_training_loop(group.system), SLOTS if trains_large_encoder(group) else 1)


def train_memory(group):
    """MB of main memory on a machine without a GPU (benchmarks/unit_costs.json)."""
    if DEMO or not uses_training_loop(group.system):
        return 2000
    return 24000 if trains_large_encoder(group) else 8000


def train_minutes(group):
    """A run that is stopped by its time limit goes on from its last epoch when it is tried again."""
    return 10 if DEMO else 2880 if trains_large_encoder(group) else 480
