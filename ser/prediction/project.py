"""Finds a trained row in the project: by its name, in the runs that are on the disk."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ser.encoders.checkpoint import is_demo
from ser.encoders.published import TRAINED_ON
from ser.errors import InputError, did_you_mean, listed
from ser.evaluations.evaluate import is_of
from ser.evaluations.names import metric_names, rounded, unit_of
from ser.manifests.utterance import read_manifest
from ser.plan.code import code_digest, code_of
from ser.plan.groups import Group
from ser.plan.origins import Origins
from ser.plan.project import Project
from ser.prediction.trained import Model, Trained
from ser.runs.files import MODEL
from ser.sealed import described_file, read_sealed
from ser.splits.left_out import left_out_emotions


def find_group(groups: Sequence[Group], name: str) -> Group:
    """The group that `name` means: `<experiment>/<row>/<protocol>/<selection>`, or some of these words, in their order.

    Among several, the one that is not skipped, then the one under `clean`. Raises InputError for a name that no group
    has, or several.
    """
    wanted = name.strip("/").split("/")
    found = [group for group in groups if _has(group.name.split("/"), wanted)]
    found = [group for group in found if group.name == name] or found
    if len(found) > 1:
        found = [group for group in found if not group.skipped] or found
    if len(found) > 1:
        found = [group for group in found if group.selection == "clean"] or found
    if not found:
        known = did_you_mean(name, [group.name for group in groups])
        raise InputError(
            f"{name}: no such row among the planned ones (`experiments` in params.yaml and params.local.yaml), and no "
            f"exported folder: {known}"
        )
    if len(found) > 1:
        raise InputError(f"{name}: {listed((group.name for group in found), 4)}: give more of its name")
    return found[0]


def trained_row(project: Project, name: str, fold: int | None = None, seed: int | None = None) -> Trained:
    """The row that `name` means, with the models of all folds of its first seed, or of those asked for.

    Raises InputError for a name that is not one row's, a row that is skipped, runs that are not there, not whole, or
    not of these settings, and weights that were not kept.
    """
    group = find_group(project.plan.groups, name)
    if group.skipped:
        raise InputError(f"{group.name}: skipped: {group.skipped}")
    if group.reported:
        raise InputError(f"{group.name}: its predictions are files that other code made: ask its makers for the model")
    seed = group.seeds[0] if seed is None else seed
    folds = list(group.folds) if fold is None else [fold]
    if seed not in group.seeds or not {*folds} <= {*group.folds}:
        known = f"its seeds are {listed(group.seeds)}, its folds 1 to {group.folds[-1]}"
        raise InputError(f"{group.name}: has no seed {seed} fold {listed(folds)}: {known}")
    runs = {number: Path(project.places.metrics(group.name, seed, number)) for number in folds}
    if missing := [number for number, path in runs.items() if not path.is_file()]:
        raise InputError(
            f"{group.name}: not finished: no run of seed {seed} fold {listed(missing)}: build "
            f"{project.places.evaluation(group.name)} first, or name a finished fold"
        )
    facts = {number: read_sealed(path) for number, path in runs.items()}
    for number, path in runs.items():
        _check_run(group, facts[number], path)
    split = read_sealed(Path(project.places.split(group.split(seed))))
    origins = Origins(project.params)
    checkpoints = {encoder: Path(origins.encoder(encoder)) for encoder in sorted({*group.checkpoints})}
    return Trained(
        name=group.name,
        system=group.system,
        settings=facts[folds[0]]["settings"],
        labels=tuple(split["labels"]),
        scale=split["scale"] and tuple(split["scale"]),
        features=group.features,
        encoders=group.encoders,
        checkpoints=checkpoints,
        models=tuple(Model(seed, number, described_file(path, facts[number], MODEL)) for number, path in runs.items()),
        about=_about(project, group, facts[folds[0]], split, checkpoints),
    )


def _has(words: Sequence[str], wanted: Sequence[str]) -> bool:
    """Whether `wanted` are among `words`, in this order."""
    left = iter(words)
    return all(word in left for word in wanted)


def _check_run(group: Group, facts: Mapping[str, Any], path: Path) -> None:
    if facts["settings"] != dict(group.settings):
        raise InputError(f"{path}: made with other settings than the row has now: build it again")
    if not (path.parent / MODEL).is_file():
        raise InputError(
            f"{path.parent}: its weights were not kept: set compute.keep_models: true, remove this folder, build again"
        )


def _about(
    project: Project, group: Group, run: Mapping[str, Any], split: Mapping[str, Any], checkpoints: Mapping[str, Path]
) -> dict[str, Any]:
    code = code_digest(code_of("workflow_scripts/train.py", f"ser.systems.{group.system}"))
    experiment = project.plan.experiments[group.experiment]
    random = [encoder for encoder, folder in checkpoints.items() if is_demo(folder)]
    warnings = [f"encoder {encoder} was never trained: its weights are random" for encoder in random]
    if project.plan.scale == "demo":
        warnings.insert(0, "trained on synthetic speech at scale demo: predictions mean nothing")
    if run["code_version"] != code:
        warnings.append("the code has changed since the row was trained: digits may differ from its results")
    if group.selection != "clean":
        warnings.append(f"its epoch was chosen under {group.selection}: what it scored is no estimate for new speakers")
    return {
        "row": group.name,
        "title": f"{experiment['rows'][group.row]['title']} ({experiment['title']})",
        "labels": split["labels"],
        "unit": "probability" if split["scale"] is None else f"{split['scale'][0]:g} to {split['scale'][1]:g}",
        "corpus": split["corpus"],
        "encoders": {name: {"random": name in random, "trained_on": _trained_on(name)} for name in checkpoints},
        "protocol": split["protocol"],
        "protocol_hash": split["protocol_hash"],
        "data_hash": split["data_hash"],
        "selection": split["selection"],
        "scale": project.plan.scale,
        "leaks": sorted(split["leaks_found"]),
        "n_folds": split["n_folds"],
        "notes": [*filter(None, [group.note]), *split["notes"], *left_out_emotions(split["left_out"])],
        "scored": _scored(project, group),
        "heard": _heard(project, group),
        "trained_with": {
            "code_version": run["code_version"],
            "versions": run["versions"],
            "git_commit": run["git_commit"],
        },
        "warnings": warnings,
    }


def _trained_on(encoder: str) -> list[str] | None:
    """The corpora that a checkpoint was trained on; None: not known here."""
    known = TRAINED_ON.get(encoder)
    return None if known is None else sorted(known)


def _scored(project: Project, group: Group) -> list[dict[str, Any]]:
    """The row's numbers under the protocol's averaging, with intervals; none where it is not evaluated yet."""
    path = Path(project.places.evaluation(group.name))
    if not path.is_file():
        return []
    evaluation = read_sealed(path)
    if not is_of(evaluation, {run: Path(project.places.run(group.name, *run)) for run in group.runs}):
        return []
    return [
        {
            "part": part,
            "metric": metric,
            "aggregation": group.protocol.aggregation,
            "unit": unit_of(metric),
            "text": {key: rounded(numbers[key], metric) for key in ("value", "ci_low", "ci_high")},
            **{key: numbers[key] for key in ("value", "ci_low", "ci_high", "n_utterances", "n_speakers", "n_seeds")},
        }
        for part, of_part in evaluation["results"].items()
        for metric in metric_names(group.protocol, group.auxiliary)
        for numbers in [of_part[group.protocol.aggregation][metric]]
    ]


def _heard(project: Project, group: Group) -> dict[str, Any]:
    """How long the utterances of its corpus are: shortest, median and longest, in seconds."""
    manifest = read_manifest(Path(project.places.manifest(group.corpus)))
    seconds = sorted(u.num_samples / u.sample_rate for u in manifest)
    return {"utterances": len(seconds), "seconds": [seconds[0], seconds[len(seconds) // 2], seconds[-1]]}
