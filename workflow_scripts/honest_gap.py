"""Rule honest_gap: results/honest_gap.csv, what each number gains when the epoch is chosen on the test part."""

import argparse
from pathlib import Path

from _main import be_alone_with, script
from _plan import planned
from ser.outputs import write_table
from ser.results.honest_gap import COLUMNS, gap_lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", required=True, type=Path)
    args, plan, places, made_from = planned(parser)
    be_alone_with(args.output)
    made_from.check_result("honest_gap", args.made_from)
    write_table(args.output, list(gap_lines(plan, places, made_from)), COLUMNS)
    print(f"{args.output}: scale {plan.scale}")


if __name__ == "__main__":
    script(main)
