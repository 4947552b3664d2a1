"""Rule report: results/metrics.json and results/plots, which `dvc metrics` and `dvc plots` read."""

import argparse
import json
from pathlib import Path

from _main import run
from ser import report
from ser.outputs import write_json, write_table
from ser.plan import load
from ser.validation import read_yaml


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--params", type=json.loads, help="the content of params.yaml as JSON; left out: the file")
    parser.add_argument("--table", type=Path, default=Path("results/table.csv"))
    parser.add_argument("--output-dir", type=Path, default=Path("results"))
    args = parser.parse_args()

    plan = load(args.params or read_yaml(Path("params.yaml")))
    work, plots = Path("work") / plan.scale, args.output_dir / "plots"
    lines = report.read_lines(args.table)
    written = {plots / "claims.csv"}
    write_table(plots / "claims.csv", report.claims(lines), report.CLAIM_COLUMNS)
    for group in report.headlines(plan):
        evaluation = report.read_evaluation(work / "evaluations" / f"{group.name}.json")
        histories = [
            work / "runs" / group.name / f"seed{seed}" / f"fold{fold}" / "history.csv"
            for seed in group.seeds
            for fold in range(1, group.protocol.n_folds + 1)
        ]
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
