"""Rule comparisons: results/comparisons.csv, by how much rows differ, and if other speakers could change it."""

import argparse

from _main import script
from _plan import write_result
from ser.results.comparisons import COLUMNS, comparison_lines


def main() -> None:
    write_result("comparisons", argparse.ArgumentParser(description=__doc__), COLUMNS, comparison_lines)


if __name__ == "__main__":
    script(main)
