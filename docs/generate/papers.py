"""A page for each experiment file: its claims, rows and protocols as the plan reads them at scale `paper`."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from ser.plan.groups import Group, Plan
from ser.plan.load import Params, load_plan

TIERS = {
    "paper": "read in the paper itself",
    "code": "read in its authors' code or data",
    "secondary": "quoted by others",
    "derived": "computed from numbers that were read",
    "chosen": "chosen here",
}


def pages(root: Path, params: Params) -> dict[str, str]:
    """Name of an experiment -> its page, in MyST; of `params` only the scales count. Raises InputError as the plan."""
    params = {**params, "scale": "paper", "experiments": "all", "corpora": {}, "encoders": {}}
    plan = load_plan(params, root)
    return {name: "\n".join(_page(name, plan)) + "\n" for name in plan.experiments}


def _page(name: str, plan: Plan) -> Iterator[str]:
    experiment = plan.experiments[name]
    groups = [group for group in plan.groups if group.experiment == name]
    yield f"# {experiment['title']}\n"
    yield f"{_text(experiment['reference'])}\n"
    if "note" in experiment:
        yield f"{_text(experiment['note'])}\n"
    yield f"Made from `experiments/{name}.yaml`, as the plan reads it at scale `paper`. Where a thing was read: "
    yield "; ".join(f"`{tier}`: {meaning}" for tier, meaning in TIERS.items()) + ".\n"
    yield from _published("Claims", experiment["claims"], "It claims nothing: the numbers are our own.")
    yield from _published("Published by others", experiment["context"], "")
    yield "## Rows\n"
    for row in experiment["rows"]:
        yield from _row(row, experiment, [group for group in groups if group.row == row], plan)
    yield "## Protocols\n"
    yield "What the keys mean: [Protocols](../protocols.md).\n"
    for key, protocol in experiment["protocols"].items():
        yield from _protocol(key, protocol, [group for group in groups if group.protocol_name == key])


def _published(title: str, claims: Sequence[Mapping[str, Any]], otherwise: str) -> Iterator[str]:
    if not claims:
        yield f"## {title}\n\n{otherwise}\n" if otherwise else ""
        return
    sources = list(dict.fromkeys((claim["evidence"], claim["source"]) for claim in claims))
    of = ["of"] if "of" in claims[0] else []
    lines = []
    for claim in claims:
        number = sources.index((claim["evidence"], claim["source"])) + 1
        remarks = filter(None, [claim["table"], f"source {number}", claim.get("reason", ""), claim.get("note", "")])
        lines.append(
            (
                f"`{claim['row']}`",
                claim["metric"],
                *([claim["of"]] if of else []),
                "not known" if claim["value"] is None else claim["value"],
                claim["evidence"],
                f"`{claim['protocol']}`" + (f", {claim['part']}" if "part" in claim else ""),
                f"{claim['selection']}, {claim['aggregation']}",
                "; ".join(remarks),
            )
        )
    yield f"## {title}\n"
    yield from _table(["row", "metric", *of, "value", "tier", "protocol", "epoch, averaging", "where"], lines)
    for number, (tier, cite) in enumerate(sources, 1):
        yield f"{number}. `{tier}`: {_text(cite)}"
    yield ""


def _row(row: str, experiment: Mapping[str, Any], groups: Sequence[Group], plan: Plan) -> Iterator[str]:
    written, group = experiment["rows"][row], groups[0]
    yield f"### `{row}`: {_text(written['title'])}\n"
    if note := " ".join(filter(None, [written.get("note", ""), *written.get("notes", {}).values()])):
        yield f"{_text(note)}\n"
    under = ", ".join(f"`{g.protocol_name}/{g.selection}`" for g in groups)
    table = f" Table of the paper: {written['table']}." if "table" in written else ""
    yield f"System `{group.system}`, source `{written['source']}`.{table}\n"
    yield f"Computed under {under}; seeds {', '.join(map(str, group.seeds))}.\n"
    first = next(other for other in plan.groups if other.experiment == group.experiment)
    origin = tuple(written["from"].split("/")) if "from" in written else (first.experiment, first.row)
    base = next(other for other in plan.groups if (other.experiment, other.row) == origin)
    if base.row == row or base.system != group.system:
        lines = list(_values(group, experiment))
        yield "All of its values:\n" if lines else "It has no settings.\n"
    else:
        before = {name: value for name, value, *_ in _values(base, plan.experiments[base.experiment])}
        lines = [line for line in _values(group, experiment) if before.pop(line[0], None) != line[1]]
        lines += [(name, "none", "", "") for name in before]
        here = base.experiment == group.experiment
        name = f"`{base.row}`" if here else f"[`{base.experiment}/{base.row}`]({base.experiment}.md)"
        yield f"It differs from {name} in:\n" if lines else f"Its values are those of {name}.\n"
    yield from _table(["value of", "is", "source", "note"], lines) if lines else ()


def _values(group: Group, experiment: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """(name, value, source, note) of each feature, encoder and setting."""
    blocks = {"features": group.features, "encoders": group.encoders, "settings": group.settings}
    for block, values in blocks.items():
        own = experiment["rows"].get(group.row, {}).get(block) or {}
        for name, value in values.items():
            note = "" if name in own else experiment.get(block, {}).get(name, {}).get("note", "")
            label = f"`{name}`" if block == "settings" else f"{block.removesuffix('s')} `{name}`"
            yield label, f"`{_flow(value)}`", group.sources[name], _text(note)


def _protocol(name: str, written: Mapping[str, Any], groups: Sequence[Group]) -> Iterator[str]:
    protocol = groups[0].protocol
    yield f"### Protocol `{name}`\n"
    if "note" in written:
        yield f"{_text(written['note'])}\n"
    mapping = {key: value for key, value in protocol.mapping.items() if value not in (None, [])}
    if "labels" in mapping:
        mapping["labels"] = dict(mapping["labels"])
    lines = [(f"`{key}`", f"`{_flow(value)}`") for key, value in mapping.items()]
    lines.append(("source", written["source"]))
    rules = sorted({group.selection for group in groups})
    lines += [(f"hash under `{rule}`", f"`{protocol.digest(rule)}`") for rule in rules]
    yield from _table(["key", "is"], lines)


def _table(header: Sequence[str], lines: Sequence[Sequence[Any]]) -> Iterator[str]:
    yield f"| {' | '.join(header)} |\n|{'---|' * len(header)}"
    for line in lines:
        yield f"| {' | '.join(str(cell).replace('|', chr(92) + '|') for cell in line)} |"
    yield ""


def _flow(value: Any) -> str:
    """A value as an experiment file would have it, in one line."""
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10_000)
    return text.removesuffix("\n").removesuffix("\n...")


def _text(text: str) -> str:
    return " ".join(text.split()).replace("<", "&lt;")
