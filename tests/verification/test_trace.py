"""The words of `ser trace` about claims and epochs; test_verify.py has a whole page of a real build."""

import pytest

from helpers.builders import group_of, protocol
from helpers.split_cases import DRAWN, REPORTED
from ser.errors import InputError
from ser.verification.trace import chosen_by, claimed, find_cell

LINE = {
    **{"experiment": "paper", "row": "full", "run_group": "paper/full/p/clean", "folds": "official: dev"},
    **{"metric": "ccc_arousal", "aggregation": "fold_mean", "claim": "", "value": "0.4"},
}


def test_a_number_without_a_claim_says_which_number_has_one() -> None:
    pooled = LINE | {"aggregation": "pooled", "claim": "0.5", "claim_source": "Table 2"}
    accuracy = pooled | {"metric": "WA", "folds": "8 x leave_one_out of speakers", "claim": "71"}
    elsewhere = accuracy | {"run_group": "paper/full/p/test_selected"}
    other_row = accuracy | {"row": "small"}
    none = "none is known for this number: ccc_arousal of the official part dev, fold_mean"
    assert list(claimed(LINE, [LINE, other_row])) == [none]
    assert list(claimed(LINE, [LINE, pooled, accuracy, elsewhere])) == [
        none,
        "one is known of the same runs for ccc_arousal of the official part dev, pooled: 0.5 (line 3)",
        "one is known of the same runs for WA, pooled: 71 % (line 4)",
    ]
    assert list(claimed(LINE, [elsewhere, LINE])) == [
        none,
        "one is known of paper/full/p/test_selected for WA, pooled: 71 % (line 2)",
    ]
    assert list(claimed(pooled, [LINE, pooled])) == ["0.5, stated in Table 2", "the number is -0.1 from it"]


def test_a_name_without_its_selection_is_told_in_full() -> None:
    others = LINE | {"run_group": "mfhca/full/iemocap_5531_speakers/clean"}
    with pytest.raises(
        InputError, match="0 lines are 'paper/full/p:ccc_arousal': write it like paper/full/p/clean:ccc_"
    ):
        find_cell([others, LINE], "paper/full/p:ccc_arousal")


def test_the_part_that_chooses_the_epoch_is_not_mistaken_for_an_official_one() -> None:
    reported, drawn = (group_of(protocol(**fields), system="linear_probe") for fields in (REPORTED, DRAWN))
    assert chosen_by(reported, "dev") == "chosen on the dev part, which is this same official part dev (clean)"
    assert chosen_by(reported, "test1") == "chosen on the dev part, held out of both training and test (clean)"
    assert chosen_by(drawn, "dev") == (
        "chosen on the dev part: 1 utterances of each emotion of the official part dev, drawn for each seed; "
        "the others are tested (clean)"
    )
    assert chosen_by(group_of(protocol()), "") == "none: the system does not train in epochs (clean)"
    assert "the test part itself" in chosen_by(group_of(protocol(), system="mfhca", selection="test_selected"), "")
