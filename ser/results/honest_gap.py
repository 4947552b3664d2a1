"""The honest gap: what a number gains when the epoch is chosen on the test part, `test_selected` - `clean`.

The interval draws the same speakers for both sides, so that what they have in common cancels.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ser.compute.machine import mixture
from ser.errors import InputError
from ser.evaluations.evaluate import mean_values, metrics_of, numbers
from ser.evaluations.gather import Gathered, gather
from ser.evaluations.names import metric_names
from ser.plan.claims import Claim, context_notes, of_group, of_number
from ser.plan.groups import Plan
from ser.plan.made_from import MadeFrom
from ser.plan.pairs import BOTH, Pair, pairs
from ser.plan.places import Places
from ser.results.table import described, joined, measured, read_report, rounded
from ser.splits.protocol import AGGREGATIONS, Protocol
from ser.splits.split import Split, read_split

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
    "test_selected",
    "clean",
    "gap",
    "ci_low",
    "ci_high",
    "seed_std",
    "n_seeds",
    "n_folds",
    "n_utterances",
    "n_speakers",
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


def gap_lines(plan: Plan, places: Places, made_from: MadeFrom) -> Iterator[dict[str, Any]]:
    """A line per row, protocol, part, metric and aggregation, from the files in `places`.

    Rows that are planned under only one of the rules have no line. A planned gap that is not computed has the status
    `skipped`, in the paper's own averaging only, and its note says why.

    Raises InputError as `gather` and `gaps` do.
    """
    for pair in pairs(plan):
        group, protocol = pair.clean, pair.clean.protocol
        results, shared, (also, *mixed) = ({}, {}, [""]) if pair.skipped else _computed(pair, places, made_from)
        report = {} if pair.skipped else read_report(group, places)
        context = [entry for rule in BOTH for entry in _context(plan, pair, rule)]
        for part in protocol.reported:
            of_dev = "clean chooses the epoch on this part" if part in protocol.folds.dev else ""
            skipped = pair.skipped or of_dev
            for metric in metric_names(protocol):
                for aggregation in [protocol.aggregation] if skipped else AGGREGATIONS:
                    line = dict.fromkeys(COLUMNS, "") | described(plan, group, part, metric, aggregation)
                    line |= {"protocol": group.protocol_name, "status": "skipped", "note": skipped}
                    if not skipped:
                        found = results[part][aggregation][metric]
                        columns, notes = measured(plan, group, metric, found, report)
                        columns["gap"] = columns.pop("value")
                        line |= shared | columns | {rule: rounded(found[rule], metric) for rule in BOTH}
                        line["note"] = joined([also, group.note, *notes, *mixed])
                    others = context_notes(of_number(context, protocol, (part, metric, aggregation)))
                    line["note"] = joined([line["note"], *others])
                    yield line


def gaps(splits: Sequence[Split], gathered: Sequence[Gathered]) -> dict[str, dict[str, dict[str, dict[str, Any]]]]:
    """`results[part][aggregation][metric]` of two groups, `test_selected` and `clean` in this order: what
    `evaluate.numbers` returns for their difference, and each group's own value under the name of its rule.

    Raises InputError for groups that differ in seeds, folds, utterances, system, settings or code.
    """
    _check_same(splits, gathered)
    metrics = metrics_of(splits[0])
    results: dict[str, dict[str, dict[str, dict[str, Any]]]] = {}
    for name, part in gathered[0].parts.items():
        other = gathered[1].parts[name].aggregations
        results[name] = {}
        for aggregation, seeds in part.aggregations.items():
            found = numbers(metrics, seeds, part.n_speakers, part.counts, minus=other[aggregation])
            for rule, folds in zip(BOTH, (seeds, other[aggregation]), strict=True):
                for metric, value in mean_values(metrics, folds, part.n_speakers).items():
                    found[metric][rule] = value
            results[name][aggregation] = found
    return results


def _check_same(splits: Sequence[Split], gathered: Sequence[Gathered]) -> None:
    """Raises InputError where the groups differ in more than what chose the epoch."""
    first, second = (
        {
            "seeds": of_group.seeds,
            "folds": of_group.folds,
            **{
                key: [[getattr(split, key)[row] for row in split.scored(fold)] for fold in of_group.folds]
                for key in ("utterances", "speakers", "sessions")
            },
            **{key: of_group.facts[key] for key in ("system", "settings", "features", "encoders", "code_version")},
        }
        for split, of_group in zip(splits, gathered, strict=True)
    )
    if other := [key for key in first if first[key] != second[key]]:
        raise InputError(
            f"protocol of {splits[0].corpus}: the runs under test_selected and clean differ in "
            f"{', '.join(other)}: make both again"
        )


def _computed(pair: Pair, places: Places, made_from: MadeFrom) -> tuple[dict[str, Any], dict[str, Any], list[str]]:
    """The gaps of a pair, the columns that all its lines share, and notes: what else test_selected trained on ("" if
    nothing), and on which machines if the runs differ in that.
    """
    groups = (pair.test_selected, pair.clean)
    splits = [read_split(places.split(group.split(group.seeds[0]))) for group in groups]  # of all seeds: see `pairs`
    gathered = [
        gather([split], [Path(places.run(group.name, *run)) for run in group.runs], made_from.seeds(group))
        for split, group in zip(splits, groups, strict=True)
    ]
    hashes = {
        f"{kind}_{rule}": getattr(split, kind)
        for kind in ("protocol_hash", "data_hash")
        for rule, split in zip(BOTH, splits, strict=True)
    }
    machines = {
        f"{rule} seed {seed} fold {fold}": of_run
        for rule, of_group in zip(BOTH, gathered, strict=True)
        for (seed, fold), of_run in of_group.machines.items()
    }
    also = "" if gathered[1].trains_on_dev else _also_trained_on(pair.clean.protocol)
    columns = hashes | {"code_version": gathered[0].facts["code_version"]}
    return gaps(splits, gathered), columns, [also, *mixture(machines)]


def _context(plan: Plan, pair: Pair, rule: str) -> Iterator[Claim]:
    """What others published for one side of a pair under the rule that they name."""
    group = pair.clean
    context = plan.experiments[group.experiment]["context"]
    return (e for e in of_group(context, group.row, group.protocol_name, rule) if e["selection"] == rule)


def _also_trained_on(protocol: Protocol) -> str:
    """The note where part of the gap is due to more training data."""
    reported = protocol.folds.kind == "official" and set(protocol.folds.dev) <= set(protocol.folds.also_report)
    return "" if reported or protocol.dev.held_out else "test_selected also trains on the dev part"
