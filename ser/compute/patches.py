"""What this project changes in Snakemake's internals, and which undocumented parts of them it reads.

Nothing else in the project does so, except `workflow.is_main_process` and `workflow.local_exec` in rules/. Each
function is valid for the versions in `READ_IN`; a test fails when the lock has others: read the sources again, then
change the versions. Longer than 300 lines, so that all of it is in one place.

What could be sent upstream:
- snakemake: a limit on the rate of jobs that does not keep waking the scheduler (`lift_job_rate`);
- snakemake: the size of an input asked for once, not whenever a job is chosen (`size_inputs_once`);
- snakemake: the checksum of an input once per job, not once per output (`hash_once`);
- snakemake: the producers of a file looked for once, and by its constant parts first (`find_producers_once`);
- snakemake: the records of all outputs of a job remembered while it is asked about them (`remember_records`);
- snakemake: a function of a rule that says in one line what it refuses (`refuse_in_one_line`);
- snakemake: names of groups, and with them of files, of a bounded length (`shorten_group_names`);
- snakemake: `--touch` without a pause of 0.1 s per job (`touch`);
- snakemake: an option to make outputs again that have changed since they were made (`distrust`);
- snakemake: a say in which failures let no other jobs begin under `--keep-going` (`stop_after`);
- snakemake: a public way to ask which jobs a build will submit, and with which resources (`submissions`);
- snakemake: a say in whether a failed job is tried again, and the reason why a group failed (`explain_failures`);
- snakemake-executor-plugin-slurm: a group that cannot be submitted must fail, not be waited for
  (`mend_submissions`);
- snakemake-executor-plugin-slurm: ask about jobs again after a failed query, and no later than
  `--seconds-between-status-checks` says (`mend_status_checks`).
"""

import os
import re
import shlex
import sys
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from ser.compute.failures import Failure, failed, goes_on, local_failures, refused
from ser.compute.slurm import Job, Submission
from ser.errors import InputError

READ_IN = {"snakemake": "9.27.1", "snakemake-executor-plugin-slurm": "2.8.0"}


def limit(workflow: Any, resource: str, most: int) -> None:
    """Like `--resources resource=most`, unless the command line says otherwise (snakemake 9.27.1, workflow.py)."""
    if resource not in workflow.global_resources:
        workflow.register_resource(resource, most)


def lift_job_rate(workflow: Any) -> None:
    """Do not limit how many jobs start in a second (snakemake 9.27.1, scheduling/job_scheduler.py).

    Under the limit every pass of the scheduler schedules another one for a second later, and so on: with a hundred jobs
    ready that keeps half a core busy all the time. A cluster is protected by `jobs` in its profile.
    """
    workflow.scheduler.job_rate_limiter = None


def size_inputs_once(workflow: Any) -> None:
    """Ask for the sizes of a job's inputs when it becomes ready (snakemake 9.27.1, scheduling/job_scheduler.py).

    The sizes of the inputs of all ready jobs are otherwise asked for whenever a job is chosen: a task of asyncio each.
    """
    sizes, seen = workflow.scheduler._input_sizes, set()

    async def once(jobs: Iterable[Any]) -> None:
        for job in jobs:
            if job not in seen:
                seen.add(job)
                sizes.update({path: await path.size() if await path.exists() else None for path in job.input})

    workflow.scheduler.update_input_sizes = once


def hash_once() -> None:
    """Compute the checksum of a file once as long as its size and time stay (snakemake 9.27.1, io/__init__.py).

    After a job Snakemake asks for those of all inputs once for each output: jobs that make many runs have hundreds of
    both.
    """
    from snakemake.io import _IOFile

    known: dict[tuple[Any, ...], Any] = {}
    checksum = _IOFile.checksum

    async def once(self: Any, *how: Any, **also: Any) -> Any:
        try:
            status = Path(self.file).stat()
        except OSError:  # it is elsewhere or gone
            return await checksum(self, *how, **also)
        key = (self.file, status.st_ino, status.st_size, status.st_mtime_ns, how, *sorted(also.items()))
        if key not in known:
            known[key] = await checksum(self, *how, **also)
        return known[key]

    _IOFile.checksum = once


