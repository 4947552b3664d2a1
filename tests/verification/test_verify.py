"""`ser verify`: what was tampered with is named, whatever it is; what is as it should be gets its certificate."""

import csv
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest

from helpers import flipped
from helpers.builders import edit_sealed
from helpers.params import params
from helpers.project import BIN, Project, copy_project
from ser.files import sha256_of
from ser.manifests.utterance import read_manifest
from ser.plan.load import load_plan, read_params
from ser.plan.made_from import MadeFrom
from ser.plan.origins import Origins
from ser.plan.places import REPORTS
from ser.sealed import read_sealed
from ser.splits.make import make_split
from ser.splits.protocol import Protocol
from ser.splits.write import write_split
from ser.verification.certificate import verify

TARGETS = list(REPORTS)
GROUP = "fair/functionals_svm/casia/clean"
RUN = f"work/demo/runs/{GROUP}/seed1/fold2"
PROBE = "work/demo/runs/fair/linear_probe/casia/clean/seed1/fold1"
EVALUATION = f"work/demo/evaluations/{GROUP}.json"
SPLIT = "work/demo/splits/fair/casia/clean"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A finished build of a baseline, and of a row with an encoder."""
    scales = params()["scales"] | {"demo": {"corpora": ["casia"], "seeds": [1], "one_job_per": "seed"}}
    experiments = {"fair": ["functionals_svm", "linear_probe"]}
    project = copy_project(tmp_path_factory.mktemp("verify") / "project", experiments=experiments, scales=scales)
    project.build(*TARGETS)
    return project


@pytest.fixture
def inside(built: Project) -> Iterator[Path]:
    """The built project as the current folder; what a test changes is put back."""
    before = {path: path.read_bytes() for path in built.folder.glob("*/**/*") if path.is_file()}
    with chdir(built.folder):
        yield Path()
    for path in built.folder.glob("*/**/*"):
        if path.is_file() and path not in before:
            path.unlink()
    for path, content in before.items():
        if not path.is_file() or path.read_bytes() != content:
            path.write_bytes(content)


def certificate(runs: int = 0) -> dict[str, Any]:
    given = read_params()
    plan = load_plan(given)
    return verify(plan, given, MadeFrom(plan, given, Origins(given)), runs, 1)


def problems() -> str:
    return "\n".join(line for check in certificate()["checks"] for line in check["problems"])


def flip(pattern: str, place: int = -1) -> Callable[[], None]:
    """Flips a bit of one file."""

    def change() -> None:
        path = next(Path().glob(pattern))
        path.write_bytes(flipped(path.read_bytes(), place))

    return change


def edit(path: str, old: str, new: str) -> Callable[[], None]:
    """Changes one place of a text file by hand."""

    def change() -> None:
        text = Path(path).read_text()
        assert re.search(old, text)
        Path(path).write_text(re.sub(old, new, text, count=1))

    return change


def exchange_split() -> None:
    """Another selection rule's split in its place, whole in itself."""
    protocol = Protocol.from_mapping(json.loads(Path(f"{SPLIT}.json").read_text())["protocol"])
    split = make_split(protocol, "test_selected", read_manifest("work/demo/manifests/casia.csv"))
    write_split(split, protocol, Path(f"{SPLIT}.csv"), Path(f"{SPLIT}.json"))


def forge_predictions() -> None:
    """Other predictions, and a run's metrics that vouch for them."""
    path = Path(RUN, "predictions.csv")
    path.write_text(re.sub(r",angry,angry,", ",angry,sad,", path.read_text()))
    hashes = read_sealed(Path(RUN, "metrics.json"))["sha256"] | {"predictions.csv": sha256_of(path)}
    edit_sealed(Path(RUN, "metrics.json"), sha256=hashes)


def forge_evaluation() -> None:
    """A better number, sealed as if it had been computed."""
    facts = read_sealed(Path(EVALUATION))
    facts["results"][""]["pooled"]["UA"]["value"] = 0.99
    edit_sealed(Path(EVALUATION), results=facts["results"])


def of_another_plan(path: str) -> Callable[[], None]:
    """An artifact that is whole, but was made from something else: an older or a newer one."""
    return lambda: edit_sealed(Path(path), made_from="0" * 64)


