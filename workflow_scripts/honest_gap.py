"""Rule honest_gap: results/honest_gap.csv, what numbers gain when the epoch is chosen on the test part."""

import argparse
import json
from pathlib import Path

from _main import run
from ser.honest_gap import COLUMNS, lines
from ser.outputs import write_table
from ser.plan import load
from ser.validation import read_yaml


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--params", type=json.loads, help="the content of params.yaml as JSON; left out: the file")
    parser.add_argument("--output", required=True, type=Path)
    args = parser.parse_args()
    plan = load(args.params or read_yaml(Path("params.yaml")))
    write_table(args.output, list(lines(plan, Path("work") / plan.scale)), COLUMNS)
    print(f"{args.output}: scale {plan.scale}")


if __name__ == "__main__":
    run(main)
