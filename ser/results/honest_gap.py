"""The honest gap: what a number gains when the epoch is chosen on the test part, and by what.

`test_selected` - `clean` has two causes: the epoch is chosen on the test part, and the dev part, which has nothing left
to choose, trains as well. Runs under `clean` also score their test part after each epoch, so that the first can be had
from the same runs at another epoch; the rest is the second. Each interval leaves a speaker out of both sides, so
that what they have in common cancels.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from ser.errors import InputError
from ser.evaluations.differences import Difference, Tests
from ser.evaluations.epochs import at_other_epochs
from ser.evaluations.evaluate import data_hash, metrics_of, numbers
from ser.evaluations.gather import Gathered
from ser.evaluations.intervals import mean_values
from ser.evaluations.names import metric_names, rounded
from ser.plan.claims import Claim, context_notes, of_group, of_number
from ser.plan.groups import Plan
from ser.plan.made_from import MadeFrom
from ser.plan.pairs import CHOSEN_ON_TEST, GAPS, Pair, pairs
from ser.plan.places import Places
from ser.results.sides import load_group, mixture_of
from ser.results.table import COUNTS, INTERVAL, described, joined, measured, read_report
from ser.splits.protocol import AGGREGATIONS
from ser.splits.split import Split, of_seed

RULES = ("test_selected", "clean")
HALVINGS = 10  # of each run's test part
COLUMNS = [
    "experiment",
    "table",
    "row",
    "system",
    "corpus",
    "protocol",
    "labels",
    "subset",
    "folds",
    "metric",
    "gap_kind",
    "test_selected",
    "chosen_on_test",
    "clean",
    "last_epoch",
    "split_half",
    "gap",
    *INTERVAL,
    "test",
    "p",
    "seed_std",
    *COUNTS,
    "aggregation",
    "scale",
    "protocol_hash_test_selected",
    "protocol_hash_clean",
    "data_hash_test_selected",
    "data_hash_clean",
    "code_version",
    "status",
    "note",
]
Values = dict[str, dict[str, dict[str, float]]]  # part -> aggregation -> metric -> value
Results = dict[str, dict[str, dict[str, dict[str, Any]]]]  # part -> aggregation -> metric -> numbers


@dataclass(frozen=True)
class Side:
    """One of the two numbers that a gap is between: its name (`plan.pairs.GAPS`), the splits of its group, one for all
    seeds or each seed's, and its runs.
    """

    name: str
    splits: Sequence[Split]
    gathered: Gathered


def gap_lines(plan: Plan, places: Places, made_from: MadeFrom) -> Iterator[dict[str, Any]]:
    """A line per row, protocol, part, metric, aggregation and kind of gap, from the files in `places`.

    A row that has no kind of gap (`plan.pairs.Pair.gaps`) has no line. One that is not computed has the status
    `skipped`, in the paper's own averaging only, and its note says why.

    Raises InputError as `gather`, `chosen_on_test` and `gaps` do.
    """
    for pair in pairs(plan):
        protocol = pair.clean.protocol
        sides, epochs = _sides(pair, places, made_from)
        report = read_report(pair.clean, places) if sides else {}
        results = {
            kind: gaps(*(sides[side] for side in GAPS[kind])) for kind, skipped in pair.gaps.items() if not skipped
        }
        context = [entry for rule in RULES for entry in _context(plan, pair, rule)]
        for part, metric, aggregation, kind in product(
            protocol.reported, metric_names(protocol), AGGREGATIONS, pair.gaps
        ):
            of_dev = "clean chooses the epoch on this part" if part in protocol.folds.dev else ""
            skipped = pair.gaps[kind] or of_dev
            if skipped and aggregation != protocol.aggregation:
                continue
            line = dict.fromkeys(COLUMNS, "") | described(plan, pair.clean, part, metric, aggregation)
            line |= {"protocol": pair.clean.protocol_name, "gap_kind": kind, "status": "skipped", "note": skipped}
            if not skipped:
                found, compared = results[kind][part][aggregation][metric], [sides[side] for side in GAPS[kind]]
                columns, notes = measured(plan, pair.clean, metric, found, report)
                columns["gap"] = columns.pop("value")
                if kind == "choosing_on_test":
                    line |= {name: rounded(of[part][aggregation][metric], metric) for name, of in epochs.items()}
                line |= {name: found[name] for name in ("test", "p")}
                line |= columns | {side: rounded(found[side], metric) for side in GAPS[kind]}
                line |= _origin(compared)
                machines = mixture_of({side.splits[0].selection: side.gathered for side in compared})
                line["note"] = joined([*_remarks(pair, kind, compared), *notes, *machines])
            if kind == "both":
                others = context_notes(of_number(context, protocol, (part, metric, aggregation)))
                line["note"] = joined([line["note"], *others])
            yield line


def gaps(first: Side, second: Side) -> Results:
    """What `evaluate.numbers` returns for the difference of two sides, and each side's own value under its name. It is
    about the labels, by which the epoch is chosen; of what is classified besides, other epochs have no predictions.

    Raises InputError for sides that differ in seeds, folds, utterances, system, settings or code.
    """
    _check_same(first, second)
    metrics = metrics_of(first.splits[0])
    results: Results = {}
    for name, part in first.gathered.parts.items():
        other = second.gathered.parts[name].aggregations
        results[name] = {}
        for aggregation, kinds in part.aggregations.items():
            seeds, minus = kinds[""], other[aggregation][""]
            of = Difference(metrics, seeds, minus, part.clusters, first.splits[0].classes)
            found, tests = numbers(of, part.counts), Tests.of({"": of})
            for metric, of_metric in found.items():
                of_metric |= {"test": "", "p": ""} | tests.columns(metric, "")
                of_metric |= {
                    side.name: values[metric] for side, values in zip((first, second), of.values, strict=True)
                }
                of_metric["notes"] += tests.none.values()
            results[name][aggregation] = found
    return results


def _check_same(*sides: Side) -> None:
    """Raises InputError where the sides differ in more than what chose the epoch."""
    first, second = (
        {
            "seeds": side.gathered.seeds,
            "folds": side.gathered.folds,
            **{
                key: [
                    [getattr(split, key)[row] for row in split.scored(fold)]
                    for split in (of_seed(side.splits, seed) for seed in side.gathered.seeds)
                    for fold in side.gathered.folds
                ]
                for key in ("utterances", "speakers", "sessions")
            },
            **{key: side.gathered.facts[key] for key in ("system", "settings", "features", "encoders", "code_version")},
        }
        for side in sides
    )
    if other := [key for key in first if first[key] != second[key]]:
        raise InputError(
            f"protocol of {sides[0].splits[0].corpus}: the runs under {' and '.join(side.name for side in sides)} "
            f"differ in {', '.join(other)}: make both again"
        )


def _sides(pair: Pair, places: Places, made_from: MadeFrom) -> tuple[dict[str, Side], dict[str, Values]]:
    """The numbers between which a pair has gaps that are computed, and those at epochs that no rule chooses."""
    needed = {side for kind, skipped in pair.gaps.items() if not skipped for side in GAPS[kind]}
    found: dict[str, Side] = {}
    epochs: dict[str, Values] = {}
    if pair.test_selected and "test_selected" in needed:
        selected = load_group(pair.test_selected, places, made_from)
        found["test_selected"] = Side("test_selected", selected.splits, selected.gathered())
    if needed & {"clean", CHOSEN_ON_TEST}:
        clean = load_group(pair.clean, places, made_from)
        found["clean"] = Side("clean", clean.splits, clean.gathered())
        if CHOSEN_ON_TEST in needed:
            chosen, last, *halves = clean.variants(at_other_epochs(HALVINGS))
            found[CHOSEN_ON_TEST] = Side(CHOSEN_ON_TEST, clean.splits, chosen)
            epochs = {"last_epoch": _values(clean.splits, [last]), "split_half": _values(clean.splits, halves)}
    return found, epochs


def _values(splits: Sequence[Split], gathered: Sequence[Gathered]) -> Values:
    """The mean over several predictions of the same utterances."""
    found: Values = {}
    for part, of_part in gathered[0].parts.items():
        found[part] = {}
        for aggregation in of_part.aggregations:
            seeds = [folds for of in gathered for folds in of.parts[part].aggregations[aggregation][""]]
            found[part][aggregation] = mean_values(metrics_of(splits[0]), seeds, of_part.clusters.everyone)
    return found


def _origin(sides: list[Side]) -> Mapping[str, str]:
    """The columns that say what the numbers of two sides were computed from."""
    found = {"code_version": sides[0].gathered.facts["code_version"]}
    for side in sides:
        rule = side.splits[0].selection
        found |= {f"protocol_hash_{rule}": side.splits[0].protocol_hash, f"data_hash_{rule}": data_hash(side.splits)}
    return found


def _context(plan: Plan, pair: Pair, rule: str) -> Iterator[Claim]:
    """What others published for one side of a pair under the rule that they name."""
    group = pair.clean
    context = plan.experiments[group.experiment]["context"]
    return (e for e in of_group(context, group.row, group.protocol_name, rule) if e["selection"] == rule)


def _remarks(pair: Pair, kind: str, sides: list[Side]) -> Iterator[str]:
    """What a reader of a gap between two sides must know about how it came about."""
    if kind == "both" and pair.trains_on_dev and not (sides[1].gathered.trains_on_dev or pair.clean.reported):
        yield "test_selected also trains on the dev part"
    if kind != "both" and pair.clean.settings["patience"]:
        yield "chosen among the epochs that clean went on for, which the dev part decides"
    yield pair.clean.note
