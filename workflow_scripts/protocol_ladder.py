"""Rule protocol_ladder: results/protocol_ladder.csv, what each thing gains that a clean protocol does not do."""

import argparse
from pathlib import Path

from _main import be_alone_with, script
from _plan import planned
from ser.outputs import write_table
from ser.results.protocol_ladder import COLUMNS, ladder_lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", required=True, type=Path)
    args, plan, places, made_from = planned(parser)
    be_alone_with(args.output)
    made_from.check_result("protocol_ladder", args.made_from)
    write_table(args.output, list(ladder_lines(plan, places, made_from)), COLUMNS)
    print(f"{args.output}: scale {plan.scale}")


if __name__ == "__main__":
    script(main)
