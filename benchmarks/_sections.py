"""Sections of docs/performance.md on what is not a comparison of ways: the demo, growth, bfloat16."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from _tables import table

DEMO = """\
## The demo

`python benchmarks/demo.py`: all rows at scale `demo` from nothing, tables, charts and MLflow included, set-up apart.
Starting is Snakemake itself, the processes that ask for a job, and the one that loads the libraries. Before each job
was forked from a process that has the libraries, the same demo took 9:44 minutes and 1,116 s of the processor on such a
machine; about 40 % of that was starting.
"""
BFLOAT16 = """\
## What bfloat16 changes

`precision: auto` computes the states of a frozen encoder in bfloat16 where the machine multiplies in it. Logistic
regression on the mean over time of three layers and of all, one speaker left out at a time
(`python benchmarks/precision.py --emodb DIR`); for the difference that is to be expected between two seeds of a row see
`seed_std` in [results.md](results.md).
"""
GROWN = """\
## When a corpus grows

`python benchmarks/growth.py`: synthetic sounds of IEMOCAP's lengths, a row of each kind of system, `snakemake all` from
nothing. Networks are small and train one epoch in each fold, the encoder is tiny. Processor seconds of all jobs of a
rule, and the peak memory of its largest job, libraries (and pages of stores that are mapped, not copied) included.
"""


def sections(results: Path) -> list[str]:
    """Those whose benchmark was run."""
    makers = {"demo": demo, "growth": growth, "precision": precision}
    paths = {name: results / f"{name}.json" for name in makers}
    return [
        line for name, path in paths.items() if path.exists() for line in makers[name](json.loads(path.read_text()))
    ]


def demo(of: Mapping[str, Any]) -> list[str]:
    """Where the demo's processor time goes, as demo.py found it."""
    rows = sorted(((rule, used["jobs"], used["cpu"]) for rule, used in of["rules"].items()), key=lambda row: -row[2])
    large, small = [row for row in rows if row[2] >= 1], [row for row in rows if row[2] < 1]
    of_jobs = sum(row[2] for row in rows)
    large.append(("others", sum(row[1] for row in small), sum(row[2] for row in small)))
    large.append(("starting", "", max(0.0, of["cpu"] - of_jobs)))
    lines = [[rule, jobs, f"{cpu:.1f}", f"{cpu / of['cpu']:.0%}"] for rule, jobs, cpu in large]
    minutes, seconds = divmod(round(of["wall"]), 60)
    said = (
        f"{minutes}:{seconds:02} minutes, {of['cpu']:.0f} s of the processor: {of['cores']} cores were busy "
        f"{of['cpu'] / of['wall'] / of['cores']:.0%} of the time (load before: {of['load']})."
    )
    return [DEMO, said, "", *table(["rule", "jobs", "processor, s", "share"], lines), ""]


def precision(of: Mapping[str, Any]) -> list[str]:
    """What bfloat16 changes, as precision.py found it."""
    error = f"median {100 * of['error']['median']:.2f} %, at most {100 * of['error']['largest']:.2f} %"
    said = f"Input: {of['input']}, {of['utterances']} utterances, {of['encoder']}. States differ by: {error}."
    rows = [
        [layer, *(f"{scores[name]:.2f}" for name in ("float32", "bfloat16")), f"{100 * scores['same']:.1f} %"]
        for layer, scores in of["layers"].items()
    ]
    return [BFLOAT16, said, "", *table(["layer", "UA, float32", "UA, bfloat16", "same predictions"], rows), ""]


def growth(of: Mapping[str, Any]) -> list[str]:
    """Seconds and memory of each rule by size of the corpus, as growth.py found them."""
    sizes = [f"{each['times']} x: {each['utterances']:,} ({each['seconds'] / 60:.0f} min)" for each in of["corpora"]]
    times = [str(each["times"]) for each in of["corpora"]]
    rows = []
    for rule, by_size in of["rules"].items():
        cells = [rule, by_size[times[-1]]["jobs"]]
        for kind, form in (("cpu", "{:.1f}"), ("mib", "{:,.0f}")):
            values = [by_size[size][kind] for size in times]
            cells += [*(form.format(value) for value in values), f"{values[-1] / max(values[0], 0.01):.2f}"]
        rows.append(cells)
    said = f"Utterances (audio): {'; '.join(sizes)}. Growth: largest over smallest."
    columns = [column for kind in ("s", "MiB") for column in (*(f"{kind}, {size} x" for size in times), "growth")]
    return [GROWN, said, "", *table(["rule", "jobs", *columns], rows), ""]
