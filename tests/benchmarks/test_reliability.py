"""What `make faults` notes of the tests, in short, and what it prints of it."""

import json
from pathlib import Path

import pytest

import bad_input
import reliability
from helpers import ROOT

REFUSING = """
import subprocess, sys
import pytest
from ser.errors import InputError

str(InputError("said by no test"))

@pytest.mark.parametrize("value", [1, 2])
def test_a_value(value, tmp_path):
    with pytest.raises(InputError, match="use 3"):
        raise InputError(f"{tmp_path}/a.csv: {value}: use 3")

def test_a_command():
    subprocess.run([sys.executable, "-c", "print('error: no | such thing')"], capture_output=True)

def test_nothing_refused():
    try:
        raise InputError("what no user sees")
    except InputError:
        pass

def test_damaged(record_property):
    for name, value in (("parser", "YAML"), ("tried", 20), ("refused", 17)):
        record_property(name, value)

def test_that_fails():
    raise InputError("not caught")
"""


def test_refusals_are_noted_with_their_lines_and_failures_by_name(tmp_path: Path) -> None:
    (tmp_path / "test_refusing.py").write_text(REFUSING)
    facts = bad_input.observe([str(tmp_path / "test_refusing.py")], examples=1)
    command, value, fails = facts["refused"]
    assert command["line"] == "no | such thing" and command["outcomes"] == {"passed": 1}
    assert (value["line"], value["cases"], value["lines"]) == ("DIR/a.csv: 1: use 3", 2, 2)
    assert facts["failed"] == [fails["test"]] and fails["test"].endswith("test_that_fails")
    assert facts["why"].keys() == {fails["test"]} and "not caught" in "\n".join(facts["why"][fails["test"]])
    assert facts["random"] == [{"parser": "YAML", "tried": 20, "refused": 17}]
    lines = reliability.document(json.loads((reliability.RESULTS / "faults.json").read_text()), facts)
    assert "| refusing: a value | 2 | 2 | `DIR/a.csv: 1: use 3` |" in lines
    assert (
        "| YAML | 20 | 17 |" in lines
        and "`no \\| such thing`" in lines
        and "4 cases in 3 tests, 4 different lines." in lines
    )


def test_tests_that_did_not_run_are_no_success(tmp_path: Path) -> None:
    (tmp_path / "test_broken.py").write_text("import a_module_that_is_nowhere")
    with pytest.raises(RuntimeError, match="pytest ended with exit code"):
        bad_input.observe([str(tmp_path / "test_broken.py")], examples=1)


def test_the_document_is_what_the_results_say() -> None:
    faults, noted = (json.loads((reliability.RESULTS / f"{name}.json").read_text()) for name in ("faults", "bad_input"))
    assert (ROOT / "docs/reliability.md").read_text() == reliability.document(faults, noted)
