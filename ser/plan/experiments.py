"""Experiment files: checked against the schema, with what they refer to filled in."""

import difflib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from ser.errors import InputError, did_you_mean
from ser.evaluations.names import ATTRIBUTE_METRICS, AVERAGE, CLASS_METRICS, auxiliary_names
from ser.files import words
from ser.plan.claims import Claim
from ser.plan.pairs import CHOSEN_ON_TEST
from ser.plan.settings import declared_auxiliary
from ser.plan.validation import read_yaml, validate
from ser.splits.protocol import AGGREGATIONS, ATTRIBUTES, SELECTIONS

Experiment = Mapping[str, Any]

# The values that the schema leaves to the code; `metric` also those of what the systems classify besides the labels.
_WORDS = {
    "metric": [
        *CLASS_METRICS,
        *(f"{metric}_{name}" for metric in ATTRIBUTE_METRICS for name in (*ATTRIBUTES, AVERAGE)),
    ],
    "selection": SELECTIONS,
    "selection_or_unknown": [*SELECTIONS, "unknown"],
    "step_selection": [*SELECTIONS, CHOSEN_ON_TEST],
    "aggregation": AGGREGATIONS,
    "aggregation_or_unknown": [*AGGREGATIONS, "unknown"],
}


def read_experiments(root: Path) -> dict[str, Experiment]:
    """All of `experiments/` below `root`: name -> content, in which each protocol is complete and each claim (and
    context) is about one metric, with its source's text. Raises InputError for an unknown key, value or name.
    """
    written = {path.stem: read_yaml(path) for path in sorted((root / "experiments").glob("*.yaml"))}
    schema = read_yaml(root / "schemas" / "experiment.schema.yaml")
    systems = [root / "ser" / "systems" / f"{system}.py" for system in words("systems", root)]
    besides = [metric for file in systems for name in declared_auxiliary(file) for metric in auxiliary_names(name)]
    allowed = _WORDS | {"metric": [*_WORDS["metric"], *besides]}
    schema["$defs"] |= {name: {"enum": list(values)} for name, values in allowed.items()}
    for name, experiment in written.items():
        validate(experiment, schema, f"experiments/{name}.yaml")
    return {name: experiment | _filled_in(name, written) for name, experiment in written.items()}


def check_names(names: Collection[str], known: Collection[str], where: str) -> None:
    """Raises InputError, beginning with `where`, for a name that is not known."""
    for name in names:
        if name not in known:
            raise InputError(f"{where}: unknown {name!r}: {did_you_mean(name, known)}")


def refuse_near(name: str, known: Collection[str], where: str, mend: str = "") -> None:
    """Raises InputError, beginning with `where`, for a name that is not known and looks like one that is; `mend`: what
    to do if it was meant so.
    """
    if name not in known and (near := difflib.get_close_matches(name, known, 1, cutoff=0.8)):
        raise InputError(f"{where}: unknown {name!r}: did you mean {near[0]!r}?{mend}")


def _filled_in(name: str, written: Mapping[str, Any]) -> dict[str, Any]:
    where, experiment = f"experiments/{name}.yaml", written[name]
    protocols = {
        key: _protocol(protocol, written, f"{where}: protocols.{key}.from")
        for key, protocol in experiment["protocols"].items()
    }
    claims, context = (list(_published(experiment, kind, where)) for kind in ("claims", "context"))
    return {"protocols": protocols, "claims": claims, "context": context}


def _protocol(protocol: Mapping[str, Any], written: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The complete protocol: what it does not say itself is taken from the one that it starts from."""
    if "from" not in protocol:
        return dict(protocol)
    experiment, name = protocol["from"].split("/")
    check_names([experiment], written, where)
    check_names([name], written[experiment]["protocols"], where)
    origin = written[experiment]["protocols"][name]
    if "from" in origin:
        raise InputError(f"{where}: {protocol['from']} starts from {origin['from']}: name that one")
    return {key: value for key, value in (origin | protocol).items() if key != "from"}


def _published(experiment: Experiment, kind: str, where: str) -> Iterator[Claim]:
    """One entry of `claims` or `context` per number; `entry` is where the file's list has it: `claim 1`."""
    sources = experiment.get("sources", {})
    for position, claim in enumerate(experiment.get(kind, []), 1):
        entry = f"{kind.removesuffix('s')} {position}"
        at = f"{where}: {entry}"
        check_names([claim["row"]], experiment["rows"], f"{at}: row")
        check_names([claim["protocol"]], experiment["protocols"], f"{at}: protocol")
        check_names([claim["source"]], sources, f"{at}: source")
        source = sources[claim["source"]]
        shared = {key: value for key, value in claim.items() if key != "values"}
        shared |= {"source": source["cite"], "evidence": source["evidence"], "entry": entry}
        for metric, value in claim["values"].items():
            yield {**shared, "metric": metric, "value": value}
