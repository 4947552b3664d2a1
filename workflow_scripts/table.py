"""Rule table: results/table.csv, one line per reported number."""

import argparse
import json
from pathlib import Path

from _main import run
from ser.outputs import write_table
from ser.plan import load
from ser.table import COLUMNS, lines
from ser.validation import read_yaml


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--params", type=json.loads, help="the content of params.yaml as JSON; left out: the file")
    parser.add_argument("--partial", action="store_true", help="the table of what is there so far")
    parser.add_argument("--output", required=True, type=Path)
    args = parser.parse_args()
    plan = load(args.params or read_yaml(Path("params.yaml")))
    write_table(args.output, list(lines(plan, Path("work") / plan.scale, args.partial)), COLUMNS)
    print(f"{args.output}: scale {plan.scale}")


if __name__ == "__main__":
    run(main)
