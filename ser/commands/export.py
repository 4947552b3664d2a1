"""`ser export`: a trained row as a folder to take along."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

EXAMPLE = "ser export fair/attention_fcn/emodb_4 exported/"


def command(
    row: Annotated[str, Argument(help="experiment/row/protocol/selection, or a part of it")],
    directory: Annotated[Path, Argument(metavar="DIR", help="a new folder")],
    fold: Annotated[int | None, Option(help="the model of this fold alone, not those of all")] = None,
    seed: Annotated[int | None, Option(help="the models of this seed, not of the first")] = None,
    onnx: Annotated[bool, Option("--onnx", help="also write the networks as ONNX (needs the extra `onnx`)")] = False,
) -> None:
    """Write a trained row as a folder with models, preprocessing and a model card: `ser.load(DIR)` opens it."""
    from ser.prediction.export import export
    from ser.prediction.find import trained

    found = trained(row, fold, seed)
    why = export(found, directory, onnx)
    print(f"{directory}: {found.name}, {len(found.models)} model(s): ser.load({str(directory)!r}) opens it")
    print(f"transformers alone {'cannot: ' + why if why else 'opens it, too'}")
