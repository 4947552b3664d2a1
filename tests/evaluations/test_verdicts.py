"""Verdicts: the prediction interval against its formula, and every outcome."""

import math

import pytest
from scipy.stats import t as student

from ser.evaluations.verdicts import half_width, verdict


def test_the_margin_is_that_of_our_mean_and_one_more_run() -> None:
    found = half_width([(0.01, 5)], 5)
    assert found == pytest.approx(student.ppf(0.975, 4) * 0.01 * math.sqrt(1 + 1 / 5))


def test_the_spread_is_pooled_over_rows_by_their_degrees_of_freedom() -> None:
    pooled = math.sqrt((4 * 0.01**2 + 2 * 0.03**2) / 6)
    assert half_width([(0.01, 5), (0.03, 3)], 5) == pytest.approx(student.ppf(0.975, 6) * pooled * math.sqrt(1.2))
    assert half_width([], 1) == math.inf


@pytest.mark.parametrize(
    ("value", "claim", "margin", "said"),
    [
        (70.0, 71.0, 1.5, "confirmed"),
        (70.0, 71.5, 1.5, "confirmed"),
        (70.0, 72.0, 1.5, "below"),
        (70.0, 68.0, 1.5, "above"),
        (70.0, 71.0, 3.5, "undecidable"),
        (70.0, 80.0, 3.5, "below"),
        (70.0, 80.0, math.inf, "undecidable"),
    ],
)
def test_each_verdict(value: float, claim: float, margin: float, said: str) -> None:
    assert verdict(value, claim, margin) == said
