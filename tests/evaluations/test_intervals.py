"""Intervals over clusters: against scipy and formulas, and in the cases where there is none."""

import numpy as np
import pytest
from scipy.stats import t as student

from helpers.intervals import t_interval, t_interval_with_seeds
from ser.evaluations.intervals import Clusters, Interval, Sums, intervals, mean_over_folds
from ser.evaluations.metrics import attribute_metrics, class_metrics, ua, wa


def confusions(n_speakers: int, seed: int = 0) -> np.ndarray:
    """float64 [speakers, 3, 3]: speakers that differ in how many utterances they have and how many are right."""
    generator = np.random.default_rng(seed)
    skill = generator.uniform(0.3, 0.9, n_speakers)
    each = [
        generator.multinomial(n, [p if row == column else (1 - p) / 2 for column in range(3)])
        for p, n in zip(skill, generator.integers(10, 40, n_speakers), strict=True)
        for row in range(3)
    ]
    return np.array(each, float).reshape(n_speakers, 3, 3)


def pooled(values: np.ndarray) -> list[Sums]:
    return [Sums(np.arange(len(values)), values)]


def left_one_out(values: np.ndarray) -> list[Sums]:
    return [Sums(np.array([speaker]), values[[speaker]]) for speaker in range(len(values))]


def speakers(n: int, is_crossed: bool = False) -> Clusters:
    return Clusters(np.arange(n), "speaker", is_crossed)


def limits(interval: Interval) -> tuple[float | None, float | None]:
    return interval.low, interval.high


def test_of_a_mean_over_speakers_it_is_the_t_interval() -> None:
    values = confusions(12)
    found = intervals(class_metrics, [left_one_out(values)], speakers(12))["UA"]
    assert limits(found) == pytest.approx(t_interval(ua(values)))
    assert (found.method, found.n_clusters, found.freedom) == ("jackknife over speakers", 12, 11)


@pytest.mark.parametrize("metric", ["WA", "UA", "macro_f1"])
def test_pooled_it_leaves_out_each_speaker_in_turn(metric: str) -> None:
    values = confusions(9)
    whole, without = (class_metrics(sums)[metric] for sums in (values.sum(axis=0), values.sum(axis=0) - values))
    width = student.ppf(0.975, 8) * np.sqrt(8 / 9 * np.sum((without - without.mean()) ** 2))
    found = intervals(class_metrics, [pooled(values)], speakers(9))[metric]
    assert limits(found) == pytest.approx((whole - width, whole + width))


