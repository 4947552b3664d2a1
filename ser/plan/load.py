"""From params.yaml and experiments/*.yaml to the plan: the list of everything to be computed.

Done while the workflow is parsed, so nothing heavy is imported; all input is checked before any job starts.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ser.encoders.checkpoint import checkpoint_files
from ser.encoders.published import check_form
from ser.errors import InputError
from ser.features.spec import feature_name
from ser.files import words
from ser.plan.corpora import corpora_of_scale, known_corpora
from ser.plan.expand import Expansion
from ser.plan.experiments import Experiment, check_names, read_experiments
from ser.plan.groups import Plan
from ser.plan.places import Places
from ser.plan.validation import OWN, entry_of, read_yaml, validate

Params = Mapping[str, Any]


def read_params(root: Path = Path(), given: Params | None = None) -> dict[str, Any]:
    """The content of params.yaml, overridden key by key by that of params.local.yaml and by what is `given`.

    Raises InputError.
    """
    params: dict[str, Any] = {}
    for name in ("params.yaml", OWN):
        if name != OWN or (root / OWN).is_file():
            if not (root / name).exists():
                raise InputError(f"{root / name}: no such file: run it in the project's folder")
            content = read_yaml(root / name) or {}
            if not isinstance(content, dict):
                raise InputError(f"{root / name}: not a mapping (key: value)")
            params = _over(params, content)
    return _over(params, given or {})


def load_plan(params: Params, root: Path = Path()) -> Plan:
    """The plan for `params` (the content of params.yaml) and the experiment files below `root`.

    Raises InputError, in one line, for an unknown key, a wrong type, a missing folder, an experiment, row or
    system setting that does not exist, or a claim without a source.
    """
    schema = read_yaml(root / "schemas" / "params.schema.yaml")
    if (root / OWN).is_file():  # first, so that what is wrong in it is not looked for in the other
        validate(read_yaml(root / OWN) or {}, _without_required(schema), OWN)
    validate(params, schema, "params.yaml")
    _check_places(params, root)
    experiments = read_experiments(root)
    wanted = params["experiments"]
    if wanted == "all":
        wanted = dict.fromkeys(experiments, "all")
    check_names(wanted, experiments, entry_of(root, "experiments"))
    expansion = Expansion(params, experiments, root)
    groups = tuple(group for name, rows in wanted.items() for group in expansion.groups(name, rows))
    _check_own_corpora(params, experiments, root)
    specs = {
        feature_name(spec): spec for group in groups for spec in group.features.values() if spec["kind"] != "audio"
    }
    return Plan(params["scale"], groups, {name: experiments[name] for name in wanted}, specs)


def _over(params: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Merged as Snakemake merges one configuration over another."""
    inner = {
        key: _over(value if isinstance(value := params.get(key), Mapping) else {}, entry)
        for key, entry in own.items()
        if isinstance(entry, Mapping)
    }
    return {**params, **own, **inner}


def _without_required(schema: Any) -> Any:
    """The schema of a file that has some of the entries."""
    if isinstance(schema, list):
        return [_without_required(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {key: _without_required(item) for key, item in schema.items() if key != "required"}


def _check_places(params: Params, root: Path) -> None:
    """What is named must exist before any job starts; at scale demo nothing outside the project is used."""
    scale = params["scale"]
    where = entry_of(root, "scales", scale, "corpora")
    check_names(params["scales"][scale]["corpora"], sorted(known_corpora(params, root)), where)
    for name in corpora_of_scale(params):
        if scale == "demo":
            if name not in words("corpora/demo", root):
                raise InputError(f"{where}: {name} has no demo (no ser/corpora/demo/{name}.py): leave it out")
        elif name in params["corpora"]:  # the rows of others are skipped
            _check_corpus(name, params, root)
    if scale != "demo":
        for name, folder in params["encoders"].items():
            _check_checkpoint(name, folder, root)


def _check_corpus(name: str, params: Params, root: Path) -> None:
    corpus = params["corpora"][name]
    read = root / Places.of(params["scale"]).manifest(name)
    if not Path(corpus["root"]).is_dir() and not read.is_file():  # what another machine has read is enough
        raise InputError(f"{entry_of(root, 'corpora', name, 'root')}: no such folder: {corpus['root']}")
    manifest = corpus.get("manifest")
    if manifest and not Path(manifest).is_file():
        where = entry_of(root, "corpora", name, "manifest")
        raise InputError(f"{where}: no such file: {manifest} (relative to the project, not to root)")
    if not manifest and name not in words("corpora", root):
        where = entry_of(root, "corpora", name)
        raise InputError(f"{where}: no ser/corpora/{name}.py: name a CSV file in `manifest`")
    if not manifest and "columns" in corpus:
        where = entry_of(root, "corpora", name, "columns")
        raise InputError(f"{where}: there is no `manifest` whose columns these could be: remove them")


def _check_own_corpora(params: Params, experiments: Mapping[str, Experiment], root: Path) -> None:
    """A user's own corpus is meant to be used: one that no protocol reads would silently have no effect."""
    read = {protocol["corpus"] for experiment in experiments.values() for protocol in experiment["protocols"].values()}
    for name in corpora_of_scale(params):
        if name in params["corpora"] and name not in read:
            where = entry_of(root, "corpora", name)
            raise InputError(f"{where}: no protocol reads it: add one under `protocols` of an experiment file")


def _check_checkpoint(name: str, folder: str, root: Path) -> None:
    try:
        if {*"{}"} & {*folder}:  # its files are inputs of rules, and there these mark wildcards
            raise InputError(f"{folder}: a path with {{ or }}: rename the folder, or name a link to it")
        checkpoint_files(Path(folder))
        check_form(name, Path(folder))
    except InputError as error:
        raise InputError(f"{entry_of(root, 'encoders', name)}: {error}") from None
