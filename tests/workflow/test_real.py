"""The real DAG on real recordings: three speakers of EmoDB, and what goes wrong with files."""

import csv
import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml

from helpers.project import Project
from ser.results.table import COLUMNS

SPEAKERS = ("03", "08", "09")


@pytest.fixture
def emodb(tmp_path: Path, shared_data: Path) -> Path:
    """The four classes of three speakers, as a release tree that a test may damage."""
    wav = tmp_path / "emodb" / "wav"
    wav.mkdir(parents=True)
    for path in sorted((shared_data / "emodb" / "wav").glob("*.wav")):
        if path.name[:2] in SPEAKERS and path.name[5] in "WNFT":
            shutil.copy(path, wav)
    return wav.parent


@pytest.fixture
def free(project: Project, emodb: Path) -> Project:
    """The functionals_svm row alone, on that tree."""
    path = project.folder / "experiments" / "fair.yaml"
    fair = yaml.safe_load(path.read_text())
    fair["protocols"]["emodb_4"]["folds"]["number"] = len(SPEAKERS)
    path.write_text(yaml.safe_dump(fair, sort_keys=False))
    project.set(scale="free", experiments={"fair": ["functionals_svm"]})
    project.set_corpus("emodb", root=str(emodb))
    return project


def value(project: Project) -> str:
    lines = (project.folder / "results/table.csv").read_text().splitlines()
    return next(line for line in lines if ",emodb," in line and ",UA," in line and ",pooled," in line)


def test_replaced_audio_is_noticed_and_a_touched_file_is_not(free: Project, emodb: Path) -> None:
    free.build()
    assert ",ok," in value(free) and "trains on the dev part too: it has nothing to choose" in value(free)
    first = next((emodb / "wav").glob("03*W?.wav"))
    first.touch()
    assert free.planned() == {}
    before = value(free)
    samples, rate = soundfile.read(first, dtype="int16")
    noise = np.random.default_rng(1).integers(-3000, 3000, len(samples), dtype=np.int16)
    soundfile.write(first, noise, rate, subtype="PCM_16")
    assert {"manifest", "audio", "features", "splits"} <= set(free.planned())
    free.build()
    place = COLUMNS.index("data_hash")
    assert next(csv.reader([value(free)]))[place] != next(csv.reader([before]))[place]
    assert free.planned() == {}


def test_all_unreadable_files_are_listed_at_once_and_can_be_left_out(free: Project, emodb: Path) -> None:
    files = sorted((emodb / "wav").glob("*.wav"))
    cut, empty, text, silent = files[0], files[10], files[20], files[30]
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    empty.write_bytes(b"")
    text.write_text("not audio")
    soundfile.write(silent, np.zeros(16_000), 16_000)
    result = free.snakemake("--", "results/table.csv")
    assert result.returncode != 0
    error = next(line for line in (result.stdout + result.stderr).splitlines() if "error:" in line and "wav" in line)
    for path in (cut, empty, text, silent):
        assert path.name in error
    assert "the finished results are in results/partial.csv" in result.stdout + result.stderr
    assert ",skipped," in (free.folder / "results/partial.csv").read_text()
    free.set_corpus("emodb", on_unreadable="exclude")
    free.build()
    line = value(free)
    assert ",partial," in line and "4 unreadable audio files are left out" in line
    (split,) = (free.folder / "work/free/splits/fair/emodb_4").rglob("*.csv")
    assert silent.stem not in split.read_text() and files[1].stem in split.read_text()


def test_one_changed_setting_trains_again_and_nothing_before_it(free: Project) -> None:
    free.build()
    path = free.folder / "experiments" / "fair.yaml"
    path.write_text(path.read_text().replace("C: 1.0", "C: 3.0"))
    assert set(free.planned()) == {"train_3_folds", "evaluate", "table"}
    path.write_text(path.read_text().replace("C: 3.0", "CC: 3.0"))
    result = free.snakemake("-n")
    assert result.returncode != 0
    assert "unknown key 'CC': did you mean 'C'?" in result.stdout + result.stderr


