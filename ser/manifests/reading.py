"""What a loader returns, and what a corpus is known to hold."""

import csv
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from ser.errors import InputError, listed, shown
from ser.manifests.tree import scan
from ser.manifests.utterance import Utterance

# A manifest as text: its header, and its rows, each with its place (`line 7`) and its cells without surrounding blanks.
Rows = tuple[list[str], list[tuple[str, list[str]]]]
NEAR = 0.05  # of a release's utterances


class Finding(NamedTuple):
    """Something that cannot be used: where (a file, a line of one, a name), why, and what is so of this one alone.

    `reason` is the same words for all that share it, so that thousands of findings are one line.
    """

    where: str
    reason: str
    detail: str = ""


OUTSIDE = "path leads outside the root through a link"  # the reason of a finding; its mend:
COPY = "copy the recordings, or take the folder that the links lead to as root"


def grouped(findings: Iterable[Finding]) -> list[str]:
    """`<number>, <reason>: <where> (<detail>), ...` for each reason: all places of a few, three of more than 20.

    A single one goes without its number.
    """
    groups: dict[str, list[str]] = defaultdict(list)
    for where, reason, detail in findings:
        groups[reason].append(f"{where} ({shown(detail, str)})" if detail else where)
    return [
        (f"{len(places):,}, " if len(places) > 1 else "")
        + f"{reason}: {listed(places, 20 if len(places) <= 20 else 3)}"
        for reason, places in groups.items()
    ]


@dataclass
class Reading:
    """What a release tree says, before its audio is examined. Nothing is left out without being named.

    `excluded` are files and labels that are left out; `broken` are cells and lines of labels that cannot be
    understood; `warnings` are sentences.
    """

    utterances: list[Utterance] = field(default_factory=list)
    excluded: list[Finding] = field(default_factory=list)
    broken: list[Finding] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Counts:
    """Published numbers of utterances per value of a manifest column, among those that `of` selects.

    `of` maps columns to the values that count; empty: all utterances.
    """

    column: str
    counts: Mapping[str, int]
    of: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def found(self, utterances: Iterable[Utterance]) -> dict[str, int]:
        """The same counts of `utterances`, published values first, then any others, sorted."""
        counts = dict.fromkeys(self.counts, 0)
        others: dict[str, int] = {}
        for utterance in utterances:
            if all(getattr(utterance, column) in values for column, values in self.of.items()):
                value = getattr(utterance, self.column)
                into = counts if value in counts else others
                into[value] = into.get(value, 0) + 1
        return counts | dict(sorted(others.items()))

    def lacking(self, utterances: Iterable[Utterance], values: Collection[str] | None = None) -> list[str]:
        """`<value> <found> of <published>` for each of `values` (None: all) that has fewer utterances than published,
        sorted.
        """
        found = self.found(utterances)
        return [
            f"{value} {found[value]} of {published}"
            for value, published in sorted(self.counts.items())
            if found[value] < published and (values is None or value in values)
        ]


@dataclass(frozen=True)
class Published:
    """What is known of one release: its numbers of utterances and speakers (None: unknown), and tables of counts.

    Of its `total`, so many are `hidden`: their labels are not released.
    """

    release: str
    total: int
    speakers: int | None = None
    tables: tuple[Counts, ...] = ()
    hidden: int = 0

    @property
    def labelled(self) -> int:
        """How many utterances a whole copy has."""
        return self.total - self.hidden

    @property
    def emotions(self) -> Counts:
        """The counts of emotions over all utterances; empty where they are not known."""
        known = (table for table in self.tables if table.column == "emotion" and not table.of)
        return next(known, Counts("emotion", {}))


def release_of(releases: Sequence[Published], utterances: int) -> Published | None:
    """The release of a corpus that is nearest in its number of labelled utterances, if it is near; the only one that is
    known is also that of a smaller copy, which may be a part of it.
    """
    nearest = min(releases, key=lambda release: abs(release.labelled - utterances), default=None)
    if nearest is None or (len(releases) == 1 and utterances <= nearest.total):
        return nearest
    return nearest if abs(nearest.labelled - utterances) <= NEAR * nearest.labelled else None


def leave_out_strays(reading: Reading, root: Path, title: str, name: re.Pattern[str]) -> None:
    """Name the recordings that a loader has not looked at: copies, and files in a folder too many.

    `name` fits the file names of the corpus's recordings.
    """
    known = {utterance.path for utterance in reading.utterances} | {finding.where for finding in reading.excluded}
    names = {utterance.utterance.lower() for utterance in reading.utterances}
    for path in scan(root):
        file = path.rpartition("/")[2]
        if path not in known and name.fullmatch(file):
            again = file.rpartition(".")[0].lower() in names
            reason = "a second file of the name of one that is read" if again else f"not where {title} has recordings"
            reading.excluded.append(Finding(path, reason))


@contextmanager
def open_table(path: Path) -> Iterator["csv.DictReader[str]"]:
    """The rows of a release's CSV file, by column. Raises InputError where it is none, or has a column twice."""
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
        rows = csv.DictReader(file)
        try:
            counts = Counter(name.strip().lower() for name in rows.fieldnames or [])
            if twice := [name for name, count in counts.items() if name and count > 1]:
                raise InputError(f"{path}: column {listed(map(shown, twice), 3)} twice: keep one")
            yield rows
        except csv.Error as error:
            raise InputError(f"{path}: line {rows.line_num + 1}: {error}: take it from a fresh copy") from None


def entries(folder: Path) -> list[Path]:
    """The entries of a folder, sorted, without dot files: copies made on a Mac are full of `._` twins."""
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def child(folder: Path, *names: str) -> Path | None:
    """The entry of `folder` with one of `names` (lower case), whatever its own case; None if there is none."""
    if not folder.is_dir():
        return None
    return next((path for path in entries(folder) if path.name.lower() in names), None)


def wrong_root(root: Path, title: str, layout: str, fits: Callable[[Path], bool]) -> InputError:
    """The error for a root that does not hold the release tree, with what was found there and where the tree is.

    `fits` tells whether a folder is the root of the release tree.
    """
    if not root.is_dir():
        return InputError(f"{root}: no such folder: give the root of {title}: {layout}")
    inside = entries(root)
    below = [path for path in inside if path.is_dir()]
    found = listed((f"{path.name}/" if path in below else path.name for path in inside), 5) or "nothing"
    near = next((path for path in [*below, root.resolve().parent] if fits(path)), None)
    place = "one level below" if near in below else "one level above"
    hint = f"; the right tree is {place}: give {near} as root" if near else ""
    deep = [] if near else [path for folder in below for path in entries(folder) if path.is_dir() and fits(path)]
    if deep:
        hint = f"; two levels below is what looks like it: {listed(deep, 3)}"
    return InputError(f"{root}: not the tree of {title}: expected {layout}; found {found}{hint}")
