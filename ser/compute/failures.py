"""Why jobs of a build failed, in one line each, and which of them are worth another try."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ser.compute.slurm import Job, Submission
from ser.errors import NO_MEMORY

# What only another try can mend; the rest would fail in the same way again.
KILLED = {
    "TIMEOUT": "it took more than the {minutes} minutes that it asked for",
    "OUT_OF_MEMORY": "it took more than the {memory} MB of memory that it asked for",
    "CANCELLED": "it was cancelled",
    "NODE_FAIL": "its node failed",
    "BOOT_FAIL": "its node failed",
    "PREEMPTED": "it was pre-empted",
    "DEADLINE": "its deadline passed",
}
KILLED_FOR_MEMORY = re.compile(r"^\S+: error: .*(exceeded (job )?memory limit|oom.kill)", re.MULTILINE | re.IGNORECASE)
SILENT = "it was killed, or could not begin: its log has no error"
# sbatch did not get an answer; anything else that it says is for good.
NO_ANSWER = re.compile(r"contact|timed out|temporarily", re.IGNORECASE)


@dataclass(frozen=True)
class Failure:
    """One line: which job, why, and where to read more."""

    reason: str
    title: str
    log: str

    def __str__(self) -> str:
        return f"{self.title}: {self.reason}" + (f" ({self.log})" if self.log else "")


def own_error(log: str) -> str:
    """What a job's log ends with if its script gave up by itself; empty if it was killed, or never began."""
    try:
        text = Path(log).read_text(errors="replace").rstrip()
    except OSError:
        return ""
    last = text.rpartition("\n")[2]
    if last.startswith("error: "):  # an InputError, as every script tells it
        return last.removeprefix("error: ")
    return f"{last}: not foreseen: see its log" if "Traceback (most recent call last)" in text else ""


def local_failures(jobs: Iterable[Job]) -> list[Failure]:
    """Why jobs of this machine failed."""
    silent = f"{SILENT}: start again, with fewer --cores if memory is short"
    return [Failure(own_error(job.log) or silent, job.title, job.log) for job in jobs]


def refused(submission: Submission, said: str) -> tuple[list[Failure], bool]:
    """Why a submission did not start, from what sbatch said or Slurm's reason; and whether to try again."""
    reason = said.strip().rpartition("\n")[2].removeprefix("sbatch: error: ")
    failure = Failure(
        f"Slurm refuses {' '.join(submission.options)}: {submission.mended(reason)}", submission.title, ""
    )
    return [failure], bool(NO_ANSWER.search(said))


def failed(submission: Submission, state: str, slurm_log: str) -> tuple[list[Failure], bool]:
    """Why a submission failed, from Slurm's state and log and the logs of its jobs; and whether to try again."""
    try:
        told = Path(slurm_log).read_text(errors="replace")
    except OSError:
        told = ""
    errors = {job: error for job in submission.jobs if (error := own_error(job.log))}
    if KILLED_FOR_MEMORY.search(told) or any(NO_MEMORY.search(error) for error in errors.values()):
        state = "OUT_OF_MEMORY"
    if state not in KILLED and errors:
        others = len(submission.jobs) - len(errors)
        lost = f"; {others} submitted with it are left unfinished" if others else ""
        return [Failure(error + lost, job.title, job.log) for job, error in errors.items()], False
    reason = KILLED.get(state, SILENT).format(minutes=submission.minutes, memory=submission.memory)
    if "asked for" in reason:
        reason = submission.mended(reason)
    return [Failure(reason, submission.title, slurm_log)], True


def goes_on(failure: Failure) -> Failure:
    """The failure of a submission that ran into its time limit, but had learned something."""
    return replace(failure, reason="its time is over: it goes on from its last epoch")


def lines(failures: Sequence[Failure]) -> list[str]:
    """The end of a build's output: a line for each failure, those of one reason together."""
    ordered = sorted(failures, key=lambda failure: (failure.reason, failure.title))
    return [f"{len(failures)} failed:", *(f"  {failure}" for failure in ordered)] if failures else []
