"""`ser status`: what is done, failed and left on the disk, and on what its estimates rest."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from helpers.params import params
from helpers.project import BIN, Project, copy_project
from ser.forecast.jobs import jobs_of
from ser.forecast.status import duration_text
from ser.plan import costs
from ser.plan.load import load_plan, read_params
from ser.plan.origins import Origins
from ser.plan.places import Places

FAIR = {"fair": ["majority", "functionals_svm"]}


def ser(project: Project, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([BIN / "ser", *words], cwd=project.folder, capture_output=True, text=True)


def said(project: Project, *words: str) -> dict:
    return json.loads(ser(project, "status", "--json", *words).stdout)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Two rows on one small corpus, built."""
    scales = params()["scales"]
    scales["demo"]["corpora"] = ["casia"]
    project = copy_project(tmp_path_factory.mktemp("status") / "project", experiments=FAIR, scales=scales)
    project.build("work/demo/evaluations/fair/majority/casia/clean.json")
    return project


def test_what_is_done_and_what_is_left(built: Project) -> None:
    found = said(built, "--by", "row")
    runs = {line["row"]: line["runs"] for line in found["lines"]}
    assert runs == {"majority": {"done": 4}, "functionals_svm": {"planned": 4}}
    assert found["total"]["runs"] == {"done": 4, "planned": 4} and found["failed"] == []
    assert found["total"]["left_core_seconds"] > 0 and "measured here" in found["total"]["jobs_by_basis"]
    reasons = {of["reason"]: of["groups"] for of in found["skipped"]}
    assert "fair/majority/emodb_4/clean" in reasons["corpus emodb is not part of scale demo: use scale free or paper"]


