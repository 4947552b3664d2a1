"""What the scripts share that work on all that is planned, and not on one corpus, split or run."""

import argparse
import json
from pathlib import Path

from ser.plan import Plan, load
from ser.validation import read_yaml


def planned(parser: argparse.ArgumentParser) -> tuple[argparse.Namespace, Plan, Path]:
    """The arguments (--params added), the plan, and the folder of its scale. Raises InputError as `ser.plan.load`."""
    parser.add_argument("--params", type=json.loads, help="the content of params.yaml as JSON; left out: the file")
    args = parser.parse_args()
    plan = load(args.params or read_yaml(Path("params.yaml")))
    return args, plan, Path("work") / plan.scale
