"""Why a job failed, and whether it is tried again, from what Slurm and the jobs themselves leave."""

from pathlib import Path

import pytest

from ser.compute.failures import SILENT, Failure, failed, lines, local_failures, refused
from ser.compute.slurm import PROFILE, Job, Submission
from ser.errors import InputError, in_one_line

NAN = "fold 1: the training loss is nan in epoch 1; lower learning_rate (0.1)"
TRACEBACK = "Traceback (most recent call last):\n  File ...\n"
STEP = "slurmstepd-node1: error: "


def no_memory() -> str:
    """How a job says that it got none."""
    with pytest.raises(InputError) as error, in_one_line("training b", ["metrics.json"]):
        raise MemoryError
    return str(error.value)


@pytest.fixture
def submission(tmp_path: Path) -> Submission:
    """Two runs: the first has finished."""
    jobs = tuple(Job(f"training {name}", str(tmp_path / f"{name}.log")) for name in ("a", "b"))
    (tmp_path / "a.log").write_text("seed 1 fold 1: {}\n")
    return Submission(jobs, "train", memory=8000, minutes=480, options=("-p", "main", "-t", "480"))


@pytest.mark.parametrize(
    ("state", "log", "slurm_log", "reason", "is_worth_it"),
    [
        ("FAILED", f"epoch 1\nerror: {NAN}\n", "", f"{NAN}; 1 submitted with it are left unfinished", False),
        ("FAILED", f"{TRACEBACK}KeyError: 'x'\n", "", "KeyError: 'x': not foreseen: see its log;"
         " 1 submitted with it are left unfinished", False),
        ("FAILED", "epoch 1\n", "", "it was killed, or could not begin: its log has no error", True),
        ("CANCELLED", f"error: {NAN}\n", "", "it was cancelled", True),
        ("TIMEOUT", "epoch 1\n", "", f"it took more than the 480 minutes that it asked for; change {PROFILE}:"
         " set-resources: [train:runtime=MINUTES], or another slurm_partition", True),
        *(
            (state, log, told, f"it took more than the 8000 MB of memory that it asked for; change {PROFILE}:"
             " set-resources: [train:mem_mb=MB] (or gpu, threads), or another slurm_partition", True)
            for state, log, told in (
                ("OUT_OF_MEMORY", "epoch 1\n", ""),
                ("FAILED", "epoch 1\n", f"{STEP}StepId=3.0 exceeded memory limit (13 > 10), being killed\n"),
                ("FAILED", "epoch 1\n", f"{STEP}Detected 1 oom_kill event in StepId=3.0. Some of the step tasks\n"),
                ("FAILED", f"{TRACEBACK}numpy._core._exceptions._ArrayMemoryError: Unable to allocate 9 GiB\n", ""),
                ("FAILED", f"error: {no_memory()}\n", ""),
            )
        ),
    ],
)  # fmt: skip
def test_only_what_was_killed_is_worth_another_try(
    submission: Submission, tmp_path: Path, state: str, log: str, slurm_log: str, reason: str, is_worth_it: bool
) -> None:
    (tmp_path / "b.log").write_text(log)
    (tmp_path / "3.log").write_text(slurm_log)
    own = ("training b", str(tmp_path / "b.log"))
    together = ("training a and 1 more", str(tmp_path / "3.log"))
    expected = Failure(reason, *(together if is_worth_it else own))
    assert failed(submission, state, str(tmp_path / "3.log")) == ([expected], is_worth_it)


@pytest.mark.parametrize(
    ("said", "mend", "is_worth_it"),
    [
        ("sbatch: error: Batch job submission failed: Invalid feature specification", "default-resources: constraint",
         0),
        ("QOSMaxWallDurationPerJobLimit", "set-resources: [train:runtime=MINUTES], or another slurm_partition", 0),
        ("QOSMaxSubmitJobPerUserLimit", "jobs (fewer at a time), or another slurm_account or qos", 0),
        ("sbatch: error: Batch job submission failed: Socket timed out on send/recv operation",
         "the settings of your site", 1),
    ],
)  # fmt: skip
def test_a_refusal_has_its_reason_and_no_log(submission: Submission, said: str, mend: str, is_worth_it: bool) -> None:
    (failure,), again = refused(submission, said)
    said = said.removeprefix("sbatch: error: ")
    assert str(failure) == f"training a and 1 more: Slurm refuses -p main -t 480: {said}; change {PROFILE}: {mend}"
    assert again == is_worth_it


def test_the_end_lists_each_failure_those_of_one_reason_together(tmp_path: Path) -> None:
    for name, text in {"a": f"error: {NAN}", "b": "", "c": f"error: {NAN}"}.items():
        (tmp_path / name).write_text(text)
    found = local_failures(Job(f"training {name}", str(tmp_path / name)) for name in "abc")
    silent = f"{SILENT}: start again, with fewer --cores if memory is short"
    assert lines(found) == [
        "3 failed:",
        f"  training a: {NAN} ({tmp_path}/a)",
        f"  training c: {NAN} ({tmp_path}/c)",
        f"  training b: {silent} ({tmp_path}/b)",
    ]
    assert lines([]) == []
