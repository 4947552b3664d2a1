"""Rule report: results/report.html, all results as one page."""

import argparse
from pathlib import Path

from _main import be_alone_with, script
from _plan import planned
from ser.figures.results import figures
from ser.outputs import write_text
from ser.plan.places import PAGE
from ser.report.example import read_examples
from ser.report.page import Content, page


def main() -> None:
    args, plan, places, made_from = planned(argparse.ArgumentParser(description=__doc__))
    be_alone_with(PAGE)
    made_from.check_result("report", args.made_from)
    examples, without = read_examples(Path(places.examples))
    text = page(Content.of(plan, places, made_from, figures(plan, places, made_from), examples, without))
    write_text(Path(PAGE), text)
    print(f"{PAGE}: scale {plan.scale}, {len(text.encode()) / 1e6:.1f} MB: open it in a browser")


if __name__ == "__main__":
    script(main)
