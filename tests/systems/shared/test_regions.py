"""Regions of the attribute space: octants in the published order, cells and their edges."""

import numpy as np
import pytest

from ser.systems.shared.regions import n_regions, region_of

AZIMUTHS, POLARS = np.arange(0, 360, 15.0), np.arange(0, 181, 15.0)


def direction(azimuth: float, polar: float, radius: float = 0.7) -> list[float]:
    phi, theta = np.radians([azimuth, polar])
    return [radius * v for v in (np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta))]


def cell(kind: str, *points: list[float]) -> list[int]:
    return region_of(kind, np.array(points)).tolist()


def test_octants_in_the_published_order():
    signs = [(1, 1, 1), (-1, 1, 1), (-1, -1, 1), (1, -1, 1), (1, 1, -1), (-1, 1, -1), (-1, -1, -1), (1, -1, -1)]
    assert cell("octants", *(np.array(signs) * [0.3, 2, 1e-6]).tolist()) == list(range(8))


def test_zero_counts_as_positive():
    points = [[0, 0, 0], [0, 1, 1], [-1, 0, 1], [-1, -1, 0], [1, -1, -0.0], [0, 0, -1], [0, -1, -1]]
    assert cell("octants", *points) == [0, 0, 1, 2, 3, 4, 7]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("octants", 8),
        ("grid_30", 73),
        ("grid_45", 33),
        ("grid_60", 19),
        ("grid_180", 3),
        ("cells_45", 32),
        ("cells_60", 18),
    ],
)
def test_counts_and_every_region_is_reached(kind, expected):
    directions = [direction(phi + 1, theta + 1) for phi in AZIMUTHS for theta in POLARS[:-1]]
    found = cell(kind, *directions, [0, 0, 0])
    assert n_regions(kind) == expected
    assert sorted(set(found)) == list(range(expected))
    assert found[-1] == (expected - 1 if kind.startswith("grid") else 0)


@pytest.mark.parametrize(("kind", "step"), [("grid_30", 30), ("grid_45", 45), ("grid_60", 60), ("grid_180", 180)])
def test_cells_start_at_their_edge_at_any_radius(kind, step):
    across = 360 // step
    for azimuth in AZIMUTHS:
        for polar in POLARS[1:-1]:
            expected = int(polar // step) * across + int(azimuth // step)
            assert cell(kind, direction(azimuth, polar, 1e-3), direction(azimuth, polar, 1.7)) == [expected, expected]


def test_the_azimuth_wraps_around():
    just_below, zero, pi, minus_pi = [1, -1e-3, 0], [1, 0, 0], [-1, 0.0, 0], [-1, -0.0, 0]
    # the equator is the edge between polar cells 2 and 3 of six; each has 12 azimuths
    assert cell("grid_30", just_below, zero, pi, minus_pi) == [3 * 12 + 11, 3 * 12, 3 * 12 + 6, 3 * 12 + 6]
    assert cell("grid_30", [1, -1e-14, 0]) == [3 * 12]  # nearer to the edge than rounding can tell


def test_poles_and_the_origin():
    poles = [[0, 0, 2], [-0.0, 0, 2], [-0.0, -0.0, 2], [0, 0, -0.1], [-0.0, 0, -0.1]]
    assert cell("grid_45", *poles) == [0, 0, 0, 24, 24]
    assert cell("grid_45", [0, 0, 0], [-0.0, 0, -0.0]) == [32, 32]
    assert cell("cells_45", [0, 0, 0], *poles) == [0, 0, 0, 0, 24, 24]
    assert max(cell("cells_60", *np.random.default_rng(0).normal(size=(2000, 3)))) == 17
