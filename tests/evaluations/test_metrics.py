"""Metrics against numbers worked out by hand, against scikit-learn and against audmetric."""

import audmetric
import numpy as np
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix, f1_score

from ser.evaluations import metrics, names

HAND = np.array([[3, 1, 0], [0, 2, 2], [1, 0, 1]])  # recalls 3/4, 2/4, 1/2; 6 of 10 right


def test_by_hand() -> None:
    assert metrics.wa(HAND) == pytest.approx(0.6, abs=1e-15)
    assert metrics.ua(HAND) == pytest.approx((3 / 4 + 2 / 4 + 1 / 2) / 3, abs=1e-15)
    # F1 = 2 tp / (references + predictions): 6/8, 4/7, 2/5
    assert metrics.macro_f1(HAND) == pytest.approx((6 / 8 + 4 / 7 + 2 / 5) / 3, abs=1e-15)


@pytest.mark.parametrize("seed", range(5))
def test_against_scikit_learn(seed: int) -> None:
    generator = np.random.default_rng(seed)
    targets = np.concatenate([np.arange(6), generator.integers(6, size=200)])
    # 5 is never predicted where it is wrong.
    predicted = np.where(generator.random(206) < 0.5, targets, generator.integers(5, size=206))
    confusion = metrics.confusion_matrix(targets, predicted, 6)
    np.testing.assert_array_equal(confusion, confusion_matrix(targets, predicted))
    found = metrics.class_metrics(confusion)
    assert list(found) == ["WA", "UA", "macro_f1"]
    assert found["WA"] == pytest.approx(accuracy_score(targets, predicted), abs=1e-12)
    assert found["UA"] == pytest.approx(balanced_accuracy_score(targets, predicted), abs=1e-12)
    assert found["macro_f1"] == pytest.approx(f1_score(targets, predicted, average="macro"), abs=1e-12)


