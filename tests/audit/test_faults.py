"""Splits and predictions with one fault each: every fault has its line."""

from collections.abc import Callable
from pathlib import Path

import pytest

from helpers.audits import Lines, audited, files, given, kinds, lines, reported, write
from ser.audit.numbers import Claim
from ser.splits.split import Split


def first(rows: Lines, part: str, fold: str = "fold1") -> dict[str, str]:
    return next(row for row in rows if row[fold] == part)


def with_part(part: str, new: str) -> Callable[[Lines], None]:
    return lambda rows: first(rows, part).update(fold1=new)


def both(rows: Lines) -> None:
    rows.append(first(rows, "test") | {"fold1": "train"} | {f"fold{k}": "" for k in range(2, 6)})


def dev_is_test(rows: Lines) -> None:
    for row in [row for row in rows if row["fold1"] == "dev"]:
        row["fold1"] = "train"
    rows += [row | {"fold1": "dev"} | {f"fold{k}": "" for k in range(2, 6)} for row in rows if row["fold1"] == "test"]


def without_class(rows: Lines) -> None:
    for row in rows:
        if row["fold2"] == "train" and row["target"] == "sad":
            row["fold2"] = ""


SPLITS: dict[str, tuple[Callable[[Lines], None], str]] = {
    "speakers": (
        with_part("test", "train"),
        "test shares 1 speaker with train in fold 1, which concerns 9 % of what is tested: Ses01F",
    ),
    "dev_speakers": (
        with_part("test", "dev"),
        "test shares 1 speaker with dev in fold 1, which concerns 9 % of what is tested: Ses01F",
    ),
    "train_and_test": (both, "both in train and in test: 1 of 100 utterances in fold 1: Ses01_im_F_angry_0"),
    "dev_and_test": (
        dev_is_test,
        "both in dev and in test, so that what is chosen on dev is chosen on test: 20 of 100 utterances in fold 1: ",
    ),
    "twice": (lambda rows: rows.append(first(rows, "test")), "twice in one part: 1 of 100 utterances in all 5 folds: "),
    "unknown": (
        lambda rows: rows.append(rows[0] | {"utterance": "03a01Fa"}),
        "not in the manifest, so that nothing is known of them: 1 of the split's utterances: 03a01Fa",
    ),
    "unused": (
        lambda rows: rows[0].update({f"fold{k}": "" for k in range(1, 6)}),
        "in no part of any fold, though others like them are: 1 of 120 utterances: Ses01_im_F_angry_0",
    ),
    "never_tested": (with_part("test", ""), "never tested: 1 of 100 utterances: Ses01_im_F_angry_0"),
    "tested_again": (
        lambda rows: first(rows, "train").update(fold1="test"),
        "tested in several folds, so that pooled numbers count them as often: 1 of 100 utterances: ",
    ),
    "class_not_trained": (without_class, "sad is tested and has no training utterances in fold 2: sad"),
    "no_test": (
        lambda rows: [row.update(fold1="train") for row in rows if row["fold1"] == "test"] and None,
        "nothing is in test of fold 1",
    ),
}


@pytest.mark.parametrize("kind", SPLITS)
def test_a_faulty_split_has_its_line(sound: tuple[Path, Split], kind: str) -> None:
    folder, _ = sound
    change, told = SPLITS[kind]
    rows = lines(folder / "split.csv")
    change(rows)
    write(folder / "other.csv", rows)
    code, report = reported(*files(folder, "other.csv"))
    assert code == 1 and kind in kinds(report)
    code, said = audited(*files(folder, "other.csv"))
    assert code == 1 and f"\nWRONG  {told}" in said


def drop(name: str) -> Callable[[Lines], Lines]:
    return lambda rows: [{key: text for key, text in row.items() if key != name} for row in rows]


