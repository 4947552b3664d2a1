"""Rule charts: results/metrics and results/plots, which `dvc metrics` and `dvc plots` read."""

import argparse
from pathlib import Path

from _main import be_alone_with, script
from _plan import planned
from ser.outputs import write_json, write_table
from ser.plan.places import CLAIMS, METRICS, PLOTS, TABLE
from ser.results import charts
from ser.results.lines import read_lines


def main() -> None:
    args, plan, places, made_from = planned(argparse.ArgumentParser(description=__doc__))
    be_alone_with(CLAIMS)
    made_from.check_result("charts", args.made_from)
    lines = read_lines(Path(TABLE))
    tables = charts.chart_files(plan, places, lines)
    for name, (rows, columns) in tables.items():
        write_table(Path(name), rows, columns)
    metrics = charts.metrics_files(plan, lines)
    for name, values in metrics.items():
        write_json(Path(name), values)
    there = {*Path(PLOTS).rglob("*.csv"), *Path(METRICS).rglob("*.json")}
    for path in there - {*map(Path, [*tables, *metrics])}:  # from a row that is no longer computed
        path.unlink()


if __name__ == "__main__":
    script(main)
