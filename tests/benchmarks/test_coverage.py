"""Simulated studies, in short, and that docs/statistics.md has the figures of the long form."""

import json

import pytest

import coverage
from helpers import ROOT


def test_a_few_studies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("_studies.POPULATION", 2000)
    monkeypatch.setattr("_studies.STUDIES_OF_TRUTH", 50)
    monkeypatch.setattr("ser.evaluations.swaps.DRAWN", 200)
    found = coverage.simulate(6)
    rates = [of[name] for of in found["coverage"] for name in ("interval", "bootstrap")]
    assert len(rates) == 26 and all(0 <= rate <= 1 for rate in rates)
    assert [(of["speakers"], of["comparisons"]) for of in found["tests"]] == [(10, 7), (10, 28), (24, 7), (60, 7)]
    assert all(sum(of[claim].values()) == pytest.approx(1) for of in found["verdicts"] for claim in coverage.CLAIMS)
    tables = coverage.tables(json.loads(json.dumps(found)))
    assert {name: len(lines) - 2 for name, lines in tables.items()} == {
        "coverage": 13,
        "tests": 4,
        "power": 4,
        "verdicts": 8,
    }
    with pytest.raises(ValueError, match="0 places for the table coverage"):
        coverage.filled("no table", found)


def test_the_document_has_the_figures_of_the_results() -> None:
    found = json.loads((ROOT / "benchmarks/results/coverage.json").read_text())
    document = (ROOT / "docs/statistics.md").read_text()
    assert coverage.filled(document, found) == document
    assert found["studies"] >= 1000
    rates = {of["situation"]: of["interval"] for of in found["coverage"]}
    few_seeds = ("1 seed:", "2 seeds:")  # the document says why these are lower
    assert all(0.93 <= rate <= 0.97 for title, rate in rates.items() if not any(n in title for n in few_seeds)), rates
    for of in found["tests"]:
        most = 0.05 + 2 * 0.007 if of["seeds"] == 1 else 0.08  # its own error in 1,000 studies; t: as the document says
        assert 0.03 <= of["alone"] <= 0.07 and of["family"] <= most, of
