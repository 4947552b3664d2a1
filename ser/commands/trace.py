"""`ser trace`: where one number comes from."""

from typing import Annotated

from typer import Argument

EXAMPLE = "ser trace mfhca/full/iemocap_5531_speakers/clean:UA:pooled"


def command(
    cell: Annotated[str, Argument(help="a line of results/table.csv, 17, or <run group>:<metric>")],
) -> None:
    """Show where one number of the table comes from: claim, runs, split, features, recordings, settings, code."""
    from ser.plan.project import Project
    from ser.verification.trace import trace

    project = Project.here()
    for heading, lines in trace(project.plan, project.places, project.made_from, cell):
        print(heading, *(f"    {line}" for line in lines), "", sep="\n")
