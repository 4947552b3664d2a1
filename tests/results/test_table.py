"""The table's lines: one per reported part with its own claim, and one for a claim that nobody can check."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from helpers.builders import group_of, protocol
from helpers.runs import AsPlanned
from ser.files import sha256_of
from ser.plan.groups import Plan
from ser.plan.places import Places
from ser.results.table import COLUMNS, rounded, table_lines
from ser.sealed import read_sealed, write_sealed

CLAIM = {
    "row": "full",
    "protocol": "msp",
    "metric": "ccc_arousal",
    "value": 0.5,
    "table": "2",
    "selection": "clean",
    "aggregation": "pooled",
    "source": "Table 2",
    "evidence": "paper",
}
WIDE = "undecidable: the margin is wider than 3 points"
HIDDEN = CLAIM | {"part": "test3", "value": 0.6, "reason": "its labels are hidden"}


def plan(
    claims: list[dict[str, Any]],
    skipped: str = "",
    selection: str = "clean",
    context: Sequence[dict[str, Any]] = (),
    auxiliary: str = "",
    scale: str = "paper",
    protocol_source: str = "paper",
) -> Plan:
    folds = {"kind": "official", "train": ["train"], "dev": ["dev"], "test": ["test1"], "also_report": ["dev"]}
    fields = {"labels": None, "targets": ["arousal"], "scale": [1, 7], "subset": "all", "leaks": []}
    made = protocol(**fields, corpus="msp", folds=folds, dev={"kind": "official"}, aggregation="pooled")
    changes = {"table": "2", "selection": selection, "system": "net", "auxiliary": auxiliary, "skipped": skipped}
    group = group_of(made, protocol_name="msp", seeds=(1, 2), **changes)
    experiment = {"claims": claims, "context": context, "protocols": {"msp": {"source": protocol_source}}}
    return Plan(scale, (group,), {"paper": experiment}, {})


def written(work: Path, selection: str, seed: int) -> dict[str, Any]:
    """A run's predictions, as an evaluation refers to them."""
    path = work / f"runs/paper/full/msp/{selection}/seed{seed}/fold1/predictions.csv"
    path.parent.mkdir(parents=True)
    path.write_text(f"seed {seed}\n")
    return {"seed": seed, "fold": 1, "sha256": {path.name: sha256_of(path)}}


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """An evaluation: CCC 0.41 on test1, and 0.47 on dev, both also of regions."""
    counts = {"n_seeds": 2, "n_folds": 1, "n_utterances": 9, "n_speakers": 4}
    interval = {"ci_low": -0.00001, "ci_high": None, "ci_method": "jackknife", "n_clusters": 4, "ci_df": 3.4567}
    results = {
        part: {
            aggregation: {
                metric: {"value": value, "seed_std": 0.01, "women": 0.5, "notes": []} | interval | counts
                for metric in ("ccc_arousal", "region_WA", "region_macro_f1")
            }
            for aggregation in ("fold_mean", "pooled")
        }
        for part, value in (("test1", 0.41), ("dev", 0.47))
    }
    for selection in ("clean", "test_selected"):
        path = tmp_path / f"evaluations/paper/full/msp/{selection}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        evaluation = {
            "results": results,
            "dev": {"ccc_arousal": 0.55},
            "data_hash": "d",
            "trained_by": "c",
            "notes": ["a note"],
        }
        evaluation |= {"made_from": "the plan", "runs": [written(tmp_path, selection, seed) for seed in (1, 2)]}
        write_sealed(path, evaluation)
    (tmp_path / "manifests").mkdir()
    write_sealed(tmp_path / "manifests/msp.json", {"unreadable": []})
    return Places(str(tmp_path))


