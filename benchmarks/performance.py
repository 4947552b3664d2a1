"""What bench.py found, as docs/performance.md and docs/performance.svg: from benchmarks/results, nothing else.

python benchmarks/performance.py
"""

import json
from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from _paths import ROOT
from _sections import sections
from _tables import table
from _turns import KINDS
from bench import BENCHMARKS, ON_GPU
from functionals_svm import NKULULEKO
from ser.outputs import write_text

RESULTS = ROOT / "benchmarks/results"
DOCUMENT, CHART = ROOT / "docs/performance.md", ROOT / "docs/performance.svg"
# The ways of other projects, which the chart shows; the others (`network`, `script`, `bfloat16`) say what is possible.
USUAL = {"one at a time", "padded batches", "recomputed", "usual", "a process each"}
Found = Mapping[str, Mapping[str, Any]]

INTRODUCTION = """\
# How fast it is

Printed by `make bench` and `python benchmarks/performance.py`; no figure of it is written by hand. Each benchmark
does the same in our way and in that of other projects, in turns (A B A B ...), each in a process of its own, so that
whatever else the machine does hits both. The usual ways are written here, plainly (`benchmarks/_usual_probe.py`,
`epochs.py`, `fine_tuning.py`); no other project's program is run.

"Times ours" is how many times as long a way takes: the median over neighbouring turns, with the lowest and highest.
Seconds of the wall are what a user waits for, if nothing else runs; those of the processor add up all cores and depend
less on what else runs. Where a way begins with a start (Snakemake's plan, a new process, loading the encoder), the same
with next to nothing to do is measured beside it and subtracted, so that what is left holds for a large corpus; "with
the start" is the whole.
"""
SHARE = """\
## Share of what the machine can do

Operations as torch counts them (matrix products and convolutions of each file by itself, without padding) per second of
the processor, or of the wall on a GPU, without the start; and what share that is of a large matrix product on one core,
or on the GPU. The products were measured after each round; the best counts.
"""
WHAT = {
    "extraction": """\
Ours is `snakemake features_all` with `precision: auto`, which `fair/linear_probe` and MFHCA's `frozen_hubert` have:
bfloat16 where the machine multiplies in it. In float32 it has the settings of `superb_er`, whose code computes in it.
One at a time: a loop in float32 with a `.npy` for each file, as in EmoBox and nkululeko. Padded batches: up to 32 files
in random order, padded to the longest, as in SUPERB; with a front end that is normalised over the padded length, its
states are others.""",
    "frozen": """\
From decoded audio to a trained linear probe and its scores. Recomputed: every step runs the encoder on its batch, in
fours, as s3prl does.""",
    "epoch_attention_fcn": """\
Usual: a `Dataset` that decodes each file and computes its spectrogram (torchaudio) whenever it is asked for, and a
plain float32 loop. Network: that loop on batches that are ready in memory; no input can be faster. Augmentation is off
in all, and each has one thread.""",
    "epoch_tf_transformer": "The same for the other network.",
    "fine_tuning": """\
The encoder is trained, too. Usual: the published code's kind of loop, with images by PIL and transformers' feature
extractor for each item. Ours has the experiment file's precision; bfloat16 is the row's `precision: bfloat16`. One
thread each.""",
    "processes": """\
The same runs by the same Snakemake: ours forked from a warm process, one process for all folds of a seed; and a process
for each seed and fold.""",
    "functionals_svm": """\
Ours is `snakemake results/table.csv` where nothing is computed: manifest, audio, descriptors, splits, ten folds,
evaluation, table. Script: the same descriptors and scikit-learn in a loaded process, without any of the rest.""",
    "extraction_gpu": """\
WavLM large with random weights, in a process that has loaded it; ours with the row's precision and in bfloat16.""",
    "fine_tuning_gpu": "As without a GPU, with the published batch.",
}


def main() -> None:
    found = results(RESULTS)
    write_text(DOCUMENT, document(found))
    write_text(CHART, chart(found))


