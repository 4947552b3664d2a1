"""Demo corpora: synthetic trees in the official layouts, so that all code runs without a licensed corpus.

The file of the same name here writes the tree of a corpus. It has `UTTERANCES`, the size at scale demo, and
`write_release(root, seed, utterances)`.
"""

import hashlib
import importlib
import json
from pathlib import Path

from ser.errors import InputError
from ser.files import atomic_file, atomic_folder, words


def write_demo(corpus: str, directory: Path, listing: Path, seed: int, utterances: int | None = None) -> None:
    """Write the tree of `corpus` to `directory`, replacing what is there, then its file list to `listing`.

    The same arguments in a fresh process give the same bytes (espeak.py says why fresh). The listing is JSON:
    corpus, seed, utterances and `files`, each with path (relative, sorted), size in bytes and sha256.
    Raises InputError for a corpus without a demo tree or a size that its layout cannot have.
    """
    if corpus not in {*words("corpora")} & {*words("corpora/demo")}:
        raise InputError(f"no demo corpus {corpus!r}: there is no ser/corpora/demo/{corpus}.py")
    layout = importlib.import_module(f"ser.corpora.demo.{corpus}")
    utterances = layout.UTTERANCES if utterances is None else utterances
    with atomic_folder(directory) as root:
        layout.write_release(root, seed, utterances)
        files = [
            {"path": path.relative_to(root).as_posix(), **_facts(path)}
            for path in sorted(root.rglob("*"))
            if path.is_file()
        ]
        listing.unlink(missing_ok=True)  # a list must not outlive the tree that it describes
    text = json.dumps({"corpus": corpus, "seed": seed, "utterances": utterances, "files": files}, indent=1)
    with atomic_file(listing) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def _facts(path: Path) -> dict[str, int | str]:
    data = path.read_bytes()
    return {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
