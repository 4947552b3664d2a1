"""A Slurm that does not answer costs no job; what needs a real one is in tests/cluster."""

import asyncio

from ser.slurm import mend_status_checks


class Executor:
    """As the plugin's: an unanswered question yields no job, an answered one those that still run."""

    def __init__(self, running: list[list[str] | None]) -> None:
        self.running = running
        self._status_query_calls = 0
        self.next_seconds_between_status_checks = 10

    async def check_active_jobs(self, active: list[str]):
        running = self.running.pop(0)
        self._status_query_calls += running is not None
        self.next_seconds_between_status_checks += 10
        for job in running or []:
            yield job


def test_jobs_are_kept_until_slurm_answers() -> None:
    executor = Executor([None, ["b"], []])
    mend_status_checks(executor, 30)

    async def ask(active: list[str]) -> list[str]:
        return [job async for job in executor.check_active_jobs(active)]

    assert asyncio.run(ask(["a", "b"])) == ["a", "b"]
    assert asyncio.run(ask(["a", "b"])) == ["b"]
    assert executor.next_seconds_between_status_checks == 30
    assert asyncio.run(ask(["b"])) == []
    assert executor.next_seconds_between_status_checks == 30
