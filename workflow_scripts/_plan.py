"""Shared by the scripts that work on the whole plan, not on one corpus, split or run."""

import argparse
import json

from ser.plan.groups import Plan
from ser.plan.load import load_plan, read_params
from ser.plan.made_from import MadeFrom
from ser.plan.origins import Origins
from ser.plan.places import Places


def planned(parser: argparse.ArgumentParser) -> tuple[argparse.Namespace, Plan, Places, MadeFrom]:
    """The arguments (--params added), the plan, where its files are, and what they are made from.

    Raises InputError as `load_plan` does.
    """
    parser.add_argument("--params", type=json.loads, help="the content of params.yaml as JSON (default: the file's)")
    parser.add_argument("--made-from", default="", help="the digest that the build started with; by hand: anything")
    args = parser.parse_args()
    params = args.params or read_params()
    plan = load_plan(params)
    origins = Origins(params, is_job=not getattr(args, "partial", False))  # by hand: as the recordings are now
    return args, plan, Places.of(plan.scale), MadeFrom(plan, params, origins)
