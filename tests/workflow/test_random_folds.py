"""The real DAG of systems that publish numbers on random folds over utterances."""

import csv
import json

from helpers.project import Project


def rows(project: Project) -> list[dict[str, str]]:
    with (project.folder / "results" / "table.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_light_sernet_under_its_published_protocol(project: Project) -> None:
    project.set(experiments={"light_sernet": ["focal_3s"]})
    project.build()
    found = {(row["run_group"], row["metric"], row["aggregation"]): row for row in rows(project)}
    group = "light_sernet/focal_3s/iemocap_5531/test_selected"
    line = found[group, "WA", "pooled"]
    assert (line["status"], line["claim"], line["folds"]) == ("ok", "65.47", "10 x random")
    assert "test shares speakers, sessions, sentences with train or dev, as declared" in line["note"]
    tested, right, total = set(), 0, 0
    for path in (project.folder / "work/demo/runs" / group).glob("seed1/fold*/predictions.csv"):
        with path.open(newline="") as file:
            for prediction in csv.DictReader(file):
                tested.add(prediction["utterance"])
                right += prediction["target"] == prediction["predicted"]
                total += 1
    assert total == 10 * 64 and len(tested) == int(line["n_utterances"]) < 320  # of 320, a fifth in each run
    assert line["value"] == f"{100 * right / total:.2f}"
    split = project.folder / "work/demo/splits/light_sernet/iemocap_5531/test_selected.json"
    for fold in json.loads(split.read_text())["counts"]:
        assert fold["dev"] == fold["test"] and fold["train"]["utterances"] == 256
    assert found["light_sernet/focal_3s/emodb_7/test_selected", "WA", "pooled"]["claim"] == "93.08"
    assert project.planned() == {}
