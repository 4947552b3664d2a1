"""Shared by the scripts that work on the whole plan, not on one corpus, split or run."""

import argparse
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from _main import be_alone_with
from ser.outputs import write_table
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


def write_result(
    name: str,
    parser: argparse.ArgumentParser,
    columns: Sequence[str],
    lines: Callable[..., Iterable[Mapping[str, Any]]],
    *options: str,
) -> None:
    """The whole of a script that writes one CSV file of results, by the name that it has in `MadeFrom.result`.

    `lines` is called with the plan, its places, what they are made from, and the values of the parser's `options`.
    """
    parser.add_argument("--output", required=True, type=Path)
    args, plan, places, made_from = planned(parser)
    be_alone_with(args.output)
    made_from.check_result(name, args.made_from)
    found = lines(plan, places, made_from, *(getattr(args, option) for option in options))
    write_table(args.output, list(found), columns)
    print(f"{args.output}: scale {plan.scale}")
