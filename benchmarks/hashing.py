"""What share of a build goes into checksums: the demo from nothing, and how long its processes are in SHA-256.

    python benchmarks/hashing.py [--short] [--output benchmarks/results/hashing.json]

Counted is every SHA-256 of every Python process of the build: those that artifacts are sealed with and checked by,
those of code and settings, and Snakemake's own. Reading a file for its checksum counts, too.
"""

import argparse
import os
import tempfile
from pathlib import Path

from _hashing.sitecustomize import FORM
from _machine import machine
from _paths import ROOT
from _turns import new_process
from demo import built
from ser.outputs import write_json


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="one row")
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks/results/hashing.json")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        counts = Path(folder) / "counts"
        counts.mkdir()
        with new_process() as alone:
            found = alone.submit(counted, Path(folder) / "project", counts, args.short).result()
        pairs = [FORM.unpack(path.read_bytes()) for path in counts.iterdir()]
    seconds, size = map(sum, zip(*pairs, strict=True))
    figures = {
        "cpu": found["cpu"],
        "hashing": round(seconds, 2),
        "megabytes": round(size / 1e6),
        "processes": len(pairs),
    }
    write_json(args.output, {"form": "short" if args.short else "full", "machine": machine("cpu")} | figures)


def counted(folder: Path, counts: Path, is_short: bool) -> dict:
    os.environ |= {"PYTHONPATH": str(Path(__file__).parent / "_hashing"), "SER_HASHING": str(counts)}
    return built(folder, is_short)


if __name__ == "__main__":
    main()
