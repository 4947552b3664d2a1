"""The real DAG of systems that publish numbers on random folds over utterances."""

import csv
import json

import pytest

from helpers.project import Project, copy_project


def rows(project: Project) -> list[dict[str, str]]:
    with (project.folder / "results" / "table.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    experiments = {"light_sernet": ["focal_3s"], "area_attention": ["vtlp_3x3", "vtlp_3x3_ua"]}
    project = copy_project(tmp_path_factory.mktemp("random") / "project", experiments=experiments)
    project.build()
    return project


def test_light_sernet_under_its_published_protocol(project: Project) -> None:
    found = {(row["run_group"], row["metric"], row["aggregation"]): row for row in rows(project)}
    group = "light_sernet/focal_3s/iemocap_5531/test_selected"
    line = found[group, "WA", "pooled"]
    assert (line["status"], line["claim"], line["folds"]) == ("ok", "65.47", "10 x random")
    assert "test shares speakers, sessions, sentences with train, as declared" in line["note"]
    tested, right, total = set(), 0, 0
    for path in (project.folder / "work/demo/runs" / group).glob("seed1/fold*/predictions.csv"):
        with path.open(newline="") as file:
            for prediction in csv.DictReader(file):
                tested.add(prediction["utterance"])
                right += prediction["target"] == prediction["predicted"]
                total += 1
    assert total == 10 * 64 and len(tested) == int(line["n_utterances"]) < 320  # of 320, a fifth in each run
    assert line["value"] == f"{100 * (right / total):.2f}"
    split = project.folder / "work/demo/splits/light_sernet/iemocap_5531/test_selected.json"
    for fold in json.loads(split.read_text())["counts"]:
        assert fold["dev"] == fold["test"] and fold["train"]["utterances"] == 256
    assert found["light_sernet/focal_3s/emodb_7/test_selected", "WA", "pooled"]["claim"] == "93.08"
    assert project.planned() == {}


def test_area_attention_reports_each_number_from_its_own_epoch(project: Project) -> None:
    area = [row for row in rows(project) if row["experiment"] == "area_attention"]
    found = {(row["row"], row["metric"]): row for row in area if row["aggregation"] == "fold_mean"}
    claimed = {key: row["claim"] for key, row in found.items() if row["claim"]}
    assert claimed == {("vtlp_3x3", "WA"): "79.34", ("vtlp_3x3_ua", "UA"): "77.54"}
    assert {row["status"] for row in found.values()} == {"ok"}
    assert float(found["vtlp_3x3", "WA"]["value"]) >= float(found["vtlp_3x3_ua", "WA"]["value"])
    assert float(found["vtlp_3x3", "UA"]["value"]) <= float(found["vtlp_3x3_ua", "UA"]["value"])
    split = project.folder / "work/demo/splits/area_attention/iemocap_2659/test_selected.json"
    assert json.loads(split.read_text())["left_out"]["2 s or shorter"] > 0
    histories = [
        (project.folder / f"work/demo/runs/area_attention/{row}/iemocap_2659/test_selected/seed1/fold1/history.csv")
        for row in ("vtlp_3x3", "vtlp_3x3_ua")
    ]
    assert histories[0].read_bytes() == histories[1].read_bytes()  # the same training; only the epoch differs