def find_producers_once() -> None:
    """Look for the rules that make a file once, and by a regular expression only where the constant parts of an
    output's name fit (snakemake 9.27.1, output_index.py and io/__init__.py).

    Snakemake asks again for each job that reads the file, and compiles an expression for each output of each rule:
    that was 8 % of the processor time of a start that finds the whole demo built.
    """
    from snakemake.io import WILDCARD_REGEX, _IOFile, regex_from_filepattern
    from snakemake.output_index import OutputIndex

    @cache
    def parts(pattern: str) -> tuple[str, str, Callable[[str], Any]]:
        """What is before the first wildcard and after the last, and what matches that between them."""
        found = list(WILDCARD_REGEX.finditer(pattern))
        start, end = (found[0].start(), found[-1].end()) if found else (len(pattern), len(pattern))
        return pattern[:start], pattern[end:], re.compile(regex_from_filepattern(pattern[start:end])).match

    def match(self: Any, target: str) -> Any:
        before, after, between = parts(self.file)
        end = len(target) - len(after)
        if end < len(before) or not (target.startswith(before) and target.endswith(after)):
            return None
        return between(target[len(before) : end])

    find = OutputIndex.match_producers

    def match_producers(self: Any, target: str) -> Any:
        known, alike = vars(self).setdefault("found", ({}, {}))  # an index is made anew when a rule is added
        if target not in known:
            found = frozenset(find(self, target))
            known[target] = alike.setdefault(found, found)
        return known[target]

    _IOFile.match, OutputIndex.match_producers = match, match_producers


def remember_records() -> None:
    """Read Snakemake's record of an output once, also where a job has many (snakemake 9.27.1, persistence/file.py).

    It asks each of its six questions about all outputs of a job before the next, and remembers the last 128 records.
    """
    from snakemake.persistence.file import FilePersistence

    read = FilePersistence._read_record_cached.__wrapped__
    FilePersistence._read_record_cached = lru_cache(maxsize=1024)(read)


def shorten_group_names() -> None:
    """Names of groups that file systems take (snakemake 9.27.1, jobs.py).

    They are those of up to five rules, one after the other, and part of the names of files that may have 255 bytes.
    """
    from snakemake.jobs import GroupJob

    whole: Any = GroupJob.name
    GroupJob.name = property(lambda self: whole.fget(self)[:100])


def refuse_in_one_line() -> None:
    """What a function of a rule refuses is said without Snakemake's traceback (snakemake 9.27.1, exceptions.py)."""
    from snakemake.exceptions import InputFunctionException, WorkflowError

    explain = InputFunctionException.__init__

    def say(self: Any, error: Any, *where: Any, **also: Any) -> None:
        if isinstance(error, InputError):
            WorkflowError.__init__(self, str(error))
        else:
            explain(self, error, *where, **also)

    InputFunctionException.__init__ = say


def touch(arguments: list[str]) -> None:
    """`snakemake --touch` without its pause of 0.1 s per job, meant for file systems that store times in seconds
    (snakemake 9.27.1, executors/touch.py).
    """
    from snakemake.cli import main
    from snakemake.executors.touch import Executor

    Executor.SLEEPING_TIME = 0
    main(["--touch", *arguments])


def submission(job: Any) -> Submission:
    """A job or group of jobs as it is submitted now (slurm plugin 2.8.0, __init__.py, submit_string.py, utils.py)."""
    from snakemake_executor_plugin_slurm.submit_string import get_submit_command
    from snakemake_executor_plugin_slurm.utils import set_gres_string

    workflow = job.dag.workflow
    names = {"run_uuid": "", "slurm_logfile": "", "comment_str": "", "workdir": ""}
    account = f"-A {job.resources.slurm_account}" if job.resources.get("slurm_account") else ""
    partition = workflow.scheduler.get_executor(job).get_partition_arg(job)
    params = names | {"account": account, "partition": partition}
    call = get_submit_command(job, params, workflow.executor_settings) + set_gres_string(job)
    rules = sorted({member.rule.name for member in _members(job)})
    return Submission(
        jobs=described(_members(job)),
        rule="|".join(rules) if len(rules) < 4 else "RULE",
        memory=job.resources.get("mem_mb", 0),
        minutes=job.resources.get("runtime", 0),
        options=tuple(shlex.split(call.partition("--comment ''")[2])),
    )


def _members(job: Any) -> list[Any]:
    """The jobs of a group, or the one job."""
    return list(job) if job.is_group() else [job]


def described(jobs: Iterable[Any]) -> tuple[Job, ...]:
    """Jobs as their rules' `message` and `log` have them."""
    return tuple(Job(job.message or job.rule.name, str(next(iter(job.log), ""))) for job in jobs)


