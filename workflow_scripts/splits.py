"""Rule splits: a protocol and a selection rule applied to a manifest."""

import json
from pathlib import Path

from _main import be_alone_with, job_parser, script
from ser.errors import InputError
from ser.manifests.utterance import read_manifest
from ser.plan.code import code_digest, code_of
from ser.sealed import Inputs
from ser.splits.make import make_split
from ser.splits.protocol import SELECTIONS, Protocol
from ser.splits.write import write_split


def main() -> None:
    parser = job_parser(__doc__)
    parser.add_argument("--manifest", required=True, type=Path, help="CSV; its report is beside it")
    parser.add_argument("--protocol", required=True, type=json.loads, help="JSON object")
    parser.add_argument("--selection", required=True, choices=SELECTIONS)
    parser.add_argument("--seed", type=int, help="of the draw, where the dev part is drawn")
    parser.add_argument("--output-csv", required=True, type=Path)
    parser.add_argument("--output-json", required=True, type=Path)
    parser.add_argument("--where", default="", help="where the protocol is written, for error messages")
    args = parser.parse_args()
    be_alone_with(args.output_json)

    inputs = Inputs(args.order)
    inputs.read(args.manifest.with_suffix(".json"))
    provenance = inputs.provenance(code_digest(code_of("workflow_scripts/splits.py")))
    try:
        protocol = Protocol.from_mapping(args.protocol)
        split = make_split(protocol, args.selection, read_manifest(args.manifest), args.seed)
    except InputError as error:
        raise InputError(f"{args.where}: {error}" if args.where else str(error)) from None
    write_split(split, protocol, args.output_csv, args.output_json, provenance)
    print(f"{args.output_json}: {len(split.utterances)} utterances, {split.n_folds} folds")
    for note in split.notes:
        print(f"note: {note}")


if __name__ == "__main__":
    script(main)
