"""A split for other tools: made from the manifest as the workflow makes it, and written as the files that a tool reads.

A format is a file of `formats/` with `refused(export) -> str`, why it cannot say this split ("": it can);
`files(export) -> Iterator[(path, text)]`, relative to the folder that is written; and `words(export) -> Iterator[str]`,
what its user must know. Torch is not needed, and no tool is imported.
"""

import importlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ser.errors import InputError, listed
from ser.files import atomic_folder
from ser.manifests.build import build_manifest
from ser.manifests.utterance import Utterance, read_manifest
from ser.outputs import json_text
from ser.plan.corpora import corpora_of_scale
from ser.plan.expand import Expansion
from ser.plan.experiments import Experiment, check_names, read_experiments
from ser.plan.project import Project
from ser.sealed import read_sealed
from ser.splits.make import make_split
from ser.splits.protocol import Protocol
from ser.splits.split import PARTS, Split

DESCRIPTION = "ser.json"  # beside a format's own files: which split they are


@dataclass(frozen=True)
class Export:
    """A split under the name `<experiment>/<protocol>/<selection>`, with its utterances in the split's order."""

    name: str
    protocol: Protocol
    split: Split
    utterances: Sequence[Utterance]

    @property
    def corpus(self) -> str:
        """The corpus."""
        return self.split.corpus

    @property
    def folds(self) -> range:
        """The folds, counted from 1."""
        return range(1, self.split.n_folds + 1)

    @property
    def has_dev(self) -> bool:
        """Whether each fold has a dev part that is not its test part."""
        return bool((self.split.parts == PARTS.index("dev")).any(axis=0).all())

    @property
    def has_segments(self) -> bool:
        """Whether some utterances are stretches of files."""
        return any(row.start is not None or row.end is not None for row in self.utterances)

    def rows(self, fold: int, *parts: str) -> list[int]:
        """The rows of `parts` in a fold, in order; dev is empty where it is the test part."""
        codes = [PARTS.index(part) for part in parts]
        found: list[int] = np.flatnonzero(np.isin(self.split.parts[:, fold - 1], codes)).tolist()
        return found

    def label(self, row: int) -> str:
        """The class of an utterance."""
        return self.split.labels[int(self.split.targets[row])]

    @property
    def facts(self) -> dict[str, Any]:
        """What `DESCRIPTION` holds: which split this is, and what a reader of its numbers should know."""
        split = self.split
        return {
            "protocol": self.name,
            "definition": self.protocol.mapping,
            "protocol_hash": split.protocol_hash,
            "data_hash": split.data_hash,
            "corpus": split.corpus,
            "labels": split.labels,
            "utterances": len(split.utterances),
            "folds": split.n_folds,
            "seed": split.seed,
            "test_shares": {kind: found["number"] for kind, found in split.leaks.items()},
            "left_out": split.left_out,
            "notes": split.notes,
        }


def make_export(project: Project, name: str, seed: int | None = None, say: Callable[[str], None] = print) -> Export:
    """The split of `<experiment>/<protocol>[/<selection>]` (without a selection rule: clean where there is one) for the
    recordings that params.yaml names; `seed`: whose dev part, where each seed draws its own.

    Raises InputError for an unknown name, a corpus that params.yaml does not name, and as `make_split` does.
    """
    experiment, protocol_name, selection, experiments = _named(name)
    expansion = Expansion(project.params, experiments, Path())
    protocol = expansion.protocol(experiment, protocol_name)
    if protocol.is_drawn(selection) and seed is None:
        seeds = project.params["scales"][project.params["scale"]]["seeds"]
        raise InputError(f"{name}: each seed draws its own dev part: say which, e.g. --seed {seeds[0]}")
    utterances = {row.utterance: row for row in _utterances(project, protocol.corpus, say)}
    split = make_split(protocol, selection, list(utterances.values()), seed if protocol.is_drawn(selection) else None)
    rows = [utterances[utterance] for utterance in split.utterances]
    return Export(f"{experiment}/{protocol_name}/{selection}", protocol, split, rows)


