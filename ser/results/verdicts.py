"""The verdict on each claim: what the table says of it, or why it says nothing (evaluations/verdicts.py)."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ser.evaluations.names import rounded, unit_of
from ser.evaluations.verdicts import MOST_POINTS, UNDECIDABLE, half_width, verdict
from ser.plan.claims import Claim
from ser.plan.groups import Group, Plan

NOT_COMPARABLE = "not comparable"
Number = tuple[str, str, str]  # part, metric, aggregation


class Verdicts:
    """Of the claims of a plan; `evaluated` are its groups with their evaluations."""

    def __init__(self, plan: Plan, evaluated: Iterable[tuple[Group, Mapping[str, Any]]]) -> None:
        self._plan = plan
        self._spreads: dict[Any, list[tuple[float, int]]] = defaultdict(list)  # of the rows that are pooled
        for group, evaluation in evaluated:
            for number, found in _numbers(evaluation):
                is_whole = found["n_folds"] == group.protocol.n_folds
                if is_whole and found["seed_std"] is not None and math.isfinite(found["seed_std"]):
                    self._spreads[_pool(group, number)].append((found["seed_std"], found["n_seeds"]))

    def columns(
        self, group: Group, number: Number, claim: Claim, found: Mapping[str, Any], status: str
    ) -> tuple[dict[str, str], str]:
        """The table's columns `verdict` and `margin`, and what its note says of them; `found` is the number, if any."""
        if self._plan.scale != "paper":
            return {"verdict": NOT_COMPARABLE}, f"not comparable with the claim: scale {self._plan.scale}"
        if not found:
            return {"verdict": UNDECIDABLE}, ""  # the line says why it is not computed
        margin = half_width(self._spreads.get(_pool(group, number), []), found["n_seeds"])
        doubts = list(self._doubts(group, found, status))
        if doubts or "unknown" in (claim["selection"], claim["aggregation"]):  # the table's note says so
            return {"verdict": UNDECIDABLE}, f"undecidable: {', '.join(doubts)}" if doubts else ""
        points = float(claim["value"]) * (1 if unit_of(number[1]) == "per cent" else 100)
        said = verdict(100 * found["value"], points, 100 * margin)
        note = f"undecidable: the margin is wider than {MOST_POINTS:g} points" if said == UNDECIDABLE else ""
        return {"verdict": said, "margin": rounded(margin, number[1])}, note

    def _doubts(self, group: Group, found: Mapping[str, Any], status: str) -> Iterator[str]:
        """Why nothing can be said, whatever the numbers are."""
        if self._plan.experiments[group.experiment]["protocols"][group.protocol_name]["source"] == "chosen":
            yield "the paper's protocol unknown"
        if group.protocol.folds.kind in ("random", "random_k_fold"):
            yield "the paper's random folds unknown"
        if found["value"] is None or math.isnan(found["value"]):
            yield "the metric is undefined"
        if found["n_seeds"] < 2:
            yield "one seed"
        if status != "ok":
            yield "not all folds, seeds and recordings"


def _numbers(evaluation: Mapping[str, Any]) -> Iterator[tuple[Number, Mapping[str, Any]]]:
    for part, aggregations in evaluation.get("results", {}).items():
        for aggregation, metrics in aggregations.items():
            for metric, found in metrics.items():
                yield (part, metric, aggregation), found


def _pool(group: Group, number: Number) -> tuple[str, ...]:
    """The rows of a system under a protocol: their seeds are taken to differ alike."""
    return group.experiment, group.system, group.protocol_name, group.selection, *number
