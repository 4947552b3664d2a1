"""Demo corpora: synthetic trees in the official layouts, so that all code runs without a licensed corpus.

The file of the same name here writes the tree of a corpus. It has `UTTERANCES`, the size at scale demo, and
`write_release(root, seed, utterances)`.
"""

import importlib
from pathlib import Path
from types import ModuleType

from ser.errors import InputError
from ser.files import atomic_folder, words
from ser.sealed import Provenance, hashes_of, write_sealed


def write_demo(
    corpus: str,
    directory: Path,
    listing: Path,
    seed: int,
    utterances: int | None = None,
    provenance: Provenance | None = None,
) -> None:
    """Write the tree of `corpus` to `directory`, replacing what is there, then its file list to `listing`.

    The same arguments in a fresh process (espeak.py says why) on one kind of machine give the same bytes. The listing,
    in a folder above the tree, describes it (ser/sealed.py): corpus, seed, utterances, `provenance` and each file's
    SHA-256. Raises InputError for a corpus without a demo tree or a size that its layout cannot have.
    """
    layout = layout_of(corpus)
    utterances = layout.UTTERANCES if utterances is None else utterances
    with atomic_folder(directory) as root:
        layout.write_release(root, seed, utterances)
        listing.unlink(missing_ok=True)  # a list must not outlive the tree that it describes
    hashes = hashes_of((path for path in directory.rglob("*") if path.is_file()), listing.parent)
    about = {"corpus": corpus, "seed": seed, "utterances": utterances, **(provenance or Provenance("")).facts}
    write_sealed(listing, {**about, "sha256": hashes})


def layout_of(corpus: str) -> ModuleType:
    """The module `ser/corpora/demo/<corpus>.py`. Raises InputError for a corpus without a demo tree."""
    if corpus not in {*words("corpora")} & {*words("corpora/demo")}:
        raise InputError(f"no demo corpus {corpus!r}: there is no ser/corpora/demo/{corpus}.py")
    return importlib.import_module(f"ser.corpora.demo.{corpus}")
