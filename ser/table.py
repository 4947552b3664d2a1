"""The results table: one line per reported number, from the plan and the evaluations."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ser.errors import InputError
from ser.evaluation import evaluate
from ser.plan import Group, Plan
from ser.protocol import AGGREGATIONS
from ser.splits import read as read_split

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
    "value",
    "ci_low",
    "ci_high",
    "seed_std",
    "n_seeds",
    "n_folds",
    "n_utterances",
    "n_speakers",
    "aggregation",
    "scale",
    "protocol_hash",
    "data_hash",
    "code_version",
    "run_group",
    "status",
    "note",
]
PER_CENT = ("WA", "UA", "macro_f1")
STATISTICS = ("value", "ci_low", "ci_high", "seed_std")
COUNTS = ("n_seeds", "n_folds", "n_utterances", "n_speakers")


def lines(plan: Plan, work: Path, partial: bool = False) -> Iterator[dict[str, Any]]:
    """The table's lines in the plan's order; `work` is the folder of the plan's scale.

    A group that is not computed has one line per metric, in the paper's own averaging, with status `skipped`.
    `partial`: a group whose evaluation is not there is evaluated over the folds that are.
    """
    for group in plan.groups:
        evaluation = {} if group.skipped else _evaluation(group, work, partial)
        if not evaluation:
            group = replace(group, skipped=group.skipped or "no fold is computed for every seed yet")
        report = {} if group.skipped else json.loads((work / f"manifests/{group.corpus}.json").read_text())
        for metric in group.protocol.metrics:
            for aggregation in [group.protocol.aggregation] if group.skipped else AGGREGATIONS:
                yield _line(plan, group, metric, aggregation, evaluation, report)


def _evaluation(group: Group, work: Path, partial: bool) -> dict[str, Any]:
    path = work / f"evaluations/{group.name}.json"
    if path.is_file() or not partial:
        return json.loads(path.read_text())
    runs = sorted(path.parent for path in (work / f"runs/{group.name}").glob("seed*/fold*/metrics.json"))
    split = work / f"splits/{group.experiment}/{group.protocol_name}/{group.selection}.json"
    try:
        return evaluate(read_split(split), runs, partial=True) if runs else {}
    except InputError:  # no fold that all seeds have
        return {}


def _line(
    plan: Plan, group: Group, metric: str, aggregation: str, evaluation: Mapping[str, Any], report: Mapping[str, Any]
) -> dict[str, Any]:
    protocol = group.protocol
    claim, claim_source, claim_note = _claim(plan, group, metric, aggregation)
    line = dict.fromkeys(COLUMNS, "") | {
        "experiment": group.experiment,
        "table": group.table,
        "row": group.row,
        "system": group.system,
        "corpus": group.corpus,
        "labels": " ".join(protocol.labels),
        "subset": protocol.subset,
        "folds": _folds(group),
        "selection": group.selection,
        "metric": metric,
        "claim": claim,
        "claim_source": claim_source,
        "aggregation": aggregation,
        "scale": plan.scale,
        "protocol_hash": protocol.digest(group.selection),
        "run_group": group.name,
        "status": "skipped",
    }
    notes = [group.skipped, claim_note, group.note]
    if evaluation:
        numbers = evaluation["results"][aggregation][metric]
        factor = 100 if metric in PER_CENT else 1
        line |= {key: _rounded(numbers[key], factor) for key in STATISTICS}
        line |= {key: numbers[key] for key in COUNTS}
        line |= {key: evaluation[key] for key in ("data_hash", "code_version")}
        planned = {"folds": group.protocol.n_folds, "seeds": len(group.seeds)}
        missing = [f"{n - numbers[f'n_{w}']} of {n} {w} missing" for w, n in planned.items() if numbers[f"n_{w}"] < n]
        line["status"] = "partial" if report["unreadable"] or missing else "ok"
        notes += [
            "synthetic speech: says nothing about the paper" if plan.scale == "demo" else "",
            _left_out([file["file"] for file in report["unreadable"]]),
            *missing,
            *evaluation["notes"],
            *numbers["notes"],
        ]
    return line | {"note": "; ".join(note for note in notes if note)}


def _left_out(files: list[str]) -> str:
    names = ", ".join([*files[:5], *(["..."] if len(files) > 5 else [])])
    return f"{len(files)} files could not be read and are left out: {names}" if files else ""


def _folds(group: Group) -> str:
    folds = group.protocol.folds
    return f"{group.protocol.n_folds} x {folds.kind}" + (f" of {folds.group}s" if folds.group else "")


def _claim(plan: Plan, group: Group, metric: str, aggregation: str) -> tuple[Any, str, str]:
    """The paper's number for this line, its source and what is doubtful about the match."""
    for claim in plan.experiments[group.experiment]["claims"]:
        if (claim["row"], claim["protocol"], claim["metric"]) != (group.row, group.protocol_name, metric):
            continue
        # What a paper does not say is taken to be what its experiment file marks as its own.
        averaging = group.protocol.aggregation if claim["aggregation"] == "unknown" else claim["aggregation"]
        if averaging == aggregation and claim["selection"] in (group.selection, "unknown"):
            unknown = [word for word in ("selection", "aggregation") if claim[word] == "unknown"]
            note = f"the claim's {' and '.join(unknown)} unknown" if unknown else ""
            source = f"{claim['table']}: {claim['source']} [{claim['evidence']}]"
            if claim["value"] is None:
                return "", "", f"no claim: {claim['reason']}"
            return claim["value"], source, note
    return "", "", ""


def _rounded(value: float | None, factor: int) -> str:
    """Two decimals of a per cent or four of a coefficient: what a table can bear."""
    return "" if value is None else f"{value * factor:.{2 if factor == 100 else 4}f}"
