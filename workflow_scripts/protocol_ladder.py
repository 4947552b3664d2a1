"""Rule protocol_ladder: results/protocol_ladder.csv, what each thing gains that a clean protocol does not do."""

import argparse

from _main import script
from _plan import write_result
from ser.results.protocol_ladder import COLUMNS, ladder_lines


def main() -> None:
    write_result("protocol_ladder", argparse.ArgumentParser(description=__doc__), COLUMNS, ladder_lines)


if __name__ == "__main__":
    script(main)
