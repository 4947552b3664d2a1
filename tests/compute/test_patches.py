"""The changes to Snakemake's internals fit the versions that were read; tests/cluster has a real Slurm."""

import asyncio
import hashlib
import logging
import re
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import pytest
from snakemake.io import _IOFile
from snakemake.output_index import OutputIndex
from snakemake.persistence.file import FilePersistence

from helpers import ROOT
from ser.compute import patches


@pytest.mark.parametrize("package", patches.READ_IN)
def test_the_insides_are_those_of_the_locked_version(package: str) -> None:
    locked = re.search(rf"^{package}==(\S+)", (ROOT / "envs/requirements.lock").read_text(), re.MULTILINE)
    assert locked is not None
    told = f"read the sources of {package} {locked[1]}, then correct ser/compute/patches.py"
    assert patches.READ_IN[package] == locked[1] == version(package), told


class Executor:
    """Like the plugin's: an unanswered query yields no job, an answered one those still running."""

    def __init__(self, running: list[list[str] | None]) -> None:
        self.running = running
        self._status_query_calls = 0
        self.next_seconds_between_status_checks = 10
        self.run_uuid, self.logger, self.errors = "run", logging.getLogger("test"), []

    def report_job_error(self, job: SimpleNamespace, reason: str) -> None:
        self.errors.append((job.name, job.external_jobid, reason))

    async def check_active_jobs(self, active: list[SimpleNamespace]):
        running = self.running.pop(0)
        self._status_query_calls += running is not None
        self.next_seconds_between_status_checks += 10
        for job in active:
            if job.name in (running or []):
                yield job


def test_jobs_are_kept_until_slurm_answers_or_says_that_they_can_never_start() -> None:
    executor = Executor([None, ["b", "c"], ["b"], []])
    answers = [({}, []), ({}, []), ({"3": "PartitionTimeLimit"}, []), ({}, [])]
    workflow = SimpleNamespace(
        scheduler=SimpleNamespace(_executor=executor),
        remote_execution_settings=SimpleNamespace(seconds_between_status_checks=30),
    )
    patches.mend_status_checks(workflow, lambda run: answers.pop(0))
    jobs = [SimpleNamespace(name=name, external_jobid=number) for name, number in zip("abc", "123", strict=True)]

    def ask(names: str) -> str:
        async def still_active() -> list[str]:
            return [job.name async for job in executor.check_active_jobs([job for job in jobs if job.name in names])]

        return "".join(asyncio.run(still_active()))

    assert ask("abc") == "abc"
    assert ask("abc") == "bc"
    assert executor.next_seconds_between_status_checks == 30
    assert ask("bc") == "b" and executor.errors == [("c", None, "PartitionTimeLimit")]
    assert ask("b") == ""
    assert executor.next_seconds_between_status_checks == 30


def test_a_group_of_rules_with_long_names_has_a_name_that_files_can_have() -> None:
    from snakemake.jobs import GroupJob

    rules = [f"train_emosphere_ser_emosphere_ser_msp_podcast_{number}" for number in range(6)]
    group = SimpleNamespace(groupid="runs", jobs=[SimpleNamespace(rule=SimpleNamespace(name=name)) for name in rules])
    assert len(GroupJob.name.fget(group)) > 235
    patches.shorten_group_names()
    assert GroupJob.name.fget(group).startswith("runs_train_emosphere_ser") and len(GroupJob.name.fget(group)) == 100
    group.jobs = group.jobs[:1]
    assert GroupJob.name.fget(group) == f"runs_{rules[0]}"


@pytest.mark.parametrize("is_mended", [False, True])
def test_a_group_that_python_cannot_submit_fails_with_the_reason(is_mended: bool) -> None:
    """The plugin's own `run_job`, where something goes wrong before `sbatch` is called."""
    pytest.importorskip("snakemake_executor_plugin_slurm")
    from snakemake_executor_plugin_slurm import Executor as Plugin

    executor = Plugin.__new__(Plugin)
    executor.slurm_logdir = SimpleNamespace(mkdir=lambda **_: (_ for _ in ()).throw(OSError(7, "too long")))
    told: list[tuple[object, str]] = []
    executor._report_job_error_threadsafe = lambda info, msg: told.append((info.job, msg))  # type: ignore[method-assign]
    executor.logger = logging.getLogger("test")
    group = SimpleNamespace(name="runs", is_group=lambda: True)
    if not is_mended:
        with pytest.raises(AttributeError, match="rule"):
            executor.run_job(group)
        assert told == []
        return
    patches.mend_submissions(SimpleNamespace(scheduler=SimpleNamespace(_executor=executor)))
    executor.run_job(group)
    ((job, said),) = told
    assert job is group and said == "OSError: [Errno 7] too long"


