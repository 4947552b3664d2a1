"""Read a corpus from its release tree or its own manifest, check all its audio, and write the manifest."""

import argparse
import json
from pathlib import Path

from _main import script
from ser.files import atomic_file
from ser.manifests.build import build_manifest
from ser.manifests.tree import record_tree, scan
from ser.manifests.utterance import write_manifest


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", required=True, help="a file of ser/corpora, or any name if --manifest is given")
    parser.add_argument("--root", required=True, type=Path)
    parser.add_argument("--manifest", type=Path, help="the corpus's own CSV or Parquet manifest")
    parser.add_argument("--on-unreadable", choices=["stop", "exclude"], default="stop")
    parser.add_argument("--digest", required=True, help="of the tree, as the workflow found it (ser/manifests/tree.py)")
    parser.add_argument("--output", required=True, type=Path, help="manifest, CSV")
    parser.add_argument("--report", required=True, type=Path, help="counts, exclusions and warnings, JSON")
    parser.add_argument("--tree", required=True, type=Path, help="what the tree held, JSON")
    arguments = parser.parse_args()

    files = scan(arguments.root)  # before it is read: files that change meanwhile will differ from this record
    utterances, report = build_manifest(arguments.corpus, arguments.root, arguments.manifest, arguments.on_unreadable)
    hashes = {utterance.path: utterance.sha256 for utterance in utterances}
    record_tree(arguments.root, files, arguments.digest, arguments.tree, hashes, arguments.manifest)
    with atomic_file(arguments.report) as path:
        path.write_text(json.dumps({**report, "tree": arguments.digest}, indent=1, ensure_ascii=False) + "\n", "utf-8")
    write_manifest(arguments.output, utterances)


if __name__ == "__main__":
    script(main)
