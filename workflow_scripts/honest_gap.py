"""Rule honest_gap: results/honest_gap.csv, what numbers gain when the epoch is chosen on the test part."""

import argparse
from pathlib import Path

from _main import run
from _plan import planned
from ser.honest_gap import COLUMNS, lines
from ser.outputs import write_table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", required=True, type=Path)
    args, plan, work = planned(parser)
    write_table(args.output, list(lines(plan, work)), COLUMNS)
    print(f"{args.output}: scale {plan.scale}")


if __name__ == "__main__":
    run(main)