def test_each_part_is_a_line_with_its_own_claim(places: Places) -> None:
    found = list(table_lines(plan([CLAIM | {"part": "test1"}]), places, AsPlanned()))
    assert all(list(line) == COLUMNS for line in found)
    told = [tuple(line[key] for key in ("folds", "aggregation", "value", "claim", "status")) for line in found]
    assert told == [
        ("official: test1", "fold_mean", "0.4100", "", "ok"),
        ("official: test1", "pooled", "0.4100", 0.5, "ok"),
        ("official: dev", "fold_mean", "0.4700", "", "ok"),
        ("official: dev", "pooled", "0.4700", "", "ok"),
    ]
    assert [line["note"] for line in found[1:3]] == [f"a note; {WIDE}", "the epoch is chosen on this part; a note"]
    assert (found[0]["ci_low"], found[0]["ci_high"]) == ("0.0000", "")  # no minus before a zero
    assert [found[0][name] for name in ("dev", "women", "men")] == ["0.5500", "0.5000", ""]
    assert [found[0][name] for name in ("ci_method", "n_clusters", "ci_df")] == ["jackknife", 4, "3.46"]


def test_what_is_classified_besides_follows_the_labels_in_per_cent(places: Places) -> None:
    claim = CLAIM | {"part": "dev", "metric": "region_macro_f1", "value": 36.27}
    found = list(table_lines(plan([claim], auxiliary="region"), places, AsPlanned()))
    told = [[line[key] for key in ("metric", "value", "seed_std", "ci_low", "claim", "n_utterances")] for line in found]
    of_dev = [line for line, full in zip(told, found, strict=True) if full["folds"] == "official: dev"]
    assert len(told) == 2 * len(of_dev) == 12
    assert of_dev[1::2] == [
        ["ccc_arousal", "0.4700", "0.0100", "0.0000", "", 9],
        ["region_WA", "47.00", "1.00", "0.00", "", 9],
        ["region_macro_f1", "47.00", "1.00", "0.00", 36.27, 9],
    ]
    skipped = list(table_lines(plan([claim], skipped="no recordings", auxiliary="region"), places, AsPlanned()))
    assert [(line["metric"], line["claim"]) for line in skipped if line["folds"] == "official: dev"] == [
        ("ccc_arousal", ""),
        ("region_WA", ""),
        ("region_macro_f1", 36.27),
    ]


def test_a_dev_part_is_chosen_on_only_under_clean(places: Places) -> None:
    found = list(table_lines(plan([], selection="test_selected"), places, AsPlanned()))
    assert [line["note"] for line in found] == ["a note"] * 4


def test_a_claim_about_a_hidden_part_is_a_skipped_line(places: Places) -> None:
    *scored, hidden = table_lines(plan([HIDDEN]), places, AsPlanned())
    assert not any(line["claim"] for line in scored)
    told = {key: hidden[key] for key in ("folds", "claim", "claim_source", "value", "n_folds", "status", "note")}
    assert told == {
        "folds": "official: test3",
        "claim": 0.6,
        "claim_source": "2: Table 2 [paper]",
        "value": "",
        "n_folds": "",
        "status": "skipped",
        "note": "its labels are hidden",
    }
    *_, unread = table_lines(plan([HIDDEN | {"value": None, "reason": "not read"}]), places, AsPlanned())
    assert (unread["claim"], unread["note"]) == ("", "no claim: not read")


def test_a_group_that_is_skipped_has_a_line_per_part(places: Places) -> None:
    found = list(table_lines(plan([CLAIM | {"part": "dev"}, HIDDEN], skipped="no recordings"), places, AsPlanned()))
    assert [(line["folds"], line["claim"], line["status"]) for line in found] == [
        ("official: test1", "", "skipped"),
        ("official: dev", 0.5, "skipped"),
        ("official: test3", 0.6, "skipped"),
    ]
    assert [line["note"] for line in found] == ["no recordings"] * 2 + ["its labels are hidden; no recordings"]


def test_a_claim_in_another_averaging_is_seen_though_its_group_is_skipped(places: Places) -> None:
    claim = CLAIM | {"part": "dev", "aggregation": "fold_mean"}
    found = list(table_lines(plan([claim], skipped="no recordings"), places, AsPlanned()))
    assert [(line["folds"], line["aggregation"], line["claim"]) for line in found] == [
        ("official: test1", "pooled", ""),
        ("official: dev", "fold_mean", 0.5),
        ("official: dev", "pooled", ""),
    ]


