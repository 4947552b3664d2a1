"""Rule splits: a protocol and a selection rule applied to a manifest."""

import argparse
import json
from pathlib import Path

from _main import run
from ser import manifest
from ser.errors import InputError
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
    parser.add_argument("--where", default="", help="where the protocol stands, for what is said of it")
    args = parser.parse_args()

    try:
        split = make(Protocol.from_mapping(args.protocol), args.selection, manifest.read(args.manifest))
    except InputError as error:
        raise InputError(f"{args.where}: {error}" if args.where else str(error)) from None
    write(split, args.output_csv, args.output_json)
    print(f"{args.output_json}: {len(split.utterances)} utterances, {split.protocol.n_folds} folds")
    for note in split.notes:
        print(f"note: {note}")


if __name__ == "__main__":
    run(main)
