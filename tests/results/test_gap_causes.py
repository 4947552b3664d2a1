"""The honest gap split by its causes: what choosing on the test part gains in the same runs, and what is left."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from helpers.builders import edit_sealed, protocol
from helpers.gap_cases import BY_SPEAKER, EIGHT, FIELDS, corpus, groups, planned, said
from helpers.intervals import t_interval
from helpers.runs import AsPlanned, write_trained
from ser.errors import InputError
from ser.plan.groups import Plan
from ser.plan.pairs import pairs
from ser.plan.places import Places
from ser.results.honest_gap import COLUMNS, gap_lines
from ser.sealed import write_sealed
from ser.splits.make import make_split
from ser.splits.protocol import Protocol
from ser.splits.write import write_split

TRAINED = {"epochs": 4, "criterion": "WA", "patience": 0}


def trained(made: Protocol, scores_epochs: bool = True, settings: Mapping[str, Any] = TRAINED, **skipped: str) -> Plan:
    """A row that trains in epochs, under the selection rules named."""
    changes = {"settings": settings, "system": "linear_probe", "scores_epochs": scores_epochs}
    return planned([replace(group, **changes) for group in groups(made, **skipped)])


def write_epochs_of(work: Path, made: Protocol, selection: str, best: int, *right: Sequence[int]) -> None:
    """Runs of a rule that chose epoch `best`: in epoch i, `right[i][k]` of fold k's utterances are right."""
    split = make_split(made, selection, corpus())
    folder = work / f"splits/paper/p/{selection}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    write_split(split, made, folder.with_suffix(".csv"), folder.with_suffix(".json"))
    for k in range(1, made.n_folds + 1):
        epochs = [said(split, k, of_epoch[k - 1]) for of_epoch in right]
        run = work / f"runs/paper/full/p/{selection}/seed1/fold{k}"
        edit_sealed(write_trained(run, split, k, 1, epochs, best, "WA") / "metrics.json", system="linear_probe")
    write_sealed(work / "manifests/c.json", {"unreadable": []})


def more(by: int) -> list[int]:
    return [n + by for n in EIGHT]


def test_a_gap_is_split_into_its_causes(tmp_path: Path) -> None:
    """By hand: 1 of 10 from choosing, 0 or 1 of 10 from more training data; folds differ in their best epoch."""
    made = protocol(**FIELDS, **BY_SPEAKER)
    second = [n + k % 2 for k, n in enumerate(EIGHT)]  # folds 2, 4, 6, 8 are at their best already
    last = [max(0, n - 1) for n in EIGHT]
    third = more(1)
    write_epochs_of(tmp_path, made, "clean", 1, EIGHT, second, third, last)
    gain = [1, 0, 0, 1, 1, 1, 0, 1]  # of test_selected over `third`, in utterances
    write_epochs_of(tmp_path, made, "test_selected", 2, EIGHT, [n + g for n, g in zip(third, gain, strict=True)])
    for path in tmp_path.glob("runs/**/metrics.json"):  # settings are the same on both sides
        edit_sealed(path, settings=TRAINED)
    plan = trained(made, clean="", test_selected="")
    lines = list(gap_lines(plan, Places(str(tmp_path)), AsPlanned()))
    assert len(lines) == 3 * 6 and all(list(line) == COLUMNS for line in lines)
    found = {line["gap_kind"]: line for line in lines if (line["metric"], line["aggregation"]) == ("WA", "pooled")}
    clean, chosen, selected = np.mean(EIGHT) * 10, np.mean(third) * 10, (np.mean(third) + np.mean(gain)) * 10
    names = ("test_selected", "chosen_on_test", "clean", "gap")
    assert {kind: [line[name] for name in names] for kind, line in found.items()} == {
        "both": [f"{selected:.2f}", "", f"{clean:.2f}", f"{selected - clean:.2f}"],
        "choosing_on_test": ["", f"{chosen:.2f}", f"{clean:.2f}", "10.00"],
        "training_on_dev": [f"{selected:.2f}", f"{chosen:.2f}", "", "6.25"],
    }
    assert [found["choosing_on_test"][name] for name in ("ci_low", "ci_high")] == ["10.00", "10.00"]
    low, high = t_interval(10 * np.array(gain))  # ten utterances each
    assert [found["training_on_dev"][name] for name in ("ci_low", "ci_high")] == [f"{low:.2f}", f"{high:.2f}"]
    line = found["choosing_on_test"]
    assert line["last_epoch"] == f"{10 * np.mean(last):.2f}"
    assert float(line["clean"]) <= float(line["split_half"]) <= float(line["chosen_on_test"])
    assert {(of["last_epoch"], of["split_half"]) for kind, of in found.items() if kind != "choosing_on_test"} == {
        ("", "")
    }
    assert line["test"] == "all 256 exchanges of speakers" and line["p"] == f"{2 / 256:.4f}"  # each speaker gains
    assert found["both"]["note"] == "test_selected also trains on the dev part"
    hashes = [bool(found[kind]["data_hash_test_selected"]) for kind in ("both", "choosing_on_test", "training_on_dev")]
    assert hashes == [True, False, True] and all(line["data_hash_clean"] for line in lines)


