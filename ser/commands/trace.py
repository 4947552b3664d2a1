"""`ser trace`: where one number comes from."""

from typing import Annotated

from typer import Argument, Option

EXAMPLE = "ser trace mfhca/full/iemocap_5531_speakers/clean:UA:pooled"


def command(
    cell: Annotated[str, Argument(help="a line of results/table.csv, 17, or <run group>:<metric>")],
    as_json: Annotated[bool, Option("--json", help="as JSON: heading -> lines")] = False,
) -> None:
    """Show where one number of the table comes from: claim, runs, split, features, recordings, settings, code."""
    from ser.outputs import json_text
    from ser.plan.project import Project
    from ser.verification.trace import trace

    project = Project.here()
    sections = trace(project.plan, project.places, project.made_from, cell)
    if as_json:
        print(json_text(dict(sections)), end="")
        return
    for heading, lines in sections:
        print(heading, *(f"    {line}" for line in lines), "", sep="\n")
