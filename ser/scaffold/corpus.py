"""`ser init corpus`: a manifest, the entries of params.local.yaml, and an experiment file, for recordings of one's own.

The protocol is one that these recordings allow, and it is tried on them before it is written: speakers apart where
there are three or more, official parts where the table has them. What test shares with training is declared as found.
"""

import csv
import importlib
import io
import json
import shlex
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from ser.errors import InputError, listed
from ser.files import words
from ser.manifests.reading import COPY
from ser.manifests.tree import scan
from ser.manifests.user_manifest import linked_out
from ser.manifests.utterance import COLUMNS, Utterance
from ser.outputs import write_text
from ser.plan.load import read_params
from ser.plan.validation import OWN
from ser.scaffold.entries import changed, with_entry
from ser.scaffold.layout import NEEDED, SUFFIXES, Guess, look
from ser.scaffold.system import check_name
from ser.splits.make import make_split
from ser.splits.protocol import LEAKS, Protocol

_LEFT_OUT = ("other", "no_agreement")  # no class of their own
_ONE_BY_ONE = 12  # speakers: with more, folds test several


@dataclass
class Written:
    """`files` were written; `lines` say what was guessed; `open` what could not be, and what to do about it; `changes`,
    as diff has it, what was added to params.local.yaml where it was there. `again`: the command for a first field
    that is not used, "" where all are.
    """

    files: list[Path]
    lines: list[str]
    open: list[str] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)
    again: str = ""


def init_corpus(
    source: Path,
    name: str,
    said: Mapping[str, str] | None = None,
    root: Path = Path(),
    *,
    recordings: Path | None = None,
) -> Written:
    """Look at `source` (with what is `said` of its fields and its `recordings`, as `look` takes it) and write
    external/<name>.csv, experiments/<name>.yaml, and params.local.yaml or what is not in it yet.

    Raises InputError for a name that is taken, where there is nothing to see, for links that lead elsewhere, and for a
    params.local.yaml that cannot be added to; then nothing is written.
    """
    check_name(name)
    if name in words("corpora"):
        raise InputError(
            f"{name}: ser/corpora/{name}.py reads this corpus's release tree: choose another name for yours"
        )
    manifest, experiment = root / "external" / f"{name}.csv", root / "experiments" / f"{name}.yaml"
    if there := [path for path in (manifest, experiment) if path.exists()]:
        remove = shlex.join(["rm", *map(str, there)])
        raise InputError(f"{listed(there)}: there already: choose another name with --name, or remove first: {remove}")
    if not experiment.parent.is_dir():
        raise InputError(f"{root.resolve()}: no experiments here: go to the folder of the project")
    guess = look(source, said, recordings)
    if outside := linked_out(guess.root, [path for row in guess.rows if (path := row["path"])]):
        which = f"{len(outside):,} recordings are outside it, behind links: {listed(outside, 3)}"
        first = (guess.root / outside[0]).resolve().parent
        raise InputError(f"{guess.root}: {which} (the first is in {first}): {COPY}")
    protocol, doubts = _protocol(name, guess)
    doubts = [*guess.open, *doubts]
    own, before = (root / OWN).resolve(), ""
    if own.exists():
        before = own.read_bytes().decode(errors="replace")  # as it is, with its line ends
        entries, remarks = _added(name, guess, before, root)
    else:
        entries, remarks = _entries(name, guess), []
    write_text(manifest, _manifest(guess))
    write_text(experiment, _experiment(name, protocol, doubts))
    if entries != before:
        write_text(own, entries)
    lines = [f"{column}: {why}" for column, why in guess.found.items()]
    files = [manifest, experiment, *([] if before else [root / OWN])]
    changes = changed(before, entries, OWN) if before else []
    return Written(files, lines, [*doubts, *remarks], changes, _again(source, name, said or {}, guess, files[:2]))


