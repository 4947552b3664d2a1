"""Every command that the documents show exists, with its options and targets."""

import re
import shlex
from collections.abc import Iterator
from functools import cache

import pytest
import typer

from helpers import ROOT
from ser.cli import app

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`((?:ser|make|snakemake|dvc|python|\.venv/bin/\w+) [^`\n]+)`")


def commands() -> Iterator[tuple[str, list[str]]]:
    """(page, words) of each command of one of the tools, in code blocks and in running text."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        shown = [line for _, language, block in FENCE.findall(text) if not language for line in _lines(block)]
        for line in [*shown, *SPAN.findall(FENCE.sub("", text))]:
            for part in re.split(r"&&|\|", line.removeprefix("$ ")):
                words = _words(part)
                while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
                    words = words[1:]
                words[:1] = [word.removeprefix(".venv/bin/") for word in words[:1]]
                if words and words[0] in CHECKS:
                    yield page.name, words


def _lines(block: str) -> list[str]:
    return [line.strip() for line in block.replace("\\\n", " ").split("\n")]


def _words(text: str) -> list[str]:
    try:
        return shlex.split(re.sub(r" > \S+", "", text), comments=True)
    except ValueError:  # an apostrophe: the output of a command
        return []


def check_ser(words: list[str]) -> None:
    """With these options and no more arguments than it takes."""
    command, rest = typer.main.get_command(app), words
    while hasattr(command, "commands") and rest and rest[0] in command.commands:
        command, rest = command.commands[rest[0]], rest[1:]
    if rest in ([], ["--help"], ["COMMAND", "--help"], ["--install-completion"], ["--show-completion"]):
        return
    assert not hasattr(command, "commands"), "no such command"
    if len(rest) == 1 and rest[0].startswith("--"):  # an option that the text names without its value
        assert rest[0] in {name for option in command.params for name in option.opts}
        return
    try:
        left = command.make_parser(typer.Context(command)).parse_args([word for word in rest if word != "..."])[1]
    except Exception as error:
        raise AssertionError(error) from None
    assert not left, "too many arguments"


def check_make(words: list[str]) -> None:
    targets = {*re.findall(r"^([\w./-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)}
    assert {word for word in words if "=" not in word} <= targets


@cache
def rules() -> tuple[set[str], set[str], str]:
    """Snakemake's options, the names of the rules, and the text that says which files are made."""
    from snakemake.cli import get_argument_parser

    text = "\n".join(path.read_text() for path in [ROOT / "Snakefile", *(ROOT / "rules").glob("*.smk")])
    names = {*re.findall(r"^rule (\w+):", text, re.MULTILINE)}
    return {*get_argument_parser()._option_string_actions}, names, (ROOT / "ser/plan/places.py").read_text() + text


def check_snakemake(words: list[str]) -> None:
    """Options of the version that is locked; targets are rules, or files in work/ and results/ that a rule makes."""
    options, names, written = rules()
    assert {word for word in words if word.startswith("-")} <= options | {"--"}
    for target in words[words.index("--") + 1 :] if "--" in words else []:
        is_result = target.startswith("results/") and target.removeprefix("results/") in written
        assert is_result or target in names or target.startswith("work/"), target


def check_dvc(words: list[str]) -> None:
    from dvc.cli.parser import get_main_parser

    words = [word for word in words if word != "..."]
    if len(words) <= 2 and not any(word.startswith("-") for word in words):
        words = [*words, "--help"]  # named without what it works on
    try:
        get_main_parser().parse_args(words)
    except (Exception, SystemExit) as error:
        if getattr(error, "code", 1) == 0:  # it printed its help
            return
        raise AssertionError(error) from None


def check_python(words: list[str]) -> None:
    """A script that is there, and has these options."""
    if words[0].endswith(".py"):
        text = (ROOT / words[0]).read_text() if (ROOT / words[0]).is_file() else ""
        assert text and all(f'"{word}"' in text for word in words if word.startswith("--"))


CHECKS = {
    "ser": check_ser,
    "make": check_make,
    "snakemake": check_snakemake,
    "dvc": check_dvc,
    "python": check_python,
}
COMMANDS = list(commands())


@pytest.mark.parametrize("tool", CHECKS)
def test_the_commands_of_the_documents_exist(tool: str) -> None:
    found = [(page, words[1:]) for page, words in COMMANDS if words[0] == tool]
    assert len(found) > 2
    for page, words in found:
        try:
            CHECKS[tool](words)
        except AssertionError as error:
            pytest.fail(f"{page}: {tool} {' '.join(words)}: {error}")


@pytest.mark.parametrize(
    "line",
    [
        "ser corpora emodb",
        "ser status --corpora emodb",
        "ser verify everything",
        "make tables",
        "snakemake --core all",
        "snakemake -- results/tables.csv",
        "dvc reproduce",
        "dvc remote add --first lab DIR",
        "python benchmarks/bench.py --speed",
    ],
)
def test_one_that_does_not_exist_is_found(line: str) -> None:
    tool, *words = line.split()
    with pytest.raises(AssertionError):
        CHECKS[tool](words)