def test_context_is_a_note_and_never_a_claim(places: Places) -> None:
    other = CLAIM | {"of": "A sibling", "part": "test1", "value": 0.7, "selection": "unknown"}
    context = [other, other | {"of": "Its cousin", "value": 0.6, "selection": "clean"}]
    mean, pooled, *of_dev = table_lines(plan([CLAIM | {"part": "test1"}], context=context), places, AsPlanned())
    said = "context, not a claim (2: Table 2 [paper]): A sibling 0.7 (selection unknown), Its cousin 0.6 (clean)"
    assert (pooled["claim"], pooled["note"]) == (0.5, f"a note; {WIDE}; {said}")
    assert not any("context" in line["note"] for line in (mean, *of_dev))
    (alone,) = (
        line for line in table_lines(plan([], context=context), places, AsPlanned()) if "context" in line["note"]
    )
    assert (alone["claim"], alone["claim_source"], alone["status"]) == ("", "", "ok")


def test_rounding_the_folds_first_moves_the_printed_mean_by_one_in_its_last_digit() -> None:
    """CA-MSER's and MFHCA's codes round each fold to two decimals of a per cent; their notes say what that costs."""
    right = np.random.default_rng(0).integers(240, 480, (2000, 10)) / np.array(range(481, 651, 17))  # correct / tested
    theirs = np.round(100 * right, 2).mean(axis=1)
    assert 0.002 < np.abs(theirs - 100 * right.mean(axis=1)).max() <= 0.005
    printed = [float(rounded(value, "WA")) for value in right.mean(axis=1)]
    apart = np.abs(np.round(theirs, 2) - printed)
    assert 0.009 < apart.max() < 0.011


def verdict_on(places: Places, claim: dict[str, Any], **changes: Any) -> tuple[str, str, str]:
    line = next(table_lines(plan([CLAIM | {"part": "test1"} | claim], **changes), places, AsPlanned()))
    return line["verdict"], line["margin"], line["note"].removeprefix("a note").removeprefix("; ")


def test_a_claim_has_a_verdict_by_the_spread_over_seeds(places: Places) -> None:
    """0.41 with a standard deviation of 0.01 over two seeds: t(1) = 12.7 makes the margin 15.56 points."""
    in_fold_mean = {"aggregation": "fold_mean"}
    assert verdict_on(places, in_fold_mean | {"value": 0.5}) == ("undecidable", "0.1556", WIDE)
    assert verdict_on(places, in_fold_mean | {"value": 0.57}) == ("below", "0.1556", "")
    assert verdict_on(places, in_fold_mean | {"value": 0.25}) == ("above", "0.1556", "")
    path = Path(places.evaluation("paper/full/msp/clean"))
    evaluation = read_sealed(path)
    evaluation["results"]["test1"]["fold_mean"]["ccc_arousal"]["seed_std"] = 0.001
    write_sealed(path, evaluation)
    assert verdict_on(places, in_fold_mean | {"value": 0.42}) == ("confirmed", "0.0156", "")
    assert verdict_on(places, in_fold_mean | {"value": 0.43}) == ("below", "0.0156", "")


@pytest.mark.parametrize(
    ("claim", "changes", "note"),
    [
        ({"selection": "unknown"}, {}, "the claim's selection unknown"),
        ({}, {"protocol_source": "chosen"}, "undecidable: the paper's protocol unknown"),
    ],
)
def test_nothing_is_decided_about_a_claim_whose_conditions_are_unknown(
    places: Places, claim: dict[str, Any], changes: dict[str, str], note: str
) -> None:
    assert verdict_on(places, {"aggregation": "fold_mean", "value": 0.9} | claim, **changes) == (
        "undecidable",
        "",
        note,
    )


def test_at_another_scale_there_is_no_verdict(places: Places) -> None:
    said = verdict_on(places, {"aggregation": "fold_mean"}, scale="free")
    assert said == ("not comparable", "", "not comparable with the claim: scale free")
