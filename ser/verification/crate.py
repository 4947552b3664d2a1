"""results/ro-crate-metadata.json: the results and all that they were made from, for machines.

A Workflow Run RO-Crate (profile 0.5 on RO-Crate 1.1): one action is the build, one each evaluation, one each run.
Only what is known from the files is said: no author, no start of the build. Files of results/ are data of the crate,
with a copy of the workflow in results/workflow; what lies elsewhere is identified by its path and its hash, and code
by the identifier that follows from its content (SWHID, as Git computes it).
"""

import hashlib
import shutil
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rocrate.model.contextentity import ContextEntity
from rocrate.rocrate import ROCrate

from ser.errors import InputError
from ser.files import sha256_of
from ser.plan.groups import Plan
from ser.plan.made_from import MadeFrom
from ser.plan.places import RESULTS, TABLE
from ser.verification.artifacts import Artifact, open_artifact

_PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": "Process Run Crate",
    "https://w3id.org/ro/wfrun/workflow/0.5": "Workflow Run Crate",
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": "Workflow RO-Crate",
}
_ACTIONS = {"runs": "Training", "reported": "Reading of reported predictions", "evaluations": "Evaluation"}
_LICENSE = "https://spdx.org/licenses/MIT"


def write_crate(plan: Plan, made_from: MadeFrom, results: Mapping[str, str], commit: str) -> None:
    """Write the crate of the files `results` (path -> SHA-256), made from the plan's artifacts at `commit`.

    Artifacts that are missing or damaged are left out: the certificate names them.
    """
    crate = ROCrate(version="1.1")
    crate.metadata.extra_terms["sha256"] = "https://w3id.org/ro/terms/workflow-run#sha256"
    crate.name = f"Speech emotion recognition results at scale {plan.scale}"
    crate.description = "Every number of results/table.csv with the predictions, splits and recordings behind it"
    crate.license = crate.add(_entity(crate, _LICENSE, "CreativeWork", name="MIT License"))
    profiles = [crate.add(_entity(crate, uri, "CreativeWork", name=name)) for uri, name in _PROFILES.items()]
    crate.root_dataset["conformsTo"] = profiles
    workflow = _workflow(crate, commit)
    files = [_result(crate, path, sha256) for path, sha256 in results.items()]
    artifacts = {path: found for path in made_from.orders() if (found := _opened(path))}
    entities = {path: crate.add(_artifact(crate, artifact)) for path, artifact in artifacts.items()}
    build = {"name": "Snakemake build of the results", "endTime": _time(TABLE)} if Path(TABLE).is_file() else {}
    corpora = [entity for path, entity in entities.items() if artifacts[path].kind == "manifests"]
    actions = [_action(crate, "#build", workflow, corpora, files, **build)]
    code: dict[str, Any] = {}
    for path, artifact in artifacts.items():
        if artifact.kind in ("runs", "evaluations"):
            script = _script(artifact)
            if script not in code:
                code[script] = crate.add(_source(crate, script, artifact.code_version))
            made_of = [entities[name] for name in artifact.inputs if name in entities]
            name = f"{_ACTIONS[_what(artifact)]}: {Path(path).parent}"
            actions.append(_action(crate, f"#make-{path}", code[script], made_of, [entities[path]], name=name))
    crate.root_dataset["mentions"] = actions
    crate.metadata.write(Path(RESULTS))


def _what(artifact: Artifact) -> str:
    """Its kind; "reported" of a run whose predictions other code made."""
    is_reported = artifact.kind == "runs" and "reported" in artifact.facts["facts"]
    return "reported" if is_reported else artifact.kind


def _opened(path: str) -> Artifact | None:
    try:
        return open_artifact(path)
    except InputError:
        return None


def _entity(crate: ROCrate, name_of: str, kind: str | list[str], /, **properties: Any) -> ContextEntity:
    known = {name: value for name, value in properties.items() if value not in ("", None, [])}
    return ContextEntity(crate, name_of, properties={"@type": kind, **known})


def _workflow(crate: ROCrate, commit: str) -> Any:
    """The Snakefile, with its rules, copied into the crate as they are now."""
    folder = Path(RESULTS, "workflow")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree("rules", folder / "rules")
    shutil.copy("Snakefile", folder)
    rules = [
        crate.add_file(dest_path=f"workflow/{path.as_posix()}", properties={"name": path.name})
        for path in sorted(Path("rules").glob("*.smk"))
    ]
    workflow = crate.add_workflow(
        dest_path="workflow/Snakefile",
        main=True,
        lang="snakemake",
        lang_version=version("snakemake"),
        properties={"name": "Snakefile", "sha256": sha256_of("Snakefile"), **({"version": commit} if commit else {})},
    )
    workflow["license"] = crate.license
    workflow["hasPart"] = rules
    return workflow


def _source(crate: ROCrate, script: str, version: str) -> ContextEntity:
    return _entity(crate, _swhid(script), "SoftwareSourceCode", name=script, version=version, sha256=sha256_of(script))


def _script(artifact: Artifact) -> str:
    return f"ser/systems/{artifact.facts['system']}.py" if artifact.kind == "runs" else "workflow_scripts/evaluate.py"


def _result(crate: ROCrate, path: str, sha256: str) -> Any:
    inside = Path(path).relative_to(RESULTS).as_posix()
    kind = "text/csv" if path.endswith(".csv") else "application/json"
    size = str(Path(path).stat().st_size)
    return crate.add_file(
        dest_path=inside, properties={"name": inside, "sha256": sha256, "contentSize": size, "encodingFormat": kind}
    )


def _artifact(crate: ROCrate, artifact: Artifact) -> ContextEntity:
    """An artifact outside results/, by its path; `identifier` is its seal, its files have their hashes."""
    value = _entity(crate, f"#seal-{artifact.path}", "PropertyValue", name="seal", value=artifact.seal)
    seal = {"@id": crate.add(value).id}
    parts = [
        {"@id": crate.add(_entity(crate, f"#{file}", "CreativeWork", name=file, sha256=sha256)).id}
        for file, sha256 in _files(artifact)
    ]
    name = str(artifact.path)
    return _entity(crate, f"#{name}", "CreativeWork", name=name, identifier=seal, hasPart=parts)


def _files(artifact: Artifact) -> Iterable[tuple[str, str]]:
    """The files of a run, split or checkpoint with their SHA-256; a release's recordings are in its manifest."""
    if artifact.kind == "releases":
        return
    for name, sha256 in artifact.facts.get("sha256", {}).items():
        yield (artifact.path.parent / name).as_posix(), sha256


def _action(
    crate: ROCrate, identifier: str, instrument: Any, made_of: list[Any], made: list[Any], **properties: Any
) -> Any:
    action = crate.add(_entity(crate, identifier, "CreateAction", **properties))
    action["instrument"] = instrument
    if made_of:
        action["object"] = made_of
    action["result"] = made
    return action


def _swhid(path: str) -> str:
    content = Path(path).read_bytes()
    return f"swh:1:cnt:{_git_hash(content)}"


def _git_hash(content: bytes) -> str:
    """The name that Git gives a file with this content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _time(path: str) -> str:
    return datetime.fromtimestamp(Path(path).stat().st_mtime, UTC).isoformat(timespec="seconds")
