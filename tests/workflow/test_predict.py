"""`ser predict` on real recordings, by a row that three speakers of EmoDB trained in the real workflow."""

import csv
import io
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml

from helpers.project import BIN, Project, copy_project

SPEAKERS = ("03", "08", "09")
ROW = "functionals_svm/emodb_4"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Project:
    folder = tmp_path_factory.mktemp("predict")
    project = copy_project(folder / "project", scale="free", experiments={"fair": ["functionals_svm"]})
    wav = folder / "emodb" / "wav"
    wav.mkdir(parents=True)
    for path in sorted((shared_data / "emodb" / "wav").glob("*.wav")):
        if path.name[:2] in SPEAKERS and path.name[5] in "WNFT":
            shutil.copy(path, wav)
    path = project.folder / "experiments" / "fair.yaml"
    fair = yaml.safe_load(path.read_text())
    fair["protocols"]["emodb_4"]["folds"]["number"] = len(SPEAKERS)
    path.write_text(yaml.safe_dump(fair, sort_keys=False))
    project.set_corpus("emodb", root=str(wav.parent))
    project.build()
    return project


def predict(project: Project, *words: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [BIN / "ser", "predict", *words]
    return subprocess.run(command, cwd=project.folder, capture_output=True, text=True, input=stdin)


def lines(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_the_tested_speaker_gets_what_the_run_said(built: Project) -> None:
    """From stdin, in company and alone, as CSV and as JSON lines: the same digits."""
    wav = built.folder.parent / "emodb/wav"
    (run,) = built.folder.glob(f"work/free/runs/fair/{ROW}/clean/seed1/fold1")
    said = lines((run / "predictions.csv").read_text())
    paths = [str(wav / f"{line['utterance']}.wav") for line in said]
    result = predict(built, ROW, "--fold", "1", "-", stdin="\n".join(paths))
    assert result.returncode == 0
    found = lines(result.stdout)
    assert [line["file"] for line in found] == paths and {line["note"] for line in found} == {""}
    for line, of_run in zip(found, said, strict=True):
        assert (line["status"], line["label"]) == ("ok", of_run["predicted"])
        for label in ("angry", "happy", "sad", "neutral"):
            score = float(of_run[f"score_{label}"])
            assert float(line[f"p_{label}"]) == pytest.approx(np.exp(score), rel=1e-6)
    alone = predict(built, ROW, "--fold", "1", paths[2])
    assert lines(alone.stdout) == [found[2]]
    (as_json,) = map(json.loads, predict(built, ROW, "--fold", "1", "--json", paths[2]).stdout.splitlines())
    assert {name: "" if value is None else str(value) for name, value in as_json.items() if name != "start"} == {
        name: value for name, value in found[2].items() if name != "start"
    }
    for part in (f"fair/{ROW}/clean: angry, happy, sad, neutral", "the model of fold 1", "scored UA", "3 speakers"):
        assert part in result.stderr


def test_bad_files_have_their_line_and_the_others_go_on(built: Project, tmp_path: Path) -> None:
    (tmp_path / "a_text.wav").write_text("no audio")
    (tmp_path / "b_empty.wav").touch()
    shutil.copy(next((built.folder.parent / "emodb/wav").glob("*.wav")), tmp_path / "c.wav")
    soundfile.write(tmp_path / "d_silent.wav", np.zeros(48_000), 48_000)
    result = predict(built, ROW, tmp_path, "nowhere.wav", "--output", tmp_path / "out.csv")
    assert result.returncode == 1 and result.stdout == ""
    found = lines((tmp_path / "out.csv").read_text())
    assert [line["status"] for line in found] == ["error", "error", "ok", "error", "error"]
    assert [line["note"].split(" ")[0] for line in found] == ["not", "empty", "", "silent:", "missing"]
    assert [line["label"] != "" for line in found] == [False, False, True, False, False]
    assert "b_empty.wav: empty (0 bytes)" in result.stderr and "c.wav" not in result.stderr
    about = json.loads((tmp_path / "out.csv.about.json").read_text())
    assert about == json.loads(predict(built, ROW, "--about").stdout)
    assert about["labels"] == ["angry", "happy", "sad", "neutral"] and about["corpus"] == "emodb"
    assert len({line["model"] for line in found}) == 1
    assert found[0]["model"] == f"fair/{ROW}/clean@{about['protocol_hash']}"
    numbers = {number["metric"]: number["text"]["value"] for number in about["scored"]}
    table = lines((built.folder / "results/table.csv").read_text())
    assert numbers == {
        line["metric"]: line["value"]
        for line in table
        if line["run_group"] == f"fair/{ROW}/clean" and line["aggregation"] == "pooled"
    }


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["functionals_svn/emodb_4", "a.wav"], "no such row among the planned ones"),
        (["functionals_svm/ravdess", "a.wav"], "skipped: "),
        ([ROW, "--fold", "4", "a.wav"], "has no seed 1 fold 4: its seeds are 1, its folds 1 to 3"),
        ([ROW], "no FILES"),
        ([ROW, "-"], "error: -: no paths on stdin: one in each line"),
    ],
)
def test_a_wrong_row_is_one_line(built: Project, words: list[str], told: str) -> None:
    result = predict(built, *words)
    assert result.returncode == 2 and told in result.stderr and result.stderr.count("\n") == 1


def test_weights_that_are_gone_are_said_to_be(built: Project) -> None:
    path = built.folder / f"work/free/runs/fair/{ROW}/clean/seed1/fold1"
    (path / "model.safetensors").rename(path / "kept")
    try:
        result = predict(built, ROW, "a.wav")
        assert result.returncode == 2 and "its weights were not kept: set compute.keep_models" in result.stderr
    finally:
        (path / "kept").rename(path / "model.safetensors")
    path.rename(path.with_name("away"))
    try:
        assert "not finished: no run of seed 1 fold 1: build" in predict(built, ROW, "a.wav").stderr
        assert predict(built, ROW, "--fold", "2", "nowhere.wav").returncode == 1
    finally:
        path.with_name("away").rename(path)
