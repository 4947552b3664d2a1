"""`ser splits`: a protocol's split as files that another tool reads."""

import sys
from pathlib import Path
from typing import Annotated, Literal

from typer import Argument, Option

EXAMPLE = "ser splits superb_er/iemocap_5531_sessions --to s3prl"


def command(
    protocol: Annotated[str, Argument(help="<experiment>/<protocol>[/<selection>], of experiments/")],
    to: Annotated[
        Literal["csv", "s3prl", "speechbrain", "emobox", "hf"], Option(help="the tool (hf: Hugging Face's datasets)")
    ],
    output: Annotated[Path | None, Option(help="a new folder [default: splits/<protocol>-<to>]")] = None,
    seed: Annotated[int | None, Option(help="whose dev part, where each seed draws its own")] = None,
) -> None:
    """Write the split of a protocol, for the recordings that params.yaml names, as files for another tool.

    A format that cannot say something about it refuses, or says what is lost. docs/cli.md has the formats.
    """
    from ser.exchange.export import default_folder, make_export, write_export
    from ser.plan.project import Project

    export = make_export(Project.here(), protocol, seed, say=lambda line: print(line, file=sys.stderr))
    directory = output or default_folder(export, to)
    said = write_export(export, to, directory)
    split = export.split
    print(f"{directory}: {export.name}, {len(split.utterances)} utterances in {split.n_folds} folds")
    for line in [*(f"note: {note}" for note in split.notes), *said]:
        print(line)
