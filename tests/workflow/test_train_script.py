"""The script of the rule `train`, called as the rule calls it: beside an orphan of itself, and killed."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load, load_file

from helpers import ROOT
from helpers.builders import iemocap_like, protocol
from helpers.split_cases import SESSIONS
from helpers.training_job import FILES, TrainingJob, wait_until
from ser.evaluations.evaluate import evaluate
from ser.splits.make import make_split
from ser.splits.write import write_split

KILLS = 2
EPOCHS = "test_epochs.safetensors"
WAITING = "another process is still writing runs/fold1: waiting for it to end\n"


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> TrainingJob:
    return TrainingJob(tmp_path_factory.mktemp("job"), epochs=30)


@pytest.fixture(scope="module")
def undisturbed(job: TrainingJob) -> dict[str, bytes]:
    files = job.make("undisturbed", "log")
    assert set(files) == {f"fold{number}/{name}" for number in (1, 2) for name in FILES}
    return files


def test_scoring_each_epoch_changes_no_other_file(tmp_path: Path, undisturbed: dict[str, bytes]) -> None:
    job = TrainingJob(tmp_path, epochs=30)
    job.scores_epochs = False
    without = job.make("without", "log")
    assert without.keys() == undisturbed.keys()
    for name in without:
        if name.endswith("metrics.json"):
            facts, other = json.loads(without[name]), json.loads(undisturbed[name])
            differing = {"seal": (facts.pop("seal"), other.pop("seal"))}
            differing |= {"sha256": (facts["sha256"].pop(EPOCHS), other["sha256"].pop(EPOCHS))}
            assert facts == other and all(one != two for one, two in differing.values())
        else:
            assert (without[name] == undisturbed[name]) == (not name.endswith(EPOCHS)), name
    shapes = {
        name: load(files[f"fold1/{EPOCHS}"])["scores"].shape for name, files in (("off", without), ("on", undisturbed))
    }
    assert shapes["off"][0] == 0 and shapes["on"][0] == 30 and shapes["off"][1:] == shapes["on"][1:]
    predicted = [line.split(",")[3] for line in undisturbed["fold1/predictions.csv"].decode().splitlines()]
    facts = json.loads(undisturbed["fold1/metrics.json"])
    chosen = load(undisturbed[f"fold1/{EPOCHS}"])["scores"][facts["facts"]["best_epoch"] - 1]
    labels = [
        column.removeprefix("score_")
        for column in undisturbed["fold1/predictions.csv"].decode().splitlines()[0].split(",")[4:]
    ]
    assert [labels[best] for best in chosen.argmax(axis=1)] == predicted[1:]


@pytest.mark.parametrize("orphan", ["ends", "is killed", "made something else"])
def test_a_job_waits_for_its_orphan(tmp_path: Path, undisturbed: dict[str, bytes], orphan: str) -> None:
    job = TrainingJob(tmp_path, epochs=30)
    first = job.start("runs", "first", **({"weight_decay": 0.5} if orphan == "made something else" else {}))
    wait_until(lambda: (tmp_path / "runs/states/fold1/state.safetensors").is_file())
    first.send_signal(signal.SIGSTOP)
    assert not set(job.files("runs")) & set(undisturbed)
    second = job.start("runs", "second")
    wait_until(lambda: job.said("second") != "")
    assert job.said("second") == WAITING
    first.send_signal(signal.SIGKILL if orphan == "is killed" else signal.SIGCONT)
    assert first.wait() == (-signal.SIGKILL if orphan == "is killed" else 0)
    assert second.wait() == 0, job.said("second")
    assert job.files("runs") == undisturbed
    said = job.said("second")
    assert said.count("waiting") == 1
    assert said.count("the other process has finished this run: it is kept") == (2 if orphan == "ends" else 0)
    assert ("training goes on after epoch" in said) == (orphan == "is killed")


@pytest.mark.parametrize(
    ("build", "reason"), [("old", "a newer build has begun"), ("new", "no such file"), ("", "no such file")]
)
def test_a_job_of_an_older_build_does_not_begin(tmp_path: Path, build: str, reason: str) -> None:
    (tmp_path / ".snakemake").mkdir()
    (tmp_path / ".snakemake/ser.build").write_text("new")
    script = [sys.executable, ROOT / "workflow_scripts/audio.py", "--manifest", "m.csv", "--root", ".", "--output", "x"]
    environment = os.environ | {"SER_BUILD": build}
    done = subprocess.run(script, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 2 and reason in done.stderr


def test_a_job_killed_at_random_moments_ends_with_the_same_bytes(
    job: TrainingJob, undisturbed: dict[str, bytes]
) -> None:
    moments, output, kills = random.Random(1), "killed", 0
    while kills < KILLS:
        process = job.start(output, "killed_log")
        wait_until(lambda process=process: job.said("killed_log") != "" or process.poll() is not None)
        time.sleep(moments.uniform(0, job.seconds))
        process.kill()
        kills += process.wait() == -signal.SIGKILL
        if process.returncode:  # Snakemake removes a job's outputs before it starts the job again
            for name in ("fold1", "fold2"):
                shutil.rmtree(job.folder / output / name, ignore_errors=True)
        else:  # it was faster, having less to do
            assert job.files(output) == undisturbed
            output += "_again"
    # However quick or slow the machine is: once more, after an epoch.
    process = job.start(output, "killed_log")
    state = job.folder / output / "states/fold2/state.safetensors"
    wait_until(lambda: state.is_file() or process.poll() is not None)
    process.kill()
    was_killed = process.wait() == -signal.SIGKILL
    if was_killed:
        for name in ("fold1", "fold2"):
            shutil.rmtree(job.folder / output / name, ignore_errors=True)
    assert job.make(output, "killed_log") == undisturbed
    assert not was_killed or "training goes on after epoch" in job.said("killed_log")


def test_groups_that_share_a_process_have_the_bytes_of_their_own_and_are_all_resumed(
    job: TrainingJob, undisturbed: dict[str, bytes]
) -> None:
    other = job.make("other", "log", weight_decay=0.5)
    also = ["--and", *job.options("second", weight_decay=0.5)]
    process = job.start("first", "shared", *also)
    wait_until(lambda: (job.folder / "second/states/fold1/state.safetensors").is_file())
    process.kill()
    process.wait()
    shutil.rmtree(job.folder / "first/fold1")  # as Snakemake does with all outputs of a job that was killed
    shutil.rmtree(job.folder / "first/fold2")
    process = job.start("first", "shared", *also)
    assert process.wait() == 0 and job.said("shared").count("training goes on after epoch") >= 3
    assert job.files("first") == undisturbed and job.files("second") == other != undisturbed


@pytest.mark.parametrize(("selection", "trained_on"), [("clean", ["train", "dev"]), ("test_selected", ["train"])])
def test_a_system_that_chooses_nothing_trains_on_all_that_is_not_tested(
    tmp_path: Path, selection: str, trained_on: list[str]
) -> None:
    """Four of five sessions, the dev part's among them, and not one utterance of the fifth, which all differ."""
    of_sessions = protocol(**SESSIONS, dev={"kind": "speaker_of_next_session"})
    rows = [row for row in iemocap_like(per_emotion=5) if row.utterance[-1] < row.session[-1] or row.emotion == "happy"]
    split = make_split(of_sessions, selection, rows)
    write_split(split, of_sessions, tmp_path / "split.csv", tmp_path / "split.json")
    script = [sys.executable, ROOT / "workflow_scripts/train.py", "--system", "majority", "--settings", "{}"]
    script += ["--split", tmp_path / "split.json", "--folds", *"12345", "--seed", "1", "--output-dir", tmp_path]
    subprocess.run(script, check=True, capture_output=True)
    found = set()
    for number in range(1, 6):
        folder = tmp_path / f"fold{number}"
        assert json.loads((folder / "metrics.json").read_text())["trained_on"] == trained_on
        counts = np.bincount(split.targets[[session[-1] != str(number) for session in split.sessions]])
        shares = np.exp(load_file(folder / "model.safetensors")["scores"])
        np.testing.assert_allclose(shares, counts / counts.sum())
        found.add(tuple(counts.tolist()))
    assert len(found) == 5
    notes = evaluate([split], [tmp_path / f"fold{number}" for number in range(1, 6)])["notes"]
    assert ("trains on the dev part too: it has nothing to choose" in notes) == (selection == "clean")
