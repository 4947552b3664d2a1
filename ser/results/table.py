"""The results table: one line per reported number, from the plan and the evaluations."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ser.errors import InputError
from ser.evaluations.evaluate import GENDERS, evaluate, is_of
from ser.evaluations.names import metric_names, rounded
from ser.plan.claims import Claim, averaging, claim_columns, context_notes, of_group, of_number
from ser.plan.groups import Group, Plan
from ser.plan.made_from import MadeFrom
from ser.plan.places import Places
from ser.results.verdicts import Verdicts
from ser.sealed import read_sealed
from ser.splits.kinds import Folds
from ser.splits.protocol import AGGREGATIONS
from ser.splits.split import read_split

INTERVAL = ("ci_low", "ci_high", "ci_method", "n_clusters", "ci_df")
COUNTS = ("n_seeds", "n_folds", "n_utterances", "n_speakers")
COLUMNS = [
    "experiment",
    "table",
    "row",
    "system",
    "corpus",
    "labels",
    "subset",
    "folds",
    "selection",
    "metric",
    "claim",
    "claim_source",
    "verdict",
    "margin",
    "value",
    "dev",
    "women",
    "men",
    *INTERVAL,
    "seed_std",
    *COUNTS,
    "aggregation",
    "scale",
    "protocol_hash",
    "data_hash",
    "code_version",
    "run_group",
    "status",
    "note",
]
STATISTICS = ("value", "ci_low", "ci_high", "seed_std")


def table_lines(plan: Plan, places: Places, made_from: MadeFrom, partial: bool = False) -> Iterator[dict[str, Any]]:
    """The table's lines in the plan's order, from the files in `places`.

    A group that is not computed has one line per part and metric, with status `skipped`, in the protocol's averaging
    and in those that its claims are about; so has a claim about a part that cannot be scored here. `partial`: a group
    that has no evaluation yet is evaluated over the folds that are finished.

    What was not made from what the plan says (`made_from`), or from the predictions that are there, is not used:
    `partial` passes over it, otherwise it raises InputError.
    """
    evaluated = [
        (group, {} if group.skipped else _evaluation(group, places, made_from, partial)) for group in plan.groups
    ]
    verdicts = Verdicts(plan, evaluated)
    for group, evaluation in evaluated:
        if not evaluation:
            group = replace(group, skipped=group.skipped or "no fold is computed for every seed yet")
        report = {} if group.skipped else read_report(group, places)
        claims, context = (
            list(of_group(plan.experiments[group.experiment][kind], group.row, group.protocol_name, group.selection))
            for kind in ("claims", "context")
        )
        for part in group.protocol.reported:
            for metric in metric_names(group.protocol, group.auxiliary):
                for aggregation in AGGREGATIONS:
                    number = (part, metric, aggregation)
                    claim = next(of_number(claims, group.protocol, number), None)
                    others = context_notes(of_number(context, group.protocol, number))
                    if evaluation or claim or others or aggregation == group.protocol.aggregation:
                        line = _line(plan, group, part, metric, aggregation, evaluation, report)
                        line = _claimed(line, claim) if claim else line
                        if claim and claim["value"] is not None:
                            found = evaluation["results"][part][aggregation][metric] if evaluation else {}
                            columns, note = verdicts.columns(group, number, claim, found, line["status"])
                            line |= columns | {"note": joined([line["note"], note])}
                        yield line | {"note": joined([line["note"], *others])}
        for claim in claims:
            if claim.get("part", "") not in group.protocol.reported:
                line = _hidden(plan, group, claim)
                if claim["value"] is not None:
                    line |= verdicts.columns(group, ("", "", ""), claim, {}, "")[0]
                yield line


def read_report(group: Group, places: Places) -> dict[str, Any]:
    """The report on the manifest of the group's corpus."""
    return read_sealed(Path(places.manifest(group.corpus, ".json")))


def _evaluation(group: Group, places: Places, made_from: MadeFrom, partial: bool) -> dict[str, Any]:
    path = Path(places.evaluation(group.name))
    folders = {run: Path(places.run(group.name, *run)) for run in group.runs}
    if path.is_file() or not partial:
        evaluation = read_sealed(path)
        if evaluation["made_from"] != made_from.evaluation(group).made_from:
            wrong = "made from other settings, code or recordings than the plan's"
        elif not is_of(evaluation, folders):
            wrong = "not of the runs in work/"
        else:
            return evaluation
        if not partial:
            raise InputError(f"{path}: {wrong}: remove it and build again")
    try:
        splits = [read_split(places.split(name)) for name in group.splits]
        return evaluate(splits, [*folders.values()], made_from.seeds(group), partial=True)
    except InputError:  # no fold that all seeds have
        return {}


