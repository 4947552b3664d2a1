"""What the page says in words and plain tables: papers, what was chosen, leaks, and what is not computed."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ser.figures.words import Own
from ser.plan.groups import Plan
from ser.plan.places import Places
from ser.results.lines import Line, part_of, protocol_of
from ser.sealed import read_sealed
from ser.splits.leaks import described

SOURCES = ("paper", "code", "secondary", "chosen")
_EVIDENCE = re.compile(r"\[(\w+)\]$")  # at the end of the table's column claim_source


def evidence(line: Line) -> str:
    """On what evidence the claim of a line rests: paper, code or secondary; empty without a claim."""
    found = _EVIDENCE.search(line["claim_source"])
    return found[1] if found else ""


def cell(line: Line) -> str:
    """The name of a line's number, as `ser trace` takes it."""
    return ":".join(filter(None, [line["run_group"], line["metric"], line["aggregation"], part_of(line)]))


def papers(plan: Plan, lines: Sequence[Line]) -> Iterator[dict[str, Any]]:
    """Each experiment with the claims about its headline row, the first that has any: `claims` are lines of the table
    with `evidence`, `cell`, `protocol` and the row's `title`. An experiment without claims is no paper; where none of
    them has a value, `reasons` say why. `numbers`: what stands for each row and protocol, UA or the mean CCC in the
    protocol's own averaging, as `claims`.
    """
    of_plan = Own(plan)
    for name, experiment in plan.experiments.items():
        own = [{**line, "protocol": protocol_of(line)} for line in lines if line["experiment"] == name]
        claimed = {line["row"] for line in own if line["claim"]}
        headline = next((row for row in experiment["rows"] if row in claimed), "")
        yield {
            "name": name,
            "title": experiment["title"],
            "reference": experiment.get("reference", ""),
            "is_paper": bool(experiment["claims"]),
            "computed": sum(1 for line in own if line["value"]),
            "skipped": sum(1 for line in own if line["status"] == "skipped"),
            "claimed": sum(1 for line in own if line["claim"]),
            "claims": [
                {**line, "evidence": evidence(line), "cell": cell(line), "title": experiment["rows"][headline]["title"]}
                for line in own
                if line["row"] == headline and line["claim"]
            ],
            "numbers": [
                {**line, "cell": cell(line), "title": experiment["rows"][line["row"]]["title"]}
                for line in own
                if line["value"] and of_plan.is_main(line) and line["aggregation"] == of_plan.averaging(line)
            ],
            "reasons": list(dict.fromkeys(claim["reason"] for claim in experiment["claims"] if "reason" in claim)),
        }


def corpora(lines: Sequence[Line]) -> dict[str, str]:
    """Corpus -> how much of it is tested, by the line of the table that has most of it; of what is computed."""
    most: dict[str, Line] = {}
    for line in lines:
        known = most.setdefault(line["corpus"], line) if line["value"] else None
        if known and int(line["n_utterances"]) > int(known["n_utterances"]):
            most[line["corpus"]] = line
    return {name: f"{of['n_utterances']} utterances, {of['n_speakers']} speakers" for name, of in most.items()}


def choices(plan: Plan) -> Iterator[dict[str, Any]]:
    """Of each experiment's file how many settings are from which source, and what was chosen: (kind, name, value, why).

    The scale's own changes are not among them: they are in the settings of each number.
    """
    for name, experiment in plan.experiments.items():
        sourced = [
            (kind.removesuffix("s"), key, entry)
            for kind in ("features", "encoders", "settings")
            for key, entry in experiment.get(kind, {}).items()
        ]
        if "seeds" in experiment:
            sourced.append(("seeds", "seeds", experiment["seeds"]))
        counts = {source: sum(1 for _, _, entry in sourced if entry["source"] == source) for source in SOURCES}
        found = [
            (kind, key, _text(entry["value"]), entry.get("note", ""))
            for kind, key, entry in sourced
            if entry["source"] == "chosen"
        ]
        for kind in ("protocols", "rows"):
            for key, entry in experiment[kind].items():
                if entry["source"] == "chosen":
                    found.append((kind.removesuffix("s"), key, entry.get("title", ""), entry.get("note", "")))
        yield {"name": name, "title": experiment["title"], "counts": counts, "chosen": found}


def leaks(plan: Plan, places: Places) -> Iterator[dict[str, Any]]:
    """Of each protocol and selection rule that is computed what test shares, as its split has measured it, and which
    rows read an encoder that was trained on the tested corpus. Raises InputError for a split that was changed.
    """
    seen: dict[str, dict[str, Any]] = {}
    for group in plan.live:
        name = f"{group.experiment}/{group.protocol_name}/{group.selection}"
        if name not in seen:
            facts = read_sealed(Path(places.split(next(iter(group.splits)))))
            seen[name] = {
                "name": name,
                "corpus": group.corpus,
                "declared": list(facts["leaks_declared"]),
                "shared": [
                    f"{found['number']} {described([kind])}: {_examples(found)}"
                    for kind, found in facts["leaks_found"].items()
                ],
                "heard": [],
            }
        seen[name]["heard"] += [
            f"{group.row}: {note.removeprefix('leak: ')}"
            for note in group.note.split("; ")
            if note.startswith("leak: ")
        ]
    yield from seen.values()


def skipped(plan: Plan, lines: Sequence[Line]) -> list[tuple[str, list[str]]]:
    """Why something is not computed -> which groups, or numbers of groups that are computed otherwise."""
    reasons = {group.name: group.skipped for group in plan.groups if group.skipped}
    found: dict[str, dict[str, None]] = {}
    for line in lines:
        if line["status"] == "skipped":
            of_group = reasons.get(line["run_group"])
            reason = of_group or line["note"] or "no reason is known"
            found.setdefault(reason, {})[line["run_group"] if of_group else cell(line)] = None
    return [(reason, list(names)) for reason, names in found.items()]


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_text(entry)}" for key, entry in value.items())
    return "none" if value is None else str(value)


def _examples(found: Mapping[str, Any]) -> str:
    return ", ".join(map(str, found["examples"])) + (", ..." if found["number"] > len(found["examples"]) else "")
