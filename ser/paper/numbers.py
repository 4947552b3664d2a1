"""Every number of the results under a name, for macros in a manuscript."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ser.results.lines import Line, part_of

# What there is of a number -> its column in each file of results.
TABLE = {"value": "value", "low": "ci_low", "high": "ci_high", "claim": "claim", "std": "seed_std"}
GAP = {"value": "gap", "low": "ci_low", "high": "ci_high", "std": "seed_std", "p": "p"}
STEP = {"value": "value", "low": "ci_low", "high": "ci_high", "std": "seed_std"}
GAIN = {"value": "gain", "low": "gain_ci_low", "high": "gain_ci_high", "std": "gain_seed_std"}
DIFFERENCE = {"value": "difference", "low": "ci_low", "high": "ci_high", "p": "p_family"}
VARIANTS = ("value", "low", "high", "claim", "std", "p")


@dataclass(frozen=True)
class Number:
    """`values`: those of `VARIANTS` that there are, as the files of results spell them."""

    name: str
    values: Mapping[str, str]


def numbers(
    table: Sequence[Line], gaps: Sequence[Line], steps: Sequence[Line], comparisons: Sequence[Line]
) -> list[Number]:
    """The numbers of the lines of table.csv, honest_gap.csv, protocol_ladder.csv and comparisons.csv, in this order.

    Names are `<run group>/[<part>/]<metric>/<averaging>`; those of the other files begin with the file's name.
    """
    found: dict[str, Number] = {}
    for name, line, columns in _named(table, gaps, steps, comparisons):
        values = {variant: line[column] for variant, column in columns.items() if line[column]}
        if values:
            found.setdefault(
                name, Number(name, values)
            )  # a step of a ladder has a line for each that it is compared with
    return list(found.values())


def _named(
    table: Sequence[Line], gaps: Sequence[Line], steps: Sequence[Line], comparisons: Sequence[Line]
) -> Iterator[tuple[str, Line, Mapping[str, str]]]:
    for line in table:
        yield _name([line["run_group"], part_of(line), line["metric"], line["aggregation"]]), line, TABLE
    for line in gaps:
        words = ["honest_gap", line["experiment"], line["row"], line["protocol"], line["gap_kind"]]
        yield _name([*words, part_of(line), line["metric"], line["aggregation"]]), line, GAP
    for line in steps:
        words = ["protocol_ladder", line["experiment"], line["row"], line["ladder"], line["step"]]
        yield _name([*words, line["metric"]]), line, STEP
        if line["against"]:
            yield _name([*words, line["against"], line["metric"]]), line, GAIN
    for line in comparisons:
        words = ["comparisons", line["experiment"], line["row"], line["against"], line["protocol"], line["selection"]]
        yield _name([*words, part_of(line), line["metric"]]), line, DIFFERENCE


def _name(words: Sequence[str]) -> str:
    return "/".join(filter(None, words))
