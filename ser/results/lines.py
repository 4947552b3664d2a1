"""The lines of results/*.csv, and what their columns say of them."""

import csv
from collections.abc import Mapping
from pathlib import Path

Line = Mapping[str, str]


def read_lines(path: Path) -> list[Line]:
    """The lines of a file of results."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def part_of(line: Line) -> str:
    """The official part that a line is about; "" where there is none."""
    return line["folds"].partition("official: ")[2]


def protocol_of(line: Line) -> str:
    """The protocol of a line of the table, which the name of its group has."""
    return line["run_group"].split("/")[2]
