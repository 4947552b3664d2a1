"""The report's page of a small built project, with names as a user may choose them."""

import dataclasses
from collections import Counter
from contextlib import chdir
from pathlib import Path
from typing import Any

from helpers.results import write_results
from helpers.runs import AsPlanned
from ser.figures.results import figures
from ser.report.example import Example
from ser.report.overview import choices, leaks, papers, skipped
from ser.report.page import Content
from ser.results.lines import read_lines

GROUP = "paper/full/p/clean"
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>&\u2028"
PIXEL = (
    b"<svg xmlns='http://www.w3.org/2000/svg' width='40' height='20'><rect width='40' height='20' fill='#048'/></svg>"
)
SILENCE = b"RIFF$\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x80>\0\0\0}\0\0\2\0\x10\0data\0\0\0\0"
CHOSEN = {"value": 0.5, "source": "chosen", "note": "nobody says"}


def behind(group: str, skipped: str = "") -> dict[str, Any]:
    """What `provenance` says of a group with one run."""
    found = {
        "title": f"The system {HOSTILE}" if group == GROUP else group,
        "paper": "A paper & more",
        "reference": "Someone, 2024",
        "skipped": skipped,
        "aggregation": "pooled",
        "chosen_by": {"": "chosen on the dev part"},
        "settings": [["rate", "0.1", "paper"], ["epochs", "3", "chosen"]],
    }
    return found | {
        "evaluation": ["work/demo/evaluations/x.json", "5ea1"],
        "sections": [("Recordings", [f"Corpus {HOSTILE}: 80 utterances"]), ("Code", ["commit c0ffee"])],
        "runs": [[1, 1, 2, 3, "0123abcd", {"": {"WA": "55.00", "UA": "54.00", "macro_f1": ""}}]],
        "folder": f"work/demo/runs/{group}",
        "jobs": ["train: one run, 1.5 s"],
    }


def small_content(folder: Path) -> Content:
    """Of the project that `write_results` writes into `folder`; one line is skipped, and the title is hostile."""
    plan, places = write_results(folder)
    experiment = dict(plan.experiments["paper"])
    experiment["rows"] = {
        "full": {"title": f"The system {HOSTILE}", "source": "paper"},
        "other": {"title": "Another", "source": "chosen", "note": HOSTILE},
    }
    experiment |= {"settings": {"rate": CHOSEN}, "reference": "Someone, 2024"}
    plan = dataclasses.replace(plan, experiments={"paper": experiment})
    with chdir(folder):
        path = Path("results/table.csv")
        lines = list(read_lines(path))
        reason = f"no recordings {HOSTILE}"
        lines.append(lines[0] | {"status": "skipped", "value": "", "ci_low": "", "note": reason, "metric": "macro_f1"})
        return Content(
            scale="demo",
            lines=lines,
            verdicts=Counter(line["verdict"] for line in lines if line["claim"]),
            table_sha256="0" * 64,
            papers=list(papers(plan, lines)),
            choices=list(choices(plan)),
            leaks=list(leaks(plan, places)),
            skipped=skipped(plan, lines),
            provenance={group.name: behind(group.name) for group in plan.groups},
            figures=figures(plan, places, AsPlanned()),
            examples=[Example("An utterance", HOSTILE, GROUP, PIXEL, "image/svg+xml", SILENCE, "audio/wav")],
            without={"mfhca": HOSTILE},
        )


def multiplied(content: Content, number: int) -> Content:
    """The same with `number` lines, all different."""
    lines = []
    for i in range(number):
        line = content.lines[i % (len(content.lines) - 1)]
        about = {"value": f"{i * 7919 % number / 100:.2f}", "protocol_hash": f"{i:016x}", "note": f"number {i}"}
        lines.append(line | about | {"run_group": f"paper/full/p{i}/clean"})
    groups = {line["run_group"]: behind(line["run_group"]) for line in lines}
    return dataclasses.replace(content, lines=lines, provenance=groups)
