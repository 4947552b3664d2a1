"""What each artifact is to be made from, as one digest: settings, code, and the digests of what it is made from.

So a digest reaches down to the recordings. Snakemake compares it, a parameter of every job, with the one that it
recorded with the job's outputs; it never looks behind a file that exists. Without the digest a table would count as
current once a job between it and a change had failed, because Snakemake removes that job's outputs and does not miss
them. Runs and evaluations hold their digest themselves, for those who read them without Snakemake.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import cached_property, wraps
from pathlib import Path
from typing import Any, TypeVar, cast

from ser.errors import InputError
from ser.files import ROOT
from ser.plan.code import code_digest, code_of
from ser.plan.costs import device_of
from ser.plan.groups import Group, Plan
from ser.plan.origins import Origins
from ser.plan.places import Places
from ser.plan.shown import FOLD, shown, unheard
from ser.runs.given_files import given_digest
from ser.sealed import Order
from ser.splits.protocol import Protocol

Method = TypeVar("Method", bound=Callable[..., Any])


def _once(method: Method) -> Method:
    """A method of `MadeFrom` whose answer is kept: many jobs ask for the same. Groups are known by their names."""

    @wraps(method)
    def once(self: "MadeFrom", *about: Any) -> Any:
        key = (method, *(arg.name if isinstance(arg, Group) else arg for arg in about))
        if key not in self._known:
            self._known[key] = method(self, *about)
        return self._known[key]

    return cast(Method, once)


class MadeFrom:
    """The orders of a plan's artifacts, with their digests (64 hex digits); `params` is the content of params.yaml."""

    def __init__(self, plan: Plan, params: Mapping[str, Any], origins: Origins) -> None:
        self._plan, self._params, self._origins = plan, params, origins
        self._places = Places.of(params["scale"])
        self._known: dict[tuple[Any, ...], Any] = {}

    @_once
    def release(self, corpus: str) -> Order:
        """Of a demo corpus's release tree."""
        code = self.code("demo_corpus", f"ser.corpora.demo.{corpus}")
        return self._order("release", corpus, code, {}, seed=self._params["demo_seed"])

    @_once
    def checkpoint(self, encoder: str) -> Order:
        """Of a checkpoint; one from outside has the digest of its content."""
        if not self._origins.is_made_here(encoder):
            return Order(self._origins.weights(encoder))
        return self._order("checkpoint", encoder, self.code("demo_encoder"), {}, seed=self._params["demo_seed"])

    @_once
    def manifest(self, corpus: str) -> Order:
        """Of a corpus's manifest and the report on it."""
        entry = self._origins.corpus(corpus)
        code = self.code("manifest", *([] if "manifest" in entry else [f"ser.corpora.{corpus}"]))
        if self._origins.is_demo:
            inputs, recordings = {"release": (self._places.listing(corpus), self.release(corpus))}, ""
        else:
            inputs, recordings = {}, self._origins.recordings(corpus)
        on_unreadable = entry.get("on_unreadable", "stop")
        named = {"columns": dict(entry["columns"])} if entry.get("columns") else {}
        return self._order(
            "manifest", corpus, code, inputs, recordings=recordings, on_unreadable=on_unreadable, **named
        )

    @_once
    def audio(self, corpus: str) -> Order:
        """Of a corpus's audio store."""
        return self._order("audio", corpus, self.code("audio"), self._manifest(corpus), cpu=self._cpu)

    def feature(self, corpus: str, spec: Mapping[str, Any]) -> Order:
        """Of a feature store."""
        if spec["kind"] == "audio":
            return self.audio(corpus)
        code = self.code("features", f"ser.features.kinds.{spec['kind']}")
        inputs = {"audio": (self._places.audio(corpus), self.audio(corpus))}
        if "encoder" in spec:
            inputs["encoder"] = self._origins.description(spec["encoder"]), self.checkpoint(spec["encoder"])
        return self._order("feature", corpus, code, inputs, spec=dict(spec), cpu=self._cpu)

    def split(self, protocol: Protocol, selection: str, seed: int | None) -> Order:
        """Of the split that a protocol makes under a selection rule; `seed`: of its draw, if it has one."""
        inputs = self._manifest(protocol.corpus)
        return self._order("split", selection, self.code("splits"), inputs, protocol=protocol.mapping, seed=seed)

    @_once
    def runs(self, group: Group, seed: int) -> Order:
        """Of a group's runs of one seed, all folds."""
        of_group = self._runs(group, group.split(seed))
        parts = {"of": of_group.made_from, "compute": self._compute(group.system), "scores_epochs": group.scores_epochs}
        inputs = dict(of_group.inputs)
        if group.reported:
            folder, order = self._given(group, seed)
            parts["given"] = inputs[folder] = order.made_from
        return replace(of_group, made_from=self._digest("runs", str(seed), **parts), inputs=inputs)

    def seeds(self, group: Group) -> dict[int, str]:
        """Of all runs of a group: seed -> digest."""
        return {seed: self.runs(group, seed).made_from for seed in group.seeds}

    @_once
    def evaluation(self, group: Group) -> Order:
        """Of a group's evaluation."""
        inputs = {f"split {name}": self._split(group, name) for name in group.splits}
        return self._order("evaluation", group.name, self.code("evaluate"), inputs, runs=self.seeds(group))

    def examples(self) -> Order:
        """Of the examples of what systems attend to."""
        groups, models_kept = shown(self._plan, self._params), self._params["compute"]["keep_models"]
        kinds = {spec["kind"] for group in groups for spec in group.features.values()} - {"audio"}
        modules = [*(f"ser.systems.{g.system}" for g in groups), *(f"ser.features.kinds.{k}" for k in sorted(kinds))]
        inputs: dict[str, tuple[str, Order]] = {}
        for group in groups:
            run = self._places.metrics(group.name, group.seeds[0], FOLD)
            inputs[f"run {group.name}"] = run, self.runs(group, group.seeds[0])
            inputs[f"audio {group.corpus}"] = self._places.audio(group.corpus), self.audio(group.corpus)
        without = unheard(self._plan, self._params)
        code = self.code("examples", *modules)
        return self._order("examples", "", code, inputs, without=without, models_kept=models_kept)

    def orders(self) -> dict[str, Order]:
        """Of all that the table rests on: describing file -> order."""
        found: dict[str, Order] = {}
        for group in self._plan.live:
            places, origins = self._places, self._origins
            if origins.is_demo:
                found[places.listing(group.corpus)] = self.release(group.corpus)
            found[places.manifest(group.corpus, ".json")] = self.manifest(group.corpus)
            found |= dict(self._split(group, name) for name in group.splits)
            for name, spec in group.features.items():
                if spec["kind"] != "audio" and "encoder" in spec:
                    found[origins.description(spec["encoder"])] = self.checkpoint(spec["encoder"])
                found[places.audio(group.corpus)] = self.audio(group.corpus)
                found[group.stores(places)[name]] = self.feature(group.corpus, spec)
            for encoder in group.encoders.values():
                found[origins.description(encoder)] = self.checkpoint(encoder)
            if group.reported:
                found |= dict(self._given(group, seed) for seed in group.seeds)
            for seed, fold in group.runs:
                found[places.metrics(group.name, seed, fold)] = self.runs(group, seed)
            found[places.evaluation(group.name)] = self.evaluation(group)
        return found

    def result(self, script: str) -> str:
        """Of what `script` makes from all evaluations and the experiment files."""
        return self._digest(
            "result",
            script,
            code=self.code(script),
            experiments=self._experiments,
            evaluations={group.name: self.evaluation(group).made_from for group in self._plan.live},
        )

    def check_result(self, script: str, made_from: str) -> None:
        """Raises InputError if `result` is no longer what it was when the build started."""
        if made_from and made_from != self.result(script):
            raise InputError("experiments, code or recordings have changed since this build started: start it again")

    @_once
    def code(self, script: str, *modules: str) -> str:
        """The digest of the code that a script runs, of the modules that it imports by name, and of the parts of pages
        that are beside these.
        """
        files = code_of(f"workflow_scripts/{script}.py", *modules)
        return code_digest([*files, *pages_beside(files)])

    @_once
    def _runs(self, group: Group, split: str) -> Order:
        """What the runs of all seeds that have this split are made from."""
        stores, encoders = group.stores(self._places), self._origins.description
        inputs = {
            "split": self._split(group, split),
            **{f"feature {n}": (stores[n], self.feature(group.corpus, s)) for n, s in group.features.items()},
            **{f"encoder {n}": (encoders(e), self.checkpoint(e)) for n, e in group.encoders.items()},
        }
        code = self.code("train", f"ser.systems.{group.system}")
        settings = {"system": group.system, "settings": dict(group.settings)}
        return self._order("group", group.name, code, inputs, **settings)

    def _given(self, group: Group, seed: int) -> tuple[str, Order]:
        folder = self._places.given(group.name, seed)
        return folder, Order(given_digest(Path(folder)))

    def _manifest(self, corpus: str) -> dict[str, tuple[str, Order]]:
        return {"manifest": (self._places.manifest(corpus, ".json"), self.manifest(corpus))}

    @_once
    def _split(self, group: Group, name: str) -> tuple[str, Order]:
        return self._places.split(name), self.split(group.protocol, group.selection, group.splits[name])

    @cached_property
    def _experiments(self) -> dict[str, str]:
        return {name: _text(f"experiments/{name}.yaml") for name in self._plan.experiments}

    def _compute(self, system: str) -> dict[str, Any]:
        """The entries of params.yaml that may change the last bits of a system's runs."""
        compute = self._params["compute"]
        return {"device": device_of(system, compute["device"]), "threads": compute["threads"], "cpu": self._cpu}

    @property
    def _cpu(self) -> str:
        """The same of what is computed on a CPU before the runs."""
        return str(self._params["compute"]["cpu"])

    def _order(self, kind: str, name: str, code: str, inputs: Mapping[str, tuple[str, Order]], **parts: Any) -> Order:
        """`inputs`: role -> (describing file, order); where the files are does not count."""
        digests = {role: order.made_from for role, (_, order) in inputs.items()}
        digest = self._digest(kind, name, code=code, inputs=digests, **parts)
        return Order(digest, code, {path: order.made_from for path, order in inputs.values()})

    def _digest(self, kind: str, name: str, **parts: Any) -> str:
        return hashlib.sha256(json.dumps([kind, name, parts], sort_keys=True).encode()).hexdigest()


def pages_beside(code: Iterable[str]) -> list[str]:
    """The HTML, CSS and JavaScript that packages keep beside their code (paths relative to the project)."""
    folders = {ROOT / Path(file).parent for file in code}
    found = (path for folder in folders for path in folder.iterdir() if path.suffix in (".css", ".html", ".js"))
    return sorted(str(path.relative_to(ROOT)) for path in found)


def _text(path: str) -> str:
    return Path(path).read_text(encoding="utf-8")
