"""Predictions that other code made: a CSV file per seed and fold, `seed<s>/fold<k>.csv`.

Classes: `utterance, predicted` and, if known, `score_<label>` of every label; the higher, the likelier. Attributes:
`utterance, predicted_<attribute>...`. Our own predictions.csv is one: `target` columns, if there are any, have to agree
with the split, and `speaker` is not read.
"""

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ser.errors import InputError, did_you_mean, listed, shown

FORMAT = "its columns: utterance, predicted and, if known, score_<label> of each label; attributes: predicted_<name>"


@dataclass(frozen=True)
class Given:
    """A file's columns, texts row by row; no utterance is twice in it."""

    path: Path
    columns: Mapping[str, Sequence[str]]

    @classmethod
    def read(cls, path: Path, labels: Sequence[str], are_classes: bool) -> "Given":
        """The predictions of `labels` in a file.

        Raises InputError for another format, an utterance that is there twice, an unknown label, a value that is no
        number, and a predicted class whose score is not the highest.
        """
        return cls.of(path, read_columns(path), labels, are_classes)

    @classmethod
    def of(cls, path: Path, columns: Mapping[str, Sequence[str]], labels: Sequence[str], are_classes: bool) -> "Given":
        """The same of columns that were read from `path`. Raises InputError as `read` does."""
        given = cls(path, columns)
        given._check_columns(labels, are_classes)
        given._check_utterances()
        if are_classes:
            given._check_labels(labels)
        given._check_numbers(labels, are_classes)
        return given

    @cached_property
    def utterances(self) -> dict[str, int]:
        """Utterance -> its row."""
        return {utterance: row for row, utterance in enumerate(self.columns["utterance"])}

    @property
    def has_scores(self) -> bool:
        """Whether it says how likely each class is."""
        return any(name.startswith("score_") for name in self.columns)

    def rows(self, tested: Sequence[str], others: Mapping[str, str]) -> list[int]:
        """The row of each of the utterances `tested`; `others`: utterance -> what the fold uses it for instead.

        Raises InputError where one of them is missing, and for utterances that are not tested.
        """
        wanted = {*tested}
        foreign = [utterance for utterance in self.utterances if utterance not in wanted]
        if foreign:
            known = {others[name] for name in foreign if name in others}
            why = f", but in its {' and '.join(sorted(known))} part" if known else ""
            mend = "give this fold's own file" if known else "leave them out, or name them as the manifest does"
            raise InputError(
                f"{self.path}: {len(foreign)} of its {len(self.utterances)} utterances are not tested in this fold"
                f"{why}: {listed(foreign)}: {mend}"
            )
        missing = [utterance for utterance in tested if utterance not in self.utterances]
        if missing:
            raise InputError(
                f"{self.path}: no prediction for {len(missing)} of {len(tested)} tested utterances: {listed(missing)}: "
                f"predict them, too"
            )
        return [self.utterances[utterance] for utterance in tested]

    def check_targets(self, targets: Mapping[str, Sequence[str]]) -> None:
        """Raises InputError where the file has a target that is not that of `targets`: column -> text of each row."""
        for name in (name for name in targets if name in self.columns):
            pairs = zip(self.columns["utterance"], self.columns[name], targets[name], strict=True)
            if wrong := [f"{utterance} ({text}, not {own})" for utterance, text, own in pairs if not _agree(text, own)]:
                raise InputError(
                    f"{self.path}: column {name} differs from the split's in {len(wrong)} utterances: "
                    f"{listed(wrong)}: predict the split's own labels"
                )

    def _check_columns(self, labels: Sequence[str], are_classes: bool) -> None:
        names = ["predicted"] if are_classes else [f"predicted_{label}" for label in labels]
        scores = [f"score_{label}" for label in labels] if are_classes else []
        targets = ["target"] if are_classes else [f"target_{label}" for label in labels]
        needed = ["utterance", *names, *(scores if self.has_scores else [])]
        known = [*needed, *scores, "speaker", *targets]
        if missing := [name for name in needed if name not in self.columns]:
            raise InputError(f"{self.path}: no column {listed(missing)}: found {listed(self.columns)}: {FORMAT}")
        if other := next((name for name in self.columns if name not in known), None):
            raise InputError(f"{self.path}: unknown column {shown(other)}: {did_you_mean(other, known)}")

    def _check_utterances(self) -> None:
        if twice := [name for name, number in Counter(self.columns["utterance"]).items() if number > 1]:
            raise InputError(f"{self.path}: utterances are there twice: {listed(twice)}: keep one prediction of each")

    def _check_labels(self, labels: Sequence[str]) -> None:
        rows = zip(self.columns["utterance"], self.columns["predicted"], strict=True)
        if unknown := [f"{label!r} for {utterance}" for utterance, label in rows if label not in labels]:
            raise InputError(f"{self.path}: predicted {listed(unknown, 5)}: the labels are {', '.join(labels)}")

    def _check_numbers(self, labels: Sequence[str], are_classes: bool) -> None:
        kind = "score" if are_classes else "predicted"
        names = [f"{kind}_{label}" for label in labels if f"{kind}_{label}" in self.columns]
        for utterance, *texts in zip(self.columns["utterance"], *(self.columns[name] for name in names), strict=True):
            values = [_number(text) for text in texts]
            highest = max(values, default=0.0)
            for name, text, value in zip(names, texts, values, strict=True):
                if value != value or value == float("inf") or (not are_classes and value == -float("inf")):
                    raise InputError(
                        f"{self.path}: {utterance}: {name} is {text!r}: give a number, or no scores at all"
                    )
            if highest == -float("inf"):
                raise InputError(f"{self.path}: {utterance}: no score is higher than -inf: give scores, or none at all")
        if are_classes and names:
            self._check_highest(labels)

    def _check_highest(self, labels: Sequence[str]) -> None:
        """A class that is predicted, but not the likeliest, mostly means that two columns were exchanged."""
        scores = [list(map(float, self.columns[f"score_{label}"])) for label in labels]
        wrong = [
            f"{utterance} ({said})"
            for utterance, said, *values in zip(
                self.columns["utterance"], self.columns["predicted"], *scores, strict=True
            )
            if values[labels.index(said)] < max(values)
        ]
        if wrong:
            raise InputError(
                f"{self.path}: predicted is not the class with the highest score for {len(wrong)} utterances: "
                f"{listed(wrong, 5)}: name the columns after their labels, or leave the scores out"
            )


def read_columns(path: Path) -> dict[str, list[str]]:
    """Column -> its cells, without surrounding blanks, of a CSV file in UTF-8. Raises InputError for any other."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:  # spreadsheets may write a byte-order mark
            rows = csv.reader(file)
            header = [name.strip() for name in next(rows, [])]
            lines = []
            for row in filter(None, rows):
                if len(row) != len(header):
                    raise InputError(f"{path}: line {rows.line_num}: {len(row)} cells instead of {len(header)}")
                lines.append([cell.strip() for cell in row])
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except (csv.Error, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a CSV file in UTF-8: {error}: save it as one") from None
    if len(header) == 1 and any(mark in header[0] for mark in ";\t"):
        raise InputError(f"{path}: columns must be separated by commas: save it as CSV again")
    if twice := [name for name, number in Counter(header).items() if number > 1]:
        raise InputError(f"{path}: column {listed(twice)} is there twice: keep one")
    return {name: [line[place] for line in lines] for place, name in enumerate(header)}


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _agree(text: str, own: str) -> bool:
    first, second = _number(text), _number(own)
    return text == own or abs(first - second) <= 1e-6 * max(abs(second), 1e-6)