def results(folder: Path) -> Found:
    """What was found of each benchmark, as far as it was run."""
    paths = {name: folder / f"{name}.json" for name in (*BENCHMARKS, *ON_GPU)}
    found = {name: json.loads(path.read_text()) for name, path in paths.items() if path.exists()}
    for of in found.values():  # the files have their keys in order of the alphabet
        of["ways"] = dict(sorted(of["ways"].items(), key=lambda item: item[0] != of["ours"]))
    return found


def document(found: Found) -> str:
    """The document's text."""
    lines = [INTRODUCTION, "![Times ours, in seconds of the wall](performance.svg)", "", "## Targets", ""]
    lines += [*table(["what", "target", "reached", "by processor time", "what limits it"], targets(found)), ""]
    lines += [*_share(found), ""]
    for name, of in found.items():
        lines += [f"## {of['title']}", "", WHAT[name], "", f"Input: {_words(of['input'])}.", ""]
        lines += [*table(["way", "wall", "times ours", "processor", "times ours", "with the start"], _rows(of)), ""]
    return "\n".join([*lines, *sections(RESULTS), *_machines(found)]) + "\n"


def targets(found: Found) -> list[list[str]]:
    """What was to be reached, what was, and what stands in the way."""
    rows = _of_extraction(found["extraction"]) if "extraction" in found else []
    for name in ("epoch_attention_fcn", "epoch_tf_transformer"):
        if of := found.get(name):
            usual, network = of["ratios"]["usual"], of["ratios"]["network"]
            most = {kind: usual[kind]["median"] / network[kind]["median"] for kind in KINDS}
            limit = f"the network alone: with no input at all {most['wall']:.2f} times ({most['cpu']:.2f})"
            rows.append([of["title"], "3 times", *_both(usual), limit])
    if of := found.get("frozen"):
        epochs = of["input"]["epochs"]
        rows.append(
            [of["title"], f"{0.8 * epochs:.1f} times ({epochs} epochs)", *_both(of["ratios"]["recomputed"]), ""]
        )
    if (of := found.get("functionals_svm")) and "nkululeko_seconds" in of["input"]:
        ours, script = (of["ways"][way]["per_unit"] for way in ("ours", "script"))
        wall, cpu = (ours[kind]["median"] for kind in KINDS)
        rows.append(
            [
                of["title"],
                f"{NKULULEKO / 3:.1f} s: a third of nkululeko's {NKULULEKO:.0f} s",
                f"{wall:.1f} s ({NKULULEKO / wall:.2f} times as fast)",
                f"{cpu:.1f} s",
                f"a script without a pipeline: {script['wall']['median']:.1f} s ({script['cpu']['median']:.1f} s)",
            ]
        )
    return rows


def _of_extraction(of: Mapping[str, Any]) -> list[list[str]]:
    rows = []
    for way, target in (("one at a time", 2.1), ("padded batches", 4.5)):
        rows.append([f"{of['title']} against {way}", f"{target} times", *_both(of["ratios"][way]), ""])
    rate = of["input"]["gflop_per_second_of_audio"]
    shares = [
        rate
        / of["ways"]["ours"]["per_unit"][kind]["median"]
        / max(beside[f"bfloat16, {cores}"] for beside in of["beside"])
        for kind, cores in zip(KINDS, ("all cores", "one core"), strict=True)
    ]
    what = "The same, share of a large matrix product in bfloat16"
    return [*rows, [what, "65%", *(f"{share:.0%}" for share in shares), "softmax, norms and GELU multiply no matrices"]]


def _both(ratio: Mapping[str, Any]) -> list[str]:
    return [f"{ratio[kind]['median']:.2f} times" for kind in KINDS]


