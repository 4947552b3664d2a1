"""The chain of hashes from the evaluations back to the recordings: each artifact as it was written, and as planned."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ser.encoders.checkpoint import checkpoint_digest, checkpoint_files
from ser.errors import InputError
from ser.features.store import Store
from ser.files import sha256_of
from ser.manifests.utterance import read_manifest
from ser.plan.places import GIVEN
from ser.runs.files import MODEL
from ser.runs.given_files import given_digest
from ser.sealed import Order, read_sealed, wrong_files

KINDS = ("releases", "manifests", "audio", "features", "encoders", "splits", "runs", "evaluations")


@dataclass(frozen=True)
class Artifact:
    """What an artifact says about itself (ser/sealed.py); `facts` is the content of its describing file."""

    path: Path
    facts: Mapping[str, Any]
    seal: str
    made_from: str
    code_version: str
    inputs: Mapping[str, str]

    @property
    def kind(self) -> str:
        """Its folder below work/<scale>; "given" for what other code predicted, "checkpoint" for one from outside."""
        if self.path.is_relative_to(GIVEN):
            return "given"
        return next((part for part in self.path.parts if part in KINDS), "checkpoint")


@dataclass
class Check:
    """One kind of check: what was looked at, what was wrong (a line each), and what could not be looked at."""

    name: str
    what: str
    checked: int = 0
    size: int = 0  # bytes that were read
    problems: list[str] = field(default_factory=list)
    not_checked: list[str] = field(default_factory=list)


def open_artifact(path: Path | str) -> Artifact:
    """The artifact that `path` describes: a JSON file, a store, or the folder of a checkpoint from outside, or of what
    other code predicted for a seed.

    Raises InputError if it is missing, or its description is not as it was written. What it describes is not read.
    """
    path = Path(path)
    if path.is_relative_to(GIVEN) or path.is_dir():
        digest = given_digest(path) if path.is_relative_to(GIVEN) else checkpoint_digest(path)
        return Artifact(path, {}, digest, digest, "", {})
    if path.suffix == ".safetensors":
        with Store(path) as store:
            facts: dict[str, Any] = {**store.metadata, "utterances": len(store), "shape": store.shape}
            seal, inputs = store.seal, json.loads(store.metadata.get("inputs", "{}"))
    else:
        facts = read_sealed(path)
        seal, inputs = facts["seal"], facts.get("inputs", {})
    return Artifact(path, facts, seal, facts.get("made_from", ""), facts.get("code_version", ""), inputs)


def are_as_ordered(order: str | Sequence[str], outputs: Iterable[Path]) -> bool:
    """Whether those of a job's outputs that say what they were made from, at least one, were made from what the `order`
    (its text; several where a job makes several things) says. What they describe is not read.
    """
    orders = [order] if isinstance(order, str) else order
    found = []
    for path in outputs:
        try:
            if path.is_file():
                found.append(open_artifact(path).made_from)
        except InputError:
            continue  # it describes nothing, such as a table or a checkpoint's own files
    return bool(found) and {*found} == {Order.parse(text).made_from for text in orders}


def check_artifacts(
    orders: Mapping[str, Order], models_kept: bool, progress: Callable[[float], object] | None = None
) -> Check:
    """Every artifact of a plan (describing file -> order): its bytes, what it was made from, and from which inputs.

    `models_kept`: whether runs keep their weights. `progress` gets the number of artifacts done.
    """
    found = Check("artifacts", "all bytes of each artifact, what it was made from, and the seals of its inputs")
    seals: dict[str, str] = {}
    opened: list[Artifact] = []
    for path, order in orders.items():
        try:
            artifact = open_artifact(path)
            seals[path] = artifact.seal
            opened.append(artifact)
            found.problems += _differs(artifact, order)
            found.size += _check_content(artifact, models_kept, found)
        except InputError as error:
            found.problems.append(str(error))
        found.checked += 1
        if progress:
            progress(1)
    for artifact in opened:
        for path, seal in artifact.inputs.items():
            if path in seals and seals[path] != seal:
                found.problems.append(f"{artifact.path}: made from another {path} than the one that is there")
            elif path not in orders:
                found.problems.append(f"{artifact.path}: made from {path}, which is not in the plan")
    return found


def check_recordings(manifests: Mapping[Path, Path], progress: Callable[[float], object] | None = None) -> Check:
    """The files that manifests name, by their SHA-256: manifest (.csv) -> the folder of the recordings.

    Recordings that are not there are said, not counted as wrong. `progress` gets the number of manifests done.
    """
    found = Check("recordings", "the SHA-256 of each audio file that a manifest names")
    for manifest, root in manifests.items():
        if not root.is_dir():
            found.not_checked.append(f"{root}: the recordings of {manifest.stem} are not here")
            continue
        try:
            hashes = {utterance.path: utterance.sha256 for utterance in read_manifest(manifest)}
        except InputError as error:
            found.problems.append(str(error))
            continue
        missing = 0
        for name, sha256 in hashes.items():
            path = root / name
            if not path.is_file():
                missing += 1
            elif sha256_of(path) != sha256:
                found.problems.append(f"{path}: not the file that {manifest} was made from")
            else:
                found.size += path.stat().st_size
            found.checked += path.is_file()
        if progress:
            progress(1)
        if missing:
            found.not_checked.append(f"{root}: {missing} of {len(hashes)} recordings are not here")
    return found


def _differs(artifact: Artifact, order: Order) -> list[str]:
    found = []
    if artifact.made_from != order.made_from:
        found.append(f"{artifact.path}: made from other settings, code or recordings than planned: build again")
    elif artifact.code_version != order.code_version:
        found.append(f"{artifact.path}: made by another version of the code: build again")
    if missing := [path for path in order.inputs if path not in artifact.inputs]:
        found.append(f"{artifact.path}: does not say that it was made from {missing[0]}")
    return found


def _check_content(artifact: Artifact, models_kept: bool, found: Check) -> int:
    """Adds to `found` what is wrong with what the artifact describes; returns how many bytes were read."""
    path = artifact.path
    if path.is_dir():
        files = [*path.glob("fold*.csv")] if artifact.kind == "given" else checkpoint_files(path)
        return sum(file.stat().st_size for file in files)
    if path.suffix == ".safetensors":
        with Store(path) as store:
            store.check()
        return path.stat().st_size
    wrong = wrong_files(path, artifact.facts) if "sha256" in artifact.facts else []
    if not models_kept and str(path.parent / MODEL) in wrong and not (path.parent / MODEL).exists():
        wrong.remove(str(path.parent / MODEL))
    found.problems += [f"{file}: not as {path} describes: remove {path} and build again" for file in wrong]
    files = [path, *(path.parent / name for name in artifact.facts.get("sha256", {}))]
    return sum(file.stat().st_size for file in files if file.is_file())
