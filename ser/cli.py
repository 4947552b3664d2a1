"""The command `ser`: one short function per sub-command, which imports what it needs when it is called."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from ser.errors import InputError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def _commands() -> None:
    """Speech emotion recognition: tools that accompany the pipeline."""


@app.command()
def corpus(
    name: Annotated[str, typer.Argument(help="a file of ser/corpora, e.g. iemocap; with --manifest, any name")],
    root: Annotated[Path, typer.Option(help="release tree, or the folder that the manifest's paths are relative to")],
    manifest: Annotated[Path | None, typer.Option(help="manifest of your own corpus: CSV or Parquet")] = None,
) -> None:
    """Examine a corpus: its counts beside the published ones, and everything missing, odd or broken.

    Exit status 0: the pipeline can use it. 1: it cannot.
    """
    from rich.console import Console

    from ser.manifests.doctor import diagnose

    raise typer.Exit(0 if diagnose(name, root, manifest, Console()) else 1)


@app.command()
def weights(
    name: Annotated[Literal["alexnet"], typer.Argument(help="which weights")],
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="a new folder")],
) -> None:
    """Fetch weights trained on ImageNet (with torchvision) and write them as a checkpoint folder."""
    from ser.encoders.fetch import fetch_alexnet

    fetch_alexnet(directory)
    print(f"{directory}: written: set encoders.{name} in params.yaml to this folder")


def main() -> None:
    """Run the command line; an `InputError` becomes one line on stderr and exit status 2."""
    try:
        app()
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None
