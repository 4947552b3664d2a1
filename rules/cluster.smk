# The frame of a build: one at a time per folder, what a cluster is asked before the first job, what a failure leaves.
import atexit
from uuid import uuid4

from filelock import FileLock, Timeout

from ser.compute import failures, patches, slurm, warm
from ser.compute.seals import Seals
from ser.errors import InputError
from ser.plan.code import record_imports
from ser.plan.remarks import left_out

# Snakemake's own lock outlives a killed build (so profiles/default turns it off); this one ends with its process.
LOCK = FileLock(".snakemake/ser.lock", timeout=0)
if workflow.is_main_process:
    # Jobs of a build that was killed may live on: once a newer one has begun they must not begin to write (_main.py).
    os.environ["SER_BUILD"] = uuid4().hex
    # Under this name jobs find a process with their libraries loaded (ser/compute/warm.py); empty: none.
    os.environ.setdefault("SER_WARM", os.environ["SER_BUILD"])
# Rules whose jobs take seconds: rather made again.
SEALED = {"evaluate", "table", "honest_gap", "protocol_ladder", "comparisons", "charts", "examples", "report", "track"}
SEALS = Seals(".snakemake/ser.seals.json")
FAILURES = {}  # submission -> why it failed


def is_as_ordered(order, outputs):
    from ser.verification.artifacts import are_as_ordered  # takes numpy, which most starts need not import

    return are_as_ordered(order, outputs)


def learned(job):
    """When a job last saved the state of a run; 0 if it has saved none."""
    if job.rule.name not in STATES:
        return 0
    folder = Path(STATES[job.rule.name].format(**job.wildcards_dict))
    return max((path.stat().st_mtime for path in folder.rglob("state.safetensors")), default=0)


patches.distrust(SEALED, SEALS.hold, is_as_ordered)
patches.hash_once()
patches.find_producers_once()
patches.remember_records()
patches.shorten_group_names()
patches.refuse_in_one_line()


onstart:
    gc.freeze()
    gc.enable()
    try:
        LOCK.acquire()
    except Timeout:
        raise WorkflowError("another snakemake is already running in this folder: wait until it ends")
    Path(".snakemake/ser.build").write_text(os.environ["SER_BUILD"])
    record_imports()
    if workflow.executor_plugin.name == "local":
        warm.start(os.environ["SER_WARM"], {1, config["compute"]["threads"]})
    patches.lift_job_rate(workflow)
    patches.size_inputs_once(workflow)
    patches.stop_after(workflow, {"splits"})  # a protocol must be mended: to train the rest can wait
    try:
        if status_command := patches.slurm_status_command(workflow):
            slurm.check_queue(Path.cwd(), status_command)
            for line in slurm.check_requests(patches.submissions(workflow)):
                print(line, file=sys.stderr)
            patches.mend_submissions(workflow)
            patches.mend_status_checks(workflow, slurm.Queue().ask)
            patches.explain_failures(workflow, FAILURES, learned)
        clone_name(Path(places.CLONE))
    except InputError as error:
        raise WorkflowError(str(error)) from None
    # What will be derived anew must not outlive a build that fails or is killed: with it there, nothing would be missed.
    for path in [*patches.planned_outputs(workflow, SEALED), places.PARTIAL]:
        Path(path).unlink(missing_ok=True)


onsuccess:
    SEALS.seal(patches.current_outputs(workflow, SEALED))
    for line in left_out(PLAN, config, PLACES):
        print(line, file=sys.stderr)


onerror:
    SEALS.seal(patches.current_outputs(workflow, SEALED))
    shell("{PYTHON} workflow_scripts/table.py --params {CONFIG:q} --partial --output {places.PARTIAL}")
    told = [*left_out(PLAN, config, PLACES), *failures.lines(patches.failures(workflow, FAILURES))]
    told.append(f"the finished results are in {places.PARTIAL}; the same command continues with the rest")
    if Path(places.TABLE).is_file():
        told.append(f"{places.TABLE} is from an earlier build")
    atexit.register(print, *told, sep="\n", file=sys.stderr)  # the last words, after Snakemake's own
