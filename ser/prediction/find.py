"""A trained row by what a user calls it: a name in the project, or a folder that was exported."""

from pathlib import Path

from ser.errors import InputError
from ser.prediction.exported import CONFIG, read_export
from ser.prediction.trained import Trained


def trained(row: str, fold: int | None = None, seed: int | None = None) -> Trained:
    """The row; with `fold` and `seed`, only that model. Raises InputError where there is none."""
    if (Path(row) / CONFIG).is_file():
        return read_export(Path(row)).of(fold, seed)
    try:  # only here: it needs the packages that plan and build
        from ser.plan.project import Project
        from ser.prediction.project import trained_row
    except ModuleNotFoundError as error:
        raise InputError(
            f"{row}: no exported folder, and a row of a project needs the packages of the extra `pipeline`, of which "
            f"{error.name} is missing"
        ) from None

    if not Path("params.yaml").exists():
        raise InputError(f"{row}: no project here, and no exported folder: run it in the project's folder, or give one")
    return trained_row(Project.here(), row, fold, seed)