class Input:
    """An input that is there, or not, and counts how often it is asked for its size."""

    def __init__(self, size: int | None) -> None:
        self.bytes, self.asked = size, 0

    async def exists(self) -> bool:
        return self.bytes is not None

    async def size(self) -> int | None:
        self.asked += 1
        return self.bytes


def test_sizes_of_inputs_are_asked_for_when_a_job_becomes_ready_and_only_then() -> None:
    scheduler = SimpleNamespace(_input_sizes={})
    patches.size_inputs_once(SimpleNamespace(scheduler=scheduler))
    shared, own, absent = Input(5), Input(7), Input(None)
    first, second = (type("Job", (), {"input": files})() for files in ([shared], [own, absent]))
    asyncio.run(scheduler.update_input_sizes([first]))
    asyncio.run(scheduler.update_input_sizes([first, second]))
    asyncio.run(scheduler.update_input_sizes([second]))
    assert scheduler._input_sizes == {shared: 5, own: 7, absent: None}
    assert (shared.asked, own.asked, absent.asked) == (1, 1, 0)


def test_a_file_is_hashed_once_and_again_when_it_has_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_IOFile, "checksum", _IOFile.checksum)  # as it is again afterwards
    patches.hash_once()
    digests, digest = [], hashlib.file_digest

    def counted(*arguments):
        digests.append(arguments)
        return digest(*arguments)

    monkeypatch.setattr(hashlib, "file_digest", counted)
    (tmp_path / "file").write_bytes(b"one")

    def checksum(threshold: int) -> str | None:
        file = _IOFile(str(tmp_path / "file"), None)
        file.rule = SimpleNamespace(workflow=SimpleNamespace(iocache=SimpleNamespace(active=False)))
        return asyncio.run(file.checksum(threshold))

    assert checksum(100) == checksum(100) == f"sha256:{hashlib.sha256(b'one').hexdigest()}" and len(digests) == 1
    assert checksum(1) is None  # larger than that
    (tmp_path / "file").write_bytes(b"another")
    assert checksum(100) == f"sha256:{hashlib.sha256(b'another').hexdigest()}" and len(digests) == 2


PATTERNS = [
    "work/table.csv",
    "work/{group,a|a/b}/seed{seed,[0-9]+}/fold1/metrics.json",
    "work/{group,a|a/b}/seed{seed,[0-9]+}/fold1/model.safetensors",
    "work/{any}/seed{seed}",
    "{any}.json",
    "work/{any}/{any}.json",
    "work/{first}{second,(/seed[0-9]+)?}.json",
]
FILES = [
    *("work/table.csv", "work/table.csv2", "work/a/seed1/fold1/metrics.json", "work/a/b/seed12/fold1/metrics.json"),
    *("work/c/seed1/fold1/metrics.json", "work/a/seed1/fold1/model.safetensors", "work/x/seed1", "work//seed", ".json"),
    *("work/x/x.json", "work/x/y.json", "work/x/seed3.json", "work/", "w", ""),
]


def test_the_producers_of_a_file_are_those_that_snakemake_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    def found() -> list[set[str]]:
        rules = [Producer(pattern) for pattern in PATTERNS]
        return [{rule.name for rule in OutputIndex(rules).match_producers(file)} for file in (*FILES, *FILES)]

    def wildcards() -> list[dict[str, str] | None]:
        matches = [_IOFile(pattern, None).match(file) for pattern in PATTERNS for file in FILES]
        return [match.groupdict() if match else None for match in matches]

    producers, values = found(), wildcards()
    monkeypatch.setattr(_IOFile, "match", _IOFile.match)  # as they are again afterwards
    monkeypatch.setattr(OutputIndex, "match_producers", OutputIndex.match_producers)
    patches.find_producers_once()
    assert (found(), wildcards()) == (producers, values)
    assert 15 < sum(value is not None for value in values) < len(values)


class Producer:
    """A rule with one output, as far as an index of outputs looks at it."""

    def __init__(self, pattern: str) -> None:
        self.name, self._output = pattern, _IOFile(pattern, None)

    def products(self) -> list[_IOFile]:
        return [self._output]

    def is_producer(self, file: str) -> bool:
        return bool(self._output.match(file))


def test_the_records_of_a_job_with_many_outputs_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FilePersistence, "_read_record_cached", FilePersistence._read_record_cached)
    patches.remember_records()
    records, read = FilePersistence.__new__(FilePersistence), []
    records._metadata_path, records._incomplete_cache = "", None
    monkeypatch.setattr(FilePersistence, "_io_read", lambda self, folder, name: read.append(name) or {"rule": "train"})
    names = [f"output {n}" for n in range(300)]
    for name in (*names, *names):
        assert records._read_record(name).rule == "train"
    assert read == names
    records._clear_cache()
    assert records._read_record(names[0]) and read == [*names, names[0]]
