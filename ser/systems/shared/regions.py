"""Regions of the attribute space: octants, or cells of azimuth and polar angle, around the middle of the scale.

Axes of EmoSphere-SER: x arousal, y valence, z dominance; the origin is the middle of the scale on all three. The
octants are those of its published training, which counts exactly zero as positive: the paper's 8 regions of 90 degrees.
The paper also has 18 and 32 regions, all cells of 60 and 45 degrees (`cells`). The code's label loaders name grids of
30, 45, 60 and 180 degrees, and expect 73, 33, 19 and 4 classes (`grid`). What these classes are is not published. Cells
and one class for the origin, which has no direction, give 73, 33 and 19; by the same rule 180 degrees give 3, not 4,
and why the loader expects 4 is not explained. (Helpers that its training does not call give the axes the order of its
labels: y dominance, z valence; and the origin the angles 0, as `cells` do.)
"""

import numpy as np

# Signs of (x, y, z), I to VIII.
_OCTANTS = ("+++", "-++", "--+", "+-+", "++-", "-+-", "---", "+--")


def n_regions(kind: str) -> int:
    """How many regions there are: 8 `octants`; 73, 33, 19, 3 of `grid_30`, `grid_45`, `grid_60`, `grid_180`; 32 and 18
    of `cells_45` and `cells_60`.
    """
    if kind == "octants":
        return len(_OCTANTS)
    step, origin_is_apart = _grid(kind)
    return (360 // step) * (180 // step) + origin_is_apart


def region_of(kind: str, points: np.ndarray) -> np.ndarray:
    """int64 [n], from 0: the region of each of `points` [n, 3] (x, y, z; the origin is 0 on each axis)."""
    points = np.asarray(points, np.float64)
    if kind == "octants":
        return _octants(points)
    return _cells(points, *_grid(kind))


def _grid(kind: str) -> tuple[int, bool]:
    """The step of a `grid` or of `cells` in degrees, and whether the origin has a class of its own."""
    name, _, step = kind.partition("_")
    return int(step), name == "grid"


def _octants(points: np.ndarray) -> np.ndarray:
    negative = (points < 0) @ (4, 2, 1)
    by_signs = np.empty(8, np.int64)
    for number, signs in enumerate(_OCTANTS):
        by_signs[int(signs.replace("+", "0").replace("-", "1"), 2)] = number
    found: np.ndarray = by_signs[negative]
    return found


def _cells(points: np.ndarray, step: int, origin_is_apart: bool) -> np.ndarray:
    """Cells [k step, (k + 1) step) of azimuth 0..360 within those of the polar angle 0..180, then perhaps the origin.

    The last polar cell includes the pole; at both poles the azimuth counts as 0.
    """
    x, y, z = (points + 0.0).T  # + 0.0: a negative zero would turn the azimuth by 180 degrees
    across = np.hypot(x, y)
    # Rounded, so that a point on an edge is on the same side of it whatever the last digit of its angle.
    azimuth = np.round(np.degrees(np.arctan2(y, x)), 9) % 360
    polar = np.round(np.degrees(np.arctan2(across, z)), 9)
    rows = np.minimum(polar // step, 180 // step - 1)
    cells = (rows * (360 // step) + azimuth // step).astype(np.int64)
    is_origin = (across == 0) & (z == 0)
    return np.where(is_origin, (360 // step) * (180 // step) if origin_is_apart else 0, cells)
