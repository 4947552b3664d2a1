"""What a user should know of their own corpora: before a build what it will not read, after it what it left out."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ser.errors import InputError, listed
from ser.plan.groups import Plan
from ser.plan.places import Places
from ser.sealed import read_sealed
from ser.splits.left_out import left_out_emotions


def unread_corpora(plan: Plan, params: Mapping[str, Any]) -> Iterator[str]:
    """A line for each corpus that params.yaml names and that no run of the plan reads."""
    for name in params["corpora"]:
        groups = [group for group in plan.groups if group.corpus == name]
        reasons = list(dict.fromkeys(group.skipped for group in groups))
        if "" in reasons:
            continue
        if plan.scale == "demo":
            reasons = ["scale demo has synthetic corpora only: set scale: free"]
        none = "no planned row has a protocol of it: name the rows under `experiments`, the protocol under `protocols`"
        yield f"params.yaml: corpora.{name} is not read: {listed(reasons, 3) or none}"


def left_out(plan: Plan, params: Mapping[str, Any], places: Places) -> Iterator[str]:
    """A line for each protocol of a corpus with a manifest of the user's own, if emotions of it are in no class.

    A released corpus has its own words, of which a protocol chooses on purpose; these may be misspelt.
    """
    seen = set()
    for group in plan.live:
        name = f"{group.experiment}/{group.protocol_name}"
        split = Path(places.split(next(iter(group.splits))))
        if name in seen or "manifest" not in params["corpora"].get(group.corpus, {}) or not split.is_file():
            continue
        seen.add(name)
        with suppress(InputError):  # who reads it will say so
            yield from (f"{name}: {note}" for note in left_out_emotions(read_sealed(split)["left_out"]))
