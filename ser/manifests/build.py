"""From a release tree, or from a user's own manifest, to checked utterances and a report.

A release tree is read by the corpus's file in `ser/corpora/`; a corpus with its own manifest needs no such file.
`build_manifest` stops at what is wrong; `survey` reports all of it instead of stopping.
"""

import importlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from operator import attrgetter
from pathlib import Path, PurePosixPath
from typing import Any

from ser.errors import UNPRINTABLE, InputError, in_one_line, listed, one_line, shown
from ser.files import words
from ser.manifests.audio_files import AudioFacts, Segment, inspect_all, sample_range
from ser.manifests.reading import COPY, OUTSIDE, Finding, Published, Reading, grouped, release_of
from ser.manifests.user_manifest import read_user_manifest
from ser.manifests.utterance import Utterance

_TEXTS = attrgetter(*(field.name for field in fields(Utterance) if field.type is str))
_COUNTED = ("emotion", "speaker", "session", "partition", "gender", "style")


@dataclass
class Survey(Reading):
    """A reading whose audio was checked: `utterances` are those whose audio is complete, with its facts filled in.

    `unreadable` are files, and segments of files, that are no recordings; `duplicates` are groups of paths with
    identical audio; `published` is the release that the corpus is compared with, None where none is known.
    """

    title: str = ""
    unreadable: list[Finding] = field(default_factory=list)
    duplicates: list[tuple[str, ...]] = field(default_factory=list)
    published: Published | None = None

    @property
    def outside(self) -> list[Finding]:
        """Of what is broken, the recordings that links lead to from the root."""
        return [finding for finding in self.broken if finding.reason == OUTSIDE]

    @property
    def labels(self) -> list[Finding]:
        """Of what is broken, the labels."""
        return [finding for finding in self.broken if finding.reason != OUTSIDE]


def loader_of(name: str) -> Any:
    """The module `ser/corpora/<name>.py`. Raises InputError where there is no such file."""
    known = words("corpora")
    if name not in known:
        raise InputError(
            f"unknown corpus {name!r}: ser/corpora has {', '.join(known)}; "
            "any other corpus needs no loader, only a CSV manifest (columns path, speaker, emotion): --manifest FILE"
        )
    return importlib.import_module(f"ser.corpora.{name}")


def survey(
    name: str, root: Path | str, manifest: Path | str | None = None, columns: Mapping[str, str] | None = None
) -> Survey:
    """Read the corpus `name` below `root` (through its own `manifest`, and its `columns`, if given) and all its audio.

    Raises InputError only if there is nothing to examine: a wrong root, an unknown corpus, no utterance.
    """
    with in_one_line(f"reading the corpus {name}", [root]):
        return _survey(name, Path(root), manifest, columns)


def _survey(name: str, root: Path, manifest: Path | str | None, columns: Mapping[str, str] | None) -> Survey:
    releases: tuple[Published, ...] = ()
    if manifest is not None:
        title, reading = name, read_user_manifest(Path(manifest), root, columns)
    else:
        loader = loader_of(name)
        title, releases, reading = loader.TITLE, loader.PUBLISHED, loader.read_release(root)
    readable = []
    for utterance in reading.utterances:
        if UNPRINTABLE.search(" ".join(_TEXTS(utterance))):
            reading.broken.append(
                Finding(utterance.path, "its name or labels have a line break or are not UTF-8: rename it")
            )
        else:
            readable.append(utterance)
    reading.utterances = readable
    segments: dict[str, list[Segment]] = defaultdict(list)
    for utterance in sorted(readable, key=lambda utterance: utterance.path):
        segments[utterance.path].append((utterance.start, utterance.end))
    facts, unreadable = inspect_all(root, segments)
    found = Survey([], reading.excluded, reading.broken, reading.warnings, title, unreadable)
    by_audio: dict[tuple[str, int, int], list[str]] = defaultdict(list)
    by_name: dict[str, list[str]] = defaultdict(list)
    for utterance in sorted(reading.utterances, key=lambda utterance: (utterance.utterance, utterance.path)):
        by_name[utterance.utterance].append(utterance.path)
        if utterance.path in facts:
            fact = facts[utterance.path]
            if fault := fact.faults.get((utterance.start, utterance.end)):
                found.unreadable.append(Finding(utterance.path, *fault))
                continue
            first, stop = sample_range(utterance.start, utterance.end, fact)
            by_audio[fact.sha256, first, stop].append(utterance.path)
            found.utterances.append(
                replace(utterance, num_samples=stop - first, sample_rate=fact.sample_rate, sha256=fact.sha256)
            )
    again = {utterance: tuple(paths) for utterance, paths in by_name.items() if len(paths) > 1}
    found.broken += [
        Finding(utterance, f"utterance more than once{_twice(paths)}: keep one", listed(paths, 3))
        for utterance, paths in again.items()
    ]
    found.duplicates = [tuple(paths) for paths in by_audio.values() if len(paths) > 1]
    found.warnings += _audio_warnings(facts)
    same = [
        Finding(" = ".join(paths), f"identical audio under several names{_twice(paths)}") for paths in found.duplicates
    ]
    found.warnings += grouped(same)
    found.published = release_of(releases, len(reading.utterances))
    if releases and not found.published:
        known = listed([f"{release.release} has {release.total:,}" for release in releases])
        found.warnings.append(
            f"{len(reading.utterances):,} utterances: the counts of this release are not known here ({known})"
        )
    if found.published and len(found.utterances) != found.published.labelled:
        lacking = ", ".join(found.published.emotions.lacking(found.utterances))
        found.warnings.append(
            f"{len(found.utterances)} utterances where {found.published.release} has {found.published.labelled}"
            f"{lacking and f' ({lacking})'}: an incomplete copy, or another release"
        )
    return found


