"""The setting `compute.cpu` in the real workflow: jobs obey it, runs say so, and changing it makes them again."""

import json

from helpers.params import params
from helpers.project import Project
from ser.compute.machine import limits


def test_runs_under_avx2_say_so_and_are_made_again_under_native(project: Project, monkeypatch) -> None:
    for name in limits("avx2"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SER_TESTS", "")  # libraries obey when they are loaded, which the build's own processes do
    scales = params()["scales"] | {"demo": {"corpora": ["casia"], "seeds": [1], "one_job_per": "seed"}}
    project.set(experiments={"fair": ["functionals_svm"]}, scales=scales, compute=params()["compute"] | {"cpu": "avx2"})
    project.build()
    for text in project.metrics().values():
        machine = json.loads(text)["machine"]
        assert (machine["numpy"], machine["blas"]) == ("X86_V3", "Haswell")
        assert machine["limits"].split() == " ".join(f"{k}={v}" for k, v in sorted(limits("avx2").items())).split()
    project.set(compute=params()["compute"])
    assert project.planned() == {"audio": 1, "features": 1, "train_4_folds": 1, "evaluate": 1, "table": 1}
