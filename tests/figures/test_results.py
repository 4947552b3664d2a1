"""Figures: exactly the data of a small built project, valid for Vega-Lite, and readable without the colours."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import pytest
import vl_convert

from helpers.builders import group_of, protocol
from helpers.results import write_results
from helpers.runs import AsPlanned
from ser.figures.curves import MOST
from ser.figures.curves import figures as curves
from ser.figures.figure import Figure
from ser.figures.results import SECTIONS, figures
from ser.figures.theme import config
from ser.outputs import write_table
from ser.plan.groups import Plan

FULL, OTHER = "paper-full-p-clean", "paper-other-p-clean"
Found = Mapping[str, Figure]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    folder = tmp_path_factory.mktemp("built")
    with pytest.MonkeyPatch.context() as patch:
        plan, places = write_results(folder)
        patch.chdir(folder)
        return {figure.name: figure for figure in figures(plan, places, AsPlanned())}


def data(figure: Figure, *fields: str) -> list[tuple[Any, ...]]:
    """These fields of the data that have the first of them."""
    values = figure.spec["data"]["values"]
    return [tuple(row.get(field) for field in fields) for row in values if fields[0] in row]


def test_sections_are_in_their_order_and_names_are_file_names(found: Found) -> None:
    sections = [figure.section for figure in found.values()]
    assert sections == sorted(sections, key=SECTIONS.index) and set(sections) == set(SECTIONS)
    assert all(re.fullmatch(r"[a-z0-9_-]+", name) for name in found)
    assert found[f"curves-{FULL}"].groups == ("paper/full/p/clean",)
    assert f"curves-{OTHER}" not in found, "a system without epochs has no curves"


def test_claims_stand_beside_values_with_intervals(found: Found) -> None:
    figure = found["claims-paper"]
    assert data(figure, "label") == [("full · WA",), ("full · UA",)]
    # of each seed's 80 utterances 44 are right
    assert data(figure, "kind", "x", "note")[:2] == [
        ("not comparable", 55.0, None),
        ("the paper's claim", 70.5, "1: Table 1 [paper]"),
    ]
    low, high = data(figure, "low", "high")[0]
    assert low < 55 < high and low == pytest.approx(110 - high, abs=0.011)


def test_the_gap_has_the_choice_and_what_of_it_is_luck(found: Found) -> None:
    kinds = data(found["gap-paper"], "kind", "x")
    assert [kind.split(":")[0] for kind, _ in kinds] == [
        "the epoch alone",
        "the same, halves of test choosing for each other",
    ]
    assert 4.5 < kinds[0][1] < 5.5  # four of eighty utterances, as UA
    assert kinds[1][1] <= kinds[0][1]


def test_a_ladder_has_its_steps_and_their_gains(found: Found) -> None:
    assert data(found["ladder-paper-c-steps"], "x", "low", "high") == [(60.0, 50.0, 70.0), (50.0, None, None)]
    assert data(found["ladder-paper-c-gains"], "x", "low", "high") == [(10.0, -1.0, 21.0)]
    assert data(found["ladder-paper-c-gains"], "label") == [("sharing (a minus b)",)]


def test_comparisons_say_whether_they_hold_for_the_family(found: Found) -> None:
    figure = found["comparisons-paper-p-clean"]
    ((label,),) = data(figure, "label")
    assert re.fullmatch(r"other minus full · p = 0\.0\d+", label)
    ((kind, value),) = data(figure, "kind", "x")
    assert kind == "p of the family below 0.05" and value > 15
    assert "all 1 comparisons" in figure.caption


def test_confusion_counts_all_seeds(found: Found) -> None:
    cells = data(found[f"confusion-{FULL}"], "reference", "predicted", "n")
    assert [(reference, predicted) for reference, predicted, _ in cells] == [
        ("angry", "angry"), ("angry", "sad"), ("sad", "angry"), ("sad", "sad"),
    ]  # fmt: skip
    assert cells[0][2] + cells[3][2] == 2 * 44 and sum(n for *_, n in cells) == 2 * 80
    assert cells[0][2] + cells[1][2] == 80


def test_curves_are_means_of_the_runs_that_reached_an_epoch(found: Found) -> None:
    rows = data(found[f"curves-{FULL}"], "epoch", "runs", "loss", "loss_low", "loss_high", "dev")
    assert rows == [(1, 16, 4.5, 4, 5, 55), (2, 16, 3.5, 3, 4, 55), (3, 8, 2, 2, 2, 55)]


def test_long_curves_are_thinned_and_keep_their_ends(tmp_path: Path) -> None:
    path, columns = tmp_path / "history.csv", ["epoch", "train_loss", "dev_CCC"]
    write_table(path, [dict(zip(columns, (e, 1 / e, np.nan), strict=True)) for e in range(1, 251)], columns)
    plan = Plan("paper", (), {}, {})
    (figure,) = curves(plan, group_of(protocol()), [path])
    rows = data(figure, "epoch", "dev")
    assert rows[0] == (1, None) and rows[-1] == (250, None) and len(rows) <= MOST


def test_speakers_stand_below_all_women_and_men(found: Found) -> None:
    rows = data(found[f"speakers-{FULL}"], "speaker", "kind", "x")
    assert [row[:2] for row in rows[:3]] == [("all", "all"), ("all: women", "women"), ("all: men", "men")]
    each = {speaker: (kind, x) for speaker, kind, x in rows[3:]}
    assert each["s1"] == ("men", 90.0) and each["s3"] == ("men", 60.0) and each["s7"] == ("not known", 20.0)
    assert [x for *_, x in rows[3:]] == sorted((x for *_, x in rows[3:]), reverse=True)


def test_counts_are_those_of_each_fold_and_part(found: Found) -> None:
    rows = data(found["counts-paper-p"], "part", "class", "n")
    assert len(rows) == 8 * 3 * 2
    assert rows[:6] == [
        ("1 train", "angry", 30), ("1 train", "sad", 30), ("1 dev", "angry", 5), ("1 dev", "sad", 5),
        ("1 test", "angry", 5), ("1 test", "sad", 5),
    ]  # fmt: skip


def test_each_is_vega_lite_and_says_that_it_is_synthetic(found: Found) -> None:
    for figure in found.values():
        alt.LayerChart.from_dict(json.loads(json.dumps(figure.spec)))  # raises for what is not of the schema
        drawn = vl_convert.vegalite_to_svg({**figure.spec, "width": 340}, config=config())
        texts = "".join(re.findall(r"<text[^>]*>([^<]*)</text>", drawn))
        assert "demo: synthetic speech" in texts and "undefined" not in drawn and "NaN" not in drawn
        assert "synthetic" in figure.caption and figure.spec["width"] == "container"


def test_nothing_hangs_on_colour(found: Found) -> None:
    """Kinds differ in shape where they differ in colour; shaded cells have their numbers."""
    for figure in found.values():
        text = json.dumps(figure.spec)
        if '"color"' in text and '"kind"' in text:
            (layer,) = [layer for layer in figure.spec["layer"] if "shape" in layer["encoding"]]
            shapes, colours = (layer["encoding"][channel]["scale"]["range"] for channel in ("shape", "color"))
            assert len(set(shapes)) == len(shapes) == len(colours)