def test_confusion_has_a_row_for_classes_that_do_not_occur() -> None:
    confusion = metrics.confusion_matrix(np.array([0, 0, 1]), np.array([0, 1, 1]), 4)
    assert confusion.tolist() == [[1, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]


def test_a_class_without_references_leaves_only_wa_defined() -> None:
    confusion = np.array([[3, 1, 0], [0, 4, 0], [0, 0, 0]])
    assert metrics.wa(confusion) == 7 / 8
    assert np.isnan(metrics.ua(confusion))
    assert np.isnan(metrics.macro_f1(confusion))
    predicted = confusion + np.array([[0, 0, 1], [0, 0, 0], [0, 0, 0]])  # predicted, though never right
    assert np.isnan(metrics.macro_f1(predicted))


def test_a_class_never_predicted_counts_as_zero() -> None:
    confusion = np.array([[4, 0], [4, 0]])
    assert metrics.ua(confusion) == 0.5
    assert metrics.macro_f1(confusion) == pytest.approx((2 * 4 / 12 + 0) / 2)


def test_no_utterances_no_metric() -> None:
    assert all(np.isnan(value) for value in metrics.class_metrics(np.zeros((3, 3), int)).values())
    assert np.isnan(metrics.ccc(np.zeros(0), np.zeros(0)))


def test_leading_axes_are_looped_over() -> None:
    stack = np.stack([HAND, HAND.T, 2 * HAND, np.eye(3, dtype=int)]).reshape(2, 2, 3, 3)
    for name, values in metrics.class_metrics(stack).items():
        assert values.shape == (2, 2)
        for i, j in np.ndindex(2, 2):
            assert values[i, j] == metrics.class_metrics(stack[i, j])[name]


def test_ccc_by_hand() -> None:
    # x = 1 2 3, y = 2 2 5: means 2 and 3, population variances 2/3 and 2, covariance 1
    assert metrics.ccc(np.array([1.0, 2, 3]), np.array([2.0, 2, 5])) == pytest.approx(2 / (2 / 3 + 2 + 1), abs=1e-15)


def test_ccc_of_identical_constant_and_opposite() -> None:
    x = np.random.default_rng(0).normal(4, 0.7, 50)
    assert metrics.ccc(x, x) == 1
    assert metrics.ccc(x, np.full(50, 3.3)) == pytest.approx(0, abs=1e-15)
    assert metrics.ccc(x, x.mean() * 2 - x) == pytest.approx(-1, abs=1e-12)
    assert np.isnan(metrics.ccc(np.full(50, 3.3), np.full(50, 3.3)))


def test_ccc_of_one_utterance_or_none_is_undefined() -> None:
    for n in (0, 1):
        assert np.isnan(metrics.ccc_of_moments(metrics.moments(np.full(n, 3.0), np.full(n, 4.0))))
    assert metrics.ccc_of_moments(metrics.moments(np.array([3.0, 4.0]), np.array([4.0, 4.5]))) > 0


@pytest.mark.parametrize("seed", range(200))
def test_ccc_and_ua_against_audmetric(seed: int) -> None:
    generator = np.random.default_rng(seed)
    x, noise = generator.normal(4, generator.uniform(0.1, 2), (2, generator.integers(2, 60)))
    y = generator.uniform(-1, 1.5) * x + generator.uniform(0, 1) * noise
    assert metrics.ccc(x, y) == pytest.approx(audmetric.concordance_cc(x, y), abs=1e-12)
    assert metrics.ccc_of_moments(metrics.moments(x, y)) == pytest.approx(audmetric.concordance_cc(x, y), abs=1e-9)
    targets = np.concatenate([np.arange(4), generator.integers(4, size=len(x))])
    predicted = generator.integers(4, size=len(targets))
    ua = audmetric.unweighted_average_recall(targets, predicted)
    assert metrics.ua(metrics.confusion_matrix(targets, predicted, 4)) == pytest.approx(ua, abs=1e-12)


@pytest.mark.parametrize(
    ("x", "y"),
    [
        ([], []),
        ([3.0], [3.0]),
        ([3.0], [4.0]),
        ([2.0, 2.0], [2.0, 2.0]),
        ([2.0, 2.0], [3.0, 3.0]),
        ([0, 1, 2], [0, 1, 1]),
    ],
)
def test_ccc_is_undefined_where_audmetric_says_so(x: list[float], y: list[float]) -> None:
    expected = audmetric.concordance_cc(x, y)
    for found in (
        metrics.ccc(np.array(x, float), np.array(y, float)),
        metrics.ccc_of_moments(metrics.moments(np.array(x, float), np.array(y, float))),
    ):
        assert found == pytest.approx(expected, abs=1e-15, nan_ok=True)


def test_ccc_is_that_of_its_definition_and_not_of_n_minus_1() -> None:
    x, noise = np.random.default_rng(1).normal(size=(2, 10))
    y = x + noise + 1
    expected = 2 * np.cov(x, y, ddof=0)[0, 1] / (x.var() + y.var() + (x.mean() - y.mean()) ** 2)
    sample = 2 * np.cov(x, y)[0, 1] / (x.var(ddof=1) + y.var(ddof=1) + (x.mean() - y.mean()) ** 2)
    assert metrics.ccc(x, y) == pytest.approx(expected, abs=1e-14)
    assert abs(metrics.ccc(x, y) - sample) > 1e-3


def test_ccc_survives_a_large_mean() -> None:
    x, y = np.random.default_rng(2).normal(size=(2, 500))
    assert metrics.ccc(x + 1e6, y + 1e6) == pytest.approx(metrics.ccc(x, y), abs=1e-8)


def test_moments_of_parts_add_up_to_the_whole() -> None:
    x, y = np.random.default_rng(3).normal(size=(2, 3, 40))  # three attributes
    sums = metrics.moments(x[:, :15], y[:, :15]) + metrics.moments(x[:, 15:], y[:, 15:])
    assert sums.shape == (3, 6)
    np.testing.assert_allclose(metrics.ccc_of_moments(sums), metrics.ccc(x, y), atol=1e-14)
    found = metrics.attribute_metrics(sums, ("arousal", "valence", "dominance"))
    assert found["ccc_valence"] == pytest.approx(metrics.ccc(x[1], y[1]), abs=1e-14)


def test_each_name_has_its_function_and_unit() -> None:
    assert metrics.OF_CONFUSION.keys() == names.CLASS_METRICS.keys()
    assert metrics.OF_MOMENTS.keys() == names.ATTRIBUTE_METRICS.keys()
    assert metrics.OF_AUXILIARY.keys() == names.AUXILIARY_METRICS.keys()
    assert [names.unit_of(name) for name in ("UA", "macro_f1", "region_macro_f1", "region_WA")] == ["per cent"] * 4
    assert (names.unit_of("ccc_valence"), names.unit_of("ccc_average")) == ("coefficient", "coefficient")


def test_macro_f1_of_the_classes_that_occur_by_hand() -> None:
    confusion = np.zeros((5, 5), int)
    confusion[:3, :3] = HAND
    assert metrics.macro_f1_of_present(confusion) == pytest.approx((6 / 8 + 4 / 7 + 2 / 5) / 3, abs=1e-15)
    confusion[0, 4] = 1  # only predicted: it counts 0, and the first class has a reference more
    assert metrics.macro_f1_of_present(confusion) == pytest.approx((6 / 9 + 4 / 7 + 2 / 5 + 0) / 4, abs=1e-15)
    assert np.isnan(metrics.macro_f1_of_present(np.zeros((5, 5))))


@pytest.mark.parametrize("seed", range(5))
def test_macro_f1_with_empty_regions_against_scikit_learn(seed: int) -> None:
    """Of 32 regions a dozen have references and as many predictions, not the same ones; resampled counts are floats."""
    generator = np.random.default_rng(seed)
    targets, predicted = (generator.choice(generator.choice(32, 12, replace=False), 60) for _ in range(2))
    predicted = np.where(generator.random(60) < 0.5, targets, predicted)
    predicted[predicted == targets[0]] = next(other for other in range(32) if other not in targets)
    confusion = metrics.confusion_matrix(targets, predicted, 32).astype(float)
    assert len({*targets} - {*predicted}) and len({*predicted} - {*targets})
    found = metrics.auxiliary_metrics(np.stack([confusion, 3 * confusion]), "region")
    assert list(found) == ["region_WA", "region_macro_f1"]
    assert found["region_WA"] == pytest.approx([accuracy_score(targets, predicted)] * 2, abs=1e-12)
    assert found["region_macro_f1"] == pytest.approx([f1_score(targets, predicted, average="macro")] * 2, abs=1e-12)
    assert np.isnan(metrics.macro_f1(confusion))
