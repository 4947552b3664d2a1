"""From params.yaml and experiments/*.yaml to the list of all that is to be computed.

Read while the workflow is parsed, so nothing heavy is imported; all input is checked before any job starts.
"""

import difflib
import importlib.util
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ser.claims import check_claims
from ser.errors import InputError, did_you_mean
from ser.features.demo_encoders import MADE_HERE, NAMES, check_form
from ser.features.encoder_files import checkpoint_files, is_demo
from ser.features.spec import feature_name, validate_spec
from ser.protocol import Protocol
from ser.settings import settings_schema
from ser.validation import read_yaml, validate


@dataclass(frozen=True)
class Group:
    """All runs, over folds and seeds, of one row under one protocol and one selection rule."""

    experiment: str
    row: str
    table: str
    protocol_name: str
    selection: str
    protocol: Protocol
    system: str
    settings: Mapping[str, Any]
    sources: Mapping[str, str]  # of each setting, feature and encoder: paper, code, secondary or chosen
    features: Mapping[str, Mapping[str, Any]]  # the system's name for a feature -> its validated spec
    encoders: Mapping[str, str]  # the system's name for an encoder that it trains further -> that of params.yaml
    seeds: tuple[int, ...]
    one_job_per: str
    note: str = ""
    skipped: str = ""  # why nothing of this group is computed; empty: it is

    @property
    def name(self) -> str:
        return f"{self.experiment}/{self.row}/{self.protocol_name}/{self.selection}"

    @property
    def split(self) -> str:
        """Its split, relative to the scale's folder and without its suffixes (.json, .csv)."""
        return f"splits/{self.experiment}/{self.protocol_name}/{self.selection}"

    @property
    def runs(self) -> dict[tuple[int, int], str]:
        """(seed, fold) -> the run's folder, relative to the scale's; seed-major."""
        return {
            (seed, fold): f"runs/{self.name}/seed{seed}/fold{fold}"
            for seed in self.seeds
            for fold in range(1, self.protocol.n_folds + 1)
        }

    @property
    def evaluation(self) -> str:
        """Its evaluation, relative to the scale's folder."""
        return f"evaluations/{self.name}.json"

    @property
    def corpus(self) -> str:
        return self.protocol.corpus

    @property
    def stores(self) -> dict[str, str]:
        """The system's name for a feature -> its store, relative to the scale's folder and without its suffix."""
        return {
            name: f"audio/{self.corpus}" if spec["kind"] == "audio" else f"features/{self.corpus}/{feature_name(spec)}"
            for name, spec in self.features.items()
        }


@dataclass(frozen=True)
class Plan:
    """What is computed at the scale that params.yaml names."""

    scale: str
    groups: tuple[Group, ...]
    experiments: Mapping[str, Mapping[str, Any]]
    specs: Mapping[str, Mapping[str, Any]]  # `<feature>` -> its spec

    @property
    def live(self) -> Iterator[Group]:
        return (group for group in self.groups if not group.skipped)


def load(params: Mapping[str, Any], root: Path = Path(".")) -> Plan:
    """The plan for `params` (the content of params.yaml) and the experiment files below `root`.

    Raises InputError, one line, for an unknown key, a wrong type, a missing folder, an experiment, row or
    system setting that does not exist, or a claim without a source.
    """
    schemas = root / "schemas"
    validate(params, read_yaml(schemas / "params.schema.yaml"), "params.yaml")
    _check_places(params, root)
    experiments = {path.stem: read_yaml(path) for path in sorted((root / "experiments").glob("*.yaml"))}
    experiment_schema = read_yaml(schemas / "experiment.schema.yaml")
    for name in _chosen(params["experiments"], experiments, "params.yaml: experiments"):
        validate(experiments[name], experiment_schema, f"experiments/{name}.yaml")
        _check_claims(name, experiments[name])
    _check_own_corpora(params, experiments)
    builder = _Builder(params, experiments, root)
    groups = tuple(group for name in params["experiments"] for group in builder.groups(name))
    specs = {
        feature_name(spec): spec for group in groups for spec in group.features.values() if spec["kind"] != "audio"
    }
    return Plan(params["scale"], groups, {name: experiments[name] for name in params["experiments"]}, specs)


def _chosen(names: Any, known: Any, where: str) -> list[str]:
    for name in names:
        if name not in known:
            raise InputError(f"{where}: unknown {name!r}: {did_you_mean(name, known)}")
    return list(names)


