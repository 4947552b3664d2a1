"""A database in audEERING's audformat (https://audeering.github.io/audformat) as a table of utterances.

Its header is a YAML file; its tables, of files or of segments, are CSV or Parquet files beside it. Pickled tables are
never read, and the header is read as plain data: whoever writes either could otherwise run code here. The labels of
each utterance are collected over all tables by `audformat.Database.get`.
"""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import yaml

from ser.errors import InputError, listed, shown
from ser.manifests.reading import Rows

if TYPE_CHECKING:
    import pandas as pd

# Column of a manifest -> what databases call it; the first that has values is taken.
NAMES = {
    "emotion": ("emotion",),
    "speaker": ("speaker",),
    "session": ("session",),
    "sentence": ("sentence", "transcription", "text"),
    "gender": ("gender", "sex"),
    "arousal": ("arousal",),
    "valence": ("valence",),
    "dominance": ("dominance",),
}
MISSING = "needs the packages audformat and audb: pip install audformat audb"
_PARTS = ("train", "dev", "test")  # types of splits


def audformat_table(header: Path, root: Path, names: Mapping[str, str]) -> Rows:
    """The columns of a manifest, and its rows: `utterance 7`, its cells. Utterances without an emotion are in none.

    `names`: column -> the scheme or column of the database that it is, `emotion` also as `<table>/<column>`.
    Raises InputError where the package audformat is missing, for a header that is none or is not in `root`, a pickled
    or broken table, a name that the database does not have, and labels that contradict each other.
    """
    if header.resolve().parent != root.resolve():
        raise InputError(f"{header}: the paths of an audformat database are relative to it: set root to its folder")
    database = _load(header)
    asked = {column: (names[column],) if column in names else of for column, of in NAMES.items()}
    table, _, emotion = asked["emotion"][0].rpartition("/")
    try:
        labels = database.get(
            emotion, [name for column, of in asked.items() if column != "emotion" for name in of], tables=table or None
        )
        parts = {
            part: database.get(emotion, tables=table or None, splits=part).index
            for part, split in database.splits.items()
            if split.type in _PARTS
        }
    except Exception as error:  # as in `_load`; ValueError: the same place is labelled twice
        raise InputError(f"{header}: {_said(error)}: name one table, `emotion: TABLE/COLUMN`") from None
    asked["emotion"] = (emotion,)
    columns = {column: next((n for n in of if labels[n].notna().any()), "") for column, of in asked.items()}
    if lacking := [column for column in ("emotion", "speaker", *names) if not columns[column]]:
        known = sorted({*database.schemes, *(name for table in database.tables for name in database[table].columns)})
        raise InputError(
            f"{header}: no {listed(lacking)}: nothing has a label {listed(shown(asked[c][0]) for c in lacking)}; there "
            f"are {listed(known)}: name the right ones in params.yaml: `columns: {{{lacking[0]}: NAME}}`"
        )
    return _rows(labels[labels[emotion].notna()], {column: name for column, name in columns.items() if name}, parts)


def _rows(labels: "pd.DataFrame", columns: Mapping[str, str], parts: Mapping[str, "pd.Index"]) -> Rows:
    """`labels`: by file, or by file, start and end; `parts`: part -> which of them it has."""
    places = _places(labels.index)
    cells = {column: [_text(value) for value in labels[name].tolist()] for column, name in columns.items()}
    if parts:
        inside = {part: set(_places(index)) for part, index in parts.items()}
        cells["partition"] = [next((part for part in parts if place in inside[part]), "") for place in places]
    header = ["path", "start", "end", *cells]
    rows = zip(places, *cells.values(), strict=True)
    return header, [(f"utterance {number}", [*place, *row]) for number, (place, *row) in enumerate(rows, 1)]


def _places(index: "pd.Index") -> list[tuple[str, str, str]]:
    """File, start and end of each."""
    if index.nlevels == 1:
        return [(file, "", "") for file in index]
    return [(file, *_segment(start, end)) for file, start, end in index]


def _segment(start: Any, end: Any) -> tuple[str, str]:
    """Seconds as text; both empty for a whole file."""
    stop = "" if end != end else f"{end.total_seconds():.9g}"  # NaT equals nothing
    return ("" if not stop and not start.total_seconds() else f"{start.total_seconds():.9g}"), stop


def _text(value: Any) -> str:
    return "" if value is None or value != value else str(value)


def _load(header: Path) -> Any:
    try:
        import audformat
    except ImportError:
        raise InputError(f"{header}: {MISSING}, or save it as CSV") from None
    try:
        content = yaml.safe_load(header.read_text(encoding="utf-8"))
        database = audformat.Database.load_header_from_yaml(content)
        with TemporaryDirectory() as folder:  # without the pickles, which audformat would read first
            for table in [*database.misc_tables, *database.tables]:  # the first hold labels of the others' schemes
                file = _table_file(header, table)
                Path(folder, file.name).symlink_to(file.resolve())
                database[table].load(str(Path(folder, file.stem)))
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"{header}: cannot be read: {error.strerror or error}") from None
    except Exception as error:  # whatever audformat says of what it does not expect
        raise InputError(f"{header}: not an audformat database: {_said(error)}") from None
    return database


def _table_file(header: Path, table: str) -> Path:
    files = {suffix: header.with_name(f"{header.stem}.{table}.{suffix}") for suffix in ("parquet", "csv", "pkl")}
    suffix = next((suffix for suffix, file in files.items() if file.is_file()), "")
    if suffix == "pkl":
        raise InputError(f"{files['pkl']}: a pickled table is not read: it could run code: save it as CSV or Parquet")
    if not suffix:
        raise InputError(f"{files['csv']}: no such file, and none in Parquet: complete the database")
    return files[suffix]


def _said(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
