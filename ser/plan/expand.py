"""From an experiment's rows to groups: what a row is made of, and why it cannot be computed here."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ser.encoders.checkpoint import is_demo
from ser.encoders.published import MADE_HERE, NAMES, heard
from ser.errors import InputError, listed, shown
from ser.features.spec import missing, validate_spec
from ser.files import words
from ser.plan.claims import check_claims
from ser.plan.code import uses_training_loop
from ser.plan.completeness import lacking_emotions
from ser.plan.corpora import corpora_of_scale, known_corpora
from ser.plan.costs import is_short
from ser.plan.experiments import Experiment, check_names, refuse_near
from ser.plan.groups import ONE_JOB_PER, Group, checkpoints
from ser.plan.ladders import check_ladder
from ser.plan.places import Places
from ser.plan.reported import check_makers, with_given
from ser.plan.settings import auxiliary_of, is_reported, settings_schema
from ser.plan.validation import entry_of, validate
from ser.splits.protocol import Protocol

Specs = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Expansion:
    """Expands experiments into groups, given the content of params.yaml and a project at `root`."""

    params: Mapping[str, Any]
    experiments: Mapping[str, Experiment]
    root: Path
    _lacking: dict[tuple[str, frozenset[str]], list[str]] = field(default_factory=dict, init=False)

    def groups(self, name: str, wanted: Collection[str] | str) -> Iterator[Group]:
        """The groups of the rows `wanted` of an experiment (`all`: every row).

        Raises InputError for a row, system, setting, feature, encoder or protocol that does not exist, and for a
        claim that no line of the table would show, and for a step of a ladder that has no runs.
        """
        experiment = self.experiments[name]
        protocols = {key: self.protocol(name, key) for key in experiment["protocols"]}
        rows = list(experiment["rows"]) if isinstance(wanted, str) else list(wanted)
        check_names(rows, experiment["rows"], entry_of(self.root, "experiments", name))
        for row in rows:
            yield from self._row(name, row, protocols)
        check_claims(
            experiment,
            protocols,
            f"experiments/{name}.yaml",
            lambda row: self._auxiliary(*self._resolve(name, row)[:2]),
        )
        check_ladder(experiment, protocols, f"experiments/{name}.yaml")

    @property
    def _scale(self) -> Mapping[str, Any]:
        scale: Mapping[str, Any] = self.params["scales"][self.params["scale"]]
        return scale

    def _row(self, name: str, row_name: str, protocols: Mapping[str, Protocol]) -> Iterator[Group]:
        experiment, where = self.experiments[name], f"experiments/{name}.yaml: rows.{row_name}"
        row = experiment["rows"][row_name]
        if row.get("deterministic") and len(seeds := row.get("seeds", [])) > 1:
            raise InputError(
                f"{where}.seeds: {listed(seeds)}, but the row is deterministic: all of them would give the same: "
                "name one, or leave out `deterministic`"
            )
        system, blocks, sources = self._resolve(name, row_name)
        features = {
            key: validate_spec(spec, f"{where}.features.{key}") for key, spec in blocks["features"].items() if spec
        }
        encoders = {key: encoder for key, encoder in blocks["encoders"].items() if encoder}
        reason = self._check_settings(where, system, blocks["settings"]) or self._missing(where, features, encoders)
        auxiliary, reported = self._auxiliary(system, blocks), self._is_reported(where, system, blocks["settings"])
        in_epochs = self.params["compute"]["score_test_each_epoch"] and uses_training_loop(system)
        keys = row.get("protocols", list(protocols))
        check_names(keys, protocols, f"{where}.protocols")
        for key in keys:
            skipped = reason or self._missing_corpus(protocols[key].corpus) or self._incomplete(name, key)
            for selection in row.get("selections", experiment["protocols"][key]["selections"]):
                group = Group(
                    experiment=name,
                    row=row_name,
                    table=row.get("table", ""),
                    protocol_name=key,
                    selection=selection,
                    protocol=protocols[key],
                    system=system,
                    settings=blocks["settings"],
                    sources=sources,
                    features=features,
                    encoders=encoders,
                    seeds=self._seeds(experiment, row),
                    note=self._note(row.get("notes", {}).get(key, ""), protocols[key].corpus, features, encoders),
                    one_job_per=max(row.get("one_job_per", "fold"), self._scale["one_job_per"], key=ONE_JOB_PER.index),
                    auxiliary=auxiliary,
                    skipped=skipped,
                    scores_epochs=in_epochs and selection == "clean",
                    reported=reported,
                )
                if reported:
                    yield with_given(group, row, self.root, self.params["scale"])
                    continue
                is_alone = group.one_job_per == "fold" and not skipped and self.params["scale"] != "demo"
                is_packed = is_alone and is_short(group, self.params["compute"]["device"])
                yield replace(group, one_job_per="seed") if is_packed else group

    def _seeds(self, experiment: Experiment, row: Mapping[str, Any]) -> tuple[int, ...]:
        """The row's seeds, else those that its experiment has `chosen`, else the scale's. At scale paper those of the
        published runs come first, where the experiment's file has them, and as many of the scale's follow as make up
        its number: a spread needs several.
        """
        of_experiment = experiment.get("seeds", {"value": [], "source": ""})
        seeds = row.get("seeds") or self._scale["seeds"]
        if "seeds" not in row and of_experiment["source"] == "chosen":
            seeds = of_experiment["value"]
        elif "seeds" not in row and self.params["scale"] == "paper":
            published = of_experiment["value"]
            seeds = [*published, *(seed for seed in seeds if seed not in published)][: max(len(seeds), len(published))]
        return tuple(seeds[:1] if row.get("deterministic") else seeds)

    def protocol(self, experiment: str, name: str) -> Protocol:
        """A protocol of an experiment, as this scale has it. Raises InputError for one that does not make sense."""
        fields = dict(self.experiments[experiment]["protocols"][name])
        fields |= fields.pop("scales", {}).get(self.params["scale"], {})
        for key in ("selections", "source", "note", "complete"):
            fields.pop(key, None)
        where = f"experiments/{experiment}.yaml: protocols.{name}"
        mend = " Or name it under `corpora` in params.yaml or params.local.yaml"
        refuse_near(fields["corpus"], known_corpora(self.params, self.root), f"{where}: corpus", mend)
        return Protocol.from_mapping(fields, where)

    def _resolve(self, name: str, row_name: str) -> tuple[str, dict[str, dict[str, Any]], dict[str, str]]:
        """System, blocks (features, encoders, settings) and sources of a row; null removes a feature or encoder."""
        layers = self._layers(name, row_name)
        where = f"experiments/{name}.yaml: rows.{row_name}"
        system = _system(layers)
        if not system:
            raise InputError(f"{where}: no system: name a file in ser/systems here or for the whole experiment")
        blocks: dict[str, dict[str, Any]] = {"features": {}, "encoders": {}, "settings": {}}
        sources: dict[str, str] = {}
        own = self.experiments[name]["rows"][row_name]
        for block, target in blocks.items():
            for layer in layers:
                if target and block != "settings":  # settings are checked against the system's own list
                    check_names(layer.get(block, {}), list(target), f"{where}: {block}")
                for key, value in layer.get(block, {}).items():
                    if layer.get("of_scale") and own.get(block, {}).get(key, value) != value:
                        scale, change = self.params["scale"], f"{block}: {{{key}: {shown(own[block][key], str)}}}"
                        raise InputError(
                            f"{where}: scale {scale} sets {key}, which is what makes this row differ: write it into "
                            f"the row as `scales: {{{scale}: {{source: {own['source']}, {change}}}}}`"
                        )
                    # An experiment gives each value a source; a row or scale gives one for all it changes.
                    sourced = "source" not in layer
                    target[key] = value["value"] if sourced else value
                    sources[key] = value["source"] if sourced else layer["source"]
        return system, blocks, sources

    def _auxiliary(self, system: str, blocks: Mapping[str, Mapping[str, Any]]) -> str:
        """What a row's runs classify besides the labels, or ''."""
        file = self.root / "ser" / "systems" / f"{system}.py"
        return auxiliary_of(file, blocks["settings"]) if file.is_file() else ""

    def _is_reported(self, where: str, system: str, settings: Mapping[str, Any]) -> bool:
        """Whether other code made a row's predictions. Raises InputError unless the row then says whose."""
        file = self.root / "ser" / "systems" / f"{system}.py"
        found = file.is_file() and is_reported(file)
        if found:
            check_makers(settings, where)
        return found

    def _layers(self, name: str, row_name: str) -> list[Mapping[str, Any]]:
        """What makes up a row, in the order in which it applies: experiment, row, scale."""
        stack = self._stack(name, row_name)
        scale = self.params["scale"]
        changes = [layer["scales"][scale] for layer in stack if scale in layer.get("scales", {})]
        return [*stack, *({**change, "of_scale": True} for change in changes)]

    def _stack(self, name: str, row_name: str, *above: str) -> list[Mapping[str, Any]]:
        """The experiment and the row; with `from`, preceded by those of the row that this one starts from.

        `above` are the rows that start from this one.
        """
        row = self.experiments[name]["rows"][row_name]
        below: list[Mapping[str, Any]] = []
        if "from" in row:
            source, source_row = row["from"].split("/")
            where = f"experiments/{name}.yaml: rows.{row_name}.from"
            check_names([source], self.experiments, where)
            check_names([source_row], self.experiments[source]["rows"], where)
            if row["from"] in (starts := (*above, f"{name}/{row_name}")):
                raise InputError(
                    f"{where}: a circle, {' from '.join((*starts, row['from']))}: start one from another row"
                )
            below = self._stack(source, source_row, *starts)
        keys = ("system", "features", "encoders", "settings", "scales")
        layers = [*below, {key: self.experiments[name][key] for key in keys if key in self.experiments[name]}, row]
        if "system" not in row:
            return layers
        of_layers = [_system(layers[: i + 1]) or row["system"] for i in range(len(layers))]
        return [
            layer if of == row["system"] else self._of_system(layer, row["system"])
            for layer, of in zip(layers, of_layers, strict=True)
        ]

    def _of_system(self, layer: Mapping[str, Any], system: str) -> dict[str, Any]:
        """What a row of another `system` takes from a layer: the settings that this system has too."""
        file = self.root / "ser" / "systems" / f"{system}.py"
        known = settings_schema(file)["properties"] if file.is_file() else {}
        taken = {"settings": {key: value for key, value in layer.get("settings", {}).items() if key in known}}
        scales = {scale: self._of_system(change, system) for scale, change in layer.get("scales", {}).items()}
        source = {"source": layer["source"]} if "source" in layer else {}
        return {**taken, **source, "scales": scales}

    def _check_settings(self, where: str, system: str, settings: Mapping[str, Any]) -> str:
        """Raises InputError for a setting that the system does not have; returns why the system cannot run, or ''."""
        known = words("systems", self.root)
        if system not in known:
            refuse_near(system, known, f"{where}: system")
            return f"system {system} is not in this version (no ser/systems/{system}.py)"
        file = self.root / "ser" / "systems" / f"{system}.py"
        validate(dict(settings), settings_schema(file), f"{where}: settings of {system}")
        return ""

    def _note(self, own: str, corpus: str, features: Specs, encoders: Mapping[str, str]) -> str:
        """What a reader of the numbers must know: the row's `own` note, and what its encoders have heard before."""
        # At scale demo no encoder has heard anything, and every line says that the speech is synthetic.
        names = [] if self.params["scale"] == "demo" else list(dict.fromkeys(checkpoints(features, encoders)))
        trained = [name for name in names if not self._is_random(name)]
        sources = {name: source for name in trained if (source := heard(name, corpus))}
        leaks = [f"leak: encoder {name} was trained on {corpus} ({source})" for name, source in sources.items()]
        return "; ".join(filter(None, [own, "the encoder's weights are random" if trained != names else "", *leaks]))

    def _is_random(self, encoder: str) -> bool:
        folder = self.params["encoders"].get(encoder)
        return is_demo(Path(folder)) if folder else encoder in MADE_HERE

    def _missing(self, where: str, features: Specs, encoders: Mapping[str, str]) -> str:
        """Why a feature or encoder of a row is not available here, or ''."""
        if reason := next(filter(None, map(missing, features.values())), ""):
            return reason
        names = checkpoints(features, encoders)
        check_names(names, [*NAMES, *self.params["encoders"]], f"{where}: encoders")
        for name in names:
            if self.params["scale"] != "demo" and name not in (*self.params["encoders"], *MADE_HERE):
                return f"no checkpoint: set encoders.{name} in params.local.yaml"
        return ""

    def _missing_corpus(self, corpus: str) -> str:
        scale = self.params["scale"]
        if corpus not in corpora_of_scale(self.params):
            others = [name for name, of in self.params["scales"].items() if corpus in of["corpora"] and name != "demo"]
            mend = "" if scale == "demo" else f"add it to scales.{scale}.corpora in params.yaml, or "
            return f"corpus {corpus} is not part of scale {scale}: {mend}use scale {' or '.join(others) or 'free'}"
        if scale != "demo" and corpus not in self.params["corpora"]:
            return f"no recordings: set corpora.{corpus}.root in params.local.yaml"
        return ""

    def _incomplete(self, experiment: str, name: str) -> str:
        """Which classes lack recordings, where the protocol needs all that the release has, or ''."""
        fields = self.experiments[experiment]["protocols"][name]
        if not fields.get("complete"):
            return ""
        corpus, emotions = fields["corpus"], frozenset(word for of in fields["labels"].values() for word in of)
        if (corpus, emotions) not in self._lacking:  # a release is read for it
            read = self.root / Places.of(self.params["scale"]).manifest(corpus)
            self._lacking[corpus, emotions] = lacking_emotions(corpus, self.params["corpora"][corpus], read, emotions)
        lacking = self._lacking[corpus, emotions]
        return f"recordings incomplete: {listed(lacking)}: complete corpora.{corpus}.root" if lacking else ""


def _system(layers: Sequence[Mapping[str, Any]]) -> str:
    """The system that a row's layers make it one of; "" where they name none."""
    return next((layer["system"] for layer in reversed(layers) if "system" in layer), "")
