"""Rule table: results/table.csv, one line per reported number."""

import argparse
import json
from pathlib import Path

from _main import run
from ser.outputs import write_table
from ser.plan import load
from ser.table import COLUMNS, lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--params", required=True, type=json.loads, help="the content of params.yaml as JSON")
    parser.add_argument("--work", required=True, type=Path, help="work/<scale>")
    parser.add_argument("--output", required=True, type=Path)
    args = parser.parse_args()
    write_table(args.output, list(lines(load(args.params), args.work)), COLUMNS)


if __name__ == "__main__":
    run(main)
