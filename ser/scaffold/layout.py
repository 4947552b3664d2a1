"""What a folder of recordings, or someone's table, says about its recordings by itself: columns with their reasons.

Nothing is asked and no audio is opened. Folders and the parts of file names are fields; a field is a column only where
its values show it: words for emotions; `speaker`, `actor` and the like in front of a number; f and m. Every other field
is described, and left to the reader: a wrong speaker makes a protocol unsound without a word.
"""

import csv
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ser.errors import InputError, did_you_mean, listed, shown
from ser.manifests.tree import scan
from ser.manifests.utterance import EMOTIONS
from ser.scaffold.emotion_words import emotion_of

SUFFIXES = (".wav", ".flac", ".ogg", ".mp3", ".aif", ".aiff", ".au", ".w64", ".caf", ".opus")
NEEDED = ("path", "speaker", "emotion")
_IF_UNKNOWN = {"speaker": " (`unknown` where nobody knows)"}  # ser/splits/split.py: UNKNOWN
_COVERED = 0.8  # of the recordings: what a field says of fewer is no column
_SPEAKER = re.compile(r"(spk|speaker|actor|actress|subject|subj|sub|participant|person|spkr|voice)[-_ ]?\w+", re.I)
_GENDERS = {**dict.fromkeys(("f", "female", "w", "woman"), "female"), **dict.fromkeys(("m", "male", "man"), "male")}
# What a table's column is meant by, in the manifest's words.
_HEADERS = {
    "path": "path file filename file_name file_path filepath wav wav_path audio audio_path audio_file name",
    "speaker": "speaker spk spkr speaker_id spk_id speakerid actor actor_id subject subject_id participant client_id",
    "emotion": "emotion emo label class category emotion_label emo_label emoclass target majority_emo",
    "sentence": "sentence text_id sentence_id script prompt transcript transcription text",
    "session": "session dialog dialogue dialog_id dialogue_id recording room session_id conversation",
    "gender": "gender sex",
    "start": "start begin start_time onset",
    "end": "end stop end_time offset",
    "partition": "partition split split_set subset set",
    "arousal": "arousal activation emoact",
    "valence": "valence emoval pleasure",
    "dominance": "dominance emodom",
}
_MEANT = {word: column for column, words in _HEADERS.items() for word in words.split()}


@dataclass
class Guess:
    """`rows`: of the manifest, column -> text; `root`: what their paths are relative to. `found`: column -> why;
    `open`: what could not be known, in sentences; `unused`: a folder's fields that no column is taken from.
    """

    root: Path
    rows: list[dict[str, str]]
    found: dict[str, str] = field(default_factory=dict)
    open: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)

    def values(self, column: str) -> list[str]:
        """The values of a column, each once, sorted; without the empty one."""
        return sorted({row.get(column, "") for row in self.rows} - {""})


def look(source: Path, said: Mapping[str, str] | None = None, root: Path | None = None) -> Guess:
    """What is in a folder of recordings, or in a CSV about them. `said`: column -> the field (part1, folder1), or the
    CSV's column, that it is; nothing is guessed about it. `root`: the folder that the CSV's paths are relative to.

    Raises InputError where there is nothing to see, and for a field or `root` that is not there.
    """
    if root is not None and (source.is_dir() or not root.is_dir()):
        what = f"{source} is a folder: name its recordings' folder alone" if source.is_dir() else "no such folder"
        raise InputError(f"--root {root}: {what}")
    guess = _folder(source, said or {}) if source.is_dir() else _table(source, said or {}, root)
    for column in NEEDED:
        if column not in guess.found:
            for row in guess.rows:
                row[column] = ""
    return guess


def _folder(root: Path, said: Mapping[str, str]) -> Guess:
    paths = [path for path in scan(root) if path.lower().endswith(SUFFIXES)]
    if not paths:
        raise InputError(f"{root}: no recordings in it ({', '.join(SUFFIXES)}): give their folder, or a CSV about them")
    guess = Guess(root, [{"path": path} for path in paths], {"path": f"{len(paths):,} recordings"})
    fields = dict(_fields(paths))
    for column, name in said.items():
        if name not in fields:
            raise InputError(f"--{column} {name}: no such field in {root}: {did_you_mean(name, fields)}")
        _take(guess, column, name, fields[name])
    fields = {name: values for name, values in fields.items() if name not in said.values()}
    guesses = {"emotion": _emotion_field, "gender": _gender_field, "speaker": _speaker_field}
    for column, find in guesses.items():
        if column not in said and (name := find(fields)):
            _take(guess, column, name, fields.pop(name))
    _mend_emotions(guess)
    for row in guess.rows if "gender" in guess.found else ():
        row["gender"] = _GENDERS[row["gender"].lower()]
    guess.unused = [*fields]
    for name, values in fields.items():
        guess.open.append(f"{name} has {_described(values)}: unused; --speaker, --sentence or --session {name} uses it")
    for column in ("speaker", "emotion"):
        if column not in guess.found:
            how = f"fill it in{_IF_UNKNOWN.get(column, '')}, or name its field: --{column}"
            guess.open.append(f"column {column} is empty, nothing shows it: {how}")
    return guess


