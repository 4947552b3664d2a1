"""A user's own corpus: a manifest (CSV, Parquet, audformat) instead of a loader; at least `path, speaker, emotion`."""

import csv
import difflib
import math
import os
import posixpath
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ser.errors import InputError, listed, shown
from ser.manifests.audformat_database import audformat_table
from ser.manifests.reading import OUTSIDE, Finding, Reading, Rows
from ser.manifests.utterance import COLUMNS, EMOTIONS, Utterance

_REQUIRED = ("path", "speaker", "emotion")
_NUMBERS = ("start", "end", "arousal", "valence", "dominance")
_NEAR = 0.8  # likeness from which a column's name is taken for a known one misspelt
_MOST = 1e9  # of a number: float32 must hold it
_MEASURED = ("num_samples", "sample_rate", "sha256")  # taken from the audio, whatever the manifest says


def read_user_manifest(manifest: Path, root: Path, columns: Mapping[str, str] | None = None) -> Reading:
    """Utterances that a CSV (UTF-8) or Parquet manifest names, or an audformat database (its header, a YAML file);
    `path` is relative to `root` and stays inside it. `columns`: our name of a column -> the manifest's own.

    An utterance without a name is named after its path without the suffix, plus its segment if it has one. Lines that
    cannot be used are in `broken`, each with its number; columns that the project has no use for are a warning. Raises
    InputError for a file that is not a table, and for a column that is missing or looks like a known one misspelt.
    """
    if not root.is_dir():
        raise InputError(f"{root}: no such folder: give the folder that the paths in {manifest} are relative to")
    reading = Reading()
    inside = _Inside(root)
    unknown_emotions: Counter[str] = Counter()
    header, rows = _table(manifest, root, columns or {})
    if ignored := _check_columns(manifest, header):
        reading.warnings.append(f"columns that are not used: {listed(shown(name, str) for name in ignored)}")
    for place, cells in rows:
        try:
            if len(cells) != len(header):
                raise ValueError(f"not {len(header)} cells (text with a comma needs quotes)", str(len(cells)))
            utterance = _utterance(dict(zip(header, cells, strict=True)))
            inside.check(utterance.path)
        except ValueError as error:
            reading.broken.append(Finding(f"{manifest.name} {place}", *error.args))
            continue
        reading.utterances.append(utterance)
        if utterance.emotion not in EMOTIONS:
            unknown_emotions[utterance.emotion] += 1
    if unknown_emotions:
        words = listed(f"{word} ({count})" for word, count in sorted(unknown_emotions.items()))
        reading.warnings.append(f"emotions that only your manifest names so, for your protocol's labels: {words}")
    if not reading.utterances and not reading.broken:
        raise InputError(f"{manifest}: it names no utterances")
    return reading


def _utterance(row: Mapping[str, str]) -> Utterance:
    """Raises ValueError with what is wrong with the row, and the cell that is."""
    if empty := [column for column in _REQUIRED if not row[column]]:
        raise ValueError(f"{' and '.join(empty)} empty")
    numbers = {column: _number(column, row[column]) for column in _NUMBERS if row.get(column)}
    start, end = numbers.get("start"), numbers.get("end")
    if (start or 0) < 0 or (end is not None and end <= (start or 0)):
        raise ValueError("segment is empty or negative", f"{row.get('start')}..{row.get('end')} s")
    path = posixpath.normpath(row["path"])
    texts = {column: text for column, text in row.items() if column in COLUMNS and column not in _NUMBERS + _MEASURED}
    if not texts.get("utterance"):
        segment = f":{row.get('start', '')}-{row.get('end', '')}" if numbers.keys() & {"start", "end"} else ""
        texts["utterance"] = posixpath.splitext(path)[0] + segment
    columns: dict[str, Any] = {**texts, "path": path, **numbers}
    return Utterance(**columns)


