"""Verdicts over several rows: whose seeds are pooled, and what keeps a claim from being decided."""

from typing import Any

import pytest
from scipy.stats import t as student

from helpers.builders import group_of, protocol
from helpers.split_cases import NO_DEV, RANDOM
from ser.plan.groups import Group, Plan
from ser.results.verdicts import Verdicts

CLAIM: dict[str, Any] = {"value": 60.0, "selection": "clean", "aggregation": "pooled"}
UA = ("", "UA", "pooled")


def group(row: str, **changes: Any) -> Group:
    return group_of(protocol(**changes.pop("made", {})), row=row, seeds=(1, 2, 3), **changes)


def evaluation(of: Group, std: float | None, n_seeds: int = 3, **changes: Any) -> dict[str, Any]:
    number = {"value": 0.6, "seed_std": std, "n_seeds": n_seeds, "n_folds": of.protocol.n_folds} | changes
    return {"results": {"": {"pooled": {"UA": number}}}}


def said(*evaluated: tuple[Group, dict[str, Any]], status: str = "ok") -> tuple[dict[str, str], str]:
    """Of the first group."""
    of = evaluated[0][0]
    experiment = {"protocols": {of.protocol_name: {"source": "paper"}}}
    plan = Plan("paper", tuple(found for found, _ in evaluated), {of.experiment: experiment}, {})
    number = evaluated[0][1]["results"][""]["pooled"]["UA"]
    return Verdicts(plan, evaluated).columns(of, UA, CLAIM, number, status)


def margin(std: float, freedom: int, n_seeds: int = 3) -> str:
    return f"{100 * student.ppf(0.975, freedom) * std * (1 + 1 / n_seeds) ** 0.5:.2f}"


def test_the_rows_of_one_system_under_one_protocol_are_pooled() -> None:
    first, second = group("first"), group("second")
    alone = said((first, evaluation(first, 0.01)))
    assert alone[0]["margin"] == margin(0.01, 2)
    both = said((first, evaluation(first, 0.01)), (second, evaluation(second, 0.002)))
    assert both[0] == {"verdict": "confirmed", "margin": margin(((0.01**2 + 0.002**2) / 2) ** 0.5, 4)}


@pytest.mark.parametrize(
    ("other", "numbers"),
    [
        (group("other", system="another"), {"std": 0.5}),
        (group("other", protocol_name="q"), {"std": 0.5}),
        (group("other", selection="last_epoch"), {"std": 0.5}),
        (group("other"), {"std": None, "n_seeds": 1}),
        (group("other"), {"std": float("nan")}),
        (group("other"), {"std": 0.5, "n_folds": 1}),
    ],
    ids=["system", "protocol", "selection", "one seed", "undefined", "some folds"],
)
def test_other_rows_are_not(other: Group, numbers: dict[str, Any]) -> None:
    first = group("first")
    found = said((first, evaluation(first, 0.01)), (other, evaluation(other, **numbers)))
    assert found[0]["margin"] == margin(0.01, 2)


@pytest.mark.parametrize(
    ("of", "numbers", "status", "doubt"),
    [
        (group("a"), {"std": None, "n_seeds": 1}, "ok", "one seed"),
        (group("a"), {"std": 0.01}, "partial", "not all folds, seeds and recordings"),
        (group("a"), {"std": 0.01, "value": float("nan")}, "ok", "the metric is undefined"),
        (
            group("a", made=RANDOM | NO_DEV, selection="last_epoch"),
            {"std": 0.01},
            "ok",
            "the paper's random folds unknown",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_doubt_leaves_a_claim_undecided(of: Group, numbers: dict[str, Any], status: str, doubt: str) -> None:
    """Another row of the system has a spread, so that there is a margin."""
    found = said((of, evaluation(of, **numbers)), (of, evaluation(of, 0.01)), status=status)
    assert found == ({"verdict": "undecidable"}, f"undecidable: {doubt}")
