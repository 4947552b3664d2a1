"""An entry added to a YAML file that someone wrote: in its place, or what to add by hand."""

import pytest

from ser.errors import InputError
from ser.scaffold.entries import with_entry


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a: 1", "a: 1\nc:\n  k: {}\n"),
        ("", "c:\n  k: {}\n"),
        ("c: {}\n", "c: {k: {}}\n"),
        ("c: {\n  b: 1,\n}\n", "c: {\n  b: 1, k: {}\n}\n"),
        ("c:\n    # of b\n    b: 1\n", "c:\n    k: {}\n    # of b\n    b: 1\n"),
    ],
)
def test_an_entry_goes_where_it_belongs(before: str, after: str) -> None:
    assert with_entry(before, "c", "k", {}, "f") == after


@pytest.mark.parametrize(
    "text", ["c: null", "{a: 1}", "c: [1]", "a: &x {b: 1}\nc: *x", "c: {\n  b: 1 # of b\n}", "- c"]
)
def test_where_an_entry_has_no_place_it_is_said(text: str) -> None:
    with pytest.raises(
        InputError, match=r"^f: nothing can be added .* as it is written: add c: \{k: 1\}, then once more$"
    ):
        with_entry(text, "c", "k", 1, "f")
