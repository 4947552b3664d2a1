"""Claims: which reported number each of a paper's is about."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ser.errors import InputError, listed
from ser.protocol import Protocol

Claim = Mapping[str, Any]


def check_part(claim: Claim, protocol: Protocol, where: str) -> None:
    """Raises InputError, beginning with `where`, for a claim that does not say which official part it is about, or
    names one that is not scored without the reason, or names one where there are none."""
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
    """What a paper does not say is taken to be what its experiment file marks as its own."""
    return protocol.aggregation if claim["aggregation"] == "unknown" else claim["aggregation"]


def of_group(claims: Sequence[Claim], row: str, protocol: str, selection: str) -> Iterator[Claim]:
    """The claims about a row under a protocol and a selection rule; an unknown rule may be any."""
    for claim in claims:
        if (claim["row"], claim["protocol"]) == (row, protocol) and claim["selection"] in (selection, "unknown"):
            yield claim


def claim_columns(claim: Claim) -> tuple[dict[str, Any], str]:
    """The table's columns `claim` and `claim_source`, and a note: why there is no value, or what is doubtful."""
    if claim["value"] is None:
        return {}, f"no claim: {claim['reason']}"
    unknown = [word for word in ("selection", "aggregation") if claim[word] == "unknown"]
    source = f"{claim['table']}: {claim['source']} [{claim['evidence']}]"
    note = f"the claim's {' and '.join(unknown)} unknown" if unknown else ""
    return {"claim": claim["value"], "claim_source": source}, note
