"""Someone's own split: which utterances train, develop and test in each fold, from the forms that others write."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ser.audit.corpus import Corpus
from ser.errors import InputError, listed, shown
from ser.runs.given import read_columns

FORMS = (
    "a CSV with a column utterance or path and with fold<k> columns of parts (ours), with fold and part, with part "
    "alone, or with fold alone (the one that tests it); or a folder of EmoBox's lists, fold_<k>/*_train_*.jsonl"
)
PARTS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("dev", "development", "val", "valid", "validation"), "dev"),
    **dict.fromkeys(("test", "testing", "reported"), "test"),
    "": "",
}
_PART_COLUMNS = ("part", "split", "partition")
_LABEL_COLUMNS = ("label", "target")
Row = tuple[str, str, str, str]  # utterance, fold, part, its class if the split says it


@dataclass(frozen=True)
class Dealing:
    """`parts`: (place in the corpus, fold from 0) -> the parts that it is in, each as often as it is listed. `labels`:
    place -> class, as far as the split says it; `unknown`: names that the corpus does not have.
    """

    path: Path
    folds: tuple[str, ...]
    parts: Mapping[tuple[int, int], tuple[str, ...]]
    labels: Mapping[int, str]
    unknown: tuple[str, ...]


def read_dealing(path: Path, corpus: Corpus) -> Dealing:
    """The split in a file or folder.

    Raises InputError for one of no known form, an unknown word for a part, and one that no utterance of the corpus is
    in.
    """
    rows = [*(_lists(path) if path.is_dir() else _table(path))]
    folds = sorted({fold for _, fold, _, _ in rows}, key=natural)
    parts: dict[tuple[int, int], list[str]] = {}
    labels: dict[int, str] = {}
    unknown: dict[str, None] = {}
    for name, fold, part, label in rows:
        place = corpus.find(name)
        if place is None:
            unknown[name] = None
        elif part:
            parts.setdefault((place, folds.index(fold)), []).append(part)
            if label and labels.setdefault(place, label) != label:
                raise InputError(f"{path}: {name} is {labels[place]} and {label}: give it one class")
    if not parts:
        raise InputError(
            f"{path}: no utterance of {corpus.path} is in it (it names {listed(map(shown, unknown), 3)}): "
            f"give both the same names or paths"
        )
    return Dealing(path, tuple(folds), {key: tuple(of) for key, of in parts.items()}, labels, tuple(unknown))


def _table(path: Path) -> Iterator[Row]:
    if path.suffix == ".json":
        path = _csv_of(path)
    columns = read_columns(path)
    name = next((name for name in ("utterance", "path") if name in columns), None)
    if name is None:
        raise InputError(f"{path}: no column utterance or path: a split is {FORMS}")
    empty = [""] * len(columns[name])
    labels = next((columns[column] for column in _LABEL_COLUMNS if column in columns), empty)
    wide = {match[1]: cells for column, cells in columns.items() if (match := re.fullmatch(r"fold_?(\d+)", column))}
    part = next((column for column in _PART_COLUMNS if column in columns), None)
    if wide:
        for fold, cells in wide.items():
            yield from _of_cells(path, columns[name], [fold] * len(cells), cells, labels)
    elif part:
        yield from _of_cells(path, columns[name], columns.get("fold", ["1"] * len(empty)), columns[part], labels)
    elif "fold" in columns:
        for fold in dict.fromkeys(columns["fold"]):
            cells = ["test" if of == fold else "train" for of in columns["fold"]]
            yield from _of_cells(path, columns[name], [fold] * len(cells), cells, labels)
    else:
        raise InputError(f"{path}: its columns are {listed(columns)}: a split is {FORMS}")


def _of_cells(
    path: Path, names: Iterable[str], folds: Iterable[str], parts: Iterable[str], labels: Iterable[str]
) -> Iterator[Row]:
    for name, fold, part, label in zip(names, folds, parts, labels, strict=True):
        if part.lower() not in PARTS:
            known = ", ".join(filter(None, PARTS))
            raise InputError(f"{path}: {name}: part {shown(part)}: the words are {known}, or nothing")
        yield name, fold, PARTS[part.lower()], label


def _csv_of(path: Path) -> Path:
    try:
        return path.with_name(json.loads(path.read_text(encoding="utf-8"))["csv"])
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise InputError(f"{path}: not a split of this project ({error!r}): a split is {FORMS}") from None


def _lists(folder: Path) -> Iterator[Row]:
    """EmoBox's lists: a JSON object per line, with `wav`, `key` and `emo`."""
    seen: dict[tuple[str, str], Path] = {}
    for path in sorted(folder.rglob("*.jsonl")):
        fold = re.search(r"fold_?(\d+)", path.parent.name)
        words = [PARTS[word] for word in re.split(r"[^a-z]+", path.stem.lower()) if word and word in PARTS]
        if not fold or len(words) != 1:
            continue  # such as the list of the whole corpus
        if other := seen.setdefault((fold[1], words[0]), path):
            if other != path:
                raise InputError(f"{path}: {other} is the {words[0]} part of this fold, too: keep one of them")
            yield from _of_list(path, fold[1], words[0])
    if not seen:
        raise InputError(f"{folder}: no fold_<k>/*_train_*.jsonl and *_test_*.jsonl: a split is {FORMS}")


def _of_list(path: Path, fold: str, part: str) -> Iterator[Row]:
    try:
        for line in filter(str.strip, path.read_text(encoding="utf-8").splitlines()):
            entry = json.loads(line)
            yield str(entry.get("wav") or entry["key"]), fold, part, str(entry.get("emo", ""))
    except (OSError, ValueError, LookupError, AttributeError, RecursionError) as error:
        raise InputError(
            f"{path}: not a list of utterances ({error!r}): a line is a JSON object with wav or key"
        ) from None


def natural(name: str) -> tuple[int, int, str]:
    """A key by which fold 10 comes after fold 9."""
    return (0, int(name), name) if re.fullmatch(r"\d{1,9}", name) else (1, 0, name)
