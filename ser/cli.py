"""The command `ser`: one short function per sub-command, which imports what it needs when it is called."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ser.errors import InputError, in_one_line

if TYPE_CHECKING:
    from ser.plan.groups import Plan
    from ser.plan.made_from import MadeFrom

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

    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # file names need not be UTF-8
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


@app.command()
def verify(
    runs: Annotated[int, typer.Option(min=0, help="how many runs to train again")] = 3,
    seed: Annotated[int, typer.Option(help="draws them")] = 1,
) -> None:
    """Recompute every number in results/, check every hash behind it, and train some runs again.

    Writes results/certificate.json and .md, and the same for machines in results/ro-crate-metadata.json.
    Exit status 0: all that was checked is as it should be. 1: it is not.
    """
    from ser.verification.certificate import readable, verify, write_certificate
    from ser.verification.crate import write_crate

    params, plan, made_from = _planned()
    certificate = verify(plan, params, made_from, runs, seed)
    write_certificate(certificate)
    write_crate(plan, made_from, certificate["results"], certificate["commit"])
    print(readable(certificate))
    raise typer.Exit(0 if certificate["verified"] else 1)


@app.command()
def trace(
    cell: Annotated[str, typer.Argument(help="a line of results/table.csv, 17, or <run group>:<metric>")],
) -> None:
    """Show where one number of the table comes from: claim, runs, split, features, recordings, settings, code."""
    from ser.plan.places import Places
    from ser.verification.trace import trace

    _, plan, made_from = _planned()
    for heading, lines in trace(plan, Places.of(plan.scale), made_from, cell):
        print(heading, *(f"    {line}" for line in lines), "", sep="\n")


def _planned() -> tuple[dict[str, Any], "Plan", "MadeFrom"]:
    """params.yaml, the plan, and what its artifacts are to be made from."""
    from ser.plan.load import load_plan, read_params
    from ser.plan.made_from import MadeFrom
    from ser.plan.origins import Origins

    params = read_params()
    plan = load_plan(params)
    return params, plan, MadeFrom(plan, params, Origins(params))


def main() -> None:
    """Run the command line; bad input, or what the machine lacks, becomes one line on stderr and exit status 2."""
    try:
        with in_one_line("`ser`"):
            app()
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None