BAD: dict[str, tuple[str, Callable[[Lines], Lines], str]] = {
    "no form": ("split.csv", lambda rows: [{"utterance": row["utterance"]} for row in rows], "a split is a CSV with"),
    "a word": (
        "split.csv",
        lambda rows: [row | {"fold1": row["fold1"].replace("dev", "eval")} for row in rows],
        "part 'eval': the words are train, training, dev, development, val, valid, validation, test, testing",
    ),
    "of another corpus": (
        "split.csv",
        lambda rows: [row | {"utterance": f"x{place}"} for place, row in enumerate(rows)],
        "is in it (it names 'x0', 'x1', 'x2' and 97 more): give both the same names or paths",
    ),
    "manifest without names": (
        "manifest.csv",
        lambda rows: drop("path")(drop("utterance")(rows)),
        "no column utterance",
    ),
    "a name twice": ("manifest.csv", lambda rows: [*rows, rows[0]], "two utterances are called Ses01_im_F_angry_0"),
    "prediction missing": (
        "given/seed2/fold3.csv",
        lambda rows: rows[1:],
        "no prediction for 1 of 20 tested utterances: Ses03_im_F_angry_0: predict them, too",
    ),
    "of another fold": (
        "given/seed1/fold2.csv",
        lambda rows: [row | {"utterance": row["utterance"].replace("Ses02", "Ses05")} for row in rows],
        "20 of its 20 utterances are not tested in this fold, but in its train part",
    ),
    "prediction twice": (
        "given/seed1/fold1.csv",
        lambda rows: [*rows, rows[-1]],
        "utterances are there twice: Ses01_im_M_sad_1: keep one prediction of each",
    ),
    "no such class": (
        "given/seed1/fold1.csv",
        lambda rows: [rows[0] | {"predicted": "ang"}, *rows[1:]],
        "predicted 'ang' for Ses01_im_F_angry_0: the labels are angry, happy, neutral, sad",
    ),
    "other truth": (
        "given/seed1/fold1.csv",
        lambda rows: [rows[0] | {"target": "sad"}, *rows[1:]],
        "column target differs from the split's in 1 utterances: Ses01_im_F_angry_0 (sad, not angry)",
    ),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_input_is_one_line(sound: tuple[Path, Split], kind: str) -> None:
    folder, split = sound
    name, change, told = BAD[kind]
    predictions = given(folder, split)
    write(folder / name, change(lines(folder / name)))
    code, said = audited(*files(folder, "split.csv"), "--predictions", predictions)
    assert code == 2 and said.startswith(str(folder / name)) and told in said and "\n" not in said


def test_missing_predictions_of_all_folds_are_named_together(sound: tuple[Path, Split]) -> None:
    folder, split = sound
    predictions = given(folder, split)
    for name, number in (("seed1/fold1.csv", 1), ("seed2/fold3.csv", 4)):
        write(predictions / name, lines(predictions / name)[number:])
    told = (
        f"{predictions}: no prediction for 5 of 200 tested utterances: seed 1, fold 1: 1 of 20 (Ses01_im_F_angry_0), "
        "seed 2, fold 3: 4 of 20 (Ses03_im_F_angry_0, Ses03_im_F_angry_1, Ses03_im_F_excited_0 and 1 more): "
        "predict them, too"
    )
    assert audited(*files(folder), "--predictions", predictions) == (2, told)
    exchanged = predictions / "seed1/fold4.csv"  # what is foreign is said first: it is the cause
    exchanged.write_bytes((predictions / "seed1/fold5.csv").read_bytes())
    code, said = audited(*files(folder), "--predictions", predictions)
    assert code == 2 and said.startswith(f"{predictions / 'seed1/fold1.csv'}: no prediction for 1 of 20")


def test_a_fold_that_tests_nothing_has_no_number(sound: tuple[Path, Split]) -> None:
    """Found by random input: it is told as a finding, and the others' numbers are those of before."""
    folder, split = sound
    predictions = given(folder, split)
    rows = lines(folder / "split.csv")
    numbers = reported(*files(folder, "split.csv"), "--predictions", predictions)[1]["numbers"]
    write(folder / "other.csv", [row | {"fold6": "train"} for row in rows])
    report = reported(*files(folder, "other.csv"), "--predictions", predictions)[1]
    assert kinds(report).keys() == {"no_test"} and report["numbers"] == numbers
    write(folder / "other.csv", [row | {f"fold{k}": "train" for k in range(1, 6)} for row in rows])
    code, said = audited(*files(folder, "other.csv"), "--predictions", predictions)
    assert code == 2 and said.startswith(f"{folder / 'other.csv'}: no fold tests anything")


@pytest.mark.parametrize(
    ("claimed", "hint"),
    [
        ("UA=0.73", " (is 0.73 meant as 73 per cent?)"),
        ("UA=1.5", ""),
        ("UA=0", ""),
    ],
)
def test_a_claim_in_another_unit_is_asked_about(sound: tuple[Path, Split], claimed: str, hint: str) -> None:
    folder, split = sound
    code, said = audited(*files(folder), "--predictions", given(folder, split), "--claimed", claimed)
    assert code == 1 and f"(all folds pooled){hint}\n" in said and f"does not follow from these{hint}\n" in said


def test_a_coefficient_in_per_cent_is_asked_about() -> None:
    assert Claim.parse("ccc_arousal=65.2").hint == "is 65.2 meant as 0.652?"
    assert Claim.parse("ccc_arousal=0.652").hint == ""
