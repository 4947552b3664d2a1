"""Claims: which reported number each number of a paper is about. experiments.py reads them, one per number.

Context has the same form: a published number of someone else (`of`), which a note shows and nothing compares.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from ser.errors import InputError, listed
from ser.evaluations.names import metric_names
from ser.splits.protocol import Protocol

Claim = Mapping[str, Any]


def check_claims(
    experiment: Mapping[str, Any], protocols: Mapping[str, Protocol], where: str, auxiliary: Callable[[str], str]
) -> None:
    """Raises InputError, beginning with `where`, for a claim or context that no line of the table would show: about a
    metric or part that its protocol does not report, a rule that its row has no runs under; and for a claim about a
    number that has one already. `auxiliary` says what a row's runs classify besides the labels.
    """
    seen: dict[tuple[Any, ...], list[tuple[str, str]]] = {}
    for claim in (*experiment["claims"], *experiment["context"]):
        at, protocol = f"{where}: {claim['entry']}", protocols[claim["protocol"]]
        check_part(claim, protocol, at)
        if claim["metric"] not in (metrics := metric_names(protocol, auxiliary(claim["row"]))):
            raise InputError(
                f"{at}: metric {claim['metric']}: row {claim['row']} under protocol {claim['protocol']} reports "
                f"{listed(metrics)}: name one of them"
            )
        row = experiment["rows"][claim["row"]]
        runs = row.get("selections", experiment["protocols"][claim["protocol"]]["selections"])
        if claim["protocol"] not in row.get("protocols", protocols) or claim["selection"] not in (*runs, "unknown"):
            raise InputError(
                f"{at}: row {claim['row']} has no runs under {claim['protocol']} with selection {claim['selection']}: "
                f"correct the claim, or plan such runs for the row"
            )
        if "of" in claim:
            continue
        key = (claim["row"], claim["protocol"], claim.get("part"), claim["metric"], averaging(claim, protocol))
        for other, selection in seen.setdefault(key, []):
            if selection == claim["selection"] or "unknown" in (selection, claim["selection"]):
                raise InputError(f"{at}: {other} is about the same number: keep the one of the row's recipe")
        seen[key].append((claim["entry"], claim["selection"]))


def check_part(claim: Claim, protocol: Protocol, where: str) -> None:
    """Raises InputError, beginning with `where`, for a claim that does not say which official part it is about, that
    names an unscored one and gives no reason, or that names one where the protocol has none.
    """
    reported, part = protocol.reported, claim.get("part", "")
    if reported == ("",):
        if part:
            raise InputError(f"{where}: part {part!r}: protocol {claim['protocol']} has no official parts: remove it")
    elif not part:
        raise InputError(f"{where}: protocol {claim['protocol']} reports each part: add part: {' | '.join(reported)}")
    elif part not in reported and "reason" not in claim:
        raise InputError(
            f"{where}: part {part!r} is not one that protocol {claim['protocol']} reports ({listed(reported)}): "
            f"name one of them, or say in `reason` why it cannot be scored"
        )


def averaging(claim: Claim, protocol: Protocol) -> str:
    """The claim's averaging; where the paper does not state it, the protocol's own `aggregation`."""
    return protocol.aggregation if claim["aggregation"] == "unknown" else claim["aggregation"]


def of_group(claims: Sequence[Claim], row: str, protocol: str, selection: str) -> Iterator[Claim]:
    """The claims about a row under a protocol and a selection rule; an unknown rule matches any."""
    for claim in claims:
        if (claim["row"], claim["protocol"]) == (row, protocol) and claim["selection"] in (selection, "unknown"):
            yield claim


def of_number(claims: Iterable[Claim], protocol: Protocol, number: tuple[str, str, str]) -> Iterator[Claim]:
    """The claims about a number: (part, metric, aggregation)."""
    for claim in claims:
        if (claim.get("part", ""), claim["metric"], averaging(claim, protocol)) == number:
            yield claim


def context_notes(context: Iterable[Claim]) -> list[str]:
    """What others published, one note per source."""
    by_source: dict[str, list[str]] = {}
    for entry in context:
        rule = "selection unknown" if entry["selection"] == "unknown" else entry["selection"]
        by_source.setdefault(_source(entry), []).append(f"{entry['of']} {entry['value']} ({rule})")
    return [f"context, not a claim ({source}): {', '.join(found)}" for source, found in by_source.items()]


def claim_columns(claim: Claim) -> tuple[dict[str, Any], str]:
    """The table's columns `claim` and `claim_source`, and a note: why there is no value, or what is doubtful."""
    if claim["value"] is None:
        return {}, f"no claim: {claim['reason']}"
    unknown = [word for word in ("selection", "aggregation") if claim[word] == "unknown"]
    note = f"the claim's {' and '.join(unknown)} unknown" if unknown else ""
    return {"claim": claim["value"], "claim_source": _source(claim)}, note


def _source(claim: Claim) -> str:
    return f"{claim['table']}: {claim['source']} [{claim['evidence']}]"
