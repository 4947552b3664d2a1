"""Rule table: results/table.csv, one line per reported number."""

import argparse

from _main import script
from _plan import write_result
from ser.results.table import COLUMNS, table_lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--partial", action="store_true", help="the table of what is finished so far")
    write_result("table", parser, COLUMNS, table_lines, "partial")


if __name__ == "__main__":
    script(main)
