"""The command line as a whole: help and an example of every command, exit codes, JSON, and nothing heavy for it."""

import json
import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from helpers import ROOT
from helpers.project import BIN
from helpers.wavs import write_wav
from ser.cli import app, main
from ser.files import words

PATHS = [  # of every command: those of a group after its name
    path
    for name, command in sorted(typer.main.get_command(app).commands.items())  # type: ignore[attr-defined]
    for path in ([[name, word] for word in command.commands] if hasattr(command, "commands") else [[name]])
]


def ser(*arguments: str, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [BIN / "ser", *arguments]
    return subprocess.run(command, cwd=cwd, env=os.environ | environment, capture_output=True, text=True)


def test_help_names_every_command() -> None:
    said = ser("--help").stdout
    assert [name for name in words("commands") if not re.search(rf"^  {name} +\S.*[.?]$", said, re.MULTILINE)] == []


@pytest.mark.parametrize("name", words("commands"))
def test_each_command_has_help_and_an_example(name: str) -> None:
    shown = CliRunner().invoke(app, [name, "--help"])
    assert shown.exit_code == 0
    assert f"Example: ser {name}" in " ".join(shown.output.split())


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_each_command_is_in_the_document_with_an_example(path: list[str]) -> None:
    text = (ROOT / "docs/cli.md").read_text(encoding="utf-8")
    assert f"## `ser {path[0]}`" in text and f"\n$ ser {' '.join(path)}" in text


def test_the_examples_of_the_document_are_commands() -> None:
    """Their options exist: `--help` behind them is understood."""
    examples = re.findall(r"^\$ ser (.+)$", (ROOT / "docs/cli.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(examples) >= len(PATHS)
    for example in examples:
        shown = CliRunner().invoke(app, [*example.split(), "--help"])
        assert shown.exit_code == 0, example
        known = {*re.findall(r"--[\w-]+", shown.output)}
        assert {word for word in example.split() if word.startswith("--")} <= known, example


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['ser', '--help']\nimport ser.cli\ntry: ser.cli.main()\nexcept SystemExit: pass\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    heavy = ("numpy", "torch", "pandas", "pyarrow", "snakemake", "yaml", "sklearn", "rich", "filelock")
    assert [name for name in heavy if f"'{name}'" in found] == []


def test_help_takes_less_than_three_tenths_of_a_second() -> None:
    """Of a processor, at best: how long it takes on a busy machine depends on the others."""
    seconds = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        ser("--help")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(seconds) < 0.3, seconds


def test_output_that_is_not_a_terminal_has_no_colours(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav")
    (tmp_path / "m.csv").write_text("path,speaker,emotion\na.wav,one,sad\n")
    examined = ["corpus", "mine", "--root", str(tmp_path), "--manifest", str(tmp_path / "m.csv")]
    for arguments in (["--help"], ["status", "--row", "majority"], examined):
        said = ser(*arguments)
        assert said.stdout and "\x1b" not in said.stdout + said.stderr, arguments


def test_completion_knows_the_commands() -> None:
    script = ser(_SER_COMPLETE="source_bash").stdout
    assert "_SER_COMPLETE=complete_bash" in script and "complete -o default -F" in script
    asked = {"_SER_COMPLETE": "complete_bash", "COMP_WORDS": "ser st", "COMP_CWORD": "1"}
    assert ser(**asked).stdout.split() == ["status"]


def test_exit_codes(tmp_path: Path) -> None:
    """0: all is well; 1: something was found wrong; 2: bad input, or words that are no command, in one line."""
    write_wav(tmp_path / "a.wav")
    manifest = tmp_path / "m.csv"
    manifest.write_text("path,speaker,emotion\na.wav,one,sad\n")
    examined = ["corpus", "mine", "--root", str(tmp_path), "--manifest", str(manifest)]
    assert ser(*examined).returncode == 0
    manifest.write_text("path,speaker,emotion\na.wav,one,sad\nb.wav,one,sad\n")
    assert ser(*examined).returncode == 1
    said = ser("corpus", "nowhere", "--root", str(tmp_path))
    assert said.returncode == 2 and re.fullmatch(r"error: unknown corpus 'nowhere'.*\n", said.stderr)
    assert ser("status", cwd=tmp_path).returncode == 2
    said = ser("status", "--by", "rows")
    wrong = "error: invalid value for '--by': 'rows' is not one of 'experiment', 'row', 'corpus' (ser status --help)\n"
    assert (said.returncode, said.stdout, said.stderr) == (2, "", wrong)
    said = ser("stattus")
    wrong = "error: no such command 'stattus'. Did you mean 'status'? (ser --help)\n"
    assert (said.returncode, said.stdout, said.stderr) == (2, "", wrong)
    assert ser().stderr.startswith("Usage: ser ") and ser("init").returncode == 2


def test_ctrl_c_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("ser.plan.load.read_params", interrupted)
    monkeypatch.setattr("sys.argv", ["ser", "status"])
    with pytest.raises(SystemExit) as end:
        main()
    assert (end.value.code, *capsys.readouterr()) == (130, "", "interrupted\n")


def test_a_corpus_as_json(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", samples=8_000)
    (tmp_path / "b.wav").write_bytes(b"no recording")
    manifest = tmp_path / "m.csv"
    manifest.write_text("path,speaker,emotion\na.wav,one,sad\nb.wav,two,sad\n")
    said = ser("corpus", "mine", "--root", str(tmp_path), "--manifest", str(manifest), "--json")
    found = json.loads(said.stdout)
    assert said.returncode == 1 and not found["usable"] and found["faults"] == ["1 unreadable audio files"]
    assert (found["utterances"], found["seconds"], found["counts"]["speaker"]) == (1, 0.5, {"one": 1})
    assert [finding["where"] for finding in found["unreadable"]] == ["b.wav"]
    missing = ser("corpus", "mine", "--root", str(tmp_path / "no"), "--manifest", str(manifest), "--json")
    assert (missing.returncode, missing.stdout) == (2, "")
    reason = f"no such folder: give the folder that the paths in {manifest} are relative to"
    assert missing.stderr == f"error: {tmp_path}/no: {reason}\n"