def write_export(export: Export, to: str, directory: Path) -> list[str]:
    """Write the files of format `to` into the new folder `directory`; returns what its user must know.

    Raises InputError where the format cannot say the split, or the folder is there.
    """
    form = importlib.import_module(f"ser.exchange.formats.{to}")
    if refusal := form.refused(export):
        raise InputError(f"{export.name}: {to}: {refusal}")
    if directory.exists():
        raise InputError(f"{directory}: is there already: name a new folder with --output, or remove it")
    with atomic_folder(directory.absolute()) as folder:
        for path, text in [*form.files(export), (DESCRIPTION, json_text(export.facts))]:
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    return [*form.words(export), *_words_on_parts(export, to)]


def _words_on_parts(export: Export, to: str) -> Iterator[str]:
    """What three parts per fold do not say about official parts."""
    only_scored = int((export.split.parts == PARTS.index("reported")).any(axis=1).sum())
    if only_scored and to != "csv":
        yield f"{only_scored} utterances are scored besides the test part, and not used otherwise: only csv has them"
    if len(export.split.reported) > 1:
        named = listed(export.split.reported)
        yield f"numbers are reported for {named} apart: csv and hf name each utterance's part in column partition"


def json_lines(rows: Iterable[Mapping[str, Any]]) -> str:
    """One JSON object in each line."""
    return "".join(json.dumps(dict(row), ensure_ascii=False) + "\n" for row in rows)


def no_attributes(export: Export) -> str:
    """The refusal of a format for classes only."""
    named = "" if export.split.are_classes else listed(export.split.labels)
    return named and f"has classes, and this protocol has {named}: use csv or hf"


def no_segments(export: Export) -> str:
    """The refusal of a format that reads whole files."""
    return "reads whole files, and these utterances are stretches of files: use csv" if export.has_segments else ""


def _named(name: str) -> tuple[str, str, str, dict[str, Experiment]]:
    """Experiment, protocol, selection rule, and all experiments."""
    experiments = read_experiments(Path())
    words = name.split("/")
    if len(words) not in (2, 3):
        raise InputError(f"{name!r}: must be <experiment>/<protocol> or <experiment>/<protocol>/<selection>")
    check_names(words[:1], experiments, "experiments")
    protocols = experiments[words[0]]["protocols"]
    check_names(words[1:2], protocols, f"experiments/{words[0]}.yaml: protocols")
    selections = protocols[words[1]]["selections"]
    check_names(words[2:], selections, f"experiments/{words[0]}.yaml: protocols.{words[1]}.selections")
    selection = words[2] if words[2:] else "clean" if "clean" in selections else selections[0]
    return words[0], words[1], selection, experiments


def _utterances(project: Project, corpus: str, say: Callable[[str], None]) -> list[Utterance]:
    """From the build's manifest where that is of the recordings as they are now; otherwise they are all read."""
    params, places = project.params, project.places
    if corpus not in corpora_of_scale(params):
        raise InputError(
            f"params.yaml: corpus {corpus} is not part of scale {params['scale']}: name it under `corpora`, or choose "
            f"another scale"
        )
    is_demo = params["scale"] == "demo"
    if not is_demo and corpus not in params["corpora"]:
        raise InputError(f"corpora.{corpus}: no file names it: set its root in params.local.yaml")
    report = Path(places.manifest(corpus, ".json"))
    if report.is_file() and _is_current(project, corpus, report):
        return read_manifest(places.manifest(corpus))
    if is_demo:
        if not Path(places.listing(corpus)).is_file():
            made = f"snakemake --cores all -- {places.manifest(corpus)}"
            raise InputError(f"{places.release(corpus)}: the demo corpus is not written yet: {made}")
        return build_manifest(corpus, places.release(corpus))[0]
    entry = params["corpora"][corpus]
    say(f"reading all recordings of {corpus} at {entry['root']}")
    given = (entry.get("manifest"), entry.get("on_unreadable", "stop"), entry.get("columns"))
    return build_manifest(corpus, entry["root"], *given)[0]


def _is_current(project: Project, corpus: str, report: Path) -> bool:
    made_from: bool = read_sealed(report)["made_from"] == project.made_from.manifest(corpus).made_from
    return made_from


def default_folder(export: Export, to: str) -> Path:
    """Where the files go unless told: splits/<experiment>-<protocol>-<selection>[-seed<s>]-<format>."""
    seed = "" if export.split.seed is None else f"-seed{export.split.seed}"
    return Path("splits") / f"{export.name.replace('/', '-')}{seed}-{to}"