def submissions(workflow: Any) -> Iterator[tuple[Submission, Submission]]:
    """What this build will submit: each job or group of jobs as it is tried first, and last (snakemake 9.27.1, dag.py
    and jobs.py).
    """
    for job in {workflow.dag.get_job_group(job) or job for job in workflow.dag.needrun_jobs()}:
        if not job.is_local:
            first = submission(job)
            job.attempt = 1 + job.restart_times
            last = submission(job)
            job.attempt = 1
            yield first, last


def distrust(
    rules: Collection[str], is_as_made: Callable[[str], bool], is_as_ordered: Callable[[str, Iterable[Path]], bool]
) -> None:
    """Let outputs of `rules` that are not as their jobs left them count as changed, and outputs of which Snakemake has
    no record unless they say themselves that they are as ordered (snakemake 9.27.1, persistence/__init__.py and
    dag.py).

    `is_as_ordered` gets the job's parameter `order` and its outputs, which exist. Unpatched, a file that somebody put
    there is as good as one that a job made.
    """
    from snakemake.persistence import ParamsChange, PersistenceBase

    has_metadata, params_changed = PersistenceBase.has_metadata, PersistenceBase.params_changed

    def may_have_changed(self: Any, job: Any) -> bool:  # what is asked before `params_changed`
        return job.rule.name in rules or hasattr(job.params, "order") or bool(has_metadata(self, job))

    def changed(self: Any, job: Any, file: str | None = None) -> Any:
        found = params_changed(self, job, file)
        if job.rule.name in rules and (foreign := {str(path) for path in job.output if not is_as_made(str(path))}):
            found |= ParamsChange(only_new={f"{path} is not as its job left it" for path in foreign}, files=foreign)
        if hasattr(job.params, "order") and not has_metadata(self, job):
            outputs = [Path(path) for path in job.output]
            if all(path.exists() for path in outputs) and not is_as_ordered(job.params.order, outputs):
                found |= ParamsChange(only_new={"not made from what is planned"}, files=set(map(str, outputs)))
        return found

    PersistenceBase.has_metadata, PersistenceBase.params_changed = may_have_changed, changed


def planned_outputs(workflow: Any, rules: Collection[str]) -> list[str]:
    """The outputs of the jobs of `rules` that this build will run; none if it only touches files (snakemake 9.27.1,
    dag.py and workflow.py).
    """
    if workflow.executor_plugin.name == "touch":
        return []
    return [str(path) for job in workflow.dag.needrun_jobs() if job.rule.name in rules for path in job.output]


def current_outputs(workflow: Any, rules: Collection[str]) -> list[str]:
    """The outputs of the jobs of `rules` that this build ran or did not need to run (snakemake 9.27.1, dag.py)."""
    dag = workflow.dag
    jobs = (job for job in dag.jobs if job.rule.name in rules and (dag.finished(job) or not dag.needrun(job)))
    return [str(path) for job in jobs for path in job.output]


def slurm_status_command(workflow: Any) -> str:
    """The profile's `slurm-status-command` (snakemake 9.27.1, workflow.py); "" where Slurm is not used."""
    if workflow.executor_plugin.name != "slurm":
        return ""
    return str(workflow.executor_settings.status_command)


def mend_status_checks(workflow: Any, ask: Callable[[str], tuple[Mapping[str, str], list[str]]]) -> None:
    """Let the Slurm executor ask again when Slurm did not answer, and no later than the profile's
    `seconds-between-status-checks`, and give up jobs that can never start (slurm plugin 2.8.0, __init__.py).

    `ask` gets the name that all jobs of this build have in Slurm, and returns the numbers of such jobs, which it has
    cancelled, with the reasons, and what the user should know of others. Unpatched, such jobs wait without a word, the
    executor forgets the jobs that it got no answer about and waits for them indefinitely, and after each query that
    finds no finished job it waits ten seconds longer, up to three minutes, which delays a chain of short jobs.
    """
    executor, check = workflow.scheduler._executor, workflow.scheduler._executor.check_active_jobs
    pause = workflow.remote_execution_settings.seconds_between_status_checks

    async def check_active_jobs(active: list[Any]) -> AsyncIterator[Any]:
        answers = executor._status_query_calls
        cancelled, news = ask(executor.run_uuid)
        for line in news:
            executor.logger.warning(line)
        for job in [job for job in active if job.external_jobid in cancelled]:
            active.remove(job)
            job.external_jobid, reason = None, cancelled[job.external_jobid]
            executor.report_job_error(job, reason)
        async for job in check(active):
            yield job
        if executor._status_query_calls == answers:
            for job in active:
                yield job
        executor.next_seconds_between_status_checks = min(executor.next_seconds_between_status_checks, pause)

    executor.check_active_jobs = check_active_jobs


