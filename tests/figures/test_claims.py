"""Claims against values: verdicts by shape, per cent and CCC apart, and no figure too long to be read."""

from typing import Any

from ser.figures.claims import MOST, VERDICTS, figures
from ser.plan.groups import Plan

PLAN = Plan("paper", (), {"a": {"title": "Paper A"}, "b": {"title": "Paper B"}}, {})


def line(
    experiment: str, row: str, metric: str, value: str, verdict: str = "confirmed", **changes: str
) -> dict[str, str]:
    found = {"experiment": experiment, "row": row, "metric": metric, "value": value, "verdict": verdict, "claim": "0.5"}
    found |= {"ci_low": "", "ci_high": "", "claim_source": "1: T [code]", "folds": "5 x leave_one_out of speakers"}
    return found | {"run_group": f"{experiment}/{row}/p/clean"} | changes


def points(spec: Any) -> list[tuple[str, float]]:
    return [(row["kind"], row["x"]) for row in spec["data"]["values"] if "kind" in row]


def test_each_verdict_that_occurs_is_in_the_legend_with_a_shape_of_its_own() -> None:
    lines = [line("a", f"r{i}", "UA", str(i), kind.name) for i, kind in enumerate(VERDICTS)]
    (figure,) = figures(PLAN, [*lines, line("a", "none", "UA", "")])
    claim = ("the paper's claim", 0.5)
    assert points(figure.spec) == [p for i, kind in enumerate(VERDICTS) for p in ((kind.name, float(i)), claim)]
    (layer,) = [layer for layer in figure.spec["layer"] if "shape" in layer["encoding"]]
    scale = layer["encoding"]["shape"]["scale"]
    assert scale["domain"] == [*(kind.name for kind in VERDICTS), claim[0]]
    assert len(set(scale["range"])) == len(scale["range"])
    (other,) = figures(PLAN, lines[:1])
    (layer,) = [layer for layer in other.spec["layer"] if "shape" in layer["encoding"]]
    assert layer["encoding"]["shape"]["scale"]["domain"] == ["confirmed", claim[0]]
    assert "subtitle" not in figure.spec["title"] and "Scale paper" in figure.caption


def test_units_have_axes_of_their_own() -> None:
    part = {"folds": "official: test1"}
    lines = [
        line("b", "r", "ccc_arousal", "0.4", **part),
        line("b", "r", "region_WA", "40", **part),
        line("a", "r", "UA", "1"),
    ]
    found = {figure.name: figure for figure in figures(PLAN, lines)}
    assert list(found) == ["claims-b", "claims-b-region_WA", "claims-a"]
    axes = [figure.spec["layer"][1]["encoding"]["x"]["axis"]["title"] for figure in found.values()]
    assert axes == ["ccc_arousal", "region_WA (per cent)", "UA (per cent)"]


def test_of_many_claims_each_metric_has_a_figure() -> None:
    lines = [line("a", f"r{i}", metric, "1") for i in range(MOST // 2 + 1) for metric in ("WA", "UA")]
    found = list(figures(PLAN, lines))
    assert [figure.name for figure in found] == ["claims-a-WA", "claims-a-UA"]
    assert [len(points(figure.spec)) for figure in found] == [2 * (MOST // 2 + 1)] * 2
    assert len(found[0].groups) == MOST // 2 + 1
