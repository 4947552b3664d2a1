"""Claims: each says which official part it is about, and is checked."""

import pytest

from helpers import ROOT
from helpers.builders import protocol
from ser.errors import InputError
from ser.plan.claims import check_part
from ser.plan.experiments import read_experiments

OFFICIAL = protocol(
    folds={"kind": "official", "train": ["train"], "dev": ["dev"], "test": ["test1"], "also_report": ["dev"]},
    dev={"kind": "official"},
)


def test_parts_that_are_reported_or_explained_are_accepted() -> None:
    check_part({"protocol": "p"}, protocol(), "here")
    check_part({"protocol": "p", "part": "dev"}, OFFICIAL, "here")
    check_part({"protocol": "p", "part": "test3", "reason": "hidden"}, OFFICIAL, "here")


@pytest.mark.parametrize(
    ("claim", "of", "message"),
    [
        ({}, OFFICIAL, r"here: protocol p reports each part: add part: test1 \| dev$"),
        ({"part": "tset1"}, OFFICIAL, r"here: part 'tset1' is not one that protocol p reports \(test1, dev\): name"),
        ({"part": "dev"}, protocol(), r"here: part 'dev': protocol p has no official parts: remove it"),
    ],
)
def test_other_parts_are_refused(claim: dict, of: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_part({"protocol": "p"} | claim, of, "here")


def test_shipped_claims_that_facts_decide() -> None:
    """Nobody knows after which epoch EmoBox scored; every network of CA-MSER's Table 2 has both of its numbers."""
    shipped = read_experiments(ROOT)
    rules = {claim["selection"] for claim in shipped["superb_er"]["claims"] if "EmoBox, Table 4" in claim["source"]}
    assert rules == {"unknown"}
    ca_mser = shipped["ca_mser"]
    by_speaker = [claim for claim in ca_mser["claims"] if claim["protocol"] == "iemocap_5531_speakers"]
    assert len(ca_mser["rows"]) == 10
    assert {(claim["row"], claim["metric"]) for claim in by_speaker} == {
        (row, metric) for row in ca_mser["rows"] for metric in ("WA", "UA")
    }
    assert {(claim["selection"], claim["evidence"]) for claim in by_speaker} == {("test_selected", "paper")}
