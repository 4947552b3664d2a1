"""Artifacts that say what they are: each has a file that describes it and that seals itself.

That file is JSON, written last, or a feature store, whose header says the same (features/store.py):

- `made_from`: the digest of all that the artifact is made from, down to the recordings (plan/made_from.py)
- `code_version`: the digest of the code that made it
- `inputs`: the describing file of each artifact that was read for it -> the seal that it had
- `sha256`: file of the artifact, relative to the describing file -> its SHA-256
- `seal`: the SHA-256 of the describing file itself, written without its seal

So whoever knows the seal of a number knows all that it rests on, and one bit that changes anywhere shows.

Snakemake knows files by their names and times. So each job gets, with its parameters, the digests of all that it is to
be made from (`Order`); when it opens an artifact, it compares them with what the artifact says about itself (`Inputs`).
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from ser.errors import InputError, listed
from ser.files import sha256_of
from ser.outputs import json_text, write_text


@dataclass(frozen=True)
class Provenance:
    """Where an artifact comes from, in the words above; "" and {} where it was made by hand."""

    code_version: str
    made_from: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)

    @property
    def facts(self) -> dict[str, Any]:
        """The entries of a describing file."""
        return asdict(self)

    @property
    def header(self) -> dict[str, str]:
        """The same as texts, for the header of a store."""
        return {**self.facts, "inputs": json.dumps(dict(self.inputs), sort_keys=True)}


@dataclass(frozen=True)
class Order:
    """`made_from` and `code_version` of what is to be made, and `inputs`: describing file -> its `made_from`.

    An empty text, or an input that is not listed, stands for anything: scripts can be called by hand.
    """

    made_from: str = ""
    code_version: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> "Order":
        """The order that has this `text`. Raises ValueError if none has."""
        try:
            return cls(**json.loads(text))
        except TypeError as error:
            raise ValueError(str(error)) from None

    @cached_property
    def text(self) -> str:
        """The order as a job gets it; the same object for all jobs that share it."""
        return json.dumps(asdict(self), sort_keys=True)


class Inputs:
    """The artifacts that a job reads. Its methods raise InputError for one that is not as it was written, or not the
    one that was ordered.
    """

    def __init__(self, order: Order) -> None:
        self._order = order
        self._seals: dict[str, str] = {}

    def read(self, path: Path) -> dict[str, Any]:
        """The content of a describing file; the files that it describes are checked, too."""
        facts = read_sealed(path)
        check_files(path, facts)
        self.note(path, facts["made_from"], facts["seal"])
        return facts

    def note(self, path: Path, made_from: str, seal: str, mend: str = "remove it") -> None:
        """Take note of an artifact whose content is checked elsewhere."""
        wanted = self._order.inputs.get(str(path), "")
        if wanted and made_from != wanted:
            raise InputError(
                f"{path}: made from other settings, code or recordings than planned: {mend} and build again"
            )
        self._seals[str(path)] = seal

    def provenance(self, code_version: str) -> Provenance:
        """That of what code of this version makes from all that was read until now."""
        if self._order.code_version not in ("", code_version):
            raise InputError("the code has changed since this build started: start it again")
        return Provenance(code_version, self._order.made_from, dict(self._seals))


def write_sealed(path: Path, facts: Mapping[str, Any]) -> None:
    """Write `facts` as JSON (`write_json`), with their seal."""
    text = json_text({**facts, "seal": ""})
    write_text(path, text.replace(_line(""), _line(_seal(text)), 1))


def read_sealed(path: Path) -> dict[str, Any]:
    """What `write_sealed` wrote. Raises InputError if there is no such file, or one that is not as it was written."""
    try:
        text = path.read_text(encoding="utf-8")
        facts: dict[str, Any] = json.loads(text)
        seal = facts["seal"]
    except FileNotFoundError:
        raise InputError(f"{path}: no such file: it is not made yet") from None
    except (OSError, LookupError, TypeError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: damaged, or not written here ({error!r}): remove it and build again") from None
    if _seal(text.replace(_line(seal), _line(""), 1)) != seal:
        raise InputError(f"{path}: has changed since it was written: remove it and build again")
    return facts


def hashes_of(files: Iterable[Path], folder: Path) -> dict[str, str]:
    """The entry `sha256` of a describing file in `folder`."""
    return {path.relative_to(folder).as_posix(): sha256_of(path) for path in sorted(files)}


def check_files(path: Path, facts: Mapping[str, Any], *names: str) -> None:
    """Raises InputError unless the files that `facts`, read from `path`, describe (`names`: only these) are there and
    as described.
    """
    if wrong := wrong_files(path, facts, *names):
        raise InputError(f"{listed(wrong, 3)}: not as {path} describes: remove {path} and build again")


def wrong_files(path: Path, facts: Mapping[str, Any], *names: str) -> list[str]:
    """Those of the described files (`names`: of these) that are missing or have changed."""
    files = {str(path.parent / name): facts["sha256"][name] for name in names or facts["sha256"]}
    return [file for file, sha256 in files.items() if not Path(file).is_file() or sha256_of(file) != sha256]


def described_file(path: Path, facts: Mapping[str, Any], name: str) -> Path:
    """One of the files that `facts`, read from `path`, describe. Raises InputError unless it is as described."""
    check_files(path, facts, name)
    return path.parent / name


def _line(seal: Any) -> str:
    return f'"seal": "{seal}"'


def _seal(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
