"""Claims: each says which official part it is about, and is checked."""

import pytest

from helpers.builders import protocol
from ser.errors import InputError
from ser.plan.claims import check_part

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
