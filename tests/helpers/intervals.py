"""The intervals that textbooks have, for the tests of intervals."""

import numpy as np
from scipy.stats import t as student


def t_interval(values: np.ndarray) -> tuple[float, float]:
    """Of the mean of `values` [n], at 95 %."""
    return _around(float(np.mean(values)), np.var(values, ddof=1) / len(values), len(values) - 1)


def t_interval_with_seeds(values: np.ndarray) -> tuple[float, float]:
    """Of the mean of `values` [seeds, n], where a seed moves all of its n values at once; by Satterthwaite."""
    n_seeds, n = values.shape
    parts = np.var(values.mean(axis=0), ddof=1) / n, np.var(values.mean(axis=1), ddof=1) / n_seeds
    shares = parts[0] ** 2 / (n - 1) + parts[1] ** 2 / (n_seeds - 1)
    return _around(float(values.mean()), sum(parts), sum(parts) ** 2 / shares if shares else n - 1)


def _around(value: float, variance: float, freedom: float) -> tuple[float, float]:
    width = float(student.ppf(0.975, freedom) * np.sqrt(variance))
    return value - width, value + width
