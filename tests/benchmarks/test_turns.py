"""Turns, and what is made of their seconds."""

from _turns import beyond, ratio

OURS = {"run": [(6.0, 4.0), (8.0, 4.0), (7.0, 4.0)], "start": [(5.0, 3.0), (5.0, 3.0), (5.0, 3.0)]}
OTHER = {"run": [(9.0, 8.0), (11.0, 8.0), (9.0, 8.0)], "start": [(5.0, 4.0), (5.0, 4.0), (5.0, 4.0)]}


def test_a_start_is_subtracted() -> None:
    assert beyond(OURS, "wall") == [1, 3, 2]
    assert beyond({"run": OURS["run"]}, "cpu") == [4, 4, 4]


def test_neighbouring_turns_are_compared() -> None:
    assert ratio(OTHER, OURS, "wall") == {"median": 2.0, "low": 2.0, "high": 4.0, "with_start": 1.375}
    assert ratio({"run": [(3.0, 1.0)]}, {"run": [(2.0, 1.0)]}, "wall") == {"median": 1.5, "low": 1.5, "high": 1.5}
