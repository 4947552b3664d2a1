"""The real DVC over the real DAG: versions, sharing, restoring, and that DVC and Snakemake agree in any order."""

import csv
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer

from helpers.project import BIN, PATIENCE, Project
from helpers.shared import built_once, copy_of
from helpers.versions import NETWORK, failure, results, set_rate, trained, versioned_project

CHROMIUM = Path("/usr/bin/chromium")


@pytest.fixture(scope="module")
def versioned(tmp_path_factory: pytest.TempPathFactory) -> Project:
    built = built_once(tmp_path_factory, "versioned", versioned_project)
    return copy_of(built, tmp_path_factory.mktemp("dvc") / "project")


@pytest.fixture(scope="module")
def remote(versioned: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The remote that the results were pushed to."""
    folder = tmp_path_factory.mktemp("remote")
    versioned.tool("dvc", "remote", "add", "--default", "--local", "store", str(folder))
    versioned.tool("dvc", "push")
    return folder


@pytest.fixture
def clone(versioned: Project, remote: Path, tmp_path: Path) -> Project:
    """A fresh clone with that remote, before anything was pulled."""
    clone = versioned.clone(tmp_path / "clone")
    clone.tool("dvc", "remote", "add", "--default", "--local", "store", str(remote))
    return clone


def killed(project: Project, begun: str) -> None:
    """Start `dvc repro` and kill it, with all that it started, once a file matches `begun`."""
    path = {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    command = [BIN / "dvc", "repro"]
    repro = subprocess.Popen(command, cwd=project.folder, env=os.environ | path, start_new_session=True, **quiet)
    while not any(project.folder.glob(begun)):
        assert repro.poll() is None
        time.sleep(0.05)
    os.killpg(repro.pid, signal.SIGKILL)
    repro.wait()


def test_a_second_repro_starts_nothing_and_snakemake_agrees(versioned: Project) -> None:
    said = versioned.tool("dvc", "repro")
    assert "Running stage" not in said and said.count("didn't change, skipping") == 4
    assert "up to date" in versioned.tool("dvc", "status")
    assert versioned.planned("all") == {}


def test_restored_changed_and_mixed(versioned: Project, clone: Project) -> None:
    """Once restored nothing is left to do; a changed setting trains its runs only; DVC and Snakemake may take turns."""
    said = clone.tool("python", "workflow_scripts/restore.py")
    assert "neither `dvc repro` nor `snakemake` has anything to do" in said
    assert results(clone) == results(versioned)
    assert clone.planned("all") == {}
    assert "Running stage" not in clone.tool("dvc", "repro")
    assert clone.tool("git", "status", "--porcelain") == ""

    set_rate(clone, "0.0001")
    killed(clone, f"work/demo/states/{NETWORK}/clean/seed1/fold2/*.safetensors")
    # What was killed is missed, although everything that was made from it before is still there.
    assert trained(clone.tool("dvc", "repro")) == {f"{NETWORK}/clean"}
    changes = clone.tool("dvc", "metrics", "diff")
    assert f"results/metrics/{NETWORK}/clean.json" in changes and "fair/majority" not in changes

    # Snakemake stops after training; DVC must not take the old evaluations for new ones.
    set_rate(clone, "0.003")
    clone.build("runs")
    in_the_way = clone.folder / f"work/demo/evaluations/{NETWORK}/.clean.json.tmp"
    in_the_way.mkdir()
    said = failure(clone, "dvc", "repro")
    assert "Error in rule evaluate" in said and not (clone.folder / "results/table.csv").exists()
    in_the_way.rmdir()
    said = clone.tool("dvc", "repro")
    assert trained(said) == set() and said.count(f"evaluating {NETWORK}/clean") == 1
    assert results(clone) == results(versioned)
    assert clone.planned("all") == {}
    assert "up to date" in clone.tool("dvc", "status")


def test_what_is_restored_after_a_change_is_what_it_leaves_as_it_was(versioned: Project, clone: Project) -> None:
    set_rate(clone, "0.0002")
    said = clone.tool("python", "workflow_scripts/restore.py")
    assert "experiments: not what dvc.lock was made with" in said and "; `dvc repro` makes the rest" in said
    planned = clone.planned("runs")
    assert planned.pop("train_5_folds") == 1 and planned == {"runs": 1}
    others = [path for path in results(versioned) if "/runs/fair/" in path]
    assert others and all(results(clone)[path] == results(versioned)[path] for path in others)
    (clone.folder / "dvc.lock").unlink()
    assert "error: dvc.lock: no such file" in failure(clone, "python", "workflow_scripts/restore.py")


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    import boto3

    endpoint = f"http://{host}:{port}"
    boto3.client("s3", endpoint_url=endpoint).create_bucket(Bucket="results")
    yield endpoint
    server.stop()


def test_an_s3_remote(versioned: Project, tmp_path: Path, s3: str) -> None:
    clone = versioned.clone(tmp_path / "clone")
    for project in (versioned, clone):
        project.tool("dvc", "remote", "add", "--force", "--default", "--local", "s3", "s3://results/ser")
        project.tool("dvc", "remote", "modify", "--local", "s3", "endpointurl", s3)
    versioned.tool("dvc", "push", "table")
    clone.tool("dvc", "pull", "table")
    of_table = {path: content for path, content in results(versioned).items() if path.startswith("results/")}
    assert results(clone) == of_table != {}


def test_an_unreachable_remote_is_said_and_nothing_is_lost(clone: Project, tmp_path: Path) -> None:
    clone.tool("dvc", "remote", "modify", "--local", "store", "url", str(tmp_path / "gone"))
    said = failure(clone, "python", "workflow_scripts/restore.py")
    assert "error: `dvc pull` failed" in said and "`make restore` continues with the rest" in said
    set_rate(clone, "0.0002")
    also = failure(clone, "python", "workflow_scripts/restore.py")
    assert "error: HEAD: what was computed for it cannot be fetched (" in also and "must `dvc push`" in also
    assert "Traceback" not in said + also


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], capture_output=True).returncode:
        pytest.skip("no right to mount a small disk")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_of_the_cache_is_said_and_nothing_is_lost(clone: Project, small_disk: Path) -> None:
    clone.tool("dvc", "config", "--local", "cache.dir", str(small_disk))
    said = failure(clone, "dvc", "repro", "corpora")
    assert "DVC's cache needs" in said and "`dvc repro` continues from here" in said
    assert "failed to transfer" not in said and "failed to reproduce 'corpora'" in said
    made = {path: path.stat().st_mtime_ns for path in clone.folder.glob("work/demo/releases/*.json")}
    clone.tool("dvc", "config", "--local", "--unset", "cache.dir")
    clone.tool("dvc", "repro", "corpora")
    assert made == {path: path.stat().st_mtime_ns for path in made} != {}


def drawn(page_file: Path) -> tuple[list[str], int]:
    """What a page asks for besides itself, and how many charts it has drawn, in a real browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        page, asked = browser.new_page(viewport={"width": 1500, "height": 9000}), []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(page_file.as_uri(), timeout=1000 * PATIENCE)
        charts = page.locator("svg.marks:has(path)")
        charts.nth(page.locator(".chart").count() - 1).wait_for(timeout=1000 * PATIENCE)
        number = charts.count()
        browser.close()
    return asked[1:], number


def test_metrics_and_plots(versioned: Project) -> None:
    head, *shown = versioned.tool("dvc", "metrics", "show").splitlines()
    assert head.split() == ["Path", "UA", "WA", "macro_f1"]
    values = dict(zip(head.split(), next(x for x in shown if f"{NETWORK}/clean.json" in x).split(), strict=True))
    assert len(shown) == 2  # the network and the system without training
    with (versioned.folder / "results/table.csv").open(newline="") as file:
        line = next(row for row in csv.DictReader(file) if row["run_group"] == f"{NETWORK}/clean" and row["claim"])
    assert line["metric"] in ("WA", "UA") and line["aggregation"] == "fold_mean"
    assert float(values[line["metric"]]) == float(line["value"])

    versioned.tool("dvc", "plots", "show", "--out", "charts")
    page = (versioned.folder / "charts/index.html").read_text()
    name = "attention_fcn-full-iemocap_2280_sessions.csv"
    for title in (f"results/plots/confusion/{name}", f"results/plots/curves/{name}", "Claims and values"):
        assert f'"title": {{"text": "{title}' in page
    assert "https://cdn" not in page
    if CHROMIUM.is_file():
        assert drawn(versioned.folder / "charts/index.html") == ([], 4)  # confusion of 2, curves of 1, claims
    plots = versioned.folder / "results/plots"
    confusion = (plots / "confusion/fair-majority-iemocap_5531.csv").read_text().splitlines()
    runs = versioned.folder.glob("work/demo/runs/fair/majority/iemocap_5531/clean/seed1/fold*/predictions.csv")
    assert len(confusion) - 1 == sum(len(path.read_text().splitlines()) - 1 for path in runs) > 0
    curve = (plots / "curves/attention_fcn-full-iemocap_2280_sessions.csv").read_text().splitlines()
    assert curve[0] == "epoch,train_loss,dev,runs" and curve[1].startswith("1,") and curve[1].endswith(",5")