TAMPERED = {
    "a bit of the audio": (flip("work/demo/audio/casia.*"), r"casia\.safetensors: '.*' has changed since"),
    "a bit of a feature": (flip("work/demo/features/casia/f*"), r"functionals.*: '.*' has changed since"),
    "a bit of a store's header": (flip("work/demo/features/casia/f*", 200), r"functionals.*: not a"),
    "a bit of a checkpoint": (flip("work/demo/encoders/*/model*"), r"model\.safetensors: not as .*ser\.json"),
    "a bit of a model": (flip(f"{PROBE}/model*"), r"model\.safetensors: not as .*metrics\.json describes"),
    "a bit of an epoch's scores": (flip(f"{PROBE}/test_epochs*"), r"test_epochs\.safetensors: not as .*metrics\.json"),
    "a bit of a recording": (flip("work/demo/releases/casia/*/*/*.wav"), r"\.wav: not the file that .*casia\.csv was"),
    "an edited manifest": (edit("work/demo/manifests/casia.csv", "angry", "happy"), r"casia\.csv: not as .*casia\.js"),
    "an edited report": (edit("work/demo/manifests/casia.json", "240", "250"), r"casia\.json: has changed since"),
    "an edited split": (edit(f"{SPLIT}.csv", "train", "test"), r"clean\.csv: not as .*clean\.json describes"),
    "another split": (exchange_split, r"casia/clean\.json: made from other settings"),
    "edited predictions": (edit(f"{RUN}/predictions.csv", r"\d{3}\n", "111\n"), r"predictions\.csv: not"),
    "forged predictions": (forge_predictions, r"made from another .*fold2/metrics\.json than the one that is there"),
    "an edited history": (edit(f"{PROBE}/history.csv", "1,", "2,"), r"history\.csv: not as .*metrics\.json"),
    "edited metrics": (edit(f"{RUN}/metrics.json", '"threads": 1', '"threads": 2'), r"metrics\.json: has changed"),
    "a run of another plan": (of_another_plan(f"{RUN}/metrics.json"), r"fold2/metrics\.json: made from other settings"),
    "an edited evaluation": (edit(EVALUATION, r'"value": 0\.\d', '"value": 0.9'), r"clean\.json: has changed since"),
    "a forged evaluation": (forge_evaluation, r"clean\.json: not what its runs' predictions give"),
    "an edited table": (edit("results/table.csv", r"\d\d\.\d\d", "99.99"), r"results/table\.csv: not what the eval"),
    "an edited gap": (edit("results/honest_gap.csv", "seed_std", "std"), r"results/honest_gap\.csv: not what"),
    "an edited ladder": (edit("results/protocol_ladder.csv", "n_train", "n"), r"results/protocol_ladder\.csv: not wh"),
    "an edited comparison": (edit("results/comparisons.csv", "p_family", "p"), r"results/comparisons\.csv: not what"),
    "edited metrics of a group": (edit(f"results/metrics/{GROUP}.json", r"\d+\.\d+", "9.9"), r"clean\.json: not what"),
    "metrics of no row": (lambda: Path("results/metrics/x.json").touch(), r"metrics/x\.json: belongs to no row"),
    "a chart of no row": (lambda: Path("results/plots/x.csv").touch(), r"plots/x\.csv: belongs to no row"),
    "a store that is gone": (lambda: Path("work/demo/audio/casia.safetensors").unlink(), r"casia.*: no such store"),
    "a table that is gone": (lambda: Path("results/table.csv").unlink(), r"results/table\.csv: no such file"),
    "other settings": (edit("experiments/fair.yaml", r"\bC: [\d.]+", "C: 0.01"), r"fold1/metrics\.json: made from oth"),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_whatever_was_tampered_with_is_named(inside: Path, what: str) -> None:
    change, words = TAMPERED[what]
    change()
    assert re.search(words, problems())


def test_a_finished_build_is_verified_and_runs_come_out_the_same_again(inside: Path) -> None:
    found = certificate(runs=2)
    assert found["verified"]
    counted = {check["name"]: (check["checked"], len(check["problems"])) for check in found["checks"]}
    assert counted["runs"] == (2, 0) and counted["evaluations"] == (2, 0) and counted["results"][1] == 0
    assert all(rerun["same_bits"] and rerun["promised"] for rerun in found["runs_trained_again"])
    left = [line for check in found["checks"] for line in check["not_checked"]]
    assert any("runs were not drawn" in line for line in left)
    assert not list(Path("work/demo").glob(".verify-*"))


def test_recordings_that_are_not_there_are_said_not_counted(inside: Path) -> None:
    shutil.move("work/demo/releases/casia", "elsewhere")
    try:
        (recordings,) = (check for check in certificate()["checks"] if check["name"] == "recordings")
    finally:
        shutil.move("elsewhere", "work/demo/releases/casia")
    assert recordings["problems"] == []
    assert recordings["not_checked"] == ["work/demo/releases/casia: the recordings of casia are not here"]


def test_the_command_writes_a_certificate_and_a_crate(inside: Path, built: Project) -> None:
    said = built.tool(str(BIN / "ser"), "verify", "--runs", "0")
    found = json.loads(Path("results/certificate.json").read_text())
    assert found["verified"] and Path("results/certificate.md").read_text() in said
    assert "Everything that was checked is as it should be" in said
    graph = {
        entity["@id"]: entity for entity in json.loads(Path("results/ro-crate-metadata.json").read_text())["@graph"]
    }
    assert graph["table.csv"]["sha256"] == sha256_of("results/table.csv")
    assert graph["./"]["mainEntity"]["@id"] == "workflow/Snakefile"
    assert Path("results/workflow/Snakefile").read_bytes() == Path("Snakefile").read_bytes()
    made = graph[f"#make-{EVALUATION}"]
    runs = {f"#work/demo/runs/{GROUP}/seed1/fold{fold}/metrics.json" for fold in range(1, 5)}
    assert runs <= {entity["@id"] for entity in made["object"]}
    printed = json.loads(
        subprocess.run([BIN / "ser", "verify", "--runs", "0", "--json"], capture_output=True, text=True).stdout
    )
    assert printed == json.loads(Path("results/certificate.json").read_text()) and printed["verified"]
    edit("results/table.csv", r"\d\d\.\d\d", "99.99")()
    failed = subprocess.run([BIN / "ser", "verify", "--runs", "0"], cwd=built.folder, capture_output=True, text=True)
    assert failed.returncode == 1 and "**Not verified: 1 problems.**" in failed.stdout
    assert not json.loads(Path("results/certificate.json").read_text())["verified"]


def test_a_trace_leads_from_the_number_to_the_recordings(inside: Path, built: Project) -> None:
    said = built.tool(str(BIN / "ser"), "trace", f"{GROUP}:UA:pooled")
    with Path("results/table.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    number, line = next(
        (n, line)
        for n, line in enumerate(lines, 2)
        if (line["run_group"], line["metric"], line["aggregation"]) == (GROUP, "UA", "pooled")
    )
    assert f"UA of the test part = {line['value']} %" in said and f"line {number} of results/table.csv" in said
    for words in (EVALUATION, f"{RUN}/predictions.csv", f"{SPLIT}.csv", "manifests/casia.csv", "C ", "yes, "):
        assert words in said
    assert built.tool(str(BIN / "ser"), "trace", str(number)) == said
    sections = json.loads(built.tool(str(BIN / "ser"), "trace", str(number), "--json"))
    assert all(heading in said and all(text in said for text in texts) for heading, texts in sections.items())
    assert len(sections) == 9
    edit(f"{RUN}/history.csv", r"^", "x")()
    assert "history.csv: not as" in built.tool(str(BIN / "ser"), "trace", str(number))


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("1", "has no line 1: lines 2 to"),
        (GROUP, "6 lines are"),
        (f"{GROUP}:UA", "2 lines are"),
        ("no/such/row:UA", "0 lines are 'no/such/row:UA'"),
    ],
)
def test_a_cell_that_is_none_or_several_is_one_line(inside: Path, built: Project, cell: str, words: str) -> None:
    done = subprocess.run([BIN / "ser", "trace", cell], cwd=built.folder, capture_output=True, text=True)
    assert done.returncode == 2 and words in done.stderr and done.stderr.count("\n") == 1
