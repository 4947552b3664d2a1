"""`ser audb`: a public corpus by name."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

EXAMPLE = "ser audb emodb /data/emodb --version 1.4.1"


def command(
    name: Annotated[str, Argument(help="the database's name")],
    directory: Annotated[Path, Argument(metavar="DIR", help="a new folder")],
    version: Annotated[str | None, Option(help="which release [default: the latest]")] = None,
) -> None:
    """Fetch a public corpus in audformat (with audb), and say how params.yaml names it."""
    from ser.manifests.fetch import fetch_database

    header = fetch_database(name, version, directory)
    print(f"{directory}: written: name it in params.yaml, and a protocol for it in an experiment file:")
    print(f"corpora: {{{name}_audb: {{root: {directory}, manifest: {header}}}}}")
