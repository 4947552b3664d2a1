"""Rule evaluate: from the runs of a group to its numbers over folds and seeds."""

import json
from pathlib import Path

from _main import be_alone_with, job_parser, script
from ser.evaluations.evaluate import evaluate
from ser.plan.code import code_digest, code_of
from ser.sealed import Inputs, read_sealed, write_sealed
from ser.splits.split import open_split


def main() -> None:
    parser = job_parser(__doc__)
    parser.add_argument(
        "--splits", required=True, nargs="+", type=Path, help="split files (.json): one, or each seed's"
    )
    parser.add_argument("--runs", required=True, nargs="+", type=Path, help="run folders, all folds of each seed")
    parser.add_argument("--runs-made-from", type=json.loads, help='of all that runs are made from: {"seed": "digest"}')
    parser.add_argument("--output", required=True, type=Path)
    args = parser.parse_args()
    be_alone_with(args.output)

    inputs = Inputs(args.order)
    splits = [open_split(path, inputs) for path in args.splits]
    wanted = {int(seed): digest for seed, digest in args.runs_made_from.items()} if args.runs_made_from else None
    evaluation = evaluate(splits, args.runs, wanted)
    for folder in args.runs:
        facts = read_sealed(folder / "metrics.json")
        inputs.note(folder / "metrics.json", facts["made_from"], facts["seal"])
    provenance = inputs.provenance(code_digest(code_of("workflow_scripts/evaluate.py")))
    write_sealed(args.output, evaluation | provenance.facts)
    for part, aggregations in evaluation["results"].items():
        for aggregation, metrics in aggregations.items():
            print(part, aggregation, *(f"{name} {numbers['value']:.4f}" for name, numbers in metrics.items()))


if __name__ == "__main__":
    script(main)