def _fields(paths: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """folder1, ...: folders by level, where all files are as deep. part1, ...: parts of the file names, where all have
    as many. Those with one value for all, or another for each, say nothing.
    """
    split = [path.rpartition(".")[0].split("/") for path in paths]
    depth = {len(parts) for parts in split}
    fields = {}
    if len(depth) == 1:
        fields = {f"folder{i + 1}": [parts[i] for parts in split] for i in range(depth.pop() - 1)}
    stems = [parts[-1] for parts in split]
    for pieces in ([re.split(r"[-_. ]+", stem) for stem in stems], [_runs(stem) for stem in stems]):
        if len({len(words) for words in pieces}) == 1 and len(pieces[0]) > 1:
            fields |= {f"part{i + 1}": [words[i] for words in pieces] for i in range(len(pieces[0]))}
            break
    for name, values in fields.items():
        if 1 < len({*values}) < len(values):
            yield name, values


def _runs(stem: str) -> list[str]:
    """03a01Fa -> 03, a, 01, F, a: digits, and letters of one case."""
    return re.findall(r"\d+|[A-Z]+|[a-z]+", stem)


def _emotion_field(fields: Mapping[str, list[str]]) -> str:
    """The field with the most words for emotions, if most of its recordings have one."""
    shares = {name: sum(emotion_of(value) is not None for value in of) / len(of) for name, of in fields.items()}
    shares = {name: share for name, share in shares.items() if len({emotion_of(value) for value in fields[name]}) > 2}
    best = max(shares, key=lambda name: shares[name], default="")
    return best if best and shares[best] >= _COVERED else ""


def _speaker_field(fields: Mapping[str, list[str]]) -> str:
    """The field whose values are named after speakers, or else the only folder level that is left."""
    named = [name for name, values in fields.items() if all(map(_SPEAKER.fullmatch, values))]
    folders = [name for name in fields if name.startswith("folder")]
    return named[0] if named else folders[0] if len(folders) == 1 else ""


def _gender_field(fields: Mapping[str, list[str]]) -> str:
    """The field whose values are two words for women and men."""
    lower = {name: {value.lower() for value in values} for name, values in fields.items()}
    return next((name for name, values in lower.items() if len(values) == 2 and values <= {*_GENDERS}), "")


def _take(guess: Guess, column: str, where: str, values: Sequence[str]) -> None:
    for row, value in zip(guess.rows, values, strict=True):
        row[column] = value
    guess.found[column] = f"{where}: {_described(values)}"


def _described(values: Sequence[str]) -> str:
    counts = Counter(values)
    return f"{len(counts):,} values, {listed(sorted(counts), 8)}"


def _table(file: Path, said: Mapping[str, str], root: Path | None) -> Guess:
    if not file.is_file():
        raise InputError(f"{file}: no such file or folder: give a folder of recordings, or a CSV about them")
    try:
        text = file.read_text(encoding="utf-8-sig")
        first = text.split("\n", 1)[0]
        header, *lines = csv.reader(text.splitlines(), delimiter=max(",;\t|", key=first.count))
    except (OSError, UnicodeDecodeError, csv.Error, ValueError) as error:
        raise InputError(f"{file}: not a CSV in UTF-8: {error}: save it as one, with a line of column names") from None
    meant = {name: _MEANT.get(name.strip().lower().replace(" ", "_").replace("-", "_")) for name in header}
    if unknown := [name for name in said.values() if name not in header]:
        raise InputError(f"{file}: no column {unknown[0]!r}: {did_you_mean(unknown[0], header)}")
    taken = {column: name for name, column in reversed(meant.items()) if column} | dict(said)
    columns = {column: header.index(name) for column, name in taken.items()}
    lines = [line for line in lines if any(line)]
    if odd := next((number for number, line in enumerate(lines, 2) if len(line) != len(header)), 0):
        raise InputError(f"{file}: line {odd}: not {len(header)} cells like the first line: quote text with commas")
    if not lines:
        raise InputError(f"{file}: it has no lines below its column names")
    rows = [{column: line[place].strip() for column, place in columns.items()} for line in lines]
    guess = Guess(file.parent, rows, {column: f"column {shown(name)}" for column, name in taken.items()})
    if unused := [name for name in header if name not in taken.values()]:
        guess.open.append(f"columns that are not used: {listed(unused)}")
    _mend_paths(guess, file, root)
    _mend_emotions(guess)
    for column in NEEDED:
        if column not in guess.found:
            guess.open.append(
                f"column {column} is empty: no name of a column says so: name it, --{column}, or fill it in"
                + _IF_UNKNOWN.get(column, "")
            )
    return guess


def _mend_paths(guess: Guess, file: Path, root: Path | None) -> None:
    """Paths relative to a root: what was said, or that of absolute ones, or the table's folder, or the one above."""
    paths = [row["path"] for row in guess.rows] if "path" in guess.found else []
    if paths and all(map(os.path.isabs, paths)):
        common = os.path.commonpath([os.path.dirname(path) for path in paths])  # noqa: PTH120 (as text)
        guess.root = root or Path(common)
        for row in guess.rows:
            row["path"] = os.path.relpath(row["path"], guess.root)
    elif paths:
        roots = (root,) if root else (file.parent, *file.resolve().parents[1:3])
        guess.root = max(roots, key=lambda root: sum((root / path).is_file() for path in paths[:100]))
    if missing := [row["path"] for row in guess.rows if "path" in row and not (guess.root / row["path"]).is_file()]:
        lost = f"{len(missing):,} files are not below {guess.root}: {listed(missing, 3)}"
        guess.open.append(f"{lost}: correct root, or say --root DIR")


def _mend_emotions(guess: Guess) -> None:
    """The project's words, where all are known; otherwise the table's or folder's own."""
    values = guess.values("emotion")
    if values and all(value in EMOTIONS or emotion_of(value) for value in values):
        for row in guess.rows:
            row["emotion"] = emotion_of(row["emotion"]) or row["emotion"]
    elif values:
        guess.open.append(f"emotions are kept as they are: {listed(values)}; the project's words: {listed(EMOTIONS)}")
