"""Trees with what real releases have, through the real DAG at scale paper, up to training."""

import re
from pathlib import Path

import pytest

from helpers.project import Project
from helpers.wavs import write_wav
from ser.encoders.demo import write_encoder

HEADER = "FileName,EmoClass,EmoAct,EmoVal,EmoDom,SpkrID,Gender,Split_Set\n"
PARTS = ("Train", "Development", "Test1", "Test2")
CLASSES = "ASHUFDCNOX"
SPLITTING = re.compile(r"splitting for (\S+)")


def msp_podcast(root: Path, speakers: dict[str, str]) -> None:
    """Test1 has one podcast with Train, and one with Development, in common; 300 of each emotion can be drawn."""
    lines = []
    for number, part in enumerate(PARTS):
        for place, name in enumerate((301 if part == "Development" else 2) * CLASSES):
            podcast = place % 2 if part == "Test1" else number
            file = f"MSP-PODCAST_{podcast:04d}_{len(lines):04d}.wav"
            write_wav(root / "Audios" / file, 1600 + len(lines))
            scores = f"{1 + place % 7},{1 + place % 5},{1 + place % 6}"
            lines.append(f"{file},{name},{scores},{speakers[part]},Male,{part}\n")
    (root / "Labels").mkdir()
    (root / "Labels/labels_consensus.csv").write_text(HEADER + "".join(lines))


@pytest.fixture
def at_paper(project: Project, tmp_path: Path) -> Project:
    write_encoder("wavlm_large", tmp_path / "wavlm", seed=1)
    project.set(scale="paper", experiments={"emosphere_ser": "all"}, encoders={"wavlm_large": str(tmp_path / "wavlm")})
    project.set_corpus("msp_podcast", root=str(tmp_path / "msp"))
    return project


def test_msp_podcasts_parts_share_podcasts_but_no_speakers(at_paper: Project, tmp_path: Path) -> None:
    msp_podcast(tmp_path / "msp", {part: str(number) for number, part in enumerate(PARTS)})
    splits = [f"work/paper/splits/{name}.json" for name in SPLITTING.findall(at_paper.planned_outputs())]
    assert splits
    at_paper.build("features_all", *splits)

    (tmp_path / "msp").rename(tmp_path / "disjoint")
    msp_podcast(tmp_path / "msp", {"Train": "7", "Development": "1", "Test1": "7", "Test2": "3"})
    failed = at_paper.snakemake("--keep-going", "--", "features_all", *splits)
    assert failed.returncode == 1
    said = failed.stderr[failed.stderr.index(f"\n{len(splits)} failed:\n") :]
    logs = [path.read_text() for path in (at_paper.folder / "work/paper/logs/splits").rglob("*.log")]
    assert len(logs) == len(splits)
    assert all("the test part shares speakers with train in fold 1 (1: 7): change the folds" in log for log in logs)
    assert len(
        re.findall(r"^  splitting for \S+: .* shares speakers .* \(work/\S+\.log\)$", said, re.MULTILINE)
    ) == len(logs)
