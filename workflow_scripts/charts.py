"""Rule report: results/metrics.json and results/plots, which `dvc metrics` and `dvc plots` read."""

import argparse
import json
from pathlib import Path

from _main import run
from _plan import planned
from ser import report
from ser.outputs import write_json, write_table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", type=Path, default=Path("results/table.csv"))
    parser.add_argument("--output-dir", type=Path, default=Path("results"))
    args, plan, work = planned(parser)

    plots = args.output_dir / "plots"
    lines = report.read_lines(args.table)
    written = {plots / "claims.csv"}
    write_table(plots / "claims.csv", report.claims(lines), report.CLAIM_COLUMNS)
    for group in report.headlines(plan):
        evaluation = json.loads((work / group.evaluation).read_text(encoding="utf-8"))
        histories = [work / folder / "history.csv" for folder in group.runs.values()]
        for kind, columns, rows in (
            ("confusion", report.CONFUSION_COLUMNS, report.confusion(evaluation)),
            ("curves", report.CURVE_COLUMNS, report.curve(histories)),
        ):
            path = plots / kind / report.plot_name(group)
            if rows:
                write_table(path, rows, columns)
                written.add(path)
    for path in set(plots.rglob("*.csv")) - written:  # of a row that is no longer computed
        path.unlink()
    write_json(args.output_dir / "metrics.json", report.metrics(plan, lines))


if __name__ == "__main__":
    run(main)