def _check_places(params: Mapping[str, Any], root: Path) -> None:
    """What is named must exist before any job starts; at scale demo nothing outside the project is used."""
    scale, corpora = params["scale"], params["corpora"]
    where = f"params.yaml: scales.{scale}.corpora"
    for name in _chosen(params["scales"][scale]["corpora"], _known_corpora(params, root), where):
        if scale == "demo":
            if not (root / f"ser/corpora/demo_{name}.py").is_file():
                raise InputError(f"{where}: {name} has no demo (no ser/corpora/demo_{name}.py): leave it out")
            continue
        if name not in corpora:
            continue  # its rows are skipped
        folder, manifest = corpora[name]["root"], corpora[name].get("manifest")
        read = root / f"work/{scale}/manifests/{name}.csv"
        if not Path(folder).is_dir() and not read.is_file():  # what was read on another machine stands
            raise InputError(f"params.yaml: corpora.{name}.root: no such folder: {folder}")
        if manifest and not Path(manifest).is_file():
            raise InputError(
                f"params.yaml: corpora.{name}.manifest: no such file: {manifest} (relative to the project, not to root)"
            )
        if not manifest and not (root / f"ser/corpora/{name}.py").is_file():
            raise InputError(f"params.yaml: corpora.{name}: no ser/corpora/{name}.py: name a CSV file in `manifest`")
    if scale != "demo":
        for name, folder in params["encoders"].items():
            _check_checkpoint(name, folder)


def _known_corpora(params: Mapping[str, Any], root: Path) -> set[str]:
    return {*params["corpora"], *(path.stem for path in (root / "ser" / "corpora").glob("*.py"))}


def _check_own_corpora(params: Mapping[str, Any], experiments: Mapping[str, Any]) -> None:
    """A corpus that someone brought is there to be used: one that no protocol reads would vanish without a word."""
    read = {protocol["corpus"] for experiment in experiments.values() for protocol in experiment["protocols"].values()}
    for name in params["scales"][params["scale"]]["corpora"]:
        if "manifest" in params["corpora"].get(name, {}) and name not in read:
            raise InputError(
                f"params.yaml: corpora.{name}: no protocol reads it: add one under `protocols` of an experiment file"
            )


def _check_checkpoint(name: str, folder: str) -> None:
    try:
        checkpoint_files(Path(folder))
        check_form(name, Path(folder))
    except InputError as error:
        raise InputError(f"params.yaml: encoders.{name}: {error}") from None


def _check_claims(name: str, experiment: Mapping[str, Any]) -> None:
    for number, claim in enumerate(experiment["claims"], 1):
        where = f"experiments/{name}.yaml: claim {number}"
        _chosen([claim["row"]], experiment["rows"], f"{where}: row")
        _chosen([claim["protocol"]], experiment["protocols"], f"{where}: protocol")


def _encoders(features: Mapping[str, Mapping[str, Any]], encoders: Mapping[str, str]) -> list[str]:
    """Every checkpoint that a row reads."""
    return [*(spec["encoder"] for spec in features.values() if spec["kind"] == "encoder"), *encoders.values()]


