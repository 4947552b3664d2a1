"""Our way and the usual ways in turns, on this machine: what docs/performance.md says.

    python benchmarks/bench.py [--emodb DIR] [--gpu] [--short] [--only NAME ...] [--repeats N] [--output DIR]

Each benchmark is a module of this folder (_turns.py); what it finds is written to <output>/<name>.json, and
performance.py makes the document of these. Without --emodb, what needs EmoDB takes the demo's synthetic CASIA, and says
so. --gpu measures what a GPU is for instead of the rest, and needs only `ser` and its libraries. --short: seconds each,
with tiny networks, to see that it works.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from _paths import ROOT
from _turns import Place, compare
from ser.outputs import write_json

# Name -> module and variant.
BENCHMARKS = {
    "extraction": ("extraction", ""),
    "frozen": ("frozen", ""),
    "epoch_attention_fcn": ("epochs", "attention_fcn"),
    "epoch_tf_transformer": ("epochs", "tf_transformer"),
    "fine_tuning": ("fine_tuning", ""),
    "processes": ("processes", ""),
    "functionals_svm": ("functionals_svm", ""),
}
ON_GPU = {"extraction_gpu": ("extraction_gpu", ""), "fine_tuning_gpu": ("fine_tuning", "")}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--emodb", type=Path, default=os.environ.get("EMODB") or None, help="folder that has wav/")
    parser.add_argument("--gpu", action="store_true")
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--only", nargs="+", choices=[*BENCHMARKS, *ON_GPU], metavar="NAME")
    parser.add_argument("--repeats", type=int, default=0, help="turns of each way; default: each benchmark's own")
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks/results")
    args = parser.parse_args(arguments)
    if args.emodb and not (Path(args.emodb) / "wav").is_dir():
        parser.error(f"{args.emodb}: no EmoDB: give the folder that has wav/03a01Fa.wav")
    chosen = ON_GPU if args.gpu else BENCHMARKS
    device = "cpu"
    if args.gpu:
        device = _gpu(parser) if not args.short else "cpu"
    run(args.only or list(chosen), args.output, args.short, args.emodb, device, args.repeats)


def run(
    names: Sequence[str], output: Path, is_short: bool, emodb: Path | None, device: str = "cpu", repeats: int = 0
) -> None:
    """Measure and write what is named."""
    from _machine import machine

    for name in names:
        module, variant = (BENCHMARKS | ON_GPU)[name]
        begun, load = time.monotonic(), os.getloadavg()[0]
        with tempfile.TemporaryDirectory() as folder:
            place = Place(Path(folder), is_short, emodb.resolve() if emodb else None, device, variant)
            found = compare(module, place, repeats, lambda line: print(line, flush=True))
        minutes = round((time.monotonic() - begun) / 60, 2)
        found |= {"machine": machine(device), "minutes": minutes, "load": round(load, 1)}
        output.mkdir(parents=True, exist_ok=True)
        write_json(output / f"{name}.json", found)


def _gpu(parser: argparse.ArgumentParser) -> str:
    import torch

    if not torch.cuda.is_available():
        parser.error("no GPU that torch can use on this machine: nothing measured (--short tries the code on a CPU)")
    return "cuda"


if __name__ == "__main__":
    main()
