"""Every benchmark of bench.py in its short form, and that docs/performance.md has the figures of the long one."""

import json
from pathlib import Path

import pytest

import bench
import performance
from helpers import ROOT


# fine_tuning_gpu is fine_tuning with another batch.
@pytest.mark.parametrize("name", [*bench.BENCHMARKS, "extraction_gpu"])
def test_a_benchmark_in_short(name: str, tmp_path: Path) -> None:
    gpu = ["--gpu"] if name in bench.ON_GPU else []
    bench.main(["--short", "--only", name, "--output", str(tmp_path), *gpu])
    found = json.loads((tmp_path / f"{name}.json").read_text())
    assert found["form"] == "short" and found["input"]["units"] > 0
    assert len(found["ways"]) == len(found["ratios"]) + 1 >= 2
    for way in found["ways"].values():
        assert way["run"] and all(wall > 0 and cpu >= 0 for wall, cpu in way["run"])
    if name == "extraction":
        differences = found["ways"]["ours in float32"]["differs_by"]
        assert differences["single"] < 1e-3 and differences["ours"] < 0.05  # bfloat16 or not, the same states
    text = performance.document({name: found})
    assert f"## {found['title']}" in text
    assert performance.chart({name: found}) == performance.chart({name: found})


def test_what_cannot_be_measured_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        bench.main(["--emodb", str(tmp_path), "--output", str(tmp_path)])
    assert "no EmoDB: give the folder that has wav/03a01Fa.wav" in capsys.readouterr().err
    import torch

    if not torch.cuda.is_available():
        with pytest.raises(SystemExit):
            bench.main(["--gpu", "--output", str(tmp_path)])
        assert "no GPU that torch can use" in capsys.readouterr().err


def test_the_document_is_what_the_results_say() -> None:
    found = performance.results(performance.RESULTS)
    assert found.keys() >= bench.BENCHMARKS.keys()
    assert {of["form"] for of in found.values()} == {"full"}
    assert performance.DOCUMENT.read_text() == performance.document(found)
    assert performance.CHART.read_text() == performance.chart(found)
    assert "performance.md" in (ROOT / "README.md").read_text()
