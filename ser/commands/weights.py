"""`ser weights`: published weights as a checkpoint folder."""

from pathlib import Path
from typing import Annotated, Literal

from typer import Argument

EXAMPLE = "ser weights alexnet /data/alexnet"


def command(
    name: Annotated[Literal["alexnet"], Argument(help="which weights")],
    directory: Annotated[Path, Argument(metavar="DIR", help="a new folder")],
) -> None:
    """Fetch weights trained on ImageNet (with torchvision) and write them as a checkpoint folder."""
    from ser.encoders.fetch import fetch_alexnet

    fetch_alexnet(directory)
    print(f"{directory}: written: set encoders.{name} in params.yaml to this folder")