def _number(column: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not abs(number) < _MOST:
        raise ValueError(
            f"{column} is not a number" + (f" below {_MOST:.0e}" if math.isfinite(number) else ""), shown(text)
        )
    return number


def linked_out(root: Path, paths: Iterable[str]) -> list[str]:
    """Those of `paths`, below `root`, that lead outside it through a link: no manifest may name them."""
    inside, found = _Inside(root), []
    for path in paths:
        try:
            inside.check(path)
        except ValueError as error:
            found += [path] if error.args[0] == OUTSIDE else []
    return found


class _Inside:
    """Refuses paths that leave the root. Each folder is resolved only once, since a manifest may name 265,000 files."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.real_root = os.path.realpath(root)
        self.folders: dict[str, bool] = {}

    def check(self, path: str) -> None:
        """Raises ValueError for an absolute path, one with `..` or a backslash, and one that leaves through a link."""
        if "\0" in path:
            raise ValueError("path has a NUL character, which no file name has", shown(path))
        if posixpath.isabs(path) or path.split("/")[0] == ".." or "\\" in path:
            raise ValueError("path must be relative to the root and stay in it, with / between folders", shown(path))
        folder = os.path.dirname(path)  # noqa: PTH120 (all as text: quick, for each of 265,000 files)
        if folder not in self.folders:
            self.folders[folder] = self._holds(os.path.join(self.root, folder))  # noqa: PTH118 (as above)
        file = os.path.join(self.root, path)  # noqa: PTH118 (as above)
        if not self.folders[folder] or (os.path.islink(file) and not self._holds(file)):  # noqa: PTH114 (as above)
            raise ValueError(OUTSIDE, shown(path))

    def _holds(self, path: str) -> bool:
        return os.path.commonpath([self.real_root, os.path.realpath(path)]) == self.real_root


def _table(manifest: Path, root: Path, columns: Mapping[str, str]) -> Rows:
    suffix = manifest.suffix.lower()
    if suffix in (".yaml", ".yml"):
        return audformat_table(manifest, root, columns)
    header, rows = _parquet(manifest) if suffix in (".parquet", ".pq") else _csv(manifest)
    if missing := [name for name in columns.values() if name not in header or [*columns.values()].count(name) > 1]:
        found = listed(shown(name, str) for name in header)
        raise InputError(
            f"{manifest}: {listed(map(shown, missing))}: not a column, or named twice by `columns`; found {found}"
        )
    ours = {name: column for column, name in columns.items()}
    return [ours.get(name, f"own {name}" if name in columns else name) for name in header], rows


def _csv(manifest: Path) -> Rows:
    try:
        with manifest.open(newline="", encoding="utf-8-sig") as file:  # spreadsheets may write a byte-order mark
            rows = csv.reader(file)
            header = [name.strip() for name in next(rows, [])]
            return header, [(f"line {rows.line_num}", [cell.strip() for cell in row]) for row in rows if row]
    except OSError as error:
        raise InputError(f"{manifest}: cannot be read: {error.strerror}") from None
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError(f"{manifest}: not a CSV file in UTF-8: {error}") from None


def _parquet(manifest: Path) -> Rows:
    try:
        from pyarrow import ArrowException, parquet  # imports faster than pandas, which would only call it
    except ImportError:
        raise InputError(f"{manifest}: reading Parquet needs the package pyarrow: install it, or save as CSV") from None
    try:
        table = parquet.read_table(manifest)
    except (OSError, ValueError, ArrowException) as error:
        raise InputError(f"{manifest}: not a Parquet file: {' '.join(str(error).split())}") from None
    try:
        columns = [column.to_pylist() for column in table.columns]
    except (ValueError, OverflowError, ArrowException) as error:
        raise InputError(f"{manifest}: values that cannot be read: {error}: write it again, text in UTF-8") from None
    rows = enumerate(zip(*columns, strict=True), 1)
    return table.column_names, [(f"row {number}", [_text(value) for value in row]) for number, row in rows]


def _text(value: Any) -> str:
    missing = value is None or (isinstance(value, float) and math.isnan(value))
    return "" if missing else str(value).strip()


def _check_columns(manifest: Path, header: list[str]) -> list[str]:
    """The columns that are not used."""
    if len(header) == 1 and any(mark in header[0] for mark in ";\t"):
        raise InputError(f"{manifest}: columns must be separated by commas, not by {'; or tab'}: save it as CSV again")
    problems = []
    counts = Counter(header)
    unknown = [name for name in header if name not in COLUMNS]
    lacking = [name for name in COLUMNS if name not in header]
    for name in unknown[:1000]:
        if near := difflib.get_close_matches(name.lower(), lacking, 1, cutoff=_NEAR):
            problems.append(f"unknown column {shown(name)} (did you mean {near[0]!r}?)")
    problems += [f"no column {name!r}" for name in _REQUIRED if name not in header]
    problems += [f"column {name!r} appears twice" for name in COLUMNS if counts[name] > 1]
    if problems:
        optional = ", ".join(name for name in COLUMNS if name not in _REQUIRED)
        raise InputError(
            f"{manifest}: {listed(problems)}; found {listed(shown(name, str) for name in header)}; "
            f"needed {', '.join(_REQUIRED)}; optional {optional}"
        )
    return unknown
