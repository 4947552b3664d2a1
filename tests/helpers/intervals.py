"""The interval that textbooks have, for the tests of intervals."""

import numpy as np
from scipy.stats import t as student


def t_interval(values: np.ndarray) -> tuple[float, float]:
    """Of the mean of `values` [n], at 95 %."""
    width = student.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values))
    return float(np.mean(values) - width), float(np.mean(values) + width)