def release_in(folder: Path) -> str:
    """The corpus whose release tree a folder holds, "" for none: its loader reads most recordings and knows who speaks.

    A layout alone may be anyone's: <speaker>/<emotion>/<number>.wav is not only CASIA's.
    """
    if not folder.is_dir():
        return ""
    n_files = sum(path.lower().endswith(SUFFIXES) for path in scan(folder))
    for corpus in words("corpora"):
        loader = importlib.import_module(f"ser.corpora.{corpus}")
        try:
            read = loader.read_release(folder).utterances
        except InputError:
            continue
        tables = [table for release in loader.PUBLISHED for table in release.tables if table.column == "speaker"]
        known = {speaker for table in tables for speaker in table.counts}
        is_theirs = not known or {utterance.speaker for utterance in read} <= known
        if is_theirs and len({utterance.path for utterance in read}) > n_files / 2:
            return corpus
    return ""


def _again(source: Path, name: str, said: Mapping[str, str], guess: Guess, files: Sequence[Path]) -> str:
    column = next((column for column in ("speaker", "emotion", "sentence", "session") if column not in guess.found), "")
    if not (guess.unused and column):
        return ""
    options = {"name": name, **said, column: guess.unused[0]}
    words = [word for option, value in options.items() for word in (f"--{option}", value)]
    remove, again = shlex.join(["rm", *map(str, files)]), shlex.join(["ser", "init", "corpus", str(source), *words])
    return f"if {guess.unused[0]} is the {column}: {remove} && {again}"


def _manifest(guess: Guess) -> str:
    columns = [name for name in COLUMNS if name in NEEDED or guess.values(name)]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(guess.rows)
    return text.getvalue()


def _entry(name: str, guess: Guess) -> dict[str, str]:
    return {"root": str(guess.root.resolve()), "manifest": f"external/{name}.csv", "on_unreadable": "stop"}


def _entries(name: str, guess: Guess) -> str:
    return (
        "# Written by `ser init corpus`: overrides params.yaml key by key on this machine.\n"
        "scale: free\n"
        "corpora:\n"
        f"  {name}: {json.dumps(_entry(name, guess), ensure_ascii=False)} # exclude: go on without unreadable files\n"
        f"experiments: {{{name}: all}} # first only these; remove this line for everything that the project has\n"
    )


def _added(name: str, guess: Guess, text: str, root: Path) -> tuple[str, list[str]]:
    """The text of params.local.yaml with what it lacks, and what is to be said about what it has."""
    params, remarks = read_params(root), []
    corpora = params.get("corpora")
    if isinstance(corpora, dict) and name in corpora:
        if corpora[name] != _entry(name, guess):  # else: they are of a first try
            remarks.append(f"corpora.{name} is there already, and stays as it is: external/{name}.csv is new")
    else:
        text = with_entry(text, "corpora", name, _entry(name, guess), OWN)
    if isinstance(params.get("experiments"), dict):
        if name not in params["experiments"]:
            text = with_entry(text, "experiments", name, "all", OWN)
    else:
        remarks.append(f"all experiments are planned: experiments: {{{name}: all}} in {OWN} leaves only these")
    if params.get("scale") == "demo":
        if "scale" in (yaml.safe_load(text) or {}):
            remarks.append(f"{OWN} has scale: demo, whose corpora are synthetic: scale: free computes yours")
        else:
            text = with_entry(text, "", "scale", "free", OWN)
    return text, remarks


def _protocol(name: str, guess: Guess) -> tuple[dict[str, Any], list[str]]:
    """The protocol's entries, and what is doubtful about it."""
    emotions = [emotion for emotion in guess.values("emotion") if emotion not in _LEFT_OUT]
    doubts = []
    if len(emotions) < 2:
        doubts.append(f"labels: {len(emotions)} emotions are known: write the classes once column emotion is filled in")
        emotions = ["angry", "neutral"]
    folds, dev = _folds(guess)
    fields: dict[str, Any] = {
        "corpus": name,
        "labels": {_word(emotion): [emotion] for emotion in emotions},
        "subset": "all",
        "folds": folds,
        "dev": dev,
        "aggregation": "pooled",
        "leaks": [],
    }
    if folds["kind"] == "random_k_fold":
        doubts.append("folds are random: without three speakers by name, test cannot be kept apart from training")
    if not all(row.get("speaker") and row.get("emotion") for row in guess.rows):
        return fields, [*doubts, "the protocol was not tried: complete the manifest, then run ser splits"]
    try:
        declared = Protocol.from_mapping({**fields, "leaks": LEAKS})
        fields["leaks"] = sorted(make_split(declared, "clean", list(_utterances(guess))).leaks)
    except InputError as error:
        doubts.append(f"the protocol does not fit these recordings yet: {error}")
    return fields, doubts