def _share(found: Found) -> list[str]:
    """How much of what a matrix product reaches is used."""
    rows, peaks = [], []
    for name, of in found.items():
        if "beside" not in of:
            continue
        peak = {kind: max(beside[kind] for beside in of["beside"]) for kind in of["beside"][0]}
        peaks.append([of["title"], "; ".join(f"{kind}: {rate:,.0f}" for kind, rate in peak.items())])
        of_one = {kind: rate for kind, rate in peak.items() if "all cores" not in kind}
        clock = "wall" if name in ON_GPU else "cpu"
        for way, facts in of["ways"].items():
            if gflop := facts.get("gflop_per_step") or of["input"].get("gflop_per_second_of_audio"):
                rate = gflop / facts["per_unit"][clock]["median"]
                shares = "; ".join(f"{kind}: {rate / best:.0%}" for kind, best in of_one.items())
                rows.append([of["title"], way, f"{rate:,.0f}", shares])
    if not rows:
        return []
    return [SHARE, *table(["what", "way", "GFLOP/s", "share of the peak"], rows), "", *_peaks(peaks)]


def _peaks(rows: Sequence[Sequence[str]]) -> list[str]:
    return table(["measured beside", "GFLOP/s of a large matrix product"], rows)


def _rows(of: Mapping[str, Any]) -> list[list[str]]:
    rows = []
    for name, way in of["ways"].items():
        ratios = of["ratios"].get(name)
        cells = [f"{name}, s per {of['unit']}"]
        for kind in KINDS:
            cells += [_with_spread(way["per_unit"][kind]), _with_spread(ratios[kind]) if ratios else "1"]
        with_start = ratios["wall"].get("with_start") if ratios else None
        rows.append([*cells, f"{with_start:.2f}" if with_start else ""])
    return rows


def _with_spread(of: Mapping[str, float]) -> str:
    return f"{of['median']:.3g} ({of['low']:.3g} to {of['high']:.3g})"


def _words(facts: Mapping[str, Any]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in facts.items() if name != "units")


def _machines(found: Found) -> list[str]:
    """Where and with how many turns each was measured."""
    said = "`load`: how many processes ran or waited for a core when it began. Above 1, trust processor time."
    lines = ["## Machine", "", said, ""]
    rows = []
    for name, of in found.items():
        turns = len(next(iter(of["ways"].values()))["run"])
        machine = of["machine"]
        device = f"{machine['device']}, {machine['cores']} cores"
        libraries = f"torch {machine['torch']}, transformers {machine['transformers']}"
        rows.append([f"`{name}`", of["form"], turns, of["load"], device, libraries])
    return [*lines, *table(["benchmark", "form", "turns", "load", "machine", "libraries"], rows)]


def chart(found: Found) -> str:
    """Bars: how many times as long as ours each usual way takes, in seconds of the wall. SVG, always the same bytes."""
    bars = [(f"{of['title']}: {way}", of["ratios"][way]["wall"]) for of in found.values() for way in _usual(of)]
    cpu = [of["ratios"][way]["cpu"]["median"] for of in found.values() for way in _usual(of)]
    with matplotlib.rc_context({"svg.hashsalt": "ser", "svg.fonttype": "none", "font.size": 9}):
        figure = Figure(figsize=(9, 0.6 + 0.36 * len(bars)), layout="constrained")
        axes = figure.subplots()
        values = [of["median"] for _, of in bars]
        spread = [[of["median"] - of["low"] for _, of in bars], [of["high"] - of["median"] for _, of in bars]]
        axes.barh([name for name, _ in bars], values, xerr=spread, color="#4878a8", ecolor="#333333", capsize=2)
        axes.plot(cpu, range(len(cpu)), "D", color="#d08030", markersize=4, label="processor time")
        axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
        axes.axvline(1, color="black", linewidth=0.8)
        axes.set_xscale("log")
        for axis in (axes.xaxis.set_major_formatter, axes.xaxis.set_minor_formatter):
            axis(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.invert_yaxis()
        axes.set_xlabel("times as long as ours (seconds of the wall, median and range)")
        text = StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines()) + "\n"


def _usual(of: Mapping[str, Any]) -> Sequence[str]:
    return [way for way in of["ratios"] if way in USUAL]


if __name__ == "__main__":
    main()
