"""Shared by the scripts that work on the whole plan, not on one corpus, split or run."""

import argparse
import json

from ser.plan.groups import Plan
from ser.plan.load import load_plan, read_params
from ser.plan.places import Places


def planned(parser: argparse.ArgumentParser) -> tuple[argparse.Namespace, Plan, Places]:
    """The arguments (--params added), the plan, and where its files are. Raises InputError as `load_plan` does."""
    parser.add_argument("--params", type=json.loads, help="the content of params.yaml as JSON (default: the file's)")
    args = parser.parse_args()
    plan = load_plan(args.params or read_params())
    return args, plan, Places.of(plan.scale)
