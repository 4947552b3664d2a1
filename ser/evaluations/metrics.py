"""Metrics: WA, UA and macro-F1 from confusion matrices, CCC from moments. names.py says which of them are reported.

All take leading axes [...], so that a thousand confusion matrices cost one call. All are fractions.
"""

from collections.abc import Sequence

import numpy as np

from ser.evaluations.names import ATTRIBUTE_METRICS, AUXILIARY_METRICS, AVERAGE, CLASS_METRICS, auxiliary_names


def confusion_matrix(targets: np.ndarray, predicted: np.ndarray, n_classes: int) -> np.ndarray:
    """int64 [K, K], rows the reference and columns the prediction, from class indices [n] each."""
    return np.bincount(targets * n_classes + predicted, minlength=n_classes**2).reshape(n_classes, n_classes)


def wa(confusion: np.ndarray) -> np.ndarray:
    """Weighted accuracy of [..., K, K]: the share of utterances that are right; nan without utterances."""
    return _divide(np.trace(confusion, axis1=-2, axis2=-1), confusion.sum(axis=(-2, -1)))


def ua(confusion: np.ndarray) -> np.ndarray:
    """Unweighted accuracy of [..., K, K]: the mean recall over all K classes.

    It is nan where a class has no reference utterances: the mean over the classes that happen to be present is
    another quantity, and not comparable.
    """
    mean: np.ndarray = _recalls(confusion).mean(axis=-1)
    return mean


def macro_f1(confusion: np.ndarray) -> np.ndarray:
    """Mean F1 of [..., K, K] over all K classes; 0 for a class never predicted, nan for one without references."""
    of_class = np.where(confusion.sum(axis=-1) > 0, _f1(confusion), np.nan)
    mean: np.ndarray = of_class.mean(axis=-1)
    return mean


def macro_f1_of_present(confusion: np.ndarray) -> np.ndarray:
    """Mean F1 of [..., K, K] over the classes that are among the references or the predictions; nan without utterances.

    The rule of scikit-learn's `f1_score(average="macro")`, where it is not told the classes: one that is only predicted
    counts 0. Of 32 regions many have no reference in a test part, so that `macro_f1` would not be defined. That the
    region classifier of EmoSphere-SER (Table 3) was scored so is our reading: how it was is not known.
    """
    of_class = _f1(confusion)
    return _divide(np.nansum(of_class, axis=-1), np.isfinite(of_class).sum(axis=-1))


def class_metrics(confusion: np.ndarray) -> dict[str, np.ndarray]:
    """Metric -> its values [...] for confusion matrices [..., K, K]."""
    return {name: OF_CONFUSION[name](confusion) for name in CLASS_METRICS}


def auxiliary_metrics(confusion: np.ndarray, auxiliary: str) -> dict[str, np.ndarray]:
    """`<auxiliary>_<metric>` -> its values [...] for confusion matrices [..., K, K] of what is classified besides."""
    values = [OF_AUXILIARY[metric](confusion) for metric in AUXILIARY_METRICS]
    return dict(zip(auxiliary_names(auxiliary), values, strict=True))


def moments(targets: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """float64 [..., 6]: n and the sums of x, y, x^2, y^2, xy over the last axis of two arrays [..., n].

    Moments of disjoint utterances add up. Subtract one constant from both arrays beforehand, the same for all
    moments that are to be added: CCC does not change, and nothing is lost to cancellation.
    """
    x, y = np.asarray(targets, np.float64), np.asarray(predicted, np.float64)
    sums: np.ndarray = np.stack([np.ones_like(x), x, y, x * x, y * y, x * y], axis=-1).sum(axis=-2)
    return sums


def ccc_of_moments(sums: np.ndarray) -> np.ndarray:
    """Lin's concordance correlation coefficient [...] from moments [..., 6], with population variances.

    0 for constant predictions; nan where targets and predictions are the same constant, and for fewer than two
    utterances, which cannot agree in how they vary.
    """
    n, x, y, xx, yy, xy = np.moveaxis(np.asarray(sums, np.float64), -1, 0)
    # All times n^2, as differences of sums: 2 cov / (var x + var y + (mean x - mean y)^2).
    found = _divide(2 * (n * xy - x * y), (n * xx - x * x) + (n * yy - y * y) + (x - y) ** 2)
    return np.where(n < 2, np.nan, found)


def ccc(targets: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Lin's concordance correlation coefficient over the last axis of two arrays [..., n]."""
    x, y = np.asarray(targets, np.float64), np.asarray(predicted, np.float64)
    centre = x[..., :1]  # a value, not the mean: constants then cancel exactly
    return ccc_of_moments(moments(x - centre, y - centre))


def attribute_metrics(sums: np.ndarray, attributes: Sequence[str]) -> dict[str, np.ndarray]:
    """`<metric>_<attribute>`, and of several attributes `<metric>_average` -> its values [...] for moments
    [..., attributes, 6].
    """
    values: dict[str, np.ndarray] = {}
    for metric in ATTRIBUTE_METRICS:
        found = OF_MOMENTS[metric](sums)
        values |= {f"{metric}_{name}": found[..., i] for i, name in enumerate(attributes)}
        if len(attributes) > 1:
            values[f"{metric}_{AVERAGE}"] = found.mean(axis=-1)
    return values


# The function of each name in names.py.
OF_CONFUSION = {"WA": wa, "UA": ua, "macro_f1": macro_f1}
OF_MOMENTS = {"ccc": ccc_of_moments}
OF_AUXILIARY = {"WA": wa, "macro_f1": macro_f1_of_present}


def _recalls(confusion: np.ndarray) -> np.ndarray:
    return _divide(np.diagonal(confusion, axis1=-2, axis2=-1), confusion.sum(axis=-1))


def _f1(confusion: np.ndarray) -> np.ndarray:
    """[..., K]; nan for a class that is neither among the references nor among the predictions."""
    right = np.diagonal(confusion, axis1=-2, axis2=-1)
    return _divide(2 * right, confusion.sum(axis=-1) + confusion.sum(axis=-2))


def _divide(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """The quotient, nan where the denominator is 0."""
    numerator, denominator = np.asarray(numerator, np.float64), np.asarray(denominator, np.float64)
    quotient = np.full(np.broadcast_shapes(numerator.shape, denominator.shape), np.nan)
    np.divide(numerator, denominator, out=quotient, where=denominator != 0)
    return quotient