def mend_submissions(workflow: Any) -> None:
    """Let a group whose submission fails in Python fail with the reason (slurm plugin 2.8.0, __init__.py).

    Unpatched, the executor's report asks for the group's rule, which it does not have, so that nobody hears of either
    error, and the build waits for the group forever.
    """
    from snakemake_interface_executor_plugins.executors.base import SubmittedJobInfo

    executor = workflow.scheduler._executor
    submit = executor.run_job

    def run_job(job: Any) -> None:
        try:
            submit(job)
        except Exception as error:
            reason = error.__context__ or error
            executor._report_job_error_threadsafe(SubmittedJobInfo(job), f"{type(reason).__name__}: {reason}")

    executor.run_job = run_job


def slurm_partition(workflow: Any) -> str:
    """The profile's `slurm_partition` (snakemake 9.27.1, workflow.py and resources.py); "" where Slurm is not used
    or the partition is chosen for each job.
    """
    plugin = workflow.executor_plugin
    if plugin is None or plugin.name != "slurm":
        return ""
    partition = workflow.resource_settings._parsed_default_resources.get("slurm_partition")
    return str(partition.raw).strip("'\"") if partition else ""


def explain_failures(workflow: Any, found: dict[Any, list[Failure]], learned: Callable[[Any], float]) -> None:
    """Keep in `found` why each submission failed, say so in place of Snakemake's report, and try only those again for
    which it is of use (snakemake 9.27.1, jobs.py; slurm plugin 2.8.0, __init__.py).

    `learned` says of a job when it last saved its state, 0 if it has none. One that runs into its time limit is tried
    again as long as it learns. Unpatched, each is tried as often as `retries` says, and the report of a group has the
    logs of all its jobs and no reason.
    """
    from snakemake.jobs import GroupJob
    from snakemake.jobs import Job as SingleJob

    executor, for_good = workflow.scheduler._executor, set()
    latest: dict[Any, float] = {}  # of those that go on: when they saved their state

    def report_job_error(info: Any, msg: str = "", aux_logs: Iterable[str | None] = (), **_: Any) -> None:
        asked = submission(info.job)
        if info.external_jobid:
            state = re.search(r"SLURM status is: '(\w+)'", msg)
            log = next(filter(None, aux_logs), "")
            found[info.job], is_worth_it = failed(asked, state[1] if state else "", log and os.path.relpath(log))
            saved = max(map(learned, _members(info.job))) if state and state[1] == "TIMEOUT" else 0.0
            last = latest.pop(info.job, 0.0)
            if saved > last:
                latest[info.job], found[info.job] = saved, [goes_on(found[info.job][0])]
        else:
            said = re.search(r"The error message was '(.*?)'\.\n", msg, re.DOTALL)
            found[info.job], is_worth_it = refused(asked, said[1] if said else msg)
        for failure in found[info.job]:
            executor.logger.error(f"failed: {failure}")
        if not is_worth_it:
            for_good.add(info.job)
        workflow.scheduler.error_callback(info.job)

    def restart_times(times: property) -> property:
        def of(job: Any) -> int:
            most = max(times.__get__(job), job.attempt if job in latest else 0)
            return 0 if job.is_local or job in for_good else most

        return property(of)

    executor.report_job_error = report_job_error
    for kind in (SingleJob, GroupJob):
        kind.restart_times = restart_times(kind.restart_times)
    for job in workflow.dag.needrun_jobs():  # else what an earlier build left would be taken for a job's own
        for log in job.log:
            Path(log).unlink(missing_ok=True)


def stop_after(workflow: Any, rules: Collection[str]) -> None:
    """Once a job of `rules` has failed for good, start none but theirs, also with `--keep-going` (snakemake 9.27.1,
    scheduling/job_scheduler.py).
    """

    def open_jobs(self: Any) -> list[Any]:
        ready = list(self.workflow.dag.ready_jobs)
        if not any(member.rule.name in rules for job in self.failed for member in _members(job)):
            return ready
        return [job for job in ready if all(member.rule.name in rules for member in _members(job))]

    type(workflow.scheduler).open_jobs = property(open_jobs)


def failures(workflow: Any, found: Mapping[Any, list[Failure]]) -> list[Failure]:
    """What failed for good: as `found`, or by the logs of jobs of this machine (snakemake 9.27.1,
    scheduling/job_scheduler.py).
    """
    return [
        failure
        for job in workflow.scheduler.failed
        for failure in found.get(job) or local_failures(described(_members(job)))
    ]


if __name__ == "__main__":
    touch(sys.argv[1:])
