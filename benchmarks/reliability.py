"""What the harness saw, as docs/reliability.md: from benchmarks/results/faults.json and bad_input.json, nothing else.

python benchmarks/reliability.py
"""

import json
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

from _paths import ROOT
from _tables import table
from ser.outputs import write_text

RESULTS = ROOT / "benchmarks/results"
DOCUMENT = ROOT / "docs/reliability.md"
MOST = 320  # characters of a line that are shown

INTRODUCTION = """\
# What goes wrong, and what happens then

Printed by `make faults`; no figure or line of it is written by hand.
"""
KILLS = """\
## Killed builds

A change on which every artifact depends, then builds that are killed while a job of a rule runs, then one that is left
to end. `job`: the job's process; `snakemake`: Snakemake alone; `power`: all of them at once. In every other build jobs
are forked, and end with Snakemake; in the rest they are processes of their own, which go on beside the next build. "No
table" and "current" are what lay in `results/table.csv` after a kill; an old one is a problem.
"""
REFUSED = """\
## Bad input

Each is a test: how many cases of it were tried, how many different lines the project said, and one of them. `DIR` is
the folder in question.
"""
RANDOM = """\
## Random input

For each parser a valid file, damaged at random (tests/fuzz): each is read, or refused in one line. Nothing else is
raised, no file is written outside the folder of outputs, time and memory are bounded.
"""


def main() -> None:
    faults, bad_input = (json.loads((RESULTS / f"{name}.json").read_text()) for name in ("faults", "bad_input"))
    write_text(DOCUMENT, document(faults, bad_input))


def document(faults: Mapping[str, Any], bad_input: Mapping[str, Any]) -> str:
    """The document's text."""
    return (
        "\n".join(
            [INTRODUCTION, KILLS, *_kills(faults), "", REFUSED, *_refused(bad_input), "", RANDOM, *_random(bad_input)]
        )
        + "\n"
    )


def _kills(facts: Mapping[str, Any]) -> list[str]:
    kills, afterwards, builds = facts["kills"], facts["afterwards"], facts["builds"]
    kinds = sorted(set().union(*kills.values()))
    tables = sorted(set().union(*afterwards.values()))
    rows = [
        [rule, *(kills[rule].get(kind, 0) for kind in kinds), *(afterwards[rule].get(found, 0) for found in tables)]
        for rule in sorted(kills)
    ]
    total = sum(sum(of_rule.values()) for of_rule in kills.values())
    return [
        *table(["rule", *kinds, *tables], rows),
        "",
        f"- {total} kills in {facts['minutes']:.0f} minutes (seed {facts['seed']})",
        f"- {builds.get('finished', 0)} changes built to the end, {builds.get('failed', 0)} last starts failed",
        f"- {builds.get('identical', 0)} of them left all {facts['files_compared']} compared files, and the runs in "
        "MLflow, as a build from nothing",
        f"- {len(facts['problems'])} problems",
        *(f"- problem: {problem['what']}: {problem['details']}" for problem in facts["problems"]),
    ]


def _refused(facts: Mapping[str, Any]) -> list[str]:
    lines = []
    for area, entries in groupby(facts["refused"], lambda entry: entry["test"].partition("/")[0].partition(".")[0]):
        rows = [[_words(e["test"]), e["cases"], e["lines"], f"`{_short(e['line'])}`"] for e in entries]
        lines += [f"### {area}", "", *table(["tried", "cases", "lines", "one of them"], rows), ""]
    cases, said = (sum(entry[key] for entry in facts["refused"]) for key in ("cases", "lines"))
    failed = [f"Failed: `{test}`" for test in facts["failed"]] or ["None failed."]
    return [*lines, f"{cases} cases in {len(facts['refused'])} tests, {said} different lines.", "", *failed]


def _random(facts: Mapping[str, Any]) -> list[str]:
    entries = facts["random"]
    tried, refused = (sum(entry[key] for entry in entries) for key in ("tried", "refused"))
    rows = [[entry["parser"], entry["tried"], entry["refused"]] for entry in entries]
    return table(["parser", "tried", "refused"], [*rows, ["all", tried, refused]])


def _words(test: str) -> str:
    """`corpora/test_casia.py::test_a_wrong_root` -> `casia: a wrong root`."""
    file, _, name = test.partition("::")
    return f"{Path(file).stem}: {name}".replace("test_", "", 2).replace("_", " ")


def _short(line: str) -> str:
    line = line.replace("`", "'").replace("|", "\\|")
    return line if len(line) <= MOST else f"{line[:MOST]} ..."


if __name__ == "__main__":
    main()
