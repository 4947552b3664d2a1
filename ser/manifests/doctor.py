"""The doctor: what a corpus's folder holds beside the published counts, and how to repair what is wrong with it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ser.errors import InputError
from ser.manifests.build import Survey, count_values, loader_of, survey
from ser.manifests.reading import COPY, Counts, grouped

PrintTable = Callable[[Sequence[str], Iterable[Sequence[str]], int], None]  # ser/results/terminal.py
_MOST_VALUES = 40  # of a column without published counts; a longer table would say little


def diagnose(
    name: str,
    root: Path,
    manifest: Path | None,
    print_table: PrintTable,
    columns: Mapping[str, str] | None = None,
    *,
    exclude: bool = False,
) -> bool:
    """Print everything that `survey` finds about a corpus; returns whether the pipeline can use it as it is. `exclude`:
    it goes on without what is unreadable.

    Broken labels, unreadable audio and an empty corpus make it unusable; an incomplete one can be used. Raises
    InputError only for an unknown corpus, and where there is no such folder or manifest.
    """
    found = _surveyed(name, root, manifest, columns)
    if isinstance(found, InputError):
        print(f"cannot be used: {found}")
        return False
    _print_counts(found, print_table)
    _print_problems(found, exclude)
    faults = _faults(found, exclude)
    only = " (but for `on_unreadable: exclude`)" if not _faults(found, True) else ""
    without = f", without {len(found.unreadable)} unreadable audio files" if found.unreadable else ""
    print(f"cannot be used{only}: {', '.join(faults)}" if faults else f"can be used{without}")
    return not faults


def diagnosis(
    name: str, root: Path, manifest: Path | None, columns: Mapping[str, str] | None = None, *, exclude: bool = False
) -> dict[str, Any]:
    """The same for machines; `usable` says whether the pipeline can use it, `faults` why not."""
    found = _surveyed(name, root, manifest, columns)
    if isinstance(found, InputError):
        return {"corpus": name, "usable": False, "faults": [str(found)]}
    counted = ("emotion", "speaker", "session", "partition")
    findings = {"excluded": found.excluded, "unreadable": found.unreadable, "broken": found.broken}
    faults = _faults(found, exclude)
    return {
        "corpus": name,
        "title": found.title,
        "usable": not faults,
        "faults": faults,
        "utterances": len(found.utterances),
        "seconds": sum(utterance.num_samples / utterance.sample_rate for utterance in found.utterances),
        "published": found.published and {"release": found.published.release, "utterances": found.published.total},
        "counts": {column: count_values(column, found.utterances) for column in counted},
        "published_counts": [
            {"column": table.column, "of": table.of, "published": table.counts, "here": table.found(found.utterances)}
            for table in (found.published.tables if found.published else ())
        ],
        "warnings": found.warnings,
        **{what: [finding._asdict() for finding in of] for what, of in findings.items()},
    }


def _surveyed(name: str, root: Path, manifest: Path | None, columns: Mapping[str, str] | None) -> Survey | InputError:
    if manifest is None:
        loader_of(name)
    try:
        return survey(name, root, manifest, columns)
    except InputError as error:
        if not root.is_dir() or (manifest and not manifest.is_file()):
            raise
        return error


def _faults(found: Survey, exclude: bool) -> list[str]:
    """Why the pipeline cannot use it; empty if it can."""
    unreadable = [] if exclude else found.unreadable
    problems = (
        ("broken labels", found.labels),
        ("links outside the root", found.outside),
        ("unreadable audio files", unreadable),
    )
    faults = [f"{len(items)} {what}" for what, items in problems if items]
    return faults if found.utterances else [*faults, "no utterances"]


def _print_counts(found: Survey, print_table: PrintTable) -> None:
    utterances = found.utterances
    hours = sum(utterance.num_samples / utterance.sample_rate for utterance in utterances) / 3600
    speakers = len({utterance.speaker for utterance in utterances})
    line = f"{found.title}: {len(utterances):,} utterances, {speakers:,} speakers, {hours:.2f} h"
    published = found.published
    if published:
        known = f", {published.speakers:,} speakers" if published.speakers else ""
        line += f" (published: {published.total:,} utterances{known}, {published.release})"
    print(line)
    tables = published.tables if published else ()
    for counts in tables:
        _print_table(counts, found, print_table)
    for column in ("emotion", "speaker", "session", "partition"):
        values = count_values(column, utterances)
        if values and all(table.column != column for table in tables):
            if len(values) <= _MOST_VALUES:
                _print_table(Counts(column, {}), found, print_table)
            else:
                print(f"{column}: {len(values):,} values, {min(values.values())} to {max(values.values())} each")


def _print_table(counts: Counts, found: Survey, print_table: PrintTable) -> None:
    where = " and ".join(f"{column} {'/'.join(values)}" for column, values in counts.of.items())
    print(f"utterances per {counts.column}" + (f" (only {where})" if where else ""))
    rows = []
    for value, here in counts.found(found.utterances).items():
        published = counts.counts.get(value)
        known = ["", ""] if published is None else [f"{published:,}", f"{here - published:+,}" * (published != here)]
        rows.append([value, f"{here:,}", *(known if counts.counts else [])])
    columns = [counts.column, "here", *(["published", "difference"] if counts.counts else [])]
    print_table(columns, rows, len(columns) - 1)


def _print_problems(found: Survey, exclude: bool) -> None:
    _print_group("warning", found.warnings)
    _print_group("left out", grouped(found.excluded))
    _print_group("unreadable", grouped(found.unreadable))
    if found.unreadable and not exclude:
        print("  Repair these files, or set `on_unreadable: exclude` for this corpus to go on without them.")
    _print_group("link", grouped(found.outside))
    if found.outside:
        print(f"  {COPY[0].upper()}{COPY[1:]}.")
    _print_group("broken label", grouped(found.labels))
    if found.labels:
        print("  Take these lines from a fresh copy of the release, or correct your manifest.")


def _print_group(what: str, lines: Iterable[str]) -> None:
    for line in lines:
        print(f"{what}: {line}")
