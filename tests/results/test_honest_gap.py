"""The honest gap: exact on hand-made predictions, paired over speakers and seeds, and never silently absent."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from helpers.builders import edit_sealed, protocol
from helpers.gap_cases import BY_SPEAKER, CONTEXT, EIGHT, FIELDS, corpus, groups, planned, said
from helpers.intervals import t_interval
from helpers.runs import AsPlanned, write_run
from ser.errors import InputError
from ser.evaluations.gather import gather
from ser.manifests.utterance import Utterance
from ser.plan.places import Places
from ser.results.honest_gap import COLUMNS, Side, gap_lines, gaps
from ser.runs.auxiliary import Auxiliary
from ser.sealed import write_sealed
from ser.splits.make import make_split
from ser.splits.protocol import Protocol
from ser.splits.write import write_split


def pair(tmp_path: Path, right: dict[str, dict[int, list[int]]]) -> tuple[Side, Side]:
    """test_selected and clean; `right[selection][seed]`: how many of each speaker's ten utterances are right."""
    made = [
        make_split(protocol(**FIELDS, **BY_SPEAKER), selection, corpus()) for selection in ("test_selected", "clean")
    ]
    scored = [
        gather(
            [split],
            [
                write_run(tmp_path / split.selection / f"{seed}_{k}", split, k, seed, said(split, k, n))
                for seed, of_seed in right[split.selection].items()
                for k, n in enumerate(of_seed, 1)
            ],
        )
        for split in made
    ]
    first, second = (Side(split.selection, [split], of) for split, of in zip(made, scored, strict=True))
    return first, second


def test_equal_predictions_have_no_gap(tmp_path: Path) -> None:
    right = {1: EIGHT, 2: EIGHT[::-1]}
    found = gaps(*pair(tmp_path, {"test_selected": right, "clean": right}))
    for aggregation in ("fold_mean", "pooled"):
        for numbers in found[""][aggregation].values():
            assert [numbers[key] for key in ("value", "ci_low", "ci_high", "seed_std")] == [0, 0, 0, 0]


def test_a_shift_that_all_speakers_share_has_an_interval_of_no_width(tmp_path: Path) -> None:
    """One more right answer per speaker: WA rises by 10 points whoever is drawn, though speakers differ widely."""
    right = {"test_selected": {1: [n + 1 for n in EIGHT]}, "clean": {1: EIGHT}}
    found = gaps(*pair(tmp_path, right))
    for aggregation in ("fold_mean", "pooled"):
        numbers = found[""][aggregation]["WA"]
        assert numbers["clean"] == pytest.approx(np.mean(EIGHT) / 10)
        assert numbers["test_selected"] == pytest.approx(np.mean(EIGHT) / 10 + 0.1)
        assert [numbers[key] for key in ("value", "ci_low", "ci_high")] == pytest.approx([0.1] * 3, abs=1e-12)
        assert numbers["seed_std"] is None
        assert (numbers["n_seeds"], numbers["n_folds"], numbers["n_utterances"], numbers["n_speakers"]) == (1, 8, 80, 8)


def test_seeds_are_paired_and_the_interval_is_over_what_speakers_gain(tmp_path: Path) -> None:
    gains = {1: [1, 0, 1, 0, 1, 0, 1, 0], 2: [0, 0, 0, 0, 0, 0, 0, 4]}
    better = {seed: [n + gain for n, gain in zip(EIGHT, of_seed, strict=True)] for seed, of_seed in gains.items()}
    found = gaps(*pair(tmp_path, {"test_selected": better, "clean": {1: EIGHT, 2: EIGHT}}))
    numbers = found[""]["pooled"]["WA"]
    assert numbers["value"] == pytest.approx(0.05)
    assert numbers["seed_std"] == pytest.approx(0, abs=1e-12)  # 4 of 80 in both seeds
    expected = t_interval((np.array(gains[1]) + np.array(gains[2])) / 20)  # each speaker has ten utterances
    assert (numbers["ci_low"], numbers["ci_high"]) == pytest.approx(expected, abs=1e-12)


