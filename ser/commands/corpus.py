"""`ser corpus`: is my copy of a corpus complete?"""

from pathlib import Path
from typing import Annotated

from typer import Argument, Exit, Option

EXAMPLE = "ser corpus emodb --root /data/emodb"


def command(
    name: Annotated[str, Argument(help="a file of ser/corpora, e.g. iemocap; with --manifest, any name")],
    root: Annotated[
        Path | None,
        Option(
            help="release tree, or the folder that the manifest's paths are relative to",
            show_default="as in params.yaml",
        ),
    ] = None,
    manifest: Annotated[
        Path | None, Option(help="manifest of your own corpus: CSV, Parquet, or the header of an audformat database")
    ] = None,
    column: Annotated[
        list[str] | None, Option(help="what the manifest calls one of our columns, e.g. emotion=label")
    ] = None,
    as_json: Annotated[bool, Option("--json", help="as JSON")] = False,
) -> None:
    """Examine a corpus: its counts beside the published ones, and everything missing, odd or broken.

    Without --root it is the corpus of params.yaml and params.local.yaml, with its manifest and `on_unreadable`. Exit
    status 0: the pipeline can use it. 1: it cannot.
    """
    from ser.errors import InputError
    from ser.manifests.doctor import diagnose, diagnosis
    from ser.manifests.utterance import COLUMNS
    from ser.outputs import json_text
    from ser.results.terminal import print_table

    columns = dict(pair.split("=", 1) for pair in column or [] if "=" in pair)
    if unknown := [pair for pair in column or [] if pair.partition("=")[0] not in (COLUMNS if "=" in pair else ())]:
        raise InputError(f"--column {unknown[0]}: give OURS=YOURS, ours one of {', '.join(COLUMNS)}")
    exclude = False
    if root is None:
        from ser.errors import did_you_mean
        from ser.plan.load import read_params
        from ser.plan.validation import read_yaml, validate

        known = {}
        if Path("params.yaml").is_file():
            params = read_params()
            validate(params, read_yaml(Path("schemas/params.schema.yaml")), "params.yaml")
            known = params["corpora"]
        if name not in known:
            raise InputError(f"{name}: not among corpora of params.yaml: give --root DIR ({did_you_mean(name, known)})")
        entry = known[name]
        root, exclude = Path(entry["root"]), entry.get("on_unreadable") == "exclude"
        columns = columns or entry.get("columns", {})
        manifest = manifest or (Path(entry["manifest"]) if "manifest" in entry else None)
    if as_json:
        found = diagnosis(name, root, manifest, columns, exclude=exclude)
        print(json_text(found), end="")
        raise Exit(0 if found["usable"] else 1)
    raise Exit(0 if diagnose(name, root, manifest, print_table, columns, exclude=exclude) else 1)