def test_weights_can_be_left_out(free: Project) -> None:
    compute = yaml.safe_load((free.folder / "params.yaml").read_text())["compute"]
    free.set(compute=compute | {"keep_models": False})
    free.build()
    files = {path.name for path in free.folder.glob("work/free/runs/**/*") if path.is_file()}
    assert files == {"metrics.json", "predictions.csv", "history.csv", "test_epochs.safetensors"}
    assert ",ok," in value(free) and free.planned() == {}


@pytest.mark.parametrize(
    ("root", "message"),
    [("/no/such/folder", "corpora.emodb.root: no such folder"), ("empty", "emodb")],
)
def test_a_wrong_root_stops_before_anything_is_computed(free: Project, tmp_path: Path, root: str, message: str) -> None:
    (tmp_path / "empty").mkdir()
    folder = root if root.startswith("/") else str(tmp_path / root)
    free.set_corpus("emodb", root=folder)
    result = free.snakemake("--", "results/table.csv")
    assert result.returncode != 0
    assert any(message in line for line in (result.stdout + result.stderr).splitlines())
    assert not (free.folder / "work" / "free" / "audio").exists()


def test_dvc_follows_recordings_where_they_are(free: Project, emodb: Path) -> None:
    """By hash, without a copy; a replaced file and a corrected label are noticed; results outlive the recordings."""
    labels = {"W": "angry", "F": "happy", "N": "neutral", "T": "sad"}
    files = sorted((emodb / "wav").glob("*.wav"))
    rows = [f"wav/{path.name},{path.name[:2]},{labels[path.name[5]]},{path.name[2:5]}" for path in files]
    free.version()
    own = free.folder / "external/emodb.csv"
    own.write_text("\n".join(["path,speaker,emotion,sentence", *rows]) + "\n")
    free.set_corpus("emodb", manifest="external/emodb.csv")
    free.tool("dvc", "repro")
    record = free.folder / "external/corpora/emodb.json"
    before, first = record.read_text(), value(free)
    assert json.loads(before)["files"] == len(files)
    cached = {path.parent.name + path.name for path in (free.folder / ".dvc/cache").rglob("*") if path.is_file()}
    assert cached and not cached & {hashlib.md5(path.read_bytes()).hexdigest() for path in emodb.rglob("*.wav")}

    # The audio, and so the features, stay as they are.
    own.write_text(own.read_text().replace(rows[0], rows[0].replace("happy", "angry").replace("sad", "happy")))
    assert {"manifest", "splits"} <= set(free.planned("all"))

    changed = next((emodb / "wav").glob("03*W?.wav"))
    samples, rate = soundfile.read(changed, dtype="int16")
    soundfile.write(changed, samples[::-1], rate, subtype="PCM_16")
    assert "external_corpora@emodb" in free.tool("dvc", "repro")
    assert record.read_text() != before and value(free) != first
    assert "up to date" in free.tool("dvc", "status") and free.planned("all") == {}

    emodb.rename(emodb.with_name("elsewhere"))
    assert "Running stage" not in free.tool("dvc", "repro", "--allow-missing")
    assert free.planned("all") == {}
    free.set_corpus("emodb", root=str(emodb.with_name("elsewhere")))
    assert "manifest" not in free.planned("all")  # the place is not the content


def test_a_manifest_that_dvc_cannot_follow_is_refused(free: Project, tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("path,speaker,emotion\n")
    free.set_corpus("emodb", manifest=str(tmp_path / "mine.csv"))
    script = ["workflow_scripts/external.py", "--corpus", "emodb", "--output", "external/corpora/emodb.json"]
    with pytest.raises(subprocess.CalledProcessError) as error:
        free.tool("python", *script)
    assert "corpora.emodb.manifest" in error.value.output and "move it to external/" in error.value.output
