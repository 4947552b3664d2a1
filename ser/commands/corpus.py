"""`ser corpus`: is my copy of a corpus complete?"""

from pathlib import Path
from typing import Annotated

from typer import Argument, Exit, Option

EXAMPLE = "ser corpus emodb --root /data/emodb"


def command(
    name: Annotated[str, Argument(help="a file of ser/corpora, e.g. iemocap; with --manifest, any name")],
    root: Annotated[Path, Option(help="release tree, or the folder that the manifest's paths are relative to")],
    manifest: Annotated[
        Path | None, Option(help="manifest of your own corpus: CSV, Parquet, or the header of an audformat database")
    ] = None,
    column: Annotated[
        list[str] | None, Option(help="what the manifest calls one of our columns, e.g. emotion=label")
    ] = None,
    as_json: Annotated[bool, Option("--json", help="as JSON")] = False,
) -> None:
    """Examine a corpus: its counts beside the published ones, and everything missing, odd or broken.

    Exit status 0: the pipeline can use it. 1: it cannot.
    """
    from rich.console import Console

    from ser.errors import InputError
    from ser.manifests.doctor import diagnose, diagnosis
    from ser.manifests.utterance import COLUMNS
    from ser.outputs import json_text

    columns = dict(pair.split("=", 1) for pair in column or [] if "=" in pair)
    if unknown := [pair for pair in column or [] if pair.partition("=")[0] not in (COLUMNS if "=" in pair else ())]:
        raise InputError(f"--column {unknown[0]}: give OURS=YOURS, ours one of {', '.join(COLUMNS)}")
    if as_json:
        found = diagnosis(name, root, manifest, columns)
        print(json_text(found), end="")
        raise Exit(0 if found["usable"] else 1)
    raise Exit(0 if diagnose(name, root, manifest, Console(), columns) else 1)