def _folds(guess: Guess) -> tuple[dict[str, Any], dict[str, Any]]:
    parts = {part.lower(): part for part in guess.values("partition")}
    dev = next((parts[word] for word in ("dev", "valid", "val", "validation", "development") if word in parts), "")
    if {"train", "test"} <= parts.keys() and dev:
        return {"kind": "official", "train": [parts["train"]], "dev": [dev], "test": [parts["test"]]}, {
            "kind": "official"
        }
    n = len(guess.values("speaker"))
    if n < 3:
        return {"kind": "random_k_fold", "number": 5, "seed": 1}, {"kind": "random", "fraction": 0.2, "seed": 1}
    if n <= _ONE_BY_ONE:
        return {"kind": "leave_one_out", "group": "speaker", "number": n}, {"kind": "next_group"}
    return {"kind": "group_k_fold", "group": "speaker", "number": 5, "seed": 1}, {"kind": "next_group"}


def _utterances(guess: Guess) -> Iterator[Utterance]:
    texts = {"speaker", "emotion", "session", "sentence", "gender", "partition"}
    for number, row in enumerate(guess.rows):
        columns: dict[str, Any] = {name: text for name, text in row.items() if name in texts}
        yield Utterance(f"{number}", row["path"], sha256=f"{number}", num_samples=1, sample_rate=1, **columns)


def _key(word: str) -> str:
    """A class as a key: quoted where YAML would read something else, such as `no`."""
    return word if yaml.safe_load(word) == word else json.dumps(word, ensure_ascii=False)


def _word(text: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in text.lower()) or "_"


def _experiment(name: str, protocol: dict[str, Any], doubts: list[str]) -> str:
    labels = [f"      {_key(key)}: {json.dumps(of, ensure_ascii=False)}" for key, of in protocol["labels"].items()]
    checks = "\n".join(
        textwrap.fill(line, 118, initial_indent="# - ", subsequent_indent="#   ", break_long_words=False)
        for line in doubts
    )
    leaks = f"{listed(protocol['leaks'])}: found in these recordings" if protocol["leaks"] else "nothing is shared"
    return f"""\
# Written by `ser init corpus`: complete, but guessed. What each key means: the first lines of ser/splits/protocol.py.
# To check: are the classes, the speakers and the folds what you mean? In external/{name}.csv and here:
{checks or "# - everything that is needed was found; read it once all the same"}

title: My corpus {name}
reference: Nowhere yet. Where the recordings are from.

protocols:
  {name}:
    corpus: {name}
    labels: # class: the words of column emotion that it is made of
{chr(10).join(labels)}
    subset: all
    folds: {json.dumps(protocol["folds"])}
    dev: {json.dumps(protocol["dev"])} # what chooses the epoch
    aggregation: pooled
    # what test shares with training ({leaks}); anything else stops the build
    leaks: {json.dumps(protocol["leaks"])}
    selections: [clean]
    source: chosen

rows:
  majority: # what guessing gives
    title: Most frequent class
    source: chosen
    from: fair/majority
    one_job_per: seed
    deterministic: true
  functionals_svm: # minutes without a GPU
    title: Functionals and a support vector machine
    source: chosen
    from: fair/functionals_svm
    one_job_per: seed
    deterministic: true
  # A network: `ser status --experiment {name}` says what it costs before you start it.
  # light_sernet: {{title: Light-SERNet, source: chosen, from: light_sernet/ce_3s}}

claims: []
"""
