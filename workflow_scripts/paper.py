"""Rule paper: results/paper, the figures, tables and numbers as a manuscript takes them."""

import argparse
from pathlib import Path

from _main import be_alone_with, script
from _plan import planned
from ser.files import atomic_folder
from ser.paper.write import write_paper
from ser.plan.places import PAPER


def main() -> None:
    args, plan, places, made_from = planned(argparse.ArgumentParser(description=__doc__))
    be_alone_with(PAPER)
    made_from.check_result("paper", args.made_from)
    with atomic_folder(Path(PAPER)) as folder:
        write_paper(folder, plan, places, made_from)
    print(f"{PAPER}: scale {plan.scale}")


if __name__ == "__main__":
    script(main)
