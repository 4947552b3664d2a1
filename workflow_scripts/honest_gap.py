"""Rule honest_gap: results/honest_gap.csv, what each number gains when the epoch is chosen on the test part."""

import argparse

from _main import script
from _plan import write_result
from ser.results.honest_gap import COLUMNS, gap_lines


def main() -> None:
    write_result("honest_gap", argparse.ArgumentParser(description=__doc__), COLUMNS, gap_lines)


if __name__ == "__main__":
    script(main)
