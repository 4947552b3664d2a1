"""YAML files: whatever is wrong with one is said in one line, with its place."""

from pathlib import Path

import pytest

from ser.errors import InputError
from ser.plan.validation import read_yaml

TEN_TIMES = "".join(f"{b}: &{b} [{f'*{a},' * 10}]\n" for a, b in zip("abcde", "bcdef", strict=True))
BOMB = f"a: &a [x,x,x,x,x,x,x,x,x,x]\n{TEN_TIMES}"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", "line 3: 'a' appears twice, first in line 1: keep one"),
        ("a:\n  b: 1\n  c: 2\n  b: 1\n", "line 4: 'b' appears twice, first in line 2: keep one"),
        (b"a: 1\nb: \xe9\n", "line 2: not in UTF-8 (invalid continuation byte): save it in UTF-8"),
        ("? [a, b]\n: 1\n", "line 1: the key ['a', 'b'] is not text: put it in quotes"),
        ("a: 1\n2: 1\n", "line 2: the key 2 is not text: put it in quotes"),
        (f"a: {'9' * 5000}\n", "line 1: cannot be read as int (Exceeds the limit (4300 digits)"),
        ("a: .nan\n", "line 1: .nan is not a number that can be computed with"),
        ("a: 1.0e+999\n", "line 1: 1.0e+999 is not a number that can be computed with"),
        ("a: 2020-13-45\n", "line 1: cannot be read as timestamp (month must be in 1..12): put text in quotes"),
        ("a: !!int ''\n", "line 1: cannot be read as int (string index out of range): put text in quotes"),
        ("[" * 100_000, "line 1: nested deeper than 40 levels: write it flatter"),
        ("\n".join(" " * i + "a:" for i in range(3_000)), "line 41: nested deeper than 40 levels: write it flatter"),
        (BOMB, "line 6: more than 200,000 values: split it, or repeat less by aliases (*name)"),
        ("&a {b: *a}\n", "not YAML: found unconstructable recursive node in"),
        ("a: [\n", "not YAML: while parsing a flow node did not find expected node content in"),
        ('a: "\x00"\n', "not YAML: unacceptable character #x0000"),
    ],
    ids=lambda value: None if isinstance(value, bytes) else value[:20],
)
def test_a_fault_of_a_file_is_one_line(tmp_path: Path, content: str | bytes, message: str) -> None:
    path = tmp_path / "own.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError) as error:
        read_yaml(path)
    assert str(error.value).startswith(f"{path}: {message}")
    assert "\n" not in str(error.value) and len(str(error.value)) < 1_000


def test_a_folder_where_a_file_belongs_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"^{tmp_path}: cannot be read: Is a directory$"):
        read_yaml(tmp_path)


def test_an_alias_repeats_what_its_anchor_holds(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("a: &x {b: [1, 2]}\nc: *x\n")
    assert read_yaml(tmp_path / "own.yaml") == {"a": {"b": [1, 2]}, "c": {"b": [1, 2]}}
