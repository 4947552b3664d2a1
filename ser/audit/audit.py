"""The audit: what is wrong with a split, what cannot be known, and the numbers; as facts and as text."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ser.audit.corpus import read_corpus
from ser.audit.dealing import read_dealing
from ser.audit.findings import Dealt, findings, not_checked, notes
from ser.audit.numbers import AVERAGES, Claim, numbers
from ser.evaluations.names import rounded, unit_of
from ser.files import sha256_of


def audit(
    manifest: Path,
    split: Path,
    predictions: Path | None = None,
    root: Path | None = None,
    claims: Sequence[Claim] = (),
) -> dict[str, Any]:
    """The report: `sizes` of the folds, `findings` (`findings.Finding`), `notes`, `not_checked` and `numbers` (see
    `numbers.numbers`; None without predictions). `root`: the folder of the recordings.

    Raises InputError as `read_corpus`, `read_dealing` and `numbers` do.
    """
    corpus = read_corpus(manifest, root)
    dealt = Dealt.of(corpus, read_dealing(split, corpus))
    found = [*findings(dealt)]
    computed, wrong = numbers(dealt, predictions, claims) if predictions else (None, [])
    return {
        "manifest": _file(manifest) | {"utterances": len(corpus.utterances), "recordings_told_apart_by": corpus.audio},
        "split": _file(split) | {"utterances": int(dealt.used.sum()), "folds": len(dealt.dealing.folds)},
        "predictions": _file(predictions) if predictions else None,
        "sizes": dealt.sizes(),
        "findings": [asdict(of) for of in (*found, *wrong)],
        "notes": [*notes(dealt)],
        "not_checked": [*not_checked(dealt)],
        "numbers": computed,
        "ser": version("ser"),
        "checked_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def verdict(report: Mapping[str, Any]) -> str:
    """The report in one sentence."""
    number, left = len(report["findings"]), len(report["not_checked"])
    wrong = "1 thing is wrong" if number == 1 else f"{number} things are wrong" if number else "Nothing wrong was found"
    return wrong + (f"; {left} could not be checked" if left else "")


def text(report: Mapping[str, Any]) -> str:
    """The report for a terminal."""
    return "\n".join(_lines(report)) + "\n"


def example_of(finding: Mapping[str, Any]) -> str:
    """The names of a finding, as far as it gives them."""
    names = ", ".join(finding["examples"])
    return names + (", ..." if finding["number"] > len(finding["examples"]) > 0 else "")


def metric_rows(report: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str, str]]:
    """Metric, average, value, interval and what is to be said of it."""
    for average, metrics in report["numbers"]["averages"].items():
        for metric, of in metrics.items():
            low, high = rounded(of["ci_low"], metric), rounded(of["ci_high"], metric)
            unit = " %" if unit_of(metric) == "per cent" else ""
            value = rounded(of["value"], metric)
            interval = f"{low} to {high}" if low else ""
            yield (
                metric,
                AVERAGES[average],
                f"{value}{unit}" if value else "undefined",
                interval,
                "; ".join(of["notes"]),
            )


def claim_rows(report: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Metric, what is claimed, and what it agrees with."""
    for of in report["numbers"]["claims"]:
        agrees = " and ".join(AVERAGES[name] for name in of["agrees_with"])
        told = f"agrees with: {agrees}" if agrees else "does not follow from these"
        yield of["metric"], f"{of['claimed']:g}", told + (f" ({of['hint']})" if of["hint"] else "")


def _lines(report: Mapping[str, Any]) -> Iterator[str]:
    split, manifest = report["split"], report["manifest"]
    yield f"{verdict(report)}."
    yield f"split {split['path']}: {split['folds']} folds over {split['utterances']} utterances"
    yield f"manifest {manifest['path']}: {manifest['utterances']} utterances"
    yield ""
    for finding in report["findings"]:
        yield f"WRONG  {finding['text']}" + (f": {example_of(finding)}" if finding["examples"] else "")
    for title, key in (("note", "notes"), ("not checked", "not_checked")):
        yield from (f"{title}: {line}" for line in report[key])
    yield ""
    yield "fold   train      dev       test      (utterances/speakers)"
    for sizes in report["sizes"]:
        cells = (f"{sizes[part]['utterances']}/{sizes[part]['speakers']}" for part in ("train", "dev", "test"))
        yield f"{sizes['fold']:<5}  " + "  ".join(f"{cell:<8}" for cell in cells).rstrip()
    if report["numbers"]:
        yield ""
        yield f"recomputed from {report['predictions']['path']}; 95 % intervals: other {report['numbers']['clusters']}s"
        for metric, average, value, interval, note in metric_rows(report):
            yield f"{metric:<14} {average:<18} {value:>9}  {interval}{note and f'  ({note})'}".rstrip()
        for metric, claimed, told in claim_rows(report):
            yield f"{metric:<14} {'claimed':<18} {claimed:>9}  {told}"


def _file(path: Path) -> dict[str, Any]:
    """Where it is, and the SHA-256 of a file."""
    return {"path": path.as_posix(), **({"sha256": sha256_of(path)} if path.is_file() else {})}
