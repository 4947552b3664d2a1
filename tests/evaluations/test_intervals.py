"""Intervals over speakers: against scipy, and in the cases where there is none."""

import numpy as np
import pytest
from scipy.stats import bootstrap

from ser.evaluations.intervals import Interval, Sums, mean_over_folds, speaker_intervals
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


@pytest.mark.parametrize("metric", ["WA", "UA"])
def test_pooled_interval_is_scipys_percentile_interval_over_speakers(metric: str) -> None:
    values = confusions(30)
    found = speaker_intervals(class_metrics, [pooled(values)], 30)[metric]
    function = {"WA": wa, "UA": ua}[metric]
    expected = bootstrap(
        (np.arange(30),),
        lambda index, axis: function(values[index].sum(axis=-3)),
        vectorized=True,
        n_resamples=5000,
        method="percentile",
        rng=np.random.default_rng(1),
    ).confidence_interval
    assert found.low == pytest.approx(expected.low, abs=0.005)
    assert found.high == pytest.approx(expected.high, abs=0.005)
    assert expected.high - expected.low > 0.05  # wide enough for the comparison to mean something


def test_fold_mean_interval_of_leave_one_out_is_that_of_the_mean_of_speakers() -> None:
    values = confusions(12)
    found = speaker_intervals(class_metrics, [left_one_out(values)], 12)["UA"]
    expected = bootstrap(
        (ua(values),), np.mean, n_resamples=5000, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    assert found.low == pytest.approx(expected.low, abs=0.006)
    assert found.high == pytest.approx(expected.high, abs=0.006)


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


def test_seeds_are_averaged_within_a_resample() -> None:
    values = confusions(10)
    one = speaker_intervals(class_metrics, [pooled(values)], 10)
    same = speaker_intervals(class_metrics, [pooled(values), pooled(values)], 10)
    assert same["UA"].low == pytest.approx(one["UA"].low, abs=1e-12)
    other = speaker_intervals(class_metrics, [pooled(values), pooled(values[::-1])], 10)["UA"]
    assert other.high - other.low < one["UA"].high - one["UA"].low  # the seeds' speakers average out


def test_the_same_input_gives_the_same_interval_and_fewer_speakers_a_wider_one() -> None:
    values = confusions(40)
    first, again = (speaker_intervals(class_metrics, [pooled(values)], 40)["WA"] for _ in range(2))
    assert first == again
    few = speaker_intervals(class_metrics, [pooled(values[:4])], 4)["WA"]
    assert few.high - few.low > first.high - first.low
    assert first.low < wa(values.sum(axis=0)) < first.high


def test_equal_speakers_leave_no_width() -> None:
    values = np.repeat(confusions(1), 6, axis=0)
    found = speaker_intervals(class_metrics, [pooled(values)], 6)["UA"]
    assert found.low == pytest.approx(found.high) == pytest.approx(ua(values[0]))


@pytest.mark.parametrize("n_speakers", [1, 2])
def test_one_or_two_speakers_have_no_interval(n_speakers: int) -> None:
    found = speaker_intervals(class_metrics, [pooled(confusions(n_speakers))], n_speakers)
    assert found["WA"] == Interval(None, None, f"no interval: {n_speakers} speakers")


def test_a_class_of_one_speaker_has_no_interval_of_ua() -> None:
    values = confusions(6)
    values[1:, 2] = 0  # only the first speaker has the third class
    found = speaker_intervals(class_metrics, [pooled(values)], 6)
    assert found["UA"].low is None
    assert "undefined in" in found["UA"].reason
    assert found["WA"].low is not None


def test_intervals_of_ccc() -> None:
    generator = np.random.default_rng(0)
    each = []
    for _ in range(20):
        x = generator.normal(size=(30, 2))
        y = x + generator.normal(0, generator.uniform(0.2, 2), (30, 2))
        each.append(np.stack([np.ones_like(x), x, y, x * x, y * y, x * y], axis=-1).sum(axis=0))
    values = np.array(each)  # [20, 2, 6]
    found = speaker_intervals(lambda sums: attribute_metrics(sums, ("arousal", "valence")), [pooled(values)], 20)
    whole = attribute_metrics(values.sum(axis=0), ("arousal", "valence"))
    for name in ("ccc_arousal", "ccc_valence"):
        assert found[name].low < whole[name] < found[name].high
        assert 0.01 < found[name].high - found[name].low < 0.6


def test_many_speakers_are_drawn_in_batches_that_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    values = confusions(50)
    whole = speaker_intervals(class_metrics, [pooled(values)], 50)["WA"]
    monkeypatch.setattr("ser.evaluations.intervals._BATCH", 50 * 300)
    assert speaker_intervals(class_metrics, [pooled(values)], 50)["WA"] == whole