def test_the_gap_is_of_the_labels_only(tmp_path: Path) -> None:
    """What is classified besides is not known of other epochs; runs whose best epoch is the same one still have it."""
    split = make_split(protocol(**FIELDS, **BY_SPEAKER), "clean", corpus())
    regions = Auxiliary("region", np.repeat([0, 2], 5), np.repeat([0, 40], 5))
    folders = [write_run(tmp_path / str(k), split, k, 1, said(split, k, 5), regions) for k in range(1, 9)]
    own, other = (
        gather([split], folders, instead=instead)
        for instead in (None, lambda split, run, found: replace(found, auxiliary=None) if run.fold == 3 else found)
    )
    assert [{*of_side.parts[""].sums} for of_side in (own, other)] == [{"", "region"}, {""}]
    found = gaps(Side("chosen_on_test", [split], other), Side("clean", [split], own))[""]["pooled"]
    assert [(metric, numbers["value"]) for metric, numbers in found.items()] == [("WA", 0), ("UA", 0), ("macro_f1", 0)]


def test_groups_that_differ_in_more_than_the_rule_are_refused(tmp_path: Path) -> None:
    first, second = pair(tmp_path, {"test_selected": {1: EIGHT}, "clean": {1: EIGHT}})

    def other(**changes: Any) -> Side:
        return replace(second, gathered=replace(second.gathered, **changes))

    words = "protocol of c: the runs under test_selected and clean differ in seeds, utterances, .*: make both again"
    with pytest.raises(InputError, match=words):
        gaps(first, other(seeds=[2, 3]))
    with pytest.raises(InputError, match="differ in settings, code_version"):
        gaps(first, other(facts=second.gathered.facts | {"settings": {"a": 1}, "code_version": "x"}))
    split = second.splits[0]
    renamed = replace(split, utterances=tuple(f"other_{name}" for name in split.utterances))
    with pytest.raises(InputError, match="differ in utterances"):
        gaps(first, replace(second, splits=[renamed]))


def written(work: Path, made: Protocol, rows: list[Utterance], **right: int) -> list[dict[str, Any]]:
    """The lines for a folder with the runs of both rules; `right` of each fold's utterances are right."""
    for selection, number in right.items():
        split = make_split(made, selection, rows)
        folder = work / f"splits/paper/p/{selection}"
        folder.parent.mkdir(parents=True, exist_ok=True)
        write_split(split, made, folder.with_suffix(".csv"), folder.with_suffix(".json"))
        for k in range(1, made.n_folds + 1):
            write_run(work / f"runs/paper/full/p/{selection}/seed1/fold{k}", split, k, 1, said(split, k, number))
    write_sealed(work / "manifests/c.json", {"unreadable": []})
    return list(gap_lines(planned(groups(made, clean="", test_selected="")), Places(str(work)), AsPlanned()))


def test_lines_are_as_the_table_has_them(tmp_path: Path) -> None:
    made = protocol(**FIELDS, **BY_SPEAKER)
    found = written(tmp_path, made, corpus(), clean=6, test_selected=8)
    assert len(found) == 6
    assert all(list(line) == COLUMNS for line in found)
    assert found[0] | {"data_hash_test_selected": "", "data_hash_clean": ""} == {
        "experiment": "paper",
        "table": "1",
        "row": "full",
        "system": "majority",
        "corpus": "c",
        "protocol": "p",
        "labels": "angry sad",
        "subset": "all",
        "folds": "8 x leave_one_out of speakers",
        "metric": "WA",
        "gap_kind": "both",
        "test_selected": "80.00",
        "chosen_on_test": "",
        "clean": "60.00",
        "last_epoch": "",
        "split_half": "",
        "gap": "20.00",
        "ci_low": "20.00",
        "ci_high": "20.00",
        "ci_method": "jackknife over speakers",
        "n_clusters": 8,
        "ci_df": "7",
        "test": "all 256 exchanges of speakers",
        "p": "0.0078",
        "seed_std": "",
        "n_seeds": 1,
        "n_folds": 8,
        "n_utterances": 80,
        "n_speakers": 8,
        "aggregation": "fold_mean",
        "scale": "paper",
        "protocol_hash_test_selected": made.digest("test_selected"),
        "protocol_hash_clean": made.digest("clean"),
        "data_hash_test_selected": "",
        "data_hash_clean": "",
        "code_version": "c0de",
        "status": "ok",
        "note": f"test_selected also trains on the dev part; {CONTEXT}",
    }
    assert sum(CONTEXT in line["note"] for line in found) == 1
    hashes = [json.loads((tmp_path / f"splits/paper/p/{rule}.json").read_text()) for rule in ("test_selected", "clean")]
    assert [found[0]["data_hash_test_selected"], found[0]["data_hash_clean"]] == [s["data_hash"] for s in hashes]


