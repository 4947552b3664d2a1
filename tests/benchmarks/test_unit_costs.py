"""The cheapest of the unit costs."""

import pytest

import unit_costs


@pytest.mark.parametrize("name", ["log_mel", "train tf_transformer"])
def test_a_unit_is_measured(name: str) -> None:
    cost = unit_costs.measure(name, repeats=1)
    assert cost["seconds"] > 0 and cost["mib"] > 0
    assert name == "log_mel" or cost["flop"] > 0


def test_the_machine_is_described() -> None:
    assert unit_costs.here()["float32_gflops"] > 0
