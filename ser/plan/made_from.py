"""What each artifact is to be made from, as one digest: settings, code, and the digests of what it is made from.

So a digest reaches down to the recordings. Snakemake compares it, a parameter of every job, with the one that it
recorded with the job's outputs; it never looks behind a file that exists. Without the digest a table would count as
current once a job between it and a change had failed, because Snakemake removes that job's outputs and does not miss
them. Runs and evaluations hold their digest themselves, for those who read them without Snakemake.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from ser.errors import InputError
from ser.features.spec import feature_name
from ser.plan.code import code_digest, code_of
from ser.plan.groups import Group, Plan
from ser.plan.origins import Origins
from ser.splits.protocol import Protocol


class MadeFrom:
    """The digests (64 hex digits) of a plan's artifacts; `params` is the content of params.yaml."""

    def __init__(self, plan: Plan, params: Mapping[str, Any], origins: Origins) -> None:
        self._plan, self._params, self._origins = plan, params, origins
        self._known: dict[tuple[str, ...], str] = {}

    def release(self, corpus: str) -> str:
        """Of a demo corpus's release tree."""
        code = self.code("demo_corpus", f"ser.corpora.demo.{corpus}")
        return self._digest("release", corpus, code=code, seed=self._params["demo_seed"])

    def checkpoint(self, encoder: str) -> str:
        """Of a checkpoint; one from outside has that of its content."""
        if not self._origins.is_made_here(encoder):
            return self._once("weights", encoder, lambda: self._origins.weights(encoder))
        return self._digest("checkpoint", encoder, code=self.code("demo_encoder"), seed=self._params["demo_seed"])

    def manifest(self, corpus: str) -> str:
        """Of a corpus's manifest and the report on it."""
        entry = self._origins.corpus(corpus)
        loader = [] if "manifest" in entry else [f"ser.corpora.{corpus}"]
        return self._once(
            "manifest",
            corpus,
            lambda: self._digest(
                "manifest",
                corpus,
                code=self.code("manifest", *loader),
                recordings=self.release(corpus) if self._origins.is_demo else self._origins.recordings(corpus),
                on_unreadable=entry.get("on_unreadable", "stop"),
            ),
        )

    def audio(self, corpus: str) -> str:
        """Of a corpus's audio store."""
        return self._digest("audio", corpus, code=self.code("audio"), manifest=self.manifest(corpus))

    def feature(self, corpus: str, spec: Mapping[str, Any]) -> str:
        """Of a feature store."""
        if spec["kind"] == "audio":
            return self.audio(corpus)
        return self._once(
            "feature",
            f"{corpus}/{feature_name(spec)}",
            lambda: self._digest(
                "feature",
                corpus,
                code=self.code("features", f"ser.features.kinds.{spec['kind']}"),
                spec=dict(spec),
                audio=self.audio(corpus),
                encoder=self.checkpoint(spec["encoder"]) if "encoder" in spec else "",
            ),
        )

    def split(self, protocol: Protocol, selection: str) -> str:
        """Of the split that a protocol makes under a selection rule."""
        made = {"protocol": protocol.mapping, "manifest": self.manifest(protocol.corpus)}
        return self._digest("split", selection, code=self.code("splits"), **made)

    def runs(self, group: Group, seed: int) -> str:
        """Of a group's runs of one seed, all folds."""
        return self._digest("runs", str(seed), of=self._runs(group), compute=self._device)

    def seeds(self, group: Group) -> dict[int, str]:
        """Of all runs of a group: seed -> digest."""
        return {seed: self.runs(group, seed) for seed in group.seeds}

    def evaluation(self, group: Group) -> str:
        """Of a group's evaluation."""
        return self._digest("evaluation", group.name, code=self.code("evaluate"), runs=self.seeds(group))

    def result(self, script: str) -> str:
        """Of what `script` makes from all evaluations and the experiment files."""
        return self._digest(
            "result",
            script,
            code=self.code(script),
            experiments={name: _text(f"experiments/{name}.yaml") for name in self._plan.experiments},
            evaluations={group.name: self.evaluation(group) for group in self._plan.live},
        )

    def check_result(self, script: str, made_from: str) -> None:
        """Raises InputError if `result` is no longer what it was when the build started."""
        if made_from and made_from != self.result(script):
            raise InputError("experiments, code or recordings have changed since this build started: start it again")

    def code(self, script: str, *modules: str) -> str:
        """The digest of the code that a script runs, and of the modules that it imports by name."""
        files = code_of(f"workflow_scripts/{script}.py", *modules)
        return self._once("code", f"{script} {modules}", lambda: code_digest(files))

    def _runs(self, group: Group) -> str:
        return self._once(
            "group",
            group.name,
            lambda: self._digest(
                "group",
                group.name,
                code=self.code("train", f"ser.systems.{group.system}"),
                system=group.system,
                settings=dict(group.settings),
                split=self.split(group.protocol, group.selection),
                features={name: self.feature(group.corpus, spec) for name, spec in group.features.items()},
                encoders={name: self.checkpoint(encoder) for name, encoder in group.encoders.items()},
            ),
        )

    @cached_property
    def _device(self) -> dict[str, Any]:
        """The entries of params.yaml that may change a run's last bits."""
        return {name: self._params["compute"][name] for name in ("device", "threads")}

    def _digest(self, kind: str, name: str, **parts: Any) -> str:
        return hashlib.sha256(json.dumps([kind, name, parts], sort_keys=True).encode()).hexdigest()

    def _once(self, kind: str, name: str, make: Callable[[], str]) -> str:
        if (kind, name) not in self._known:
            self._known[kind, name] = make()
        return self._known[kind, name]


def _text(path: str) -> str:
    return Path(path).read_text(encoding="utf-8")
