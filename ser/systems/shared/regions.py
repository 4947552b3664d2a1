"""Regions of the attribute space: octants, or cells of azimuth and polar angle, around the middle of the scale.

Axes of EmoSphere-SER: x arousal, y valence, z dominance; the origin is the middle of the scale on all three. The
octants are those of its published training, which counts exactly zero as positive. Its label loaders also name grids
of 30, 45, 60 and 180 degrees, and expect 73, 33, 19 and 4 classes. What these classes are is not published. Cells of
azimuth x polar angle and one class for the origin, which has no direction, give 73, 33 and 19; by the same rule 180
degrees give 3, not 4, and why the loader expects 4 is not explained. (Helpers that its training does not call give the
axes the order of its labels: y dominance, z valence.)
"""

import numpy as np

# Signs of (x, y, z), I to VIII.
_OCTANTS = ("+++", "-++", "--+", "+-+", "++-", "-+-", "---", "+--")
_STEPS = {"grid_30": 30, "grid_45": 45, "grid_60": 60, "grid_180": 180}


def n_regions(kind: str) -> int:
    """How many regions there are: 8 `octants`; 73, 33, 19, 3 of `grid_30`, `grid_45`, `grid_60`, `grid_180`."""
    if kind == "octants":
        return len(_OCTANTS)
    return (360 // _STEPS[kind]) * (180 // _STEPS[kind]) + 1


def region_of(kind: str, points: np.ndarray) -> np.ndarray:
    """int64 [n], from 0: the region of each of `points` [n, 3] (x, y, z; the origin is 0 on each axis)."""
    points = np.asarray(points, np.float64)
    return _octants(points) if kind == "octants" else _cells(points, _STEPS[kind])


def _octants(points: np.ndarray) -> np.ndarray:
    negative = (points < 0) @ (4, 2, 1)
    by_signs = np.empty(8, np.int64)
    for number, signs in enumerate(_OCTANTS):
        by_signs[int(signs.replace("+", "0").replace("-", "1"), 2)] = number
    found: np.ndarray = by_signs[negative]
    return found


def _cells(points: np.ndarray, step: int) -> np.ndarray:
    """Cells [k step, (k + 1) step) of azimuth 0..360 within those of the polar angle 0..180; the origin comes last.

    The last polar cell includes the pole; at both poles the azimuth counts as 0.
    """
    x, y, z = (points + 0.0).T  # + 0.0: a negative zero would turn the azimuth by 180 degrees
    across = np.hypot(x, y)
    # Rounded, so that a point on an edge is on the same side of it whatever the last digit of its angle.
    azimuth = np.round(np.degrees(np.arctan2(y, x)), 9) % 360
    polar = np.round(np.degrees(np.arctan2(across, z)), 9)
    rows = np.minimum(polar // step, 180 // step - 1)
    cells = (rows * (360 // step) + azimuth // step).astype(np.int64)
    return np.where((across == 0) & (z == 0), (360 // step) * (180 // step), cells)
