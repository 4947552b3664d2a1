"""What Slurm is asked before a build submits its first job, and while jobs wait."""

import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from ser.errors import InputError

PROFILE = "profiles/slurm/profile.yaml"
LONGEST_PAUSE = 180  # seconds that the executor itself may let pass between two queries
# What a refusal mentions, or a reason to wait -> what to change.
MENDS = {
    r"submit limit|maxsubmit": "jobs (fewer at a time), or another slurm_account or qos",
    r"minutes|time limit|timelimit|wallduration": "set-resources: [RULE:runtime=MINUTES], or another slurm_partition",
    r"account|assoc(iation)? ": "default-resources: slurm_account",
    r"node configuration|processors|cpu|mem|gres|nodeperjob": "set-resources: [RULE:mem_mb=MB] (or gpu, threads), or"
    " another slurm_partition",
    r"feature|constraint": "default-resources: constraint",
    r"qos": "slurm-qos, or default-resources: qos",
    r"reservation": "slurm-reservation",
    r"partition": "default-resources: slurm_partition",
}
# Reasons for which Slurm lets a job wait that no other job's end will change (its page "Job Reason Codes").
NEVER = re.compile(
    r"PartitionTimeLimit|BadConstraints|Invalid(Account|QOS)|(Account|QOS)NotAllowed|ReservationDeleted"
    r"|(QOS|Assoc)(Max\w+Per(Job|Node)(Limit)?|Min\w+)|MaxMemPerLimit"
)
# Reasons that the end of other jobs changes, or time.
USUAL = re.compile(
    r"None|Priority|Resources|Licenses|BeginTime|Cleaning|Prolog|\w+Per(User|Account)(Limit)?|\w*Grp(?!\w*Minutes)\w*"
)


@dataclass(frozen=True)
class Job:
    """A job in words, and its log."""

    title: str
    log: str


@dataclass(frozen=True)
class Submission:
    """Jobs that are submitted together: of which rule, and with what: MB, minutes, and the options of sbatch."""

    jobs: tuple[Job, ...]
    rule: str  # of a few: their names with | between them; of many: RULE
    memory: int
    minutes: int
    options: tuple[str, ...]

    @property
    def title(self) -> str:
        """The first job, and how many others."""
        others = len(self.jobs) - 1
        return self.jobs[0].title + (f" and {others} more" if others else "")

    def __str__(self) -> str:
        return f"{self.title} (sbatch {' '.join(self.options)})"

    def mended(self, reason: str) -> str:
        """A reason of Slurm's, with what to change."""
        key = next((key for word, key in MENDS.items() if re.search(word, reason.lower())), "the settings of your site")
        return f"{reason}; change {PROFILE}: {key.replace('RULE', self.rule)}"


def check_queue(folder: Path, status_command: str) -> None:
    """Raise InputError if Slurm is missing or silent, forgets jobs too soon, or has jobs of an earlier build here.

    A killed build leaves its jobs in Slurm; a second build in `folder` would write the same files as they do.
    """
    if not shutil.which("sbatch"):
        raise InputError("no Slurm on this machine (no sbatch): build here without SNAKEMAKE_PROFILE=profiles/slurm")
    ping = _slurm("scontrol", "ping")
    if ping.returncode:
        reason = ping.stdout.partition("\n")[0] or _last_line(ping)
        raise InputError(f"Slurm does not answer ({reason}); nothing was submitted")
    age = re.search(r"^MinJobAge\s*=\s*(\d+)", _slurm("scontrol", "show", "config").stdout, re.MULTILINE)
    if status_command == "squeue" and age and int(age[1]) < LONGEST_PAUSE:
        raise InputError(
            f"Slurm forgets a job {age[1]} s after its end (MinJobAge), but Snakemake may ask only every"
            f" {LONGEST_PAUSE} s: change {PROFILE}: slurm-status-command: sacct"
        )
    states = "--states=PENDING,RUNNING,SUSPENDED,CONFIGURING"
    queue = _slurm("squeue", states, "--noheader", "--format=%i|%u|%k|%Z")  # of all users: they may share the folder
    if queue.returncode:
        raise InputError(f"Slurm does not answer ({_last_line(queue)}); nothing was submitted")
    jobs = [line.split("|", 3) for line in queue.stdout.splitlines()]
    ours = ("rule_", "group_")
    left = {job: user for job, user, comment, where in jobs if comment.startswith(ours) and Path(where) == folder}
    if left:
        raise InputError(
            f"{len(left)} jobs of an earlier build (user {', '.join(sorted({*left.values()}))}) are still in Slurm: "
            f"wait for them, or: scancel {' '.join(left)}"
        )


