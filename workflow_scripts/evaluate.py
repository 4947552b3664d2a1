"""Rule evaluate: from the runs of a group to its numbers over folds and seeds."""

import argparse
import json
from pathlib import Path

from _main import script
from ser.evaluations.evaluate import evaluate
from ser.outputs import write_json
from ser.plan.code import check_code, code_of
from ser.splits.split import read_split


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--split", required=True, type=Path, help="split file (.json)")
    parser.add_argument("--runs", required=True, nargs="+", type=Path, help="run folders, all folds of each seed")
    parser.add_argument("--made-from", default="", help="the digest of all that the evaluation is made from")
    parser.add_argument("--code-version", default="", help="the digest of the code that it is to be made with")
    parser.add_argument("--runs-made-from", type=json.loads, help='of all that runs are made from: {"seed": "digest"}')
    parser.add_argument("--output", required=True, type=Path)
    args = parser.parse_args()

    check_code(code_of("workflow_scripts/evaluate.py"), args.code_version)
    wanted = {int(seed): digest for seed, digest in args.runs_made_from.items()} if args.runs_made_from else None
    evaluation = evaluate(read_split(args.split), args.runs, wanted) | {"made_from": args.made_from}
    write_json(args.output, evaluation)
    for part, aggregations in evaluation["results"].items():
        for aggregation, metrics in aggregations.items():
            print(part, aggregation, *(f"{name} {numbers['value']:.4f}" for name, numbers in metrics.items()))


if __name__ == "__main__":
    script(main)
