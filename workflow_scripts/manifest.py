"""Read a corpus from its release tree or its own manifest, check all its audio, and write the manifest."""

import json
from pathlib import Path

from _main import be_alone_with, job_parser, script
from ser.errors import InputError
from ser.manifests.build import build_manifest
from ser.manifests.tree import record_tree, scan, tree_digest
from ser.manifests.utterance import write_manifest
from ser.plan.code import code_digest, code_of
from ser.sealed import Inputs, hashes_of, write_sealed


def main() -> None:
    parser = job_parser(__doc__)
    parser.add_argument("--corpus", required=True, help="a file of ser/corpora, or any name if --manifest is given")
    parser.add_argument("--root", required=True, type=Path)
    parser.add_argument("--manifest", type=Path, help="the corpus's own manifest")
    parser.add_argument("--columns", type=json.loads, default={}, help="our name of a column -> its own, JSON")
    parser.add_argument("--on-unreadable", choices=["stop", "exclude"], default="stop")
    parser.add_argument("--digest", required=True, help="of the tree, as the workflow found it (ser/manifests/tree.py)")
    parser.add_argument("--listing", type=Path, help="of a tree that was made here")
    parser.add_argument("--output", required=True, type=Path, help="manifest, CSV")
    parser.add_argument("--report", required=True, type=Path, help="counts, exclusions and warnings, JSON")
    parser.add_argument("--tree", required=True, type=Path, help="what the tree held, JSON")
    arguments = parser.parse_args()
    be_alone_with(arguments.output)

    inputs = Inputs(arguments.order)
    loader = [] if arguments.manifest else [f"ser.corpora.{arguments.corpus}"]
    if arguments.listing:
        inputs.read(arguments.listing)
    elif tree_digest(arguments.root, arguments.tree, arguments.manifest) != arguments.digest:
        raise InputError(f"{arguments.root}: has changed since this build started: start it again")
    provenance = inputs.provenance(code_digest(code_of("workflow_scripts/manifest.py", *loader)))
    files = scan(arguments.root)  # before it is read: files that change meanwhile will differ from this record
    utterances, report = build_manifest(
        arguments.corpus, arguments.root, arguments.manifest, arguments.on_unreadable, arguments.columns
    )
    hashes = {utterance.path: utterance.sha256 for utterance in utterances}
    record_tree(arguments.root, files, arguments.digest, arguments.tree, hashes, arguments.manifest)
    write_manifest(arguments.output, utterances)
    hashes = hashes_of([arguments.output], arguments.report.parent)
    write_sealed(arguments.report, {**report, "tree": arguments.digest, **provenance.facts, "sha256": hashes})
    for warning in report["warnings"]:
        print(f"note: {warning}")


if __name__ == "__main__":
    script(main)