def check_requests(tries: Iterable[tuple[Submission, Submission]]) -> list[str]:
    """Ask Slurm whether it would accept submissions, without making any: each as it is tried first and last.

    Returns what the user should know: which will wait for a node that is down or drained, and which cannot grow as far
    as planned. Raises InputError if Slurm refuses a first try, or would let it wait for ever.
    """
    firsts, lasts = {}, {}
    for first, last in tries:
        firsts[first.options], lasts[last.options] = first, last
    refused = {options: reason for options in firsts if (reason := _refusal(options))}
    # Slurm gives the same answer whether no node can meet a request or only nodes that are away can.
    away = _slurm("sinfo", "--noheader", "--states=drain,down,fail", "--format=%n").stdout.split() if refused else []
    for options, reason in refused.items():
        if not (away and "node configuration" in reason):
            raise InputError(f"Slurm refuses {firsts[options]}: {firsts[options].mended(reason)}")
    if away:
        return [f"{firsts[options]} waits: no node can take it now; away: {', '.join(away)}" for options in refused]
    return [
        f"once killed, its last try will be refused: {last}: {last.mended(reason)}"
        for options, last in lasts.items()
        if options not in firsts and (reason := _refusal(options))
    ]


def _refusal(options: tuple[str, ...]) -> str:
    """Why Slurm would not take a job, or never start it; empty if it would."""
    answer = _slurm("sbatch", "--test-only", *options, "--wrap=true")
    if answer.returncode:
        return _last_line(answer)
    # By default (EnforcePartLimits=NO) Slurm takes jobs that are longer than their partition allows.
    given = dict(pairwise(options))
    if "-t" in given and "-p" in given and not any(option.startswith("--qos") for option in options):
        limits = _limits(given["-p"])
        if limits and all(_minutes(limit) < int(given["-t"]) for limit in limits):
            return f"{given['-t']} minutes are more than the time limit of partition {given['-p']}, {limits[0]}"
    return ""


def longest(partition: str) -> float:
    """Whole minutes that a job may take in a partition; infinity without a limit, or where Slurm does not say."""
    try:
        return max((_minutes(limit) // 1 for limit in _limits(partition)), default=float("inf"))
    except (InputError, OSError):  # no Slurm here: said when the build starts
        return float("inf")


def _limits(partition: str) -> list[str]:
    return _slurm("sinfo", "--noheader", f"--partition={partition}", "--format=%l").stdout.split()


def _minutes(limit: str) -> float:
    """Of a time as sinfo writes it: [days-]hours:minutes:seconds or minutes:seconds; no number means no limit."""
    days, _, clock = limit.rpartition("-")
    if not clock[:1].isdigit():
        return float("inf")
    hours, minutes, seconds = [0, 0, *map(int, clock.split(":"))][-3:]
    return int(days or 0) * 1440 + hours * 60 + minutes + seconds / 60


class Queue:
    """Why the jobs of a build wait."""

    def __init__(self) -> None:
        self._last: dict[str, str] = {}
        self._told: set[str] = set()

    def ask(self, run: str) -> tuple[dict[str, str], list[str]]:
        """Of the jobs that Slurm knows by the name `run`: numbers and reasons of those that could never start, which
        are cancelled; and what the user should know of the others, each reason once. A reason counts when it was the
        same the last time: some pass while Slurm plans.
        """
        try:
            answer = _slurm("squeue", f"--name={run}", "--states=PENDING", "--noheader", "--format=%i|%r")
            reasons = dict(line.split("|", 1) for line in answer.stdout.splitlines())
            lasting = {number: reason for number, reason in reasons.items() if self._last.get(number) == reason}
            hopeless = {number: reason for number, reason in lasting.items() if NEVER.fullmatch(reason)}
            if hopeless:
                _slurm("scancel", *hopeless)
        except InputError:  # no answer: asked again later
            return {}, []
        self._last = reasons
        rest = [reason for number, reason in lasting.items() if number not in hopeless and not USUAL.fullmatch(reason)]
        news = [reason for reason in dict.fromkeys(rest) if reason not in self._told]
        self._told.update(news)
        return hopeless, [f"jobs in Slurm: {rest.count(reason)} wait: {reason} (squeue --me)" for reason in news]


def _slurm(*command: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=60)
    except subprocess.TimeoutExpired:
        raise InputError(f"Slurm does not answer: {command[0]} took longer than a minute") from None


def _last_line(answer: subprocess.CompletedProcess[str]) -> str:
    """What is wrong: the last line that Slurm's clients print."""
    lines = (answer.stderr or answer.stdout).strip().splitlines()
    return lines[-1] if lines else f"exit code {answer.returncode}"
