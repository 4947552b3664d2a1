"""Rule table: results/table.csv, one line per reported number."""

import argparse
from pathlib import Path

from _main import be_alone_with, script
from _plan import planned
from ser.outputs import write_table
from ser.results.table import COLUMNS, table_lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--partial", action="store_true", help="the table of what is finished so far")
    parser.add_argument("--output", required=True, type=Path)
    args, plan, places, made_from = planned(parser)
    be_alone_with(args.output)
    made_from.check_result("table", args.made_from)
    write_table(args.output, list(table_lines(plan, places, made_from, args.partial)), COLUMNS)
    print(f"{args.output}: scale {plan.scale}")


if __name__ == "__main__":
    script(main)
