"""`ser results`: the table for a terminal, filtered; plain and whole in a pipe."""

import csv
import json
import os
import pty
import subprocess
from pathlib import Path

import pytest

from helpers import ROOT
from helpers.project import BIN
from ser.results.table import COLUMNS

LINES = [
    ("mfhca", "full", "iemocap_5531_speakers", "UA", "61.23", "58.00", "64.46", "74.57", "below"),
    ("mfhca", "full", "iemocap_5531_speakers", "WA", "60.00", "57.00", "63.00", "", ""),
    (
        "mfhca",
        "a_row_with_a_very_long_name_that_no_terminal_would_cut",
        "iemocap_5531_sessions",
        "UA",
        "",
        "",
        "",
        "",
        "",
    ),
    ("fair", "majority", "casia", "UA", "16.67", "", "", "", ""),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "results/table.csv")
    return tmp_path


def write(path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        for experiment, row, protocol, metric, value, low, high, claim, verdict in LINES:
            known = {"experiment": experiment, "row": row, "metric": metric, "value": value, "claim": claim}
            known |= {"ci_low": low, "ci_high": high, "verdict": verdict, "selection": "clean", "scale": "paper"}
            known |= {"run_group": f"{experiment}/{row}/{protocol}/clean", "status": "ok" if value else "skipped"}
            writer.writerow(dict.fromkeys(COLUMNS, "") | known | {"aggregation": "pooled"})


def results(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([BIN / "ser", "results", *words], cwd=folder, capture_output=True, text=True)


def test_a_line_has_value_interval_claim_and_verdict(folder: Path) -> None:
    said = results(folder, "--experiment", "mfhca", "--metric", "UA")
    line = next(line for line in said.stdout.splitlines() if line.startswith("full"))
    assert " ".join(line.split()) == "full iemocap_5531_speakers clean UA pooled 61.23 (58.00 to 64.46) 74.57 below"
    assert "majority" not in said.stdout and "1 lines without a value are left out" in said.stderr


def test_the_averaging_of_the_protocol_is_marked(folder: Path) -> None:
    for name in ("experiments", "schemas", "ser"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "results/table.csv").write_text(
        (text := (folder / "results/table.csv").read_text())
        + text.splitlines()[1].replace("pooled", "fold_mean").replace("61.23", "61.25")
    )
    said = results(folder, "--metric", "UA")
    assert [line.split()[0] for line in said.stdout.splitlines() if "fold_mean*" in line] == ["full"]
    assert [line.split()[0] for line in said.stdout.splitlines() if "pooled*" in line] == ["majority"]
    assert said.stdout.count("*") == 2 and said.stderr.startswith("*: the averaging that the protocol itself uses")


def test_nothing_is_cut_or_coloured_in_a_pipe(folder: Path) -> None:
    said = results(folder, "--skipped").stdout
    assert LINES[2][1] in said and "skipped" in said and "\x1b" not in said and "…" not in said


def test_a_terminal_has_colours(folder: Path) -> None:
    leader, follower = pty.openpty()
    environment = {key: value for key, value in os.environ.items() if key != "NO_COLOR"} | {"TERM": "xterm-256color"}
    subprocess.run([BIN / "ser", "results"], cwd=folder, stdout=follower, env=environment, check=True)
    assert b"\x1b[" in os.read(leader, 100_000)


def test_filters_and_json(folder: Path) -> None:
    found = json.loads(results(folder, "--json", "--protocol", "casia").stdout)
    assert [(line["row"], line["value"], line["protocol"]) for line in found] == [("majority", "16.67", "casia")]
    assert {*COLUMNS} < {*found[0]}


def test_what_is_finished_so_far(tmp_path: Path) -> None:
    write(tmp_path / "results/partial.csv")
    write(tmp_path / "results/table.csv")  # of an earlier build
    os.utime(tmp_path / "results/table.csv", (0, 0))
    path = tmp_path / "results/partial.csv"
    path.write_text(path.read_text().replace(",ok,", ",partial,", 1))
    said = results(tmp_path)
    assert said.returncode == 0 and "what is finished so far" in said.stderr
    assert [line.split("  ")[0] for line in said.stdout.splitlines() if "61.23 (58.00 to 64.46), partial" in line] == [
        "full"
    ]
    assert said.stdout.count("partial") == 1 and "1 lines are marked partial: --json has the note" in said.stderr


def test_no_table_and_a_wrong_name_are_one_line(folder: Path, tmp_path: Path) -> None:
    said = results(folder, "--row", "ful")
    assert (said.returncode, said.stderr) == (
        2,
        "error: results/table.csv: no line has row 'ful': did you mean 'full'?\n",
    )
    (folder / "results/table.csv").unlink()
    said = results(folder)
    assert said.returncode == 2 and said.stderr.startswith("error: results/table.csv: no such file: build it")
