"""Time and memory of each stage when a corpus grows: 1, 4 and 16 times as many utterances.

    python benchmarks/growth.py [--files 100] [--short] [--output benchmarks/results/growth.json]

Synthetic sounds of IEMOCAP's lengths, a row of each kind of system, and `snakemake all`: processor seconds and peak
memory as the jobs' own files in work/free/benchmarks/ say. Networks are small and train one epoch, the encoder is tiny:
what counts is how a figure grows. Memory is that of a rule's largest job; it has the libraries in it.
"""

import argparse
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from _inputs import checkpoint, iemocap_samples, write_speech
from _machine import machine
from _paths import ROOT
from _pipeline import PROBE, noise_pipeline
from ser.outputs import write_json
from ser.plan.places import TABLE
from ser.waveforms import RATE

FACTORS = (1, 4, 16)
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "functionals_svm": {},
    "attention_fcn": {"width": 0.125},
    "tf_transformer": {"width": 16, "heads": 2, "feedforward": 32},
    "light_sernet": {"width": 0.125},
}
ROWS = {name: {"title": name, "source": "chosen", "from": f"fair/{name}"} for name in SETTINGS} | {"probe": PROBE}
ONE_EPOCH = {"epochs": 1, "steps_per_epoch": 0}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=100, help="utterances of the smallest corpus")
    parser.add_argument(
        "--short", action="store_true", help="six utterances, and twice as many, for the table of two rows"
    )
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks/results/growth.json")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if args.short:
            found = grown(Path(folder), 6, (1, 2), ["attention_fcn", "probe"], TABLE)
        else:
            found = grown(Path(folder), args.files, FACTORS, list(ROWS))
    write_json(args.output, {"form": "short" if args.short else "full", "machine": machine("cpu")} | found)


def grown(
    folder: Path, files: int, factors: Sequence[int], names: Sequence[str], target: str = "all"
) -> dict[str, Any]:
    """Facts about the corpora, and per rule and factor its jobs, their processor seconds and the peak in MiB."""
    samples = iemocap_samples(files * factors[-1])
    paths = write_speech(folder / "corpus", samples)
    hubert = checkpoint("hubert_base", folder, is_tiny=True)
    corpora: list[dict[str, float]] = []
    rules: dict[str, dict[str, dict[str, float]]] = {}
    rows = {name: _small(name) for name in names}
    for factor in factors:
        n = files * factor
        speakers = [str(number % 3) for number in range(n)]
        pipeline = noise_pipeline(folder / str(factor), paths[:n], speakers, hubert, rows)
        pipeline.build(target)
        corpora.append({"times": factor, "utterances": n, "seconds": round(sum(samples[:n]) / RATE)})
        for rule, used in pipeline.cost().items():
            rules.setdefault(rule, {})[str(factor)] = used
        shutil.rmtree(pipeline.folder)
    return {"corpora": corpora, "rows": list(rows), "rules": rules}


def _small(name: str) -> dict[str, Any]:
    """The row with few weights and one epoch, which scale `free` could say otherwise."""
    settings = SETTINGS.get(name, {}) | ({} if name == "functionals_svm" else ONE_EPOCH)
    return ROWS[name] | {"scales": {"free": {"source": "chosen", "note": "Benchmark.", "settings": settings}}}


if __name__ == "__main__":
    main()
