"""A real build's runs on MLflow's own web page, in a real browser; then into a server, and without a server."""

import json
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers.project import PATIENCE, Project, copy_project
from helpers.training_job import wait_until

CHROMIUM = Path("/usr/bin/chromium")
GROUP = "full/iemocap_2280_sessions/clean"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = copy_project(tmp_path_factory.mktemp("mlflow") / "project", experiments={"attention_fcn": ["full"]})
    project.replace("experiments/attention_fcn.yaml", "  full:\n", "  full:\n    selections: [clean]\n")
    said = project.build("all")
    assert "MLflow, mlflow.db: 6 runs new" in said  # a group of five folds
    return project


WATCH = """import sys
def note(event, args):
    if event == "socket.getaddrinfo" or event == "socket.connect" and isinstance(args[1], tuple):
        with open({file!r}, "a") as file:
            print(args[1][0] if event == "socket.connect" else args[0], file=file)
sys.addaudithook(note)
"""
# With these MLflow keeps silent by itself: a test of its silence must not have them.
QUIET = re.compile("MLFLOW_DISABLE_TELEMETRY|DO_NOT_TRACK|PYTEST_.*|CI|GITHUB_ACTIONS")


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the addresses that the server and the imports before it asked for; beside it, what notes them."""
    folder = tmp_path_factory.mktemp("watched")
    (folder / "sitecustomize.py").write_text(WATCH.format(file=str(folder / "asked.txt")))
    return folder / "asked.txt"


@pytest.fixture(scope="module")
def page_address(built: Project, asked: Path) -> Iterator[str]:
    """The address that `make ui` prints, without its page."""
    command = [sys.executable, "workflow_scripts/ui.py"]
    environment = {name: text for name, text in os.environ.items() if not QUIET.fullmatch(name)}
    environment["PYTHONPATH"] = str(asked.parent)
    process = subprocess.Popen(
        command, cwd=built.folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    said = ""
    for line in process.stdout:
        said += line
        if found := re.search(r"MLflow: (http://127\.0\.0\.1:\d+)/ser ", line):
            yield found[1]
            break
    else:
        pytest.fail(said)
    process.terminate()
    process.stdout.close()
    assert process.wait(timeout=PATIENCE) == 0


@pytest.mark.skipif(not CHROMIUM.is_file(), reason="no /usr/bin/chromium (Debian's package chromium)")
def test_experiments_a_run_its_curve_and_its_confusion_matrix_are_seen(page_address: str, tmp_path: Path) -> None:
    from playwright.sync_api import expect, sync_playwright

    with sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        page = browser.new_page(viewport={"width": 1600, "height": 1000})
        page.set_default_timeout(1000 * PATIENCE)
        expect.set_options(timeout=1000 * PATIENCE)
        foreign = []
        page.on("request", lambda r: None if r.url.startswith((page_address, "data:", "blob:")) else foreign.append(r))

        page.goto(f"{page_address}/ser")
        link = page.get_by_role("link", name="attention_fcn, scale demo")
        link.wait_for()
        page.screenshot(path=tmp_path / "first.png")
        link.click()
        group = page.get_by_role("link", name=GROUP, exact=True)
        group.wait_for()
        # At once, without choosing anything: pages for training, the values of a group and the claims, its whole name.
        expect(page.get_by_text("1 matching run", exact=True)).to_be_visible()
        expect(page.get_by_role("link", name="Runs", exact=True).first).to_be_visible()
        for metric in ("WA", "UA", "macro_f1", "claim.WA", "claim.UA"):
            column = "tags" if metric.startswith("claim") else "metrics"
            cell = page.locator(f'.ag-row [col-id="{column}.`{metric}`"]')
            expect(cell).to_be_in_viewport(ratio=1)
            expect(cell).to_have_text(re.compile(r"^(0\.\d+.*|1|0|\d\d\.\d %)$"))
        assert group.evaluate(
            "name => name.scrollWidth <= name.clientWidth || getComputedStyle(name).display == 'inline'"
        )
        box, header = group.bounding_box(), page.locator('.ag-header-cell[col-id="runDateAndNestInfo"]').bounding_box()
        assert box["x"] + box["width"] <= header["x"]
        page.screenshot(path=tmp_path / "groups.png")
        group.click()
        page.get_by_role("link", name=f"seed 1, fold 2, {GROUP}").click()
        expect(page.get_by_role("heading", name=f"seed 1, fold 2, {GROUP}")).to_be_visible()
        expect(page.get_by_text("learning_rate").first).to_be_visible()
        expect(page.get_by_role("link", name="Evaluation runs")).to_have_count(0)  # of the pages for language models
        page.screenshot(path=tmp_path / "run.png")

        page.get_by_role("tab", name="Model metrics").click()
        page.get_by_role("searchbox").fill("dev_UA")
        curve = page.locator(".js-plotly-plot .scatterlayer path.js-line").first
        curve.wait_for(state="attached")
        assert "L" in curve.get_attribute("d")  # a line, not a point
        page.screenshot(path=tmp_path / "curve.png")

        page.get_by_role("tab", name="Artifacts").click()
        page.get_by_text("confusion.svg").first.click()
        picture = page.get_by_role("img", name="confusion.svg")
        picture.wait_for()
        assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 100
        page.screenshot(path=tmp_path / "confusion.png")
        browser.close()
        assert not foreign


def track(project: Project, uri: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "workflow_scripts/track.py"]
    environment = os.environ | {"MLFLOW_TRACKING_URI": uri}
    return subprocess.run(
        command, cwd=project.folder, env=environment, capture_output=True, text=True, timeout=PATIENCE
    )


def test_a_server_is_tracked_to_as_well(built: Project, page_address: str) -> None:
    """It has the same runs already: it serves the same database."""
    result = track(built, page_address)
    assert "0 runs new, 0 runs replaced, 0 runs changed, 6 runs unchanged" in result.stdout, result.stderr


def test_no_usage_data_leaves_the_machine(page_address: str, asked: Path) -> None:
    """Neither from the page, which asks the server whether to send any, nor from the server, nor from the import."""
    with urllib.request.urlopen(f"{page_address}/ajax-api/3.0/mlflow/ui-telemetry", timeout=PATIENCE) as answer:
        assert json.load(answer)["disable_ui_telemetry"] is True
    places = {*asked.read_text().split()}
    assert "127.0.0.1" in places and places <= {"127.0.0.1", "localhost", "::1", "None"}


def test_a_database_whose_making_was_killed_is_made_again(built: Project, tmp_path: Path) -> None:
    uri, begun = f"sqlite:///{tmp_path}/mlflow.db", tmp_path / ".mlflow.db.tmp"
    command = [sys.executable, "workflow_scripts/track.py"]
    process = subprocess.Popen(command, cwd=built.folder, env=os.environ | {"MLFLOW_TRACKING_URI": uri})
    wait_until(lambda: begun.is_file() and begun.stat().st_size > 0)
    process.kill()
    process.wait()
    assert begun.is_file() and not (tmp_path / "mlflow.db").exists()
    assert "mlflow.db: 6 runs new" in track(built, uri).stdout
    assert not begun.exists()


def test_a_build_without_its_server_is_whole_and_the_next_one_makes_up_for_it(
    built: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = (built.folder / "results/table.csv").read_bytes()
    (built.folder / "work/demo/tracked.json").unlink()
    (built.folder / "results/table.csv").unlink()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    assert "not tracked in MLflow: http://127.0.0.1:9: no answer" in built.build("all")
    assert (built.folder / "results/table.csv").read_bytes() == table
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    said = built.build("all")
    assert "6 runs unchanged" in said
    assert {*re.findall(r"^(\w+) +\d+$", said, re.MULTILINE)} == {"all", "track", "total"}
    assert built.planned("all") == {}
