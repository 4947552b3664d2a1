"""What a job asks of the GPU: nothing, a slot, or all slots of one."""

import re

import pytest

from .conftest import Project

RUNS = {
    "fair/majority/casia/clean": "0",
    "attention_fcn/full/iemocap_2280_sessions/clean": "1",
    "emosphere_ser/full/msp_podcast_attributes/clean": "3",
}


@pytest.mark.parametrize("gpus", ["", "0,1"])
def test_small_runs_ask_for_one_slot_and_those_that_train_an_encoder_for_all(
    project: Project, monkeypatch: pytest.MonkeyPatch, gpus: str
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", gpus)
    project.set(compute={"device": "auto", "threads": 1, "gpu_slots": 3})
    targets = [f"work/demo/runs/{run}/seed1/fold1/metrics.json" for run in RUNS]
    result = project.snakemake("-n", "-p", "--", *targets)
    assert result.returncode == 0, result.stderr
    found = dict(re.findall(r"--group (\S+) .*? --gpu-slots (\d+) 3 ", result.stdout + result.stderr))
    assert found == {run: wanted if gpus else "0" for run, wanted in RUNS.items()}
