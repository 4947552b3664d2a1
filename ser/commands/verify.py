"""`ser verify`: do the results follow from what is on the disk?"""

from typing import Annotated

from typer import Exit, Option

EXAMPLE = "ser verify --runs 3"


def command(
    runs: Annotated[int, Option(min=0, help="how many runs to train again")] = 3,
    seed: Annotated[int, Option(help="draws them")] = 1,
    as_json: Annotated[bool, Option("--json", help="as JSON: the certificate")] = False,
) -> None:
    """Recompute every number in results/, check every hash behind it, and train some runs again.

    Writes results/certificate.json and .md, and the same for machines in results/ro-crate-metadata.json.
    Exit status 0: all that was checked is as it should be. 1: it is not.
    """
    from ser.outputs import json_text
    from ser.plan.project import Project
    from ser.verification.certificate import readable, verify, write_certificate
    from ser.verification.crate import write_crate

    project = Project.here()
    certificate = verify(project.plan, project.params, project.made_from, runs, seed)
    write_certificate(certificate)
    write_crate(project.plan, project.made_from, certificate["results"], certificate["commit"])
    print(json_text(certificate) if as_json else readable(certificate), end="" if as_json else "\n")
    raise Exit(0 if certificate["verified"] else 1)