def test_done_jobs_have_logs_and_durations_where_it_looks(built: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(built.folder)
    given, places = read_params(), Places.of("demo")
    done = [job for job in jobs_of(load_plan(given), places, Origins(given, is_job=True)) if job.is_there]
    assert {job.rule for job in done} == {"demo_corpus", "manifest", "splits", "train", "evaluate"}
    for job in done:
        assert Path(places.log(job.rule, job.name)).is_file() and Path(places.benchmark(job.rule, job.name)).is_file()


def test_the_rest_takes_what_such_runs_took(built: Project) -> None:
    """With its runs removed, a row is expected to take what the same jobs took: nothing of it is left to guess."""
    for benchmark in (built.folder / "work/demo/benchmarks/train").rglob("*.tsv"):
        benchmark.write_text("s\tcpu_time\tmax_rss\n40.00\t1\t1\n")
    found = said(built, "--row", "functionals_svm")
    assert found["total"]["runs"] == {"planned": 4}
    train = 40.0  # four runs in one process, as those of the other system
    assert train < found["total"]["left_core_seconds"] < train + 20
    assert found["left_seconds"] == pytest.approx(found["total"]["left_core_seconds"] / found["cores"])


def test_a_failed_job_is_told_with_its_reason(built: Project, tmp_path: Path) -> None:
    log = built.folder / "work/demo/logs/train/fair/train_fair_functionals_svm_casia/seed1.log"
    name = next(iter(said(built, "--row", "majority")["lines"]))  # the plan is readable
    assert name["row"] == "majority"
    before = ser(built, "status")
    assert before.returncode == 0 and "functionals_svm" not in before.stdout.partition("skipped")[0]
    log = Path(
        str(next(built.folder.glob("work/demo/logs/train/**/seed1*.log"))).replace("majority", "functionals_svm")
    )
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("fold 1\nerror: work/x.csv: no such file: make it again\n")
    done = ser(built, "status")
    assert done.returncode == 1
    assert f"x.csv: no such file: make it again ({log.relative_to(built.folder)})" in done.stdout
    assert said(built, "--row", "functionals_svm")["total"]["runs"] == {"failed": 4}
    log.write_text("fold 1\n")
    assert said(built, "--row", "functionals_svm")["total"]["runs"] == {"begun": 4}
    log.unlink()


def test_a_job_before_the_runs_that_failed_is_told(tmp_path: Path) -> None:
    """A real build of a manifest that names a file which is not there."""
    (tmp_path / "in").mkdir()
    (tmp_path / "mine.csv").write_text("path,speaker,emotion\nno.wav,a,angry\n")
    corpora = {"mine": {"root": str(tmp_path / "in"), "manifest": str(tmp_path / "mine.csv")}}
    project = copy_project(tmp_path / "project", scale="free", experiments={"fair": ["majority"]}, corpora=corpora)
    project.replace("experiments/fair.yaml", "corpus: crema_d", "corpus: mine")
    project.replace("experiments/fair.yaml", "disgusted: [disgusted], fearful: [fearful], happy: [happy], ", "")
    assert said(project)["failed"] == []
    assert project.snakemake("--", "work/free/manifests/mine.csv").returncode == 1
    done = ser(project, "status")
    assert done.returncode == 1 and re.search(
        r"^failed: manifest mine: .*no\.wav.*logs/manifest/mine\.log\)$", done.stdout, re.M
    )


def test_runs_of_another_setting_are_outdated(built: Project) -> None:
    path = next(built.folder.glob("work/demo/runs/fair/majority/casia/clean/seed1/fold2/metrics.json"))
    text = path.read_text()
    path.write_text(text.replace('"made_from": "', '"made_from": "0'))
    assert said(built, "--row", "majority")["total"]["runs"] == {"done": 3, "outdated": 1}
    path.write_text(text)


def test_nothing_is_started_and_torch_is_not_imported(built: Project) -> None:
    code = (
        "import sys; sys.argv = ['ser', 'status']\n"
        "from ser.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print(sorted({'torch', 'snakemake', 'transformers', 'pandas'} & {*sys.modules}))"
    )

    def files() -> dict[Path, int]:
        found = (path for path in built.folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
        return {path: path.stat().st_mtime_ns for path in found}

    before = files()
    run = subprocess.run([BIN / "python", "-c", code], cwd=built.folder, capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == "[]"
    assert files() == before


def test_a_corpus_of_which_nothing_is_computed_is_estimated_whatever_the_params_say(built: Project) -> None:
    path = built.folder / "params.local.yaml"
    path.write_text("scale: free\nexperiments: {fair: [majority]}\n")
    try:
        found = said(built, "--corpus", "iemocap")
    finally:
        path.unlink()
    assert found["scale"] == "paper" and found["is_estimate_from_nothing"]
    assert {line["experiment"] for line in found["lines"]} > {"fair", "mfhca"} and found["total"][
        "left_a100_seconds"
    ] > 0


def test_what_a_corpus_costs_that_is_not_here(built: Project) -> None:
    """Scale demo, no folder: the estimate is that of docs/scaling.md's functions for the real corpus."""
    found = said(built, "--corpus", "iemocap")
    assert found["scale"] == "paper" and found["is_estimate_from_nothing"]
    plan = load_plan(params(scale="paper", experiments=FAIR), built.folder)
    groups = [group for group in plan.groups if group.corpus == "iemocap"]
    svm = [group for group in groups if group.row == "functionals_svm"]
    runs = sum(len(group.runs) for group in groups)
    assert found["total"]["runs"] == {"planned": runs}
    least = sum(len(group.runs) * costs.run_seconds(group, "", is_expected=True) for group in svm)
    line = next(line for line in found["lines"] if line["row"] == "functionals_svm")
    assert least < line["left_core_seconds"] < least + 600
    assert [of["reason"] for of in found["skipped"]] == ["no recordings: set corpora.iemocap.root in params.local.yaml"]
    shown = ser(built, "status", "--corpus", "iemocap").stdout
    assert "an estimate" in shown and "unit costs are of another machine" in shown


def test_an_own_corpus_is_estimated_by_its_lines(tmp_path: Path) -> None:
    """Ten times the lines, ten times the work, but for what each job takes to start."""
    corpora = {"mine": {"root": str(tmp_path), "manifest": str(tmp_path / "mine.csv")}}
    project = copy_project(tmp_path / "project", scale="free", experiments={"fair": ["light_sernet"]}, corpora=corpora)
    project.replace("experiments/fair.yaml", "corpus: crema_d", "corpus: mine")
    found = []
    for lines in (1_000, 10_000):
        (tmp_path / "mine.csv").write_text("path,speaker,emotion\n" + "a.wav,a,angry\n" * lines)
        found.append(said(project, "--corpus", "mine", "--estimate")["total"]["left_core_seconds"])
    assert 9.9 < found[1] / found[0] < 10


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--corpus", "iemocab"], "--corpus iemocab: nothing at scale demo has it: did you mean 'iemocap'?"),
        (["--row", "majorty"], "--row majorty: nothing at scale demo has it: did you mean 'majority'?"),
        (["--experiment", "mfhca"], "--experiment mfhca: nothing at scale demo has it: known: fair"),
    ],
)
def test_a_wrong_name_is_one_line(built: Project, words: list[str], line: str) -> None:
    done = ser(built, "status", *words)
    assert (done.returncode, done.stderr) == (2, f"error: {line}\n")


@pytest.mark.parametrize(
    ("seconds", "text"), [(3, "3 s"), (119, "119 s"), (120, "2.0 min"), (7_100, "118 min"), (36_000, "10 h")]
)
def test_durations_in_words(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text
