"""`ser init`: files for a new system or corpus, to be edited."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

EXAMPLE = "ser init corpus /data/mine --name mine"


def corpus(
    source: Annotated[Path, Argument(metavar="DIR_OR_CSV", help="a folder of recordings, or a table about them")],
    name: Annotated[str | None, Option(help="the corpus's name [default: the folder's or file's]")] = None,
    speaker: Annotated[str | None, Option(metavar="FIELD", help="who speaks: part1, folder1 or a CSV's column")] = None,
    emotion: Annotated[str | None, Option(metavar="FIELD", help="the emotion, likewise")] = None,
    sentence: Annotated[str | None, Option(metavar="FIELD", help="the text, likewise")] = None,
    session: Annotated[str | None, Option(metavar="FIELD", help="the session, likewise")] = None,
    root: Annotated[Path | None, Option(metavar="DIR", help="what the paths of a CSV are relative to")] = None,
) -> None:
    """Look at recordings of your own and write manifest, parameters and protocol, with what is to be checked.

    Asks nothing and overwrites nothing: to params.local.yaml it adds. The options correct a guess.
    Example: ser init corpus /data/mine --name mine
    """
    import re

    from ser.scaffold.corpus import init_corpus, release_in

    if name is None and (known := release_in(source)):
        print(f"{source}: this is the release tree of {known}: it needs no manifest. In params.local.yaml:\n")
        print(f"scale: free\ncorpora: {{{known}: {{root: {source.resolve()}}}}}\n")
        print(f"ser corpus {known} --root {source} examines it; --name makes it a corpus of your own all the same")
        return
    plain = re.sub(r"\W+", "_", source.resolve().stem.lower()).strip("_")
    columns = {"speaker": speaker, "emotion": emotion, "sentence": sentence, "session": session}
    said = {column: field for column, field in columns.items() if field}
    written = init_corpus(source, name or (plain if plain[:1].isalpha() else f"corpus_{plain}"), said, recordings=root)
    manifest, experiment = written.files[:2]
    for line in written.lines:
        print(f"found: {line}")
    for line in written.open:
        print(f"check: {line}")
    for path in written.files:
        print(f"written: {path}")
    if written.again:
        print(f"again, {written.again}")
    if written.changes:
        print("added:", *written.changes, sep="\n")
    print(f"next: read {experiment}; ser corpus {manifest.stem}; ser status; make table")


def system(name: Annotated[str, Argument(help="small letters, digits and _")]) -> None:
    """Write a system that can be trained at once on the demo corpora, and its experiment file.

    docs/own_system.md explains them. Example: ser init system mine
    """
    from ser.outputs import write_text
    from ser.plan.load import read_params
    from ser.plan.validation import OWN
    from ser.scaffold.entries import changed, with_entry
    from ser.scaffold.system import init_system

    params, own = read_params(), Path(OWN).resolve()
    before = after = own.read_bytes().decode() if own.exists() else ""
    if isinstance(params["experiments"], dict) and name not in params["experiments"]:
        after = with_entry(before, "experiments", name, "all", OWN)
    for path in init_system(name):
        print(f"written: {path}")
    if after != before:
        write_text(own, after)
        print("added, as only these experiments are planned:", *changed(before, after, OWN), sep="\n")
    scale = "" if params["scale"] == "demo" else "--config scale=demo "
    print(
        f"next: snakemake --cores all {scale}-- work/demo/evaluations/{name}/full/casia/clean.json; docs/own_system.md"
    )


COMMANDS = {"corpus": corpus, "system": system}
