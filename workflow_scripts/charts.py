"""Rule charts: results/metrics.json and results/plots, which `dvc metrics` and `dvc plots` read."""

import argparse
from pathlib import Path

from _main import script
from _plan import planned
from ser.outputs import write_json, write_table
from ser.plan.places import CLAIMS, METRICS, PLOTS, TABLE, confusion_chart, curves_chart
from ser.results import charts
from ser.sealed import read_sealed


def main() -> None:
    args, plan, places, made_from = planned(argparse.ArgumentParser(description=__doc__))
    made_from.check_result("charts", args.made_from)
    lines = charts.read_lines(Path(TABLE))
    tables = {CLAIMS: (charts.claims(lines), charts.CLAIM_COLUMNS)}
    for group in plan.headlines:
        evaluation = read_sealed(Path(places.evaluation(group.name)))
        histories = [Path(places.run(group.name, *run), "history.csv") for run in group.runs]
        if rows := charts.confusion(evaluation):
            tables[confusion_chart(group.chart)] = rows, charts.CONFUSION_COLUMNS
        if rows := charts.curve(histories):
            tables[curves_chart(group.chart)] = rows, charts.CURVE_COLUMNS
    for name, (rows, columns) in tables.items():
        write_table(Path(name), rows, columns)
    for path in {*Path(PLOTS).rglob("*.csv")} - {*map(Path, tables)}:  # from a row that is no longer computed
        path.unlink()
    write_json(Path(METRICS), charts.metrics(plan, lines))


if __name__ == "__main__":
    script(main)
