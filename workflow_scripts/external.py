"""Stages external_*: hash a corpus or checkpoint outside the project; it is read where it is and never copied."""

import argparse
import hashlib
from pathlib import Path

from _main import be_alone_with, script
from ser.errors import InputError
from ser.files import sha256_of
from ser.manifests.tree import scan
from ser.outputs import write_json
from ser.plan.validation import read_yaml, validate
from ser.progress import progress

FOLLOWED = Path("external")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--corpus", help="a name under `corpora` of params.yaml")
    what.add_argument("--encoder", help="a name under `encoders` of params.yaml")
    parser.add_argument("--output", required=True, type=Path)
    args = parser.parse_args()
    be_alone_with(args.output)

    params = read_yaml(Path("params.yaml"))
    validate(params, read_yaml(Path("schemas/params.schema.yaml")), "params.yaml")
    if args.corpus:
        root = Path(params["corpora"][args.corpus]["root"])
        _check_manifest(args.corpus, params["corpora"][args.corpus].get("manifest"), root)
    else:
        root = Path(params["encoders"][args.encoder])
    write_json(args.output, _hashed(root))


def _hashed(root: Path) -> dict[str, int | str]:
    files = scan(root)
    digest = hashlib.sha256()
    with progress(len(files), f"hashing {root}", "files") as meter:
        for name in files:
            try:
                digest.update(f"{name}\0{sha256_of(root / name)}\n".encode("utf-8", "surrogateescape"))
            except OSError as error:
                raise InputError(f"{root / name}: cannot be read: {error.strerror}") from None
            meter.update()
    return {"files": len(files), "bytes": sum(size for size, _ in files.values()), "sha256": digest.hexdigest()}


def _check_manifest(corpus: str, manifest: str | None, root: Path) -> None:
    """DVC would not notice a change to a manifest that is elsewhere."""
    if manifest and not any(Path(manifest).resolve().is_relative_to(folder.resolve()) for folder in (FOLLOWED, root)):
        raise InputError(
            f"params.yaml: corpora.{corpus}.manifest: {manifest}: DVC cannot follow it there: move it to {FOLLOWED}/"
        )


if __name__ == "__main__":
    script(main)
