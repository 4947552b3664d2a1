"""Rule splits: a protocol and a selection rule applied to a manifest."""

import argparse
import json
from pathlib import Path

from _main import run
from ser import manifest
from ser.protocol import SELECTIONS, Protocol
from ser.splits import write
from ser.splitting import make


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--manifest", required=True, type=Path)
    parser.add_argument("--protocol", required=True, type=json.loads, help="JSON object")
    parser.add_argument("--selection", required=True, choices=SELECTIONS)
    parser.add_argument("--output-csv", required=True, type=Path)
    parser.add_argument("--output-json", required=True, type=Path)
    args = parser.parse_args()

    split = make(Protocol.from_mapping(args.protocol), args.selection, manifest.read(args.manifest))
    write(split, args.output_csv, args.output_json)
    print(f"{args.output_json}: {len(split.utterances)} utterances, {split.protocol.n_folds} folds")
    for note in split.notes:
        print(f"note: {note}")


if __name__ == "__main__":
    run(main)
