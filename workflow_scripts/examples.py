"""Rule examples: what networks attend to in utterances that anyone may hear, for the report's page."""

from pathlib import Path

from _main import be_alone_with, job_parser, script
from _plan import planned
from ser.plan.load import read_params
from ser.plan.project import Project
from ser.report.example import write_examples
from ser.report.examples import examples
from ser.sealed import Inputs


def main() -> None:
    parser = job_parser(__doc__)
    parser.add_argument("--output", required=True, type=Path)
    args, plan, _, made_from = planned(parser)
    be_alone_with(args.output)
    inputs = Inputs(args.order)
    found, without = examples(Project(args.params or read_params(), plan), inputs)
    write_examples(args.output, found, without, inputs.provenance(made_from.examples().code_version))
    print(f"{args.output}: {len(found)} examples")
    for system, reason in without.items():
        print(f"{system}: none: {reason}")


if __name__ == "__main__":
    script(main)
