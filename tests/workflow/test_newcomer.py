"""docs/own_corpus.md, word for word, and what somebody with own recordings is told when it goes wrong."""

import csv
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from helpers import ROOT
from helpers.project import BIN, PATIENCE, Project, copy_project

WORDS = {"W": "angry", "N": "neutral", "T": "sad", "L": "bored"}  # EmoDB's letter -> the word in the user's table
BLOCK = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FIRST, PARAMS, EXPERIMENT = BLOCK.findall((ROOT / "docs/own_corpus.md").read_text())


@pytest.fixture
def mine(project: Project, tmp_path: Path, shared_data: Path) -> Project:
    """A corpus of five speakers, with the columns that the page recommends and one of no use."""
    rows = []
    for path in sorted((shared_data / "emodb" / "wav").glob("*.wav")):
        if path.name[:2] in ("03", "08", "09", "10", "11") and path.name[5] in WORDS and path.name[4] in "1247":
            target = tmp_path / "mine" / path.name[:2] / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
            row = f"{path.name[:2]}/{path.name}", path.name[:2], WORDS[path.name[5]], path.name[2:5], "studio", "x"
            rows.append(row)
    (project.folder / "external").mkdir()
    with (project.folder / "external/mine.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("path", "speaker", "emotion", "sentence", "session", "take"), *rows])
    (project.folder / "params.local.yaml").write_text(PARAMS.replace("/data/mine", str(tmp_path / "mine")))
    (project.folder / "experiments/mine.yaml").write_text(EXPERIMENT)
    return project


def lines(project: Project, file: str) -> list[dict[str, str]]:
    with (project.folder / file).open(newline="") as table:
        return list(csv.DictReader(table))


def test_the_files_as_they_stand_make_a_table(mine: Project) -> None:
    said = mine.build()
    assert "params.yaml: corpora" not in said
    bored = sum(row["emotion"] == "bored" for row in lines(mine, "external/mine.csv"))
    assert f"\nmine/mine: {bored} utterances are left out for their emotion: bored {bored}\n" in said
    found = lines(mine, "results/table.csv")
    assert {line["row"] for line in found} == {"majority", "functionals_svm"}
    assert {line["status"] for line in found} == {"ok"}
    for line in found:
        assert "test shares sessions, sentences with train, as declared" in line["note"]
        assert f"left out for their emotion: bored {bored}" in line["note"]
    log = (mine.folder / "work/free/logs/splits/mine/mine/clean.log").read_text()
    assert f"note: {bored} utterances are left out for their emotion: bored {bored}\n" in log
    assert "note: columns that are not used: take\n" in (mine.folder / "work/free/logs/manifest/mine.log").read_text()


def test_a_table_of_three_columns_by_other_names_will_do(mine: Project) -> None:
    rows = [",".join(list(row.values())[:3]) for row in lines(mine, "external/mine.csv")]
    (mine.folder / "external/mine.csv").write_text("\n".join(["path,speaker,label", *rows]) + "\n")
    own = mine.folder / "params.local.yaml"
    own.write_text(own.read_text().replace("mine.csv}", "mine.csv, columns: {emotion: label}}"))
    mine.build("work/free/splits/mine/mine/clean.json")


def test_a_split_that_fails_stops_the_rest_and_has_the_last_word(mine: Project) -> None:
    """A second protocol of the same corpus fits; what would take long is not begun all the same."""
    other = EXPERIMENT[EXPERIMENT.index("  mine:\n") : EXPERIMENT.index("rows:\n")].replace("mine:", "strict:", 1)
    mine.replace("experiments/mine.yaml", "rows:\n", other.replace("[sentences, sessions]", "[]") + "rows:\n")
    result = mine.snakemake("--", "results/table.csv")
    assert result.returncode != 0
    failed, reason, finished = (result.stderr.splitlines())[-3:]
    assert failed == "1 failed:" and finished.startswith("the finished results are in results/partial.csv")
    assert reason.startswith("  splitting for mine/strict/clean: experiments/mine.yaml: protocols.strict: protocol of")
    assert "or declare `leaks: [sessions, sentences]` in the protocol" in reason
    assert reason.endswith("(work/free/logs/splits/mine/strict/clean.log)")
    work = mine.folder / "work/free"
    assert (work / "splits/mine/mine/clean.json").is_file() and not (work / "features").exists()


def test_a_key_that_is_there_twice_and_a_corpus_that_is_not_read_are_told_before_the_build(mine: Project) -> None:
    own = mine.folder / "params.local.yaml"
    own.write_text(f"{own.read_text()}scale: demo\n")
    result = mine.snakemake("-n")
    assert result.returncode != 0
    told = "params.local.yaml: line 4: 'scale' appears twice, first in line 1: keep one"
    assert told in result.stdout + result.stderr
    text = own.read_text().replace("scale: demo\n", "")
    own.write_text(text.replace("{mine: {", f"{{casia: {{root: {mine.folder}}}, mine: {{"))
    result = mine.snakemake("-n", "--", "results/table.csv")
    assert result.returncode == 0
    assert "params.yaml: corpora.casia is not read: no planned row has a protocol of it: name the rows" in result.stderr


def test_the_first_step_is_two_rows_on_emodb(project: Project, shared_data: Path) -> None:
    (project.folder / "params.local.yaml").write_text(FIRST.replace("/data/emodb", str(shared_data / "emodb")))
    planned = project.planned()
    assert planned["evaluate"] == 2 and sum(planned.values()) < 15


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("evaluations/fair/majorty/casia/clean.json", "not planned at scale demo (ser status): did you mean"),
        ("evaluations/fair/functionals_svm/casia/clean.json", "not planned at scale demo (ser status)"),
        ("evaluations/fair/majority/emodb_4/clean.json", "corpus emodb is not part of scale demo: use scale free or"),
        ("splits/fair/caisa/clean.json", "fair/caisa: not planned at scale demo (ser status): did you mean"),
    ],
)
def test_a_target_that_nobody_plans_is_refused_with_the_reason(project: Project, target: str, told: str) -> None:
    project.set(experiments={"fair": ["majority"]})
    said = project.snakemake("-n", "--", f"work/demo/{target}")
    text = said.stderr + said.stdout
    assert said.returncode == 1 and told in text and "Traceback" not in text


def test_ctrl_c_while_jobs_are_found_is_one_line(tmp_path: Path) -> None:
    project = copy_project(tmp_path / "project", experiments={"fair": ["majority"]})
    rule = (
        "\n\nrule never:\n    input:\n        lambda _: os.kill(os.getpid(), 2) or [],\n    output:\n        'never',\n"
    )
    (project.folder / "Snakefile").write_text((project.folder / "Snakefile").read_text() + rule)
    command = [BIN / "snakemake", "--cores", "1", "-n", "--", "never"]  # itself: a forked one has no end of its own
    said = subprocess.run(
        command,
        cwd=project.folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a test run in the background ignores it
    )
    assert said.stderr.splitlines()[-1] == "interrupted: the same command continues from here"
    assert said.returncode == -signal.SIGINT and "Traceback" not in said.stdout + said.stderr
