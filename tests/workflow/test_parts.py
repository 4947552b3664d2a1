"""The states of a published encoder are computed in parts, by as many jobs as there are cores."""

from pathlib import Path

import pytest

from helpers.project import Project
from helpers.wavs import write_wav
from ser.encoders.demo import write_encoder
from ser.features.store import Store


@pytest.fixture
def free(project: Project, tmp_path: Path) -> Project:
    """Eight utterances, and a checkpoint that params.yaml names."""
    for number, name in enumerate(f"{speaker}a01{emotion}a.wav" for speaker in ("03", "08") for emotion in "WNFT"):
        write_wav(tmp_path / "emodb" / "wav" / name, 8000 + 1000 * number)
    write_encoder("hubert_base", tmp_path / "hubert", seed=1)
    encoders = {"hubert_base": str(tmp_path / "hubert")}
    project.set(scale="free", experiments={"fair": ["linear_probe"]}, encoders=encoders)
    project.set_corpus("emodb", root=str(tmp_path / "emodb"))
    return project


def test_parts_are_joined_and_removed(free: Project) -> None:
    planned = {"manifest": 1, "audio": 1, "features_part": 4, "features": 1, "features_all": 1}
    assert free.planned("features_all") == planned
    free.build("features_all")
    folder = free.folder / "work/free/features/emodb"
    (path,) = folder.iterdir()
    whole = path.read_bytes()
    assert len(Store(path)) == 8
    assert free.planned("features_all") == {}

    path.unlink()
    part = folder / f"{path.stem}.2of4.safetensors"
    result = free.snakemake("--notemp", "--", str(part.relative_to(free.folder)))  # as a killed build leaves it
    assert result.returncode == 0, result.stderr
    assert free.planned("features_all") == {"features_part": 3, "features": 1, "features_all": 1}
    free.build("features_all")
    assert path.read_bytes() == whole and [*folder.iterdir()] == [path]
