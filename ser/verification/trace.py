"""`ser trace`: where one number of the table comes from, from its claim down to the recordings."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ser.errors import InputError
from ser.evaluations.names import rounded, unit_of
from ser.plan.code import uses_training_loop
from ser.plan.groups import Group, Plan
from ser.plan.made_from import MadeFrom
from ser.plan.places import TABLE, Places
from ser.results.lines import part_of, read_lines
from ser.sealed import described_file
from ser.splits.leaks import described
from ser.verification.artifacts import Artifact, check_artifacts
from ser.verification.chain import chain_of, of_kind, runs_behind

Section = tuple[str, list[str]]
_DIGITS = 12  # of a hash: enough to tell any two apart
_SELECTIONS = {
    "clean": "chosen on the dev part, held out of both training and test (clean)",
    "test_selected": "chosen on the test part itself, so that the number is too high (test_selected)",
    "last_epoch": "the last one (last_epoch)",
}
_AGGREGATIONS = {
    "pooled": "computed over the predictions of all folds together (pooled)",
    "fold_mean": "the mean of what each fold's predictions give (fold_mean)",
}
SCALES = {"demo": "synthetic speech and tiny encoders, made here: says nothing about a paper"}
SETTINGS = "Settings, and where each is from"
_SOURCES = "[paper] says so; [code] of its authors; [secondary]: others cite it; [chosen] by us; 0 and none: not used"


def find_cell(lines: Sequence[Mapping[str, str]], cell: str) -> tuple[int, Mapping[str, str]]:
    """The line of the table that `cell` names, and its number in the file, where the header is line 1.

    `cell` is such a number, or `<run group>:<metric>`, with `:<averaging>` and `:<part>` where several lines have it.
    Raises InputError where that is no line, or more than one.
    """
    if cell.isdecimal():
        if not 2 <= int(cell) <= len(lines) + 1:
            raise InputError(f"{TABLE}: has no line {cell}: lines 2 to {len(lines) + 1} are numbers")
        return int(cell), lines[int(cell) - 2]
    group, *words = cell.split(":")
    found = [
        (number, line)
        for number, line in enumerate(lines, 2)
        if line["run_group"] == group and {*words} <= {line["metric"], line["aggregation"], part_of(line)}
    ]
    if len(found) != 1:
        several = ", ".join(f"{n} ({line['metric']}, {line['aggregation']}, {line['folds']})" for n, line in found)
        names = list(dict.fromkeys(f"{line['run_group']}:{line['metric']}:{line['aggregation']}" for line in lines))
        near = [*difflib.get_close_matches(cell, names, 1), *names, ""][0]
        fix = f"name one by its line: {several}" if found else f"write it like {near}"
        raise InputError(f"{TABLE}: {len(found)} lines are {cell!r}: {fix}")
    return found[0]


def trace(plan: Plan, places: Places, made_from: MadeFrom, cell: str) -> list[Section]:
    """The sections, each a heading and its lines, about the number in `cell` (`find_cell`).

    Raises InputError if there is no table, no such cell, or nothing computed behind it.
    """
    try:
        lines = read_lines(Path(TABLE))
        number, line = find_cell(lines, cell)
    except FileNotFoundError:
        raise InputError(f"{TABLE}: no such file: build it first") from None
    group = next((group for group in plan.groups if group.name == line["run_group"]), None)
    if group is None:
        raise InputError(f"{TABLE}: line {number} is of {line['run_group']}, which is not planned: build again")
    about = [_number(plan, group, number, line), ("The claim", list(claimed(line, lines)))]
    if not line["value"]:
        return about
    chain = list(chain_of(Path(places.evaluation(group.name))))
    numbers = chain[0].facts["results"][part_of(line)][line["aggregation"]][line["metric"]]
    paths = {artifact.path for artifact in chain}
    orders = {path: order for path, order in made_from.orders().items() if Path(path) in paths}
    problems = check_artifacts(orders, models_kept=False).problems
    if rounded(numbers["value"], line["metric"]) != line["value"]:
        problems.append(f"{TABLE}: line {number}: the evaluation says {rounded(numbers['value'], line['metric'])}")
    return [
        *about,
        ("Computed from the predictions of these runs", list(_runs(chain, line))),
        *sections_behind(group, chain, [part_of(line)]),
        (
            "Are all files on this page as they were when the number was made?",
            problems or [f"yes, {len(chain)} artifacts and their files were compared; ser verify checks more"],
        ),
    ]


def sections_behind(group: Group, chain: Sequence[Artifact], parts: Sequence[str]) -> list[Section]:
    """What is behind every number of a group: its split (with the size of these official `parts`), input, recordings,
    settings and code. `chain`: `chain_of` its evaluation.
    """
    return [
        ("Split into train, dev and test", list(_splits(chain, parts))),
        ("Input: features and encoders", list(_given(chain, group))),
        ("Recordings", list(_recordings(chain))),
        (SETTINGS, _settings(group)),
        ("Code, software and machine", list(_code(of_kind(chain, "runs")))),
    ]


def chosen_by(group: Group, part: str) -> str:
    """What chose the epochs behind a number of an official part ("": of the test part). Only the part of a split is
    called dev part; the corpus's own of that name is the official part dev.
    """
    protocol, rule = group.protocol, group.selection
    if group.reported:
        return f"reported, not verified: given as {_SELECTIONS[rule]}"
    if not uses_training_loop(group.system):
        return f"none: the system does not train in epochs ({rule})"
    if rule == "clean" and protocol.is_drawn(rule):
        dev = protocol.dev
        return (
            f"chosen on the dev part: {dev.per_emotion} utterances of each emotion of the official part {dev.part}, "
            f"drawn for each seed; the others are tested (clean)"
        )
    if rule == "clean" and part in protocol.folds.dev:
        return f"chosen on the dev part, which is this same official part {part} (clean)"
    return _SELECTIONS[rule]


def claimed(line: Mapping[str, str], lines: Sequence[Mapping[str, str]]) -> Iterator[str]:
    """The claim about a line of the table; if there is none, those about other numbers of the same runs or, if there
    are none of these either, of the same row.
    """
    if line["claim"]:
        yield f"{line['claim']}{_unit(line)}, stated in {line['claim_source']}"
        if line["value"]:
            yield f"the number is {float(line['value']) - float(line['claim']):+.4g} from it"
        return
    yield f"none is known for this number: {_which(line)}"
    of_row = [
        (number, other)
        for number, other in enumerate(lines, 2)
        if other["claim"] and all(other[name] == line[name] for name in ("experiment", "row"))
    ]
    of_runs = [(number, other) for number, other in of_row if other["run_group"] == line["run_group"]]
    for number, other in of_runs or of_row:
        whose = "of the same runs" if of_runs else f"of {other['run_group']}"
        yield f"one is known {whose} for {_which(other)}: {other['claim']}{_unit(other)} (line {number})"


def _which(line: Mapping[str, str]) -> str:
    part = f" of the official part {part_of(line)}" if part_of(line) else ""
    return f"{line['metric']}{part}, {line['aggregation']}"


def _number(plan: Plan, group: Group, number: int, line: Mapping[str, str]) -> Section:
    experiment = plan.experiments[line["experiment"]]
    row = experiment["rows"][line["row"]]
    interval = f", 95 % interval {line['ci_low']} to {line['ci_high']} (other speakers)" if line["ci_low"] else ""
    deviation = f", standard deviation over seeds {line['seed_std']}" if line["seed_std"] else ""
    value = f"{line['value']}{_unit(line)}{interval}{deviation}" if line["value"] else "not computed"
    part = f"official part {part_of(line)}" if part_of(line) else "test part"
    what = f"{line['metric']} of the {part} = {value}"
    lines = [
        f"{what} (line {number} of {TABLE}, status {line['status']})",
        f"row {line['row']} of experiments/{line['experiment']}.yaml: {row['title']}",
        *([f"paper and code: {experiment['reference']}"] if experiment.get("reference") else []),
        f"corpus {line['corpus']} ({line['subset']} utterances); labels: {line['labels']}",
        f"folds: {line['folds']}; the number is {_AGGREGATIONS[line['aggregation']]}, then the mean over seeds",
        f"training epoch: {chosen_by(group, part_of(line))}",
        *([f"scale {line['scale']}: {SCALES[line['scale']]}"] if line["scale"] in SCALES else []),
    ]
    return "The number", [*lines, *(f"note: {note}" for note in line["note"].split("; ") if note)]


def _runs(chain: Sequence[Artifact], line: Mapping[str, str]) -> Iterator[str]:
    evaluation, facts = chain[0], of_kind(chain, "runs")[0].facts["facts"]
    yield f"{evaluation.path}  seal {evaluation.seal[:_DIGITS]}"
    counts = ", ".join(f"{what} {line[f'n_{what}']}" for what in ("seeds", "folds", "utterances", "speakers"))
    if given := facts.get("reported"):
        yield f"{counts}; nothing was trained here, and nothing of the training verified"
        yield f"reported: made by {given['made_by']} with {given['code']}"
        for artifact in of_kind(chain, "given"):
            yield f"read from {artifact.path}  {artifact.seal[:_DIGITS]}"
    else:
        yield f"{counts}; a run is one training, tested on one fold"
    for run in runs_behind(chain):
        value = run.metrics[part_of(line)][line["metric"]]
        chosen = f", epoch {run.epoch} of {run.epochs}" if run.epochs else ""
        said = "undefined" if value is None else f"{rounded(value, line['metric'])}{_unit(line)}"
        yield f"seed {run.seed} fold {run.fold}: {said}{chosen}  {run.predictions}  {run.sha256[:_DIGITS]}"


def _splits(chain: Sequence[Artifact], parts: Sequence[str]) -> Iterator[str]:
    for artifact in of_kind(chain, "splits"):
        facts = artifact.facts
        yield f"{described_file(artifact.path, facts, facts['csv'])}  seal {artifact.seal[:_DIGITS]}"
        yield f"{facts['n_utterances']} utterances of {facts['n_speakers']} speakers in {facts['n_folds']} folds"
        sizes = ", ".join(
            "/".join(str(fold[part]["utterances"]) for part in ("train", "dev", "test")) for fold in facts["counts"]
        )
        same = " (dev is the test part)" if facts["selection"] == "test_selected" else ""
        yield f"utterances per fold, train/dev/test{same}: {sizes}"
        for part in filter(None, parts):
            yield f"of the official part {part}, {facts['counts_reported'][part]['utterances']} utterances are scored"
        yield f"hash of the protocol {facts['protocol_hash']}, of utterances, labels and parts {facts['data_hash']}"
        for leak, found in facts["leaks_found"].items():
            yield f"over all folds, test shares {found['number']} {described([leak])}; the protocol declares it"


def _given(chain: Sequence[Artifact], group: Group) -> Iterator[str]:
    for name, spec in group.features.items():
        told = ", ".join(f"{key} {value}" for key, value in spec.items() if key != "kind")
        yield f"{name}: {spec['kind']}{told and f' ({told})'} [{group.sources[name]}]"
    for artifact in [*of_kind(chain, "features"), *of_kind(chain, "audio")]:
        yield f"{artifact.path}  seal {artifact.seal[:_DIGITS]}, holds {artifact.facts['utterances']} utterances"
    for artifact in [*of_kind(chain, "encoders"), *of_kind(chain, "checkpoint")]:
        made_here = "tiny and random, made here" if artifact.kind == "encoders" else "from outside"
        use = "trained further" if group.encoders else "frozen"
        yield f"encoder, {use}: {artifact.path.parent}  {artifact.seal[:_DIGITS]}, {made_here}"


def _recordings(chain: Sequence[Artifact]) -> Iterator[str]:
    for artifact in of_kind(chain, "manifests"):
        facts = artifact.facts
        yield f"{facts['title']}: {facts['utterances']} utterances of {facts['speakers']} speakers"
        yield f"{artifact.path.with_suffix('.csv')}, with the SHA-256 of each file  seal {artifact.seal[:_DIGITS]}"
    for artifact in of_kind(chain, "releases"):
        yield f"{artifact.path.with_suffix('')}: synthetic speech, made here with seed {artifact.facts['seed']}"


def _settings(group: Group) -> list[str]:
    width = max(map(len, group.settings), default=0)
    return [_SOURCES] + [
        f"{name:<{width}} = {value}  [{group.sources.get(name, 'unknown')}]" for name, value in group.settings.items()
    ]


def _code(runs: Sequence[Artifact]) -> Iterator[str]:
    facts = runs[0].facts
    more = len(facts["code"]) - 1
    yield f"ser/systems/{facts['system']}.py and {more} more files; hash of them all {facts['code_version']}"
    yield f"commit {facts['git_commit'] or 'unknown'}"
    versions = {"Python": facts.get("python", "unknown"), **facts["versions"]}
    yield ", ".join(f"{name} {version}" for name, version in versions.items())
    machine = ", ".join(f"{name} {value}" for name, value in facts.get("machine", {}).items())
    precision = facts["settings"].get("precision", "float32")
    yield f"device {facts['device']}, {facts['threads']} threads, precision {precision}{machine and f', {machine}'}"
    if "reported" in facts["facts"]:
        yield "all of this is what read the predictions; what made them is only reported"


def _unit(line: Mapping[str, Any]) -> str:
    return " %" if unit_of(line["metric"]) == "per cent" else ""
