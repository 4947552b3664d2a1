"""Exchanges of whole clusters between two rows: against scipy, and over a family."""

import numpy as np
import pytest
from scipy.stats import permutation_test
from scipy.stats import t as student

from ser.evaluations.intervals import Clusters, Sums
from ser.evaluations.metrics import class_metrics, ua, wa
from ser.evaluations.swaps import DRAWN, exchanged, exchanges, p_values, t_p_values


def rows(n_speakers: int, n_rows: int = 2, seed: int = 0) -> np.ndarray:
    """float64 [rows, speakers, 3, 3]: the first row is the worst."""
    generator = np.random.default_rng(seed)
    better = np.linspace(0, 0.25, n_rows)[:, None]
    skill = np.clip(
        generator.uniform(0.3, 0.7, n_speakers) + better + generator.normal(0, 0.08, (n_rows, n_speakers)), 0, 1
    )
    n = generator.integers(10, 30, (n_speakers, 3))
    found = np.zeros((n_rows, n_speakers, 3, 3))
    right = generator.binomial(n, skill[..., None])
    found[..., range(3), range(3)] = right
    found[..., range(3), (1, 2, 0)] = n - right
    return found


def pooled(values: np.ndarray) -> list[Sums]:
    return [Sums(np.arange(len(values)), values)]


def speakers(n: int) -> Clusters:
    return Clusters(np.arange(n), "speaker", False)


@pytest.mark.parametrize(("metric", "function"), [("WA", wa), ("UA", ua)])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_all_exchanges_give_scipys_exact_p(metric: str, function, seed: int) -> None:
    first, second = rows(8, seed=seed)
    found = exchanged(class_metrics, [pooled(first)], [pooled(second)], speakers(8), exchanges(8))[metric]
    places = np.arange(8)

    def statistic(x: np.ndarray, y: np.ndarray, axis: int) -> np.ndarray:
        both = np.concatenate([first, second])  # place i, and 8 + i, are speaker i of either row
        x, y = np.moveaxis(np.stack(np.broadcast_arrays(x, y)), axis, -1).astype(int)
        return np.abs(function(both[x].sum(axis=-3)) - function(both[y].sum(axis=-3)))

    expected = permutation_test(
        (places, places + 8), statistic, vectorized=True, permutation_type="samples", alternative="greater",
        n_resamples=np.inf,
    )  # fmt: skip
    assert abs(found[0]) == pytest.approx(expected.statistic)
    assert p_values({"": found})[""][0] == pytest.approx(expected.pvalue)


def test_the_mean_over_folds_and_seeds_is_exchanged_as_a_whole() -> None:
    first, second = rows(6)
    folds = [np.array([0, 1]), np.array([2, 3]), np.array([4, 5])]
    one, other = ([Sums(fold, values[fold]) for fold in folds] for values in (first, second))
    found = exchanged(class_metrics, [one, one], [other], speakers(6), exchanges(6))["UA"]
    again = exchanged(class_metrics, [one], [other], speakers(6), exchanges(6))["UA"]
    np.testing.assert_allclose(found, again)
    everything = np.flatnonzero(exchanges(6).all(axis=1))
    assert found[everything] == pytest.approx(-found[0])
    by_hand = np.mean([ua(first[fold].sum(axis=0)) - ua(second[fold].sum(axis=0)) for fold in folds])
    assert found[0] == pytest.approx(by_hand)


def test_a_session_is_exchanged_whole() -> None:
    first, second = rows(12)
    sessions = Clusters(np.arange(12) // 2, "session", False)
    found = exchanged(class_metrics, [pooled(first)], [pooled(second)], sessions, exchanges(6))["UA"]
    pairs = [pooled(values.reshape(6, 2, 3, 3).sum(axis=1)) for values in (first, second)]
    np.testing.assert_allclose(found, exchanged(class_metrics, [pairs[0]], [pairs[1]], speakers(6), exchanges(6))["UA"])


def test_of_many_clusters_exchanges_are_drawn_and_none_is_among_them() -> None:
    assert exchanges(12).shape == (4096, 12) and len(np.unique(exchanges(12), axis=0)) == 4096
    drawn = exchanges(13)
    assert drawn.shape == (DRAWN, 13) and not drawn[0].any() and drawn.mean() == pytest.approx(0.5, abs=0.01)
    np.testing.assert_array_equal(drawn, exchanges(13))


def test_rows_that_are_the_same_have_a_p_of_one() -> None:
    values = rows(6)[0]
    found = exchanged(class_metrics, [pooled(values)], [pooled(values)], speakers(6), exchanges(6))
    assert p_values(found) == {"WA": (1, 1), "UA": (1, 1), "macro_f1": (1, 1)}


def test_over_a_family_p_is_that_of_the_largest_difference() -> None:
    first, *others = rows(9, 5)
    swaps = exchanges(9)
    family = {
        str(number): exchanged(class_metrics, [pooled(other)], [pooled(first)], speakers(9), swaps)["UA"]
        for number, other in enumerate(others)
    }
    found = p_values(family)
    assert p_values({"0": family["0"]})["0"] == (found["0"][0], found["0"][0])  # a family of one
    assert all(alone <= together <= min(1, 4 * alone) + 1e-9 for alone, together in found.values())
    # one comparison four times is no more than one
    same = p_values({str(number): family["0"] for number in range(4)})
    assert {together for _, together in same.values()} == {found["0"][0]}


def test_folds_of_other_speakers_are_not_exchanged() -> None:
    first, second = rows(4)
    with pytest.raises(ValueError, match="different speakers"):
        exchanged(class_metrics, [pooled(first)], [[Sums(np.arange(1, 5), second)]], speakers(5), exchanges(5))


def test_p_by_t_alone_and_by_holm_over_the_family() -> None:
    """By hand: the smallest of three counts three times, the next twice, and none less than a smaller one."""
    given = {"a": (2.0, 1.0, 9.0), "b": (-3.0, 1.0, 9.0), "c": (1.9, 1.0, 9.0)}
    alone = {name: 2 * student.sf(abs(difference), 9) for name, (difference, _, _) in given.items()}
    found = t_p_values(given)
    assert {name: p for name, (p, _) in found.items()} == pytest.approx(alone)
    assert found["b"][1] == pytest.approx(3 * alone["b"])
    assert found["a"][1] == pytest.approx(2 * alone["a"]) == found["c"][1] > alone["c"]


def test_degrees_of_freedom_over_the_family() -> None:
    """None has more than the harmonic mean of all; a difference with fewer keeps its own."""
    found = t_p_values({"rough": (2.0, 1.0, 4.0), "fine": (3.0, 1.0, 36.0)})
    shared = 2 / (1 / 4 + 1 / 36)
    assert found["fine"] == pytest.approx((2 * student.sf(3, 36), 2 * 2 * student.sf(3, shared)))
    assert found["rough"] == pytest.approx((2 * student.sf(2, 4),) * 2)


def test_differences_of_rounding_are_none() -> None:
    dust = {"a": np.array([1e-17, -1e-17, 0.0, 1e-17]), "b": np.array([3.0, 1.0, -1.0, -3.0])}
    assert p_values(dust) == {"a": (1, 1), "b": (0.5, 0.5)}
    assert t_p_values({"a": (1e-17, 1e-18, 3.0)}) == {"a": (1, 1)}
