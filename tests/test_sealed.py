"""Describing files: any change to them, or to what they describe, is named; so is an input that was not ordered."""

import json
from pathlib import Path

import pytest

from helpers import flipped
from ser.errors import InputError
from ser.sealed import Inputs, Order, Provenance, check_files, hashes_of, read_sealed, write_sealed


@pytest.fixture
def described(tmp_path: Path) -> Path:
    """A describing file, and a file that it describes."""
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n")
    facts = {"value": 0.1, "gone": float("nan"), "name": "é", "sha256": hashes_of([tmp_path / "rows.csv"], tmp_path)}
    write_sealed(tmp_path / "x.json", facts | Provenance("c0de", "plan", {"work/in.json": "5ea1"}).facts)
    return tmp_path / "x.json"


def test_what_was_written_is_read_and_the_same_facts_are_the_same_bytes(described: Path) -> None:
    facts = read_sealed(described)
    assert (facts["value"], facts["gone"], facts["name"], facts["made_from"]) == (0.1, None, "é", "plan")
    before = described.read_bytes()
    write_sealed(described, facts)
    assert described.read_bytes() == before
    write_sealed(described, facts | {"value": 0.2})
    assert read_sealed(described)["seal"] != facts["seal"]


def test_every_flipped_bit_is_found(described: Path) -> None:
    content = described.read_bytes()
    for place in range(len(content)):
        for bit in range(8):
            described.write_bytes(flipped(content, place, bit))
            with pytest.raises(InputError, match=r"x\.json: (has changed|damaged)"):
                read_sealed(described)


def test_a_file_that_was_edited_or_removed_is_named(described: Path) -> None:
    rows = described.with_name("rows.csv")
    rows.write_text("a,b\n1,3\n")
    with pytest.raises(InputError, match=r"rows\.csv: not as .*x\.json describes: remove .*x\.json and build again"):
        check_files(described, read_sealed(described))
    rows.unlink()
    with pytest.raises(InputError, match=r"rows\.csv: not as"):
        Inputs(Order()).read(described)


def test_inputs_are_those_of_the_order(described: Path) -> None:
    inputs = Inputs(Order.parse(Order("result", "c0de", {str(described): "plan"}).text))
    facts = inputs.read(described)
    assert inputs.provenance("c0de") == Provenance("c0de", "result", {str(described): facts["seal"]})
    with pytest.raises(InputError, match="the code has changed since this build started"):
        inputs.provenance("another")
    with pytest.raises(InputError, match=r"x\.json: made from other settings, code or recordings than planned"):
        Inputs(Order(inputs={str(described): "another plan"})).read(described)


def test_by_hand_anything_goes_but_what_was_damaged(described: Path) -> None:
    inputs = Inputs(Order())
    inputs.read(described)
    assert inputs.provenance("any").made_from == ""
    with pytest.raises(InputError, match="no such file: it is not made yet"):
        inputs.read(described.with_name("y.json"))


@pytest.mark.parametrize("text", ["", "[]", "1", '{"what": 1}', json.dumps({"made_from": "a", "input": {}})])
def test_an_order_is_json_of_its_fields(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Order.parse(text)
