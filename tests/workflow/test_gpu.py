"""What a job asks of the GPU: nothing, a slot, or all slots of one."""

import re
from pathlib import Path

import pytest
import yaml

from helpers.params import params
from helpers.project import Project
from ser.encoders.demo import write_encoder

MAJORITY = "fair/majority/casia/clean"
SMALL = "attention_fcn/full/iemocap_2280_sessions/clean"
LARGE = "emosphere_ser/official_parts/msp_podcast_attributes/clean"


def slots(project: Project, scale: str, *runs: str) -> dict[str, str]:
    targets = [f"work/{scale}/runs/{run}/seed1/fold1/metrics.json" for run in runs]
    result = project.snakemake("-n", "-p", "--", *targets)
    assert result.returncode == 0, result.stderr
    found = re.findall(r"--gpu-slots (\d+) 3 .*?--group (\S+) ", result.stdout + result.stderr)
    return {group: wanted for wanted, group in found}


@pytest.mark.parametrize(("gpus", "wanted"), [("", "0"), ("0,1", "1")])
def test_small_runs_ask_for_one_slot(project: Project, monkeypatch: pytest.MonkeyPatch, gpus: str, wanted: str) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", gpus)
    project.set(compute=params()["compute"] | {"gpu_slots": 3})
    assert slots(project, "demo", MAJORITY, SMALL, LARGE) == {MAJORITY: "0", SMALL: wanted, LARGE: wanted}


def test_a_run_that_trains_a_published_encoder_asks_for_all_slots_of_one(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    write_encoder("wavlm_large", tmp_path / "wavlm", seed=1)
    (tmp_path / "msp").mkdir()
    encoders = yaml.safe_load((project.folder / "params.yaml").read_text())["encoders"]
    project.set(
        scale="paper",
        compute=params()["compute"] | {"gpu_slots": 3},
        encoders=encoders | {"wavlm_large": str(tmp_path / "wavlm")},
    )
    project.set_corpus("msp_podcast", root=str(tmp_path / "msp"))
    assert slots(project, "paper", LARGE) == {LARGE: "3"}
