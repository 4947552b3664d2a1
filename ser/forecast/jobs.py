"""The jobs of a plan: what each writes, where it logs, and which runs it makes. The rules (rules/*.smk) start them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ser.features.spec import feature_name
from ser.plan.groups import Group, Plan
from ser.plan.jobs import rule_by_group
from ser.plan.origins import Origins
from ser.plan.places import Places
from ser.plan.shown import attending

Run = tuple[Group, int, int]  # with its seed and fold


@dataclass(frozen=True)
class Job:
    """`rule` and `name` say where its log and benchmark are; `outputs` are files that it leaves.

    `groups` are the names of those that need it. `runs` are those that it makes, if it trains; `spec` is the feature
    that it computes, if it does.
    """

    rule: str
    name: str
    corpus: str
    outputs: tuple[str, ...]
    groups: frozenset[str]
    runs: tuple[Run, ...] = ()
    spec: Any = field(default=None, compare=False)

    @property
    def title(self) -> str:
        """The job for a reader."""
        return f"{self.rule} {self.name}".strip()

    @property
    def is_there(self) -> bool:
        """Whether all its outputs are."""
        return all(Path(output).is_file() for output in self.outputs)


def jobs_of(plan: Plan, places: Places, origins: Origins) -> list[Job]:
    """All jobs behind the evaluations of the groups that are computed, and the report's examples."""
    groups = list(plan.live)
    return [
        *_of_corpora(groups, places, origins),
        *_of_encoders(groups, origins),
        *_of_features(groups, places),
        *_of_splits(groups, places),
        *training_jobs(plan, places),
        *(
            Job("evaluate", group.name, group.corpus, (places.evaluation(group.name),), frozenset([group.name]))
            for group in groups
        ),
        Job("examples", "", "", (places.examples,), _names(attending(plan))),
    ]


def training_jobs(plan: Plan, places: Places) -> list[Job]:
    """Those that train, in the order of their groups."""
    rules, runs = rule_by_group(plan), dict[str, list[Run]]()
    for group in plan.live:
        for seed, fold in group.runs:
            name = rules[group.name].job.format(group=group.name, seed=seed, fold=fold)
            runs.setdefault(name, []).append((group, seed, fold))
    return [
        Job(
            "train",
            name,
            of[0][0].corpus,
            tuple(places.metrics(group.name, seed, fold) for group, seed, fold in of),
            frozenset(group.name for group, _, _ in of),
            tuple(of),
        )
        for name, of in runs.items()
    ]


def _of_corpora(groups: Iterable[Group], places: Places, origins: Origins) -> Iterator[Job]:
    for corpus, of in _by(groups, lambda group: [group.corpus]).items():
        names = _names(of)
        if origins.is_demo:
            yield Job("demo_corpus", corpus, corpus, (places.listing(corpus),), names)
        yield Job("manifest", corpus, corpus, (places.manifest(corpus), places.manifest(corpus, ".json")), names)
        reading = frozenset(group.name for group in of if group.features)
        if reading:
            yield Job("audio", corpus, corpus, (places.audio(corpus),), reading, spec={"kind": "audio"})


def _of_encoders(groups: Iterable[Group], origins: Origins) -> Iterator[Job]:
    for encoder, of in _by(groups, lambda group: group.checkpoints).items():
        if origins.is_made_here(encoder):
            yield Job("demo_encoder", encoder, "", tuple(origins.encoder_files(encoder)), _names(of))


def _of_features(groups: Iterable[Group], places: Places) -> Iterator[Job]:
    found: dict[tuple[str, str], tuple[Any, list[Group]]] = {}
    for group in groups:
        for spec in group.features.values():
            if spec["kind"] != "audio":
                found.setdefault((group.corpus, feature_name(spec)), (spec, []))[1].append(group)
    for (corpus, name), (spec, of) in found.items():
        yield Job("features", f"{corpus}/{name}", corpus, (places.feature(corpus, name),), _names(of), spec=spec)


def _of_splits(groups: Iterable[Group], places: Places) -> Iterator[Job]:
    for name, of in _by(groups, lambda group: list(group.splits)).items():
        yield Job("splits", name, of[0].corpus, (places.split(name), places.split(name, ".csv")), _names(of))


def _by(groups: Iterable[Group], keys: Any) -> dict[str, list[Group]]:
    found: dict[str, list[Group]] = {}
    for group in groups:
        for key in dict.fromkeys(keys(group)):
            found.setdefault(key, []).append(group)
    return found


def _names(groups: Iterable[Group]) -> frozenset[str]:
    return frozenset(group.name for group in groups)
