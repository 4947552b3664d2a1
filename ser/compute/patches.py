"""What this project changes in Snakemake's internals, and which undocumented parts of them it reads.

Nothing else in the project does so, except `workflow.is_main_process` and `workflow.local_exec` in rules/. Each
function is valid for the versions in `READ_IN`; a test fails when the lock has others: read the sources again, then
change the versions.

What could be sent upstream:
- snakemake: a limit on the rate of jobs that does not keep waking the scheduler (`lift_job_rate`);
- snakemake: the checksum of an input once per job, not once per output (`hash_once`);
- snakemake: `--touch` without a pause of 0.1 s per job (`touch`);
- snakemake: an option to make outputs again that have changed since they were made (`distrust`);
- snakemake: a public way to ask which jobs a build will submit, and with which resources (`submissions`);
- snakemake-executor-plugin-slurm: ask about jobs again after a failed query, and no later than
  `--seconds-between-status-checks` says (`mend_status_checks`).
"""

import sys
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

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


def touch(arguments: list[str]) -> None:
    """`snakemake --touch` without its pause of 0.1 s per job, meant for file systems that store times in seconds
    (snakemake 9.27.1, executors/touch.py).
    """
    from snakemake.cli import main
    from snakemake.executors.touch import Executor

    Executor.SLEEPING_TIME = 0
    main(["--touch", *arguments])


def submissions(workflow: Any) -> Iterator[tuple[Any, str]]:
    """What this build will submit: each job or group of jobs, and its partition as Snakemake writes it (" -p main", or
    nothing) (snakemake 9.27.1, dag.py and scheduling/job_scheduler.py; slurm plugin 2.8.0, __init__.py).
    """
    jobs = {workflow.dag.get_job_group(job) or job for job in workflow.dag.needrun_jobs()}
    for job in jobs:
        if not job.is_local:
            yield job, workflow.scheduler.get_executor(job).get_partition_arg(job)


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
        outputs = [Path(path) for path in job.output]
        is_unknown = hasattr(job.params, "order") and not has_metadata(self, job)
        if is_unknown and all(path.exists() for path in outputs) and not is_as_ordered(job.params.order, outputs):
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


def mend_status_checks(workflow: Any) -> None:
    """Let the Slurm executor ask again when Slurm did not answer, and no later than the profile's
    `seconds-between-status-checks` (slurm plugin 2.8.0, __init__.py).

    Unpatched, it forgets the jobs that it got no answer about and waits for them indefinitely, and after each query
    that finds no finished job it waits ten seconds longer, up to three minutes, which delays a chain of short jobs.
    """
    executor, check = workflow.scheduler._executor, workflow.scheduler._executor.check_active_jobs
    pause = workflow.remote_execution_settings.seconds_between_status_checks

    async def check_active_jobs(active: list[Any]) -> AsyncIterator[Any]:
        answers = executor._status_query_calls
        async for job in check(active):
            yield job
        if executor._status_query_calls == answers:
            for job in active:
                yield job
        executor.next_seconds_between_status_checks = min(executor.next_seconds_between_status_checks, pause)

    executor.check_active_jobs = check_active_jobs


if __name__ == "__main__":
    touch(sys.argv[1:])
