"""What it costs that artifacts are checked when they are read: seconds per gigabyte, and per file.

    python benchmarks/verification.py --gigabytes 1 --output benchmarks/results/verification.json

Each figure is the median of several repeats in one process on one core; the files are in the page cache.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import _paths  # noqa: F401
from ser.features.packing import write_store
from ser.features.store import Store
from ser.outputs import json_text, write_json
from ser.sealed import Provenance, hashes_of, read_sealed, write_sealed

SECONDS, RATE = 4.5, 50  # an IEMOCAP utterance of HuBERT base's states: 768 float32 per frame
FRAMES = int(SECONDS * RATE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=float, default=1.0, help="size of the store")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--output", type=Path, help="JSON; default: only printed")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), args.gigabytes, args.repeats)
    print(json_text(figures), end="")
    if args.output:
        write_json(args.output, figures)


def measure(folder: Path, gigabytes: float, repeats: int) -> dict[str, Any]:
    """The figures, by name; seconds unless the name says otherwise."""
    frames = np.random.default_rng(0).normal(size=(FRAMES, 768)).astype(np.float32)
    names = [f"u{i}" for i in range(max(1, round(gigabytes * 1e9 / frames.nbytes)))]
    path = folder / "x.safetensors"
    write_store(path, names, lambda shard: [frames] * len(shard), key="k", metadata={})
    size = len(names) * frames.nbytes / 1e9
    stores = [Store(path) for _ in range(repeats)]
    first = [seconds(lambda store=store: total(store)) for store in stores]
    again = [seconds(lambda store=store: total(store)) for store in stores]
    lines = folder / "rows.csv"
    lines.write_text("utterance,speaker,target\n" * 5_531)
    facts = Provenance("c0de").facts | {"sha256": hashes_of([lines], folder), "runs": [{"seed": i} for i in range(50)]}
    write_sealed(folder / "x.json", facts)
    return {
        "store_gigabytes": round(size, 3),
        "store_utterances": len(names),
        "store_seconds_per_gigabyte_checked": round(statistics.median(first) / size, 3),
        "store_seconds_per_gigabyte_unchecked": round(statistics.median(again) / size, 3),
        "store_open_milliseconds": round(1e3 * statistics.median(seconds(lambda: Store(path)) for _ in stores), 2),
        "describing_file_milliseconds": round(
            1e3 * statistics.median(seconds(lambda: read_sealed(folder / "x.json")) for _ in stores), 3
        ),
        "repeats": repeats,
    }


def total(store: Store) -> float:
    """Reads every utterance, as a training epoch does."""
    return float(sum(store[name].sum(dtype=np.float64) for name in store))


def seconds(work: Callable[[], object]) -> float:
    """How long it takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
