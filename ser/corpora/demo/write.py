"""Demo corpora: synthetic trees in the official layouts, so that all code runs where no licensed corpus is.

The tree of <corpus> is written by `ser/corpora/demo_<corpus>.py` (its name is the corpus's name, there is no list):
`UTTERANCES`, the size at demo scale, and `write(root, seed, utterances)`.
"""

import hashlib
import importlib
import importlib.util
import json
from pathlib import Path

from ser.errors import InputError
from ser.files import replacing
from ser.folders import replaced


def write(corpus: str, directory: Path, listing: Path, seed: int, utterances: int | None = None) -> None:
    """Write the tree of `corpus` to `directory`, replacing what is there, then its file list to `listing`.

    The same arguments in a fresh process give the same bytes (espeak.py says why fresh). The listing is JSON:
    corpus, seed, utterances and `files`, each with path (relative, sorted), size in bytes and sha256.
    Raises InputError for a corpus without demo tree or a size that its layout cannot have.
    """
    name = f"ser.corpora.demo_{corpus}"
    if not corpus.isidentifier() or importlib.util.find_spec(name) is None:
        raise InputError(f"no demo corpus {corpus!r}: there is no ser/corpora/demo_{corpus}.py")
    module = importlib.import_module(name)
    utterances = module.UTTERANCES if utterances is None else utterances
    with replaced(directory) as root:
        module.write(root, seed, utterances)
        files = [
            {"path": path.relative_to(root).as_posix(), **_facts(path)}
            for path in sorted(root.rglob("*"))
            if path.is_file()
        ]
        listing.unlink(missing_ok=True)  # a list must not outlive the tree that it describes
    text = json.dumps({"corpus": corpus, "seed": seed, "utterances": utterances, "files": files}, indent=1)
    with replacing(listing) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def _facts(path: Path) -> dict[str, int | str]:
    data = path.read_bytes()
    return {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
