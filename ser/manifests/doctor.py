"""The doctor: what a corpus's folder holds beside the published counts, and how to repair what is wrong with it."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ser.errors import InputError
from ser.manifests.build import Survey, count_values, loader_of, survey
from ser.manifests.reading import Counts, grouped

_MOST_VALUES = 40  # of a column without published counts; a longer table would say little


def diagnose(
    name: str, root: Path, manifest: Path | None, console: Console, columns: Mapping[str, str] | None = None
) -> bool:
    """Print everything that `survey` finds about a corpus; returns whether the pipeline can use it as it is.

    Broken labels, unreadable audio and an empty corpus make it unusable; an incomplete one can be used. Raises
    InputError only for an unknown corpus.
    """
    found = _surveyed(name, root, manifest, columns)
    if isinstance(found, InputError):
        _say(console, f"cannot be used: {found}")
        return False
    _print_counts(found, console)
    _print_problems(found, console)
    faults = _faults(found)
    only = " (but for `on_unreadable: exclude`)" if found.unreadable and not found.broken and found.utterances else ""
    _say(console, f"cannot be used{only}: {', '.join(faults)}" if faults else "can be used")
    return not faults


def diagnosis(name: str, root: Path, manifest: Path | None, columns: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The same for machines; `usable` says whether the pipeline can use it, `faults` why not."""
    found = _surveyed(name, root, manifest, columns)
    if isinstance(found, InputError):
        return {"corpus": name, "usable": False, "faults": [str(found)]}
    counted = ("emotion", "speaker", "session", "partition")
    findings = {"excluded": found.excluded, "unreadable": found.unreadable, "broken": found.broken}
    faults = _faults(found)
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
        return error


def _faults(found: Survey) -> list[str]:
    """Why the pipeline cannot use it; empty if it can."""
    problems = (("broken labels", found.broken), ("unreadable audio files", found.unreadable))
    faults = [f"{len(items)} {what}" for what, items in problems if items]
    return faults if found.utterances else [*faults, "no utterances"]


def _print_counts(found: Survey, console: Console) -> None:
    utterances = found.utterances
    hours = sum(utterance.num_samples / utterance.sample_rate for utterance in utterances) / 3600
    speakers = len({utterance.speaker for utterance in utterances})
    line = f"{found.title}: {len(utterances):,} utterances, {speakers:,} speakers, {hours:.2f} h"
    published = found.published
    if published:
        known = f", {published.speakers:,} speakers" if published.speakers else ""
        line += f" (published: {published.total:,} utterances{known}, {published.release})"
    _say(console, line)
    tables = published.tables if published else ()
    for counts in tables:
        _print_table(counts, found, console)
    for column in ("emotion", "speaker", "session", "partition"):
        values = count_values(column, utterances)
        if values and all(table.column != column for table in tables):
            if len(values) <= _MOST_VALUES:
                _print_table(Counts(column, {}), found, console)
            else:
                _say(
                    console, f"{column}: {len(values):,} values, {min(values.values())} to {max(values.values())} each"
                )


def _print_table(counts: Counts, found: Survey, console: Console) -> None:
    where = " and ".join(f"{column} {'/'.join(values)}" for column, values in counts.of.items())
    _say(console, f"utterances per {counts.column}" + (f" (only {where})" if where else ""))
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column(counts.column)
    table.add_column("here", justify="right")
    if counts.counts:
        table.add_column("published", justify="right")
        table.add_column("difference", justify="right", style="bold red")
    for value, here in counts.found(found.utterances).items():
        cells = [escape(value), f"{here:,}"]
        if counts.counts:
            published = counts.counts.get(value)
            cells += ["", ""] if published is None else [f"{published:,}", f"{here - published:+,}"]
            if published == here:
                cells[-1] = ""
        table.add_row(*cells)
    console.print(table)


def _print_problems(found: Survey, console: Console) -> None:
    _print_group(console, "warning", found.warnings)
    _print_group(console, "left out", grouped(found.excluded))
    _print_group(console, "unreadable", grouped(found.unreadable))
    if found.unreadable:
        _say(console, "  Repair these files, or set `on_unreadable: exclude` for this corpus to go on without them.")
    _print_group(console, "broken label", grouped(found.broken))
    if found.broken:
        _say(console, "  Take these lines from a fresh copy of the release, or correct your manifest.")


def _print_group(console: Console, what: str, lines: Iterable[str]) -> None:
    for line in lines:
        _say(console, f"{what}: {line}")


def _say(console: Console, line: str) -> None:
    # A file name broken over two lines cannot be copied; and file names may look like markup.
    console.print(line, markup=False, highlight=False, soft_wrap=True)