def test_the_speakers_of_a_session_are_left_out_together() -> None:
    values = confusions(10)
    pairs = values.reshape(5, 2, 3, 3).sum(axis=1)
    sessions = Clusters(np.arange(10) // 2, "session", False)
    found = intervals(class_metrics, [pooled(values)], sessions)["UA"]
    assert limits(found) == pytest.approx(limits(intervals(class_metrics, [pooled(pairs)], speakers(5))["UA"]))
    assert (found.method, found.n_clusters, found.freedom) == ("jackknife over sessions", 5, 4)


def test_seeds_whose_models_test_several_speakers_add_their_variance_and_freedom() -> None:
    seeds = [left_one_out(confusions(8, seed)) for seed in (1, 2, 3)]
    scores = np.array([[float(ua(fold.values[0])) for fold in folds] for folds in seeds])  # [seeds, speakers]
    found = intervals(class_metrics, seeds, speakers(8, is_crossed=True))["UA"]
    assert limits(found) == pytest.approx(t_interval_with_seeds(scores))
    assert (found.method, found.n_clusters) == ("jackknife over speakers and seeds", 8)
    assert 2 < found.freedom < 9
    one = intervals(class_metrics, seeds[:1], speakers(8, is_crossed=True))["UA"]
    assert one == intervals(class_metrics, seeds[:1], speakers(8))["UA"]  # nothing is known of other seeds


def test_a_difference_cancels_what_the_sides_have_in_common() -> None:
    values = confusions(10)
    better = values.copy()
    better[:, 0, 0] += 1
    found = intervals(class_metrics, [left_one_out(better)], speakers(10), minus=[left_one_out(values)])["UA"]
    assert limits(found) == pytest.approx(t_interval(ua(better) - ua(values)))
    same = intervals(class_metrics, [left_one_out(values)], speakers(10), minus=[left_one_out(values)])["UA"]
    assert limits(same) == (0, 0)
    # one run of a row without randomness against two seeds of another
    mixed = intervals(
        class_metrics, [left_one_out(better)] * 2, speakers(10, is_crossed=True), minus=[left_one_out(values)]
    )["UA"]
    assert limits(mixed) == pytest.approx(limits(found))


def test_weights_of_one_give_the_plain_mean_over_folds() -> None:
    values = confusions(5)
    folds = [Sums(np.array([0, 1, 2]), values[:3]), Sums(np.array([3, 4]), values[3:])]
    found = mean_over_folds(class_metrics, folds, np.ones((1, 5)))
    assert found["UA"][0] == pytest.approx((ua(values[:3].sum(axis=0)) + ua(values[3:].sum(axis=0))) / 2)
    merged = Sums.merged(folds)
    np.testing.assert_array_equal(merged.values, values)
    assert mean_over_folds(class_metrics, [merged], np.ones((1, 5)))["WA"][0] == pytest.approx(wa(values.sum(axis=0)))


def test_weights_count_speakers_and_folds() -> None:
    values = confusions(3)
    weights = np.array([[2.0, 0, 1]])
    by_hand = (2 * ua(values[0]) + ua(values[2])) / 3
    assert mean_over_folds(class_metrics, left_one_out(values), weights)["UA"][0] == pytest.approx(by_hand)
    uneven = [Sums(np.array([0, 1]), values[:2]), Sums(np.array([2]), values[2:])]
    by_hand = (0.5 * ua(values[1]) + ua(values[2])) / 1.5  # one of two speakers drawn: half a fold
    found = mean_over_folds(class_metrics, uneven, np.array([[0.0, 1, 1]]))
    assert found["UA"][0] == pytest.approx(by_hand)
    found = mean_over_folds(class_metrics, pooled(values), weights)
    assert found["UA"][0] == pytest.approx(ua(2 * values[0] + values[2]))


def test_merged_adds_up_a_speaker_of_several_folds() -> None:
    values = confusions(3)
    merged = Sums.merged([Sums(np.array([0, 2]), values[[0, 2]]), Sums(np.array([1, 2]), values[[1, 2]])])
    assert merged.speakers.tolist() == [0, 1, 2]
    np.testing.assert_array_equal(merged.values, [values[0], values[1], 2 * values[2]])


def test_seeds_are_averaged_before_speakers_are_left_out() -> None:
    values = confusions(10)
    one = intervals(class_metrics, [pooled(values)], speakers(10))
    same = intervals(class_metrics, [pooled(values), pooled(values)], speakers(10))
    assert limits(same["UA"]) == pytest.approx(limits(one["UA"]))
    other = intervals(class_metrics, [pooled(values), pooled(values[::-1])], speakers(10))["UA"]
    assert other.high - other.low < one["UA"].high - one["UA"].low  # the seeds' speakers average out


def test_fewer_speakers_have_a_wider_one() -> None:
    values = confusions(40)
    many = intervals(class_metrics, [pooled(values)], speakers(40))["WA"]
    few = intervals(class_metrics, [pooled(values[:4])], speakers(4))["WA"]
    assert few.high - few.low > many.high - many.low
    assert many.low < wa(values.sum(axis=0)) < many.high


def test_limits_are_values_that_the_metric_can_take_but_for_differences() -> None:
    values = confusions(4)
    values[0] = np.eye(3) * 20
    values[1:] = np.eye(3) * [[[1], [20], [20]]] + 0.1
    found = intervals(class_metrics, [left_one_out(values)], speakers(4))["UA"]
    assert found.high == 1 and t_interval(ua(values))[1] > 1
    worst = np.roll(np.eye(3), 1, axis=0) * np.ones((4, 1, 1))
    gap = intervals(class_metrics, [left_one_out(values)], speakers(4), minus=[left_one_out(worst)])["UA"]
    assert gap.high == pytest.approx(t_interval(ua(values))[1])


def test_equal_speakers_leave_no_width() -> None:
    values = np.repeat(confusions(1), 6, axis=0)
    found = intervals(class_metrics, [pooled(values)], speakers(6))["UA"]
    assert found.low == pytest.approx(found.high) == pytest.approx(ua(values[0]))


@pytest.mark.parametrize("n_speakers", [1, 2])
def test_one_or_two_speakers_have_no_interval(n_speakers: int) -> None:
    found = intervals(class_metrics, [pooled(confusions(n_speakers))], speakers(n_speakers))
    assert found["WA"] == Interval(n_clusters=n_speakers, reason=f"no interval: {n_speakers} speakers")


def test_a_class_of_one_speaker_has_no_interval_of_ua() -> None:
    values = confusions(6)
    values[1:, 2] = 0  # only the first speaker has the third class
    found = intervals(class_metrics, [pooled(values)], speakers(6))
    assert limits(found["UA"]) == (None, None)
    assert found["UA"].reason == "no interval: UA is undefined without one of the 6 speakers"
    assert found["WA"].low is not None
    named = intervals(class_metrics, [pooled(values)], speakers(6), labels=("angry", "calm", "sad"))
    assert named["UA"].reason == "no interval: UA is undefined without one of the 6 speakers: only one has sad"


def test_a_class_of_one_speaker_of_a_fold_is_named_with_the_fold() -> None:
    values = confusions(6)
    values[1:3, 2] = 0  # in the first fold only its first speaker has the third class
    values[3:5, 0] = 0  # in the second only its last has the first
    folds = [Sums(np.arange(3), values[:3]), Sums(np.arange(3, 6), values[3:])]
    found = intervals(class_metrics, [folds], speakers(6), labels=("angry", "calm", "sad"))
    alone = "only one has sad in fold 1; angry in fold 2"
    assert found["UA"].reason == f"no interval: UA is undefined without one of the 6 speakers: {alone}"


def test_intervals_of_ccc() -> None:
    generator = np.random.default_rng(0)
    each = []
    for _ in range(20):
        x = generator.normal(size=(30, 2))
        y = x + generator.normal(0, generator.uniform(0.2, 2), (30, 2))
        each.append(np.stack([np.ones_like(x), x, y, x * x, y * y, x * y], axis=-1).sum(axis=0))
    values = np.array(each)  # [20, 2, 6]
    found = intervals(lambda sums: attribute_metrics(sums, ("arousal", "valence")), [pooled(values)], speakers(20))
    whole = attribute_metrics(values.sum(axis=0), ("arousal", "valence"))
    for name in ("ccc_arousal", "ccc_valence"):
        assert found[name].low < whole[name] < found[name].high
        assert 0.01 < found[name].high - found[name].low < 0.6


def test_many_speakers_are_left_out_in_batches_that_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    values = confusions(50)
    whole = intervals(class_metrics, [pooled(values)], speakers(50))["WA"]
    monkeypatch.setattr("ser.evaluations.intervals._BATCH", 50 * 7)
    assert intervals(class_metrics, [pooled(values)], speakers(50))["WA"] == whole
