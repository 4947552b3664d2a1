"""The utterances that a split deals out: a manifest in CSV, ours or anyone's, and what tells recordings apart."""

import hashlib
import math
import os
import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

from ser.errors import InputError, listed, shown
from ser.manifests.utterance import Utterance
from ser.progress import progress
from ser.runs.given import read_columns

_TEXTS = tuple(field.name for field in fields(Utterance) if field.type is str)
MOST = 1e9  # of a number: float32 must hold it
_NUMBERS = ("start", "end", "arousal", "valence", "dominance")


@dataclass(frozen=True)
class Corpus:
    """`audio` says by what recordings are told apart; "": by nothing, and `sha256` of each is empty. `columns` are
    those that the manifest fills in, wholly or in part.
    """

    path: Path
    utterances: tuple[Utterance, ...]
    columns: frozenset[str]
    audio: str
    places: Mapping[str, int]

    def find(self, name: str) -> int | None:
        """The place of the utterance that `name` means: its own name, its path or, if only one has it, its file's."""
        for key in (name, posixpath.normpath(name), posixpath.splitext(name)[0], _stem(name)):
            if (place := self.places.get(key)) is not None:
                return place
        return None


def read_corpus(manifest: Path, root: Path | None = None) -> Corpus:
    """The utterances of a CSV file with a column `utterance` or `path`, and others as manifests have them (`speaker`,
    `emotion`, `session`, `sentence`, `start`, ...); those with other names are not read.

    Recordings are told apart by the manifest's `sha256`. Without it, or with `root`, they are decoded, if they are all
    there. Raises InputError for another file, a value that is no number, and a name that two utterances have.
    """
    columns = read_columns(manifest)
    if not {"utterance", "path"} & {*columns}:
        raise InputError(f"{manifest}: no column utterance or path: found {listed(columns)}: name one of them so")
    number = len(next(iter(columns.values())))
    found = []
    for place in range(number):
        row = {name: cells[place] for name, cells in columns.items()}
        numbers = {name: _number(manifest, place, name, row[name]) for name in _NUMBERS if row.get(name)}
        texts = {name: row[name] for name in _TEXTS if name in row}
        if not texts.get("utterance"):
            segment = f":{row.get('start', '')}-{row.get('end', '')}" if numbers.keys() & {"start", "end"} else ""
            texts["utterance"] = posixpath.splitext(posixpath.normpath(row["path"]))[0] + segment
        found.append(Utterance(**{"path": "", **texts, **numbers}))  # type: ignore[arg-type]
    if not found:
        raise InputError(f"{manifest}: it names no utterances")
    utterances, audio = _with_audio(found, root or manifest.parent, root is not None)
    filled = frozenset(name for name, cells in columns.items() if any(cells))
    return Corpus(manifest, tuple(utterances), filled, audio, _places(manifest, utterances))


def _places(manifest: Path, utterances: Sequence[Utterance]) -> dict[str, int]:
    """Every name that means one utterance -> its place."""
    names: dict[str, int] = {}
    for place, row in enumerate(utterances):
        if row.utterance in names:
            raise InputError(f"{manifest}: two utterances are called {row.utterance}: give each a name of its own")
        names[row.utterance] = place
    others: dict[str, set[int]] = {}
    for place, row in enumerate(utterances):
        path = posixpath.normpath(row.path) if row.path else ""
        for key in {path, posixpath.splitext(path)[0], _stem(path), _stem(row.utterance)} - {""}:
            others.setdefault(key, set()).add(place)
    return {key: min(of_key) for key, of_key in others.items() if len(of_key) == 1} | names


def _with_audio(utterances: Sequence[Utterance], root: Path, decode: bool) -> tuple[Sequence[Utterance], str]:
    if all(row.sha256 for row in utterances) and not decode:
        return utterances, "the SHA-256 of their files, by the manifest"
    files = [root / row.path for row in utterances if row.path]
    missing = [path for path in files if not os.path.isfile(path)]  # noqa: PTH113 (of a name that no file can have, too)
    if missing and decode:
        raise InputError(
            f"{root}: {len(missing)} of the manifest's files are not there: {listed(missing, 5)}: correct it"
        )
    if missing or len(files) < len(utterances):
        return [replace(row, sha256="") for row in utterances], ""
    with progress(len(utterances), "recordings", "files") as meter:
        decoded = []
        for row, path in zip(utterances, files, strict=True):
            decoded.append(replace(row, sha256=_samples(path, row), start=None, end=None))
            meter.update(1)
    return decoded, "their decoded samples"


def _samples(path: Path, row: Utterance) -> str:
    """A digest of an utterance's samples. Raises InputError if they cannot be decoded."""
    import soundfile

    try:
        with soundfile.SoundFile(path) as audio:
            first = round((row.start or 0) * audio.samplerate)
            stop = audio.frames if row.end is None else round(row.end * audio.samplerate)
            audio.seek(min(first, audio.frames))
            samples = audio.read(max(0, stop - first), dtype="int32", always_2d=True)
            rate = audio.samplerate
    except (OSError, TypeError, soundfile.LibsndfileError) as error:
        raise InputError(f"{path}: cannot be decoded ({error}): mend it, or give `sha256` in the manifest") from None
    return hashlib.sha256(f"{rate} {samples.shape} ".encode() + samples.tobytes()).hexdigest()


def _number(manifest: Path, place: int, name: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not abs(number) < MOST or (number < 0 and name in ("start", "end")):
        raise InputError(f"{manifest}: utterance {place + 1}: {name} is {shown(text)}: give a number, or nothing")
    return number


def _stem(path: str) -> str:
    return posixpath.splitext(posixpath.basename(path))[0]