def test_a_system_that_chooses_nothing_trains_on_the_dev_part_under_both_rules(tmp_path: Path) -> None:
    made = protocol(**FIELDS, **BY_SPEAKER)
    written(tmp_path, made, corpus(), clean=6, test_selected=6)
    for path in tmp_path.glob("runs/paper/full/p/clean/seed1/*/metrics.json"):
        edit_sealed(path, trained_on=["train", "dev"])
    found = list(gap_lines(planned(groups(made, clean="", test_selected="")), Places(str(tmp_path)), AsPlanned()))
    assert [(line["gap"], line["note"]) for line in found] == [("0.00", CONTEXT), *[("0.00", "")] * 5]


def test_official_parts_have_a_gap_each_but_not_the_one_that_clean_chooses_on(tmp_path: Path) -> None:
    folds = {"kind": "official", "train": ["train"], "dev": ["dev"], "test": ["test1", "test2"], "also_report": ["dev"]}
    rows = [
        replace(row, partition=("train", "dev", "test1", "test2")[int(row.speaker[1]) // 2], utterance=f"{i:02}")
        for i, row in enumerate(corpus())
    ]
    made = protocol(**FIELDS, folds=folds, dev={"kind": "official"}, aggregation="pooled")
    found = written(tmp_path, made, rows, clean=40, test_selected=50)  # dev and test1 right, then half of test2
    told = [(line["folds"], line["status"], line["gap"], line["note"]) for line in found if line["metric"] == "WA"]
    note = "no interval: 2 speakers; no test: 1 of at least 5 seeds"
    assert told == [
        ("official: test1", "ok", "0.00", note),
        ("official: test1", "ok", "0.00", note),
        ("official: test2", "ok", "50.00", note),
        ("official: test2", "ok", "50.00", note),
        ("official: dev", "skipped", "", "clean chooses the epoch on this part"),
    ]


@pytest.mark.parametrize(
    ("skipped", "reason"),
    [
        ({"clean": "no recordings", "test_selected": ""}, "no recordings"),
        ({"clean": "no recordings", "test_selected": "no recordings"}, "no recordings"),
    ],
)
def test_a_gap_that_cannot_be_computed_is_skipped_with_the_reason(
    tmp_path: Path, skipped: dict[str, str], reason: str
) -> None:
    made = protocol(**FIELDS, **BY_SPEAKER)
    found = list(gap_lines(planned(groups(made, **skipped)), Places(str(tmp_path)), AsPlanned()))
    assert [(line["metric"], line["status"], line["note"]) for line in found] == [
        ("WA", "skipped", f"{reason}; {CONTEXT}"),
        ("UA", "skipped", reason),
        ("macro_f1", "skipped", reason),
    ]


def test_a_row_that_is_planned_under_one_rule_has_no_line(tmp_path: Path) -> None:
    made = protocol(**FIELDS, **BY_SPEAKER)
    assert not list(gap_lines(planned(groups(made, clean="")), Places(str(tmp_path)), AsPlanned()))
    assert not list(gap_lines(planned(groups(made, test_selected="")), Places(str(tmp_path)), AsPlanned()))