def test_a_row_under_clean_alone_has_what_choosing_gains(tmp_path: Path) -> None:
    made = protocol(**FIELDS, **BY_SPEAKER)
    write_epochs_of(tmp_path, made, "clean", 2, more(-1), EIGHT, more(1), more(1))
    plan = trained(made, clean="")
    lines = list(gap_lines(plan, Places(str(tmp_path)), AsPlanned()))
    assert {(line["gap_kind"], line["status"], line["test_selected"]) for line in lines} == {
        ("choosing_on_test", "ok", "")
    }
    assert {line["gap"] for line in lines if line["metric"] == "WA"} == {"10.00"}
    (tmp_path / "runs/paper/full/p/clean/seed1/fold3/test_epochs.safetensors").write_bytes(b"")
    with pytest.raises(
        InputError, match=r"fold3/test_epochs\.safetensors: not as .* describes: remove .*metrics\.json"
    ):
        list(gap_lines(plan, Places(str(tmp_path)), AsPlanned()))


def test_an_epoch_that_is_best_on_both_parts_gains_nothing(tmp_path: Path) -> None:
    made = protocol(**FIELDS, **BY_SPEAKER)
    write_epochs_of(tmp_path, made, "clean", 2, more(-1), more(1), EIGHT, more(1))
    lines = list(gap_lines(trained(made, clean=""), Places(str(tmp_path)), AsPlanned()))
    assert {line[name] for line in lines for name in ("gap", "ci_low", "ci_high")} == {"0.00"}


def test_scores_that_were_switched_off_are_skipped_with_the_fix(tmp_path: Path) -> None:
    made = protocol(**FIELDS, **BY_SPEAKER)
    off = "the test part was not scored after each epoch: set compute.score_test_each_epoch: true in params.yaml"
    lines = list(gap_lines(trained(made, scores_epochs=False, clean=""), Places(str(tmp_path)), AsPlanned()))
    assert [(line["gap_kind"], line["metric"], line["status"], line["note"]) for line in lines] == [
        ("choosing_on_test", metric, "skipped", off) for metric in ("WA", "UA", "macro_f1")
    ]
    kinds = {
        pair.test_selected is not None: pair.gaps for pair in pairs(trained(made, False, clean="", test_selected=""))
    }
    assert kinds == {True: {"both": "", "choosing_on_test": off, "training_on_dev": off}}


def test_early_stopping_is_told(tmp_path: Path) -> None:
    made = protocol(**FIELDS, **BY_SPEAKER)
    write_epochs_of(tmp_path, made, "clean", 1, EIGHT, more(1))
    plan = trained(made, settings=TRAINED | {"patience": 1}, clean="")
    notes = {line["note"] for line in gap_lines(plan, Places(str(tmp_path)), AsPlanned())}
    assert notes == {"chosen among the epochs that clean went on for, which the dev part decides"}


def test_a_reported_dev_part_is_trained_on_by_neither(tmp_path: Path) -> None:
    folds = {"kind": "official", "train": ["train"], "dev": ["dev"], "test": ["test1"], "also_report": ["dev"]}
    made = protocol(**FIELDS, folds=folds, dev={"kind": "official"}, aggregation="pooled")
    (found,) = pairs(trained(made, clean="", test_selected=""))
    assert found.gaps == {"both": "", "choosing_on_test": ""}
