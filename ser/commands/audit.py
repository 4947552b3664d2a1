"""`ser audit`: is someone's own split sound, do their numbers follow?"""

from pathlib import Path
from typing import Annotated

from typer import Exit, Option

EXAMPLE = "ser audit --manifest mine.csv --split folds.csv --predictions predictions.csv --claimed UA=71.2"


def command(
    manifest: Annotated[Path, Option(help="CSV: utterance or path, speaker, emotion, session, sentence, sha256")],
    split: Annotated[Path, Option(help="CSV with fold and part, our own split, or a folder of EmoBox's lists")],
    predictions: Annotated[
        Path | None, Option(help="CSV: utterance, predicted (fold, seed); or seed<s>/fold<k>.csv")
    ] = None,
    claimed: Annotated[list[str] | None, Option(help="METRIC=VALUE as printed; may be repeated")] = None,
    root: Annotated[Path | None, Option(help="folder of the recordings, which are then decoded and compared")] = None,
    output: Annotated[Path | None, Option(help="folder for audit.txt, audit.json and audit.html")] = None,
    as_json: Annotated[bool, Option("--json", help="as JSON")] = False,
) -> None:
    """Check someone's split: what test shares with train and dev, what is dealt out badly, whether their numbers hold.

    Exit status 0: nothing wrong was found. 1: something was. 2: bad input.
    """
    from ser.audit.audit import audit, text
    from ser.audit.numbers import Claim
    from ser.audit.page import page
    from ser.errors import InputError
    from ser.outputs import json_text, write_json, write_text

    if claimed and not predictions:
        raise InputError("--claimed: nothing to compare it with: give --predictions, too")
    report = audit(manifest, split, predictions, root, [Claim.parse(value) for value in claimed or []])
    if output:
        write_text(output / "audit.txt", text(report))
        write_json(output / "audit.json", report)
        write_text(output / "audit.html", page(report))
    print(json_text(report) if as_json else text(report), end="")
    raise Exit(1 if report["findings"] else 0)