class _Builder:
    def __init__(self, params: Mapping[str, Any], experiments: Mapping[str, Any], root: Path) -> None:
        self.params, self.experiments, self.root = params, experiments, root
        self.scale = params["scales"][params["scale"]]

    def groups(self, name: str) -> Iterator[Group]:
        experiment = self.experiments[name]
        wanted = self.params["experiments"][name]
        rows = list(experiment["rows"]) if wanted == "all" else wanted
        protocols = {key: self._protocol(name, key) for key in experiment["protocols"]}
        for row_name in _chosen(rows, experiment["rows"], f"params.yaml: experiments.{name}"):
            row = experiment["rows"][row_name]
            where = f"experiments/{name}.yaml: rows.{row_name}"
            system, resolved, sources = self._resolve(name, row_name)
            settings = resolved["settings"]
            missing = self._check_settings(where, system, settings)
            features = {
                key: validate_spec(spec, f"{where}.features.{key}")
                for key, spec in resolved["features"].items()
                if spec
            }
            encoders = {key: encoder for key, encoder in resolved["encoders"].items() if encoder}
            missing = missing or self._missing_for(where, features, encoders)
            for key in _chosen(row.get("protocols", protocols), protocols, f"{where}.protocols"):
                for selection in row.get("selections", experiment["protocols"][key]["selections"]):
                    yield Group(
                        experiment=name,
                        row=row_name,
                        table=row.get("table", ""),
                        protocol_name=key,
                        selection=selection,
                        protocol=protocols[key],
                        system=system,
                        settings=settings,
                        sources=sources,
                        features=features,
                        encoders=encoders,
                        seeds=tuple(self.scale["seeds"][:1] if row.get("deterministic") else self.scale["seeds"]),
                        note=self._notes(row, key, features, encoders),
                        one_job_per=row.get("one_job_per", self.scale["one_job_per"]),
                        skipped=missing or self._missing_corpus(protocols[key].corpus),
                    )
        check_claims(experiment, protocols, f"experiments/{name}.yaml")

    def _protocol(self, experiment: str, name: str) -> Protocol:
        fields = dict(self.experiments[experiment]["protocols"][name])
        for key in ("selections", "source", "note"):
            fields.pop(key, None)
        where = f"experiments/{experiment}.yaml: protocols.{name}"
        _chosen([fields["corpus"]], _known_corpora(self.params, self.root), f"{where}: corpus")
        return Protocol.from_mapping(fields, where)

    def _resolve(self, name: str, row_name: str) -> tuple[str, dict[str, dict[str, Any]], dict[str, str]]:
        """System, blocks (features, encoders, settings) and sources of a row; null takes a feature or encoder away."""
        layers = self._layers(name, row_name)
        where = f"experiments/{name}.yaml: rows.{row_name}"
        system = next((layer["system"] for layer in reversed(layers) if "system" in layer), None)
        if system is None:
            raise InputError(f"{where}: no system: name a file of ser/systems here or for the whole experiment")
        resolved: dict[str, dict[str, Any]] = {"features": {}, "encoders": {}, "settings": {}}
        sources: dict[str, str] = {}
        own = self.experiments[name]["rows"][row_name]
        for block, target in resolved.items():
            for layer in layers:
                if target and block != "settings":  # those are held against the system's own list, below
                    _chosen(layer.get(block, {}), list(target), f"{where}: {block}")
                for key, value in layer.get(block, {}).items():
                    if layer.get("of_scale") and own.get(block, {}).get(key, value) != value:
                        scale = self.params["scale"]
                        raise InputError(f"{where}: scale {scale} sets {key}, which is what makes this row differ")
                    # An experiment gives each value a source; a row or scale gives one for all it changes.
                    sourced = "source" not in layer
                    target[key] = value["value"] if sourced else value
                    sources[key] = value["source"] if sourced else layer["source"]
        return system, resolved, sources

    def _layers(self, name: str, row_name: str) -> list[Mapping[str, Any]]:
        """What makes up a row, in the order in which it applies: experiment, row, scale."""
        stack = self._stack(name, row_name)
        scale = self.params["scale"]
        changes = [layer["scales"][scale] for layer in stack if scale in layer.get("scales", {})]
        return [*stack, *({**change, "of_scale": True} for change in changes)]

    def _stack(self, name: str, row_name: str) -> list[Mapping[str, Any]]:
        """The experiment and the row; under them, with `from`, those of the row that this one starts from."""
        row = self.experiments[name]["rows"][row_name]
        below: list[Mapping[str, Any]] = []
        if "from" in row:
            source, source_row = row["from"].split("/")
            where = f"experiments/{name}.yaml: rows.{row_name}.from"
            _chosen([source], self.experiments, where)
            _chosen([source_row], self.experiments[source]["rows"], where)
            below = self._stack(source, source_row)
        keys = ("system", "features", "encoders", "settings", "scales")
        return [
            *below,
            {key: self.experiments[name][key] for key in keys if key in self.experiments[name]},
            row,
        ]

    def _check_settings(self, where: str, system: str, settings: Mapping[str, Any]) -> str:
        """Raises InputError for a setting that the system does not have; returns why it cannot run, or ''."""
        file = self.root / "ser" / "systems" / f"{system}.py"
        if not file.is_file():
            systems = [path.stem for path in (self.root / "ser" / "systems").glob("*.py")]
            if near := difflib.get_close_matches(system, systems, 1, cutoff=0.8):
                raise InputError(f"{where}: unknown system {system!r}: did you mean {near[0]!r}?")
            return f"system {system} is not in this version (no ser/systems/{system}.py)"
        validate(dict(settings), settings_schema(file), f"{where}: settings of {system}")
        return ""

    def _notes(
        self,
        row: Mapping[str, Any],
        protocol: str,
        features: Mapping[str, Mapping[str, Any]],
        encoders: Mapping[str, str],
    ) -> str:
        """What a reader of the numbers must know: the row's note on a protocol, encoders that were never trained."""
        folders = [(name, self.params["encoders"].get(name)) for name in _encoders(features, encoders)]
        is_random = self.params["scale"] != "demo" and any(
            is_demo(Path(folder)) if folder else name in MADE_HERE for name, folder in folders
        )
        return "; ".join(
            filter(None, [row.get("notes", {}).get(protocol), "the encoder's weights are random" if is_random else ""])
        )

    def _missing_for(self, where: str, features: Mapping[str, Mapping[str, Any]], encoders: Mapping[str, str]) -> str:
        is_opensmile = any(spec["kind"] == "opensmile" for spec in features.values())
        if is_opensmile and importlib.util.find_spec("opensmile") is None:
            return "the optional package opensmile is not installed (its licence is not free for all uses)"
        for name in _chosen(_encoders(features, encoders), [*NAMES, *self.params["encoders"]], f"{where}: encoders"):
            if self.params["scale"] != "demo" and name not in (*self.params["encoders"], *MADE_HERE):
                return f"no checkpoint: set encoders.{name} in params.yaml"
        return ""

    def _missing_corpus(self, corpus: str) -> str:
        scale = self.params["scale"]
        if corpus not in self.scale["corpora"]:
            return f"corpus {corpus} is not part of scale {scale}"
        if scale != "demo" and corpus not in self.params["corpora"]:
            return f"no recordings: set corpora.{corpus}.root in params.yaml"
        return ""
