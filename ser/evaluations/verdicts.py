"""Verdicts on claims: whether the paper's number is one that our seeds could have given.

The paper tested on the same speakers, so that they cancel: what is left is the spread over seeds, of our mean and of
the paper's one run. Its prediction interval is the claim ± t · s · √(1 + 1/S) (Hahn and Meeker, Statistical Intervals,
1991, chapter 4), in which s is pooled over the rows of a system under a protocol.
"""

import math
from collections.abc import Sequence

from scipy.special import stdtrit

from ser.evaluations.intervals import LEVEL

MOST_POINTS = 3.0  # a wider interval confirms anything
UNDECIDABLE = "undecidable"


def half_width(spreads: Sequence[tuple[float, int]], n_seeds: int) -> float:
    """h, in the unit of `spreads`: (standard deviation over seeds, number of seeds) of the rows of a system; `n_seeds`
    is the number of the row in question. Infinite if no row has two seeds.
    """
    freedom = sum(n - 1 for _, n in spreads)
    if freedom == 0:
        return math.inf
    variance = sum((n - 1) * std**2 for std, n in spreads) / freedom
    return float(stdtrit(freedom, 0.5 + LEVEL / 2) * math.sqrt(variance * (1 + 1 / n_seeds)))


def verdict(value: float, claim: float, margin: float) -> str:
    """`confirmed`, `below`, `above` (our value is), or `undecidable`; all in points: per cent, or hundredths of CCC."""
    if abs(value - claim) > margin:
        return "below" if value < claim else "above"
    return "confirmed" if abs(value - claim) <= margin <= MOST_POINTS else UNDECIDABLE
