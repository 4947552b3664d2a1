"""Claims: each says which official part it is about, and is checked."""

import pytest

from helpers import ROOT
from helpers.builders import protocol
from helpers.params import params
from ser.errors import InputError
from ser.plan.claims import check_part
from ser.plan.experiments import read_experiments
from ser.plan.load import load_plan

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


def test_shipped_rows_that_classify_regions() -> None:
    """All of EmoSphere-SER's but those without that head; Table 3 prints both numbers of three of them."""
    planned = load_plan(params(scale="paper", experiments={"emosphere_ser": "all"}), ROOT)
    others = {group.row for group in planned.groups if not group.auxiliary}
    assert others == {"baseline", "emotion_auxiliary", "no_region_loss", "challenge_baseline"}
    assert {group.auxiliary for group in planned.groups} == {"", "region"}
    claims = [claim for claim in planned.experiments["emosphere_ser"]["claims"] if "region" in claim["metric"]]
    assert {(claim["row"], claim["metric"]): claim["value"] for claim in claims} == {
        ("full", "region_macro_f1"): 36.27,
        ("full", "region_WA"): 59.51,
        ("regions_45", "region_macro_f1"): 4.77,
        ("regions_45", "region_WA"): 16.95,
        ("regions_60", "region_macro_f1"): 17.96,
        ("regions_60", "region_WA"): 31.95,
    }
    assert {(claim["table"], claim["part"], claim["evidence"]) for claim in claims} == {("Table 3", "dev", "paper")}
