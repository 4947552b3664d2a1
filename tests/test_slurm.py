"""A Slurm that does not answer costs no job; what needs a real one is in tests/cluster."""

import asyncio

from ser.slurm import keep_jobs


class Executor:
    """As the plugin's: an unanswered question yields no job, an answered one those that still run."""

    def __init__(self, running: list[list[str] | None]) -> None:
        self.running = running
        self._status_query_calls = 0

    async def check_active_jobs(self, active: list[str]):
        running = self.running.pop(0)
        self._status_query_calls += running is not None
        for job in running or []:
            yield job


def test_jobs_are_kept_until_slurm_answers() -> None:
    executor = Executor([None, ["b"], []])
    keep_jobs(executor)

    async def ask(active: list[str]) -> list[str]:
        return [job async for job in executor.check_active_jobs(active)]

    assert asyncio.run(ask(["a", "b"])) == ["a", "b"]
    assert asyncio.run(ask(["a", "b"])) == ["b"]
    assert asyncio.run(ask(["b"])) == []