def build_manifest(
    name: str,
    root: Path | str,
    manifest: Path | str | None = None,
    on_unreadable: str = "stop",
    columns: Mapping[str, str] | None = None,
) -> tuple[list[Utterance], dict[str, Any]]:
    """The checked utterances of a corpus, sorted by name, and a report for the reader (counts, exclusions, warnings).

    `on_unreadable` is `stop`, or `exclude` to leave out the files that cannot be read and name them in the report.
    Raises InputError with all broken label lines and all unreadable files at once.
    """
    if on_unreadable not in ("stop", "exclude"):
        raise InputError(f"on_unreadable: {on_unreadable!r} is neither stop nor exclude")
    found = survey(name, root, manifest, columns)
    problems = []
    if found.labels:
        problems.append(f"{len(found.labels)} broken labels: {'; '.join(grouped(found.labels))}")
    if found.outside:
        problems.append(f"{'; '.join(grouped(found.outside))}: {COPY}")
    if found.unreadable and on_unreadable == "stop":
        problems.append(
            f"{len(found.unreadable)} unreadable audio files: {'; '.join(grouped(found.unreadable))}: "
            "repair them, or set on_unreadable: exclude to go on without them"
        )
    if not found.utterances and not problems:
        problems.append(f"no utterance is left; {'; '.join(grouped([*found.excluded, *found.unreadable]))}")
    if problems:
        raise InputError(f"{root}: {'; '.join(problems)}")
    return found.utterances, {
        "corpus": name,
        "title": found.title,
        "release": found.published.release if found.published else "",
        "utterances": len(found.utterances),
        "speakers": len({utterance.speaker for utterance in found.utterances}),
        "seconds": round(sum(u.num_samples / u.sample_rate for u in found.utterances), 3),
        **{column: count_values(column, found.utterances) for column in _COUNTED},
        "excluded": _named(found.excluded),  # by the loader's rules, such as labels that a release hides
        "unreadable": _named(found.unreadable),
        "duplicates": found.duplicates,
        "warnings": found.warnings,
    }


def _named(findings: list[Finding]) -> list[dict[str, str]]:
    return [
        {"file": one_line(where), "reason": one_line(f"{reason} ({shown(detail, str)})" if detail else reason)}
        for where, reason, detail in findings
    ]


def _twice(paths: Sequence[str]) -> str:
    """` (<folder> and <folder>)` where the same tree below both holds a file: what is twice is most often a folder."""
    parts = [PurePosixPath(path).parts for path in paths]
    same = 0  # parts at the end that are the same in all
    while same < min(map(len, parts)) and len({part[-1 - same] for part in parts}) == 1:
        same += 1
    folders = sorted({"/".join(part[: len(part) - same]) or "." for part in parts})
    return f" (in {' and in '.join(folders)})" if same and len(folders) > 1 else ""


def count_values(column: str, utterances: list[Utterance]) -> dict[str, int]:
    """Utterances per value of `column`, sorted by value; empty if the corpus does not have that column."""
    counts = Counter(getattr(utterance, column) for utterance in utterances)
    return dict(sorted(counts.items())) if set(counts) != {""} else {}


def _audio_warnings(facts: dict[str, AudioFacts]) -> list[str]:
    """What is odd about files that are nevertheless read correctly: rates, channels, chunks; each with its files."""
    odd: dict[str, list[str]] = defaultdict(list)
    rates = Counter(fact.sample_rate for fact in facts.values())
    usual = max(rates, key=lambda rate: (rates[rate], rate), default=0)
    for path, fact in facts.items():
        if fact.channels != 1:
            odd[f"{fact.channels} channels (their mean is used)"].append(path)
        if fact.sample_rate != usual:
            odd[f"{fact.sample_rate} Hz instead of {usual} Hz (resampled)"].append(path)
        for note in fact.notes:
            odd[note].append(path)
    return [
        f"all {len(facts)} files: {what}"
        if len(paths) == len(facts)
        else f"{len(paths)} of {len(facts)} files: {what}: {listed(paths)}"
        for what, paths in sorted(odd.items())
    ]