def described(plan: Plan, group: Group, part: str, metric: str, aggregation: str) -> dict[str, Any]:
    """What a line is about, in the columns that need no number."""
    return {
        "experiment": group.experiment,
        "table": group.table,
        "row": group.row,
        "system": group.system,
        "corpus": group.corpus,
        "labels": " ".join(group.protocol.labels),
        "subset": group.protocol.subset,
        "folds": _folds(group.protocol.folds, group.protocol.n_folds, part),
        "metric": metric,
        "aggregation": aggregation,
        "scale": plan.scale,
    }


def measured(
    plan: Plan, group: Group, metric: str, numbers: Mapping[str, Any], report: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """Statistics, counts and status of one number (`evaluate.numbers`), and what its note says about them."""
    planned = {"folds": group.protocol.n_folds, "seeds": len(group.seeds)}
    missing = [f"{n - numbers[f'n_{w}']} of {n} {w} missing" for w, n in planned.items() if numbers[f"n_{w}"] < n]
    columns = {key: rounded(numbers[key], metric) for key in STATISTICS} | {key: numbers[key] for key in COUNTS}
    columns |= {"ci_method": numbers["ci_method"], "n_clusters": numbers["n_clusters"]}
    columns["ci_df"] = "" if numbers["ci_df"] is None else f"{numbers['ci_df']:.3g}"
    columns["status"] = "partial" if report["unreadable"] or missing else "ok"
    return columns, [
        "synthetic speech: says nothing about the paper" if plan.scale == "demo" else "",
        _left_out([file["file"] for file in report["unreadable"]]),
        *missing,
        *numbers["notes"],
    ]


def joined(notes: Iterable[str]) -> str:
    """The column `note`."""
    return "; ".join(filter(None, notes))


def _line(
    plan: Plan,
    group: Group,
    part: str,
    metric: str,
    aggregation: str,
    evaluation: Mapping[str, Any],
    report: Mapping[str, Any],
) -> dict[str, Any]:
    line = dict.fromkeys(COLUMNS, "") | described(plan, group, part, metric, aggregation)
    line |= {
        "selection": group.selection,
        "protocol_hash": group.protocol.digest(group.selection),
        "run_group": group.name,
        "status": "skipped",
    }
    notes = [group.skipped, group.note]
    if evaluation:
        numbers = evaluation["results"][part][aggregation][metric]
        columns, found = measured(plan, group, metric, numbers, report)
        columns |= {name: rounded(numbers.get(name), metric) for name in GENDERS}
        columns["dev"] = rounded(evaluation["dev"].get(metric), metric)
        line |= columns | {"data_hash": evaluation["data_hash"], "code_version": evaluation["trained_by"]}
        of_dev = group.selection == "clean" and part in group.protocol.folds.dev
        notes += ["the epoch is chosen on this part" if of_dev else "", *found, *evaluation["notes"]]
    return line | {"note": joined(notes)}


def _claimed(line: dict[str, Any], claim: Claim) -> dict[str, Any]:
    """The line with the paper's number, its source and what is doubtful about the match."""
    found, note = claim_columns(claim)
    return line | found | {"note": joined([line["note"], note])}


def _hidden(plan: Plan, group: Group, claim: Claim) -> dict[str, Any]:
    """The line of a claim about a part that cannot be scored."""
    line = _line(plan, group, claim["part"], claim["metric"], averaging(claim, group.protocol), {}, {})
    found, note = claim_columns(claim)
    return line | found | {"note": joined([note, "" if claim["value"] is None else claim["reason"], line["note"]])}


def _left_out(files: list[str]) -> str:
    names = ", ".join([*files[:5], *(["..."] if len(files) > 5 else [])])
    return f"{len(files)} unreadable audio files are left out: {names}" if files else ""


def _folds(folds: Folds, number: int, part: str) -> str:
    if part:
        return f"{folds.kind}: {part}"
    texts = f" and {folds.texts} parts of the texts" if folds.texts else ""
    return f"{number} x {folds.kind}" + (f" of {folds.group}s{texts}" if folds.group else "")
