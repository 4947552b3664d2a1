"""What this project changes of Snakemake's insides, and what it reads of them that is not documented.

Nothing else in the project does, but for `workflow.is_main_process` and `workflow.local_exec` in rules/. Each function
holds for the versions in `READ_IN`; a test fails when the lock has others: read the sources again, then change them.

What could be sent upstream:
- snakemake: a limit on the rate of jobs that does not wake the scheduler for ever (`lift_job_rate`);
- snakemake: `--touch` without a pause of 0.1 s for each job (`touch`);
- snakemake: a public way to ask which jobs a build will submit, and with which resources (`submissions`);
- snakemake-executor-plugin-slurm: jobs are asked about again where a query failed, and no later than
  `--seconds-between-status-checks` says (`mend_status_checks`).
"""

import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

READ_IN = {"snakemake": "9.27.1", "snakemake-executor-plugin-slurm": "2.8.0"}


def limit(workflow: Any, resource: str, most: int) -> None:
    """As `--resources resource=most`, unless the command line says otherwise (snakemake 9.27.1, workflow.py)."""
    if resource not in workflow.global_resources:
        workflow.register_resource(resource, most)


def lift_job_rate(workflow: Any) -> None:
    """Do not limit how many jobs start in a second (snakemake 9.27.1, scheduling/job_scheduler.py).

    Under the limit every pass of the scheduler orders another one for a second later, which orders the next: with a
    hundred jobs ready that is half a core, for ever. A cluster is protected by `jobs` in its profile.
    """
    workflow.scheduler.job_rate_limiter = None


def touch(arguments: list[str]) -> None:
    """`snakemake --touch` without its nap of 0.1 s a job, for file systems that count time in seconds
    (snakemake 9.27.1, executors/touch.py).
    """
    from snakemake.cli import main
    from snakemake.executors.touch import Executor

    Executor.SLEEPING_TIME = 0
    main(["--touch", *arguments])


def submissions(workflow: Any) -> Iterator[tuple[Any, str]]:
    """What this build will submit: a job or group of jobs, and its partition as Snakemake writes it (" -p main", or
    nothing) (snakemake 9.27.1, dag.py and scheduling/job_scheduler.py; slurm plugin 2.8.0, __init__.py).
    """
    jobs = {workflow.dag.get_job_group(job) or job for job in workflow.dag.needrun_jobs()}
    for job in jobs:
        if not job.is_local:
            yield job, workflow.scheduler.get_executor(job).get_partition_arg(job)


def slurm_status_command(workflow: Any) -> str:
    """What the profile's `slurm-status-command` is (snakemake 9.27.1, workflow.py); "" where Slurm is not used."""
    if workflow.executor_plugin.name != "slurm":
        return ""
    return str(workflow.executor_settings.status_command)


def mend_status_checks(workflow: Any) -> None:
    """Let the Slurm executor ask again where Slurm did not answer, and no later than the profile's
    `seconds-between-status-checks` (slurm plugin 2.8.0, __init__.py).

    Of itself it forgets the jobs that it got no answer about and waits for them for ever, and it asks ten seconds later
    each time, up to three minutes, which a chain of short jobs spends waiting.
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
