"""The command line as a whole: every command has help and an example, and nothing heavy is imported for it."""

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from helpers.project import BIN
from ser.cli import app
from ser.files import words


def test_help_names_every_command() -> None:
    said = subprocess.run([BIN / "ser", "--help"], capture_output=True, text=True, check=True).stdout
    assert [name for name in words("commands") if name not in said] == []


@pytest.mark.parametrize("name", words("commands"))
def test_each_command_has_help_and_an_example(name: str) -> None:
    shown = CliRunner().invoke(app, [name, "--help"])
    assert shown.exit_code == 0
    assert f"Example: ser {name}" in " ".join(shown.output.split())


def test_help_imports_nothing_heavy() -> None:
    code = "import sys, ser.cli; print(sorted({name.partition('.')[0] for name in sys.modules}))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    heavy = ("numpy", "torch", "pandas", "pyarrow", "snakemake", "yaml", "sklearn")
    assert [name for name in heavy if f"'{name}'" in found] == []


def test_output_that_is_not_a_terminal_has_no_colours() -> None:
    said = subprocess.run([BIN / "ser", "--help"], capture_output=True, check=True).stdout
    assert b"\x1b" not in said
