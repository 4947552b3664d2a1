"""Every bad input that the tests try, and the line by which the project refuses it.

    python benchmarks/bad_input.py --output benchmarks/results/bad_input.json

Runs the tests (or those of `paths`) with a plugin that notes refusals (_refusals.py). A test that saw one is an entry:
how many cases of it ran, how they ended, how many different lines were said, and the first of them. Random input
(tests/fuzz) is counted apart, by parser. Exit code 1 if a test failed.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from _paths import ROOT
from _refusals import FOLDER
from ser.outputs import write_json

CASE = re.compile(r"\[.*\]$", re.DOTALL)


def main(
    paths: Annotated[list[str] | None, typer.Argument(help="of tests; default: all")] = None,
    output: Annotated[Path | None, typer.Option(help="JSON file to write")] = None,
    examples: Annotated[int, typer.Option(help="of random input, for each parser")] = 1000,
) -> None:
    facts = observe(paths or ["tests"], examples)
    if output:
        write_json(output, facts)
    for entry in facts["refused"]:
        print(f"{entry['test']}: {entry['cases']} cases, {entry['lines']} lines: {entry['line']}")
    print(f"failed: {', '.join(facts['failed']) or 'none'}")
    raise typer.Exit(bool(facts["failed"]))


def observe(paths: list[str], examples: int) -> dict[str, Any]:
    """`refused`: an entry per test that saw a refusal; `random`: one per parser; `failed`: tests; `why`: the last lines
    of each failure.
    """
    with tempfile.TemporaryDirectory() as folder:
        environment = {FOLDER: folder, "SER_FUZZ_EXAMPLES": str(examples), "PYTHONPATH": str(ROOT / "benchmarks")}
        command = [sys.executable, "-m", "pytest", "-p", "_refusals", "-p", "no:cacheprovider", "-n", "4", *paths]
        command += ["--dist", "loadfile", "--no-loadscope-reorder"]
        code = subprocess.run(
            command, cwd=ROOT, env=os.environ | environment, check=False, stdout=sys.stderr
        ).returncode
        files = sorted(Path(folder).glob("*.jsonl"))
        notes = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    failed = sorted({note["test"] for note in notes if note["outcome"] == "failed"})
    if code and not failed:
        raise RuntimeError(f"pytest ended with exit code {code}: its tests were not all run")
    random = [note for note in notes if "tried" in note]
    by_test: dict[str, list[dict[str, Any]]] = {}
    for note in sorted((note for note in notes if "tried" not in note), key=lambda note: note["test"]):
        by_test.setdefault(CASE.sub("", note["test"]).removeprefix("tests/"), []).append(note)
    refused = []
    for test, cases in by_test.items():
        if lines := list(dict.fromkeys(line for case in cases for line in case["lines"])):
            outcomes = Counter(case["outcome"] for case in cases)
            refused.append(
                {"test": test, "cases": len(cases), "outcomes": outcomes, "lines": len(lines), "line": lines[0]}
            )
    return {
        "refused": refused,
        "random": sorted(({key: note[key] for key in ("parser", "tried", "refused")} for note in random), key=str),
        "failed": failed,
        "why": {note["test"]: note["why"] for note in notes if note["outcome"] == "failed"},
    }


if __name__ == "__main__":
    typer.run(main)
