"""The manifest: one line per utterance of a corpus, what stores and splits are made from."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass, fields
from operator import attrgetter
from pathlib import Path
from typing import Any

from ser.errors import InputError, shown
from ser.files import atomic_file

# The words of the column `emotion`, the same in all corpora.
EMOTIONS = (
    *("neutral", "happy", "sad", "angry", "fearful", "disgusted", "surprised", "bored", "excited"),
    *("frustrated", "calm", "contempt", "other", "no_agreement"),
)


@dataclass(frozen=True, slots=True)
class Utterance:
    """One labelled utterance; the fields are the manifest's columns, in their order.

    `path` is relative to the corpus root, with forward slashes. `start` and `end` are seconds inside the file, None
    for its beginning and end. Attributes are on the release's own scale, None where it has none. `num_samples`
    counts the utterance's samples (per channel) at the file's own `sample_rate` in Hz; `sha256` is the file's.
    An empty text means that the corpus does not say.
    """

    utterance: str
    path: str
    start: float | None = None
    end: float | None = None
    speaker: str = ""
    session: str = ""
    sentence: str = ""
    gender: str = ""
    emotion: str = ""
    arousal: float | None = None
    valence: float | None = None
    dominance: float | None = None
    num_samples: int = 0
    sample_rate: int = 0
    sha256: str = ""
    partition: str = ""
    style: str = ""


COLUMNS = tuple(field.name for field in fields(Utterance))


def _seconds_or_score(text: str) -> float | None:
    return float(text) if text else None


# Position and parser of each column that is not text.
_NUMBERS = [
    (position, int if field.type is int else _seconds_or_score)
    for position, field in enumerate(fields(Utterance))
    if field.type is not str
]


def write_manifest(path: Path | str, utterances: Iterable[Utterance]) -> None:
    """Write a manifest: CSV, UTF-8, the columns of `COLUMNS`, numbers in the shortest form that reads back equal.

    Raises InputError for a file name that is not UTF-8.
    """
    try:
        with atomic_file(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            writer.writerows(map(attrgetter(*COLUMNS), utterances))
    except UnicodeEncodeError as error:
        raise InputError(f"{path}: {error.object!r} is not valid UTF-8: rename the file or folder") from None


def read_manifest(path: Path | str) -> list[Utterance]:
    """The utterances of a manifest that `write_manifest` wrote, in the file's order.

    Raises InputError for a missing file, other columns, or a line that does not fit them.
    """
    try:
        with Path(path).open(newline="", encoding="utf-8") as file:
            rows = csv.reader(file)
            header = next(rows, [])
            if tuple(header) != COLUMNS:
                raise InputError(
                    f"{path}: not a manifest: its columns are {shown(','.join(header))}, not {','.join(COLUMNS)!r}"
                )
            utterances = []
            for row in rows:
                try:
                    if len(row) != len(COLUMNS):
                        raise ValueError(f"{len(row)} cells instead of {len(COLUMNS)}")
                    values: list[Any] = [*row]
                    for position, number in _NUMBERS:
                        values[position] = number(row[position])
                    utterances.append(Utterance(*values))
                except ValueError as error:
                    raise InputError(f"{path}: line {rows.line_num}: {error}: make the manifest again") from None
            return utterances
    except FileNotFoundError:
        raise InputError(f"{path}: no such manifest") from None
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a CSV file in UTF-8: {error}") from None
