"""`ser audit` as a user calls it, and the tables that it reads."""

import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from helpers.runs import write_runs
from ser.cli import app
from ser.errors import InputError
from ser.splits.split import Split

Lines = list[dict[str, str]]


def table(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def lines(path: Path) -> Lines:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write(path: Path, rows: Lines) -> Path:
    return table(path, [*rows[0]], (row.values() for row in rows))


def audited(*arguments: object) -> tuple[int, str]:
    """Exit status and what is printed; bad input is 2 and its line, as `ser.cli.main` has it."""
    result = CliRunner().invoke(app, ["audit", *map(str, arguments)])
    if isinstance(result.exception, InputError):
        return 2, str(result.exception)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout


def reported(*arguments: object) -> tuple[int, dict[str, Any]]:
    code, said = audited(*arguments, "--json")
    assert code < 2, said
    return code, json.loads(said)


def kinds(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {finding["kind"]: finding for finding in report["findings"]}


def given(folder: Path, split: Split) -> Path:
    """The predictions of two seeds, and the runs that have them."""
    for run in write_runs(folder / "runs", split, (1, 2)):
        (folder / "given" / run.parent.name).mkdir(parents=True, exist_ok=True)
        (folder / "given" / run.parent.name / f"{run.name}.csv").write_bytes((run / "predictions.csv").read_bytes())
    return folder / "given"


def files(folder: Path, split: str = "split.json") -> list[object]:
    return ["--manifest", folder / "manifest.csv", "--split", folder / split]
