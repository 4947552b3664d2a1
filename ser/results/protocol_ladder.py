"""The protocol ladder: what a number gains by each thing that published protocols do and a clean one does not.

All steps of a ladder train the same row with the same seeds, and their folds together test the same utterances. So
predictions are pooled over the folds, whose number may differ, and the interval of a gain leaves each speaker out of
both steps.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ser.evaluations.epochs import chosen_on_test
from ser.evaluations.evaluate import part_numbers
from ser.evaluations.gather import Gathered, GatheredPart
from ser.evaluations.names import metric_names, rounded
from ser.plan.groups import Plan
from ser.plan.ladders import Ladder, Step, ladders
from ser.plan.made_from import MadeFrom
from ser.plan.places import Places
from ser.results.sides import load_group, mixture_of
from ser.results.table import INTERVAL, STATISTICS, described, joined, measured, read_report
from ser.splits.leaks import described as leaks_described
from ser.splits.split import Split

COLUMNS = [
    "experiment",
    "row",
    "system",
    "corpus",
    "labels",
    "subset",
    "ladder",
    "step",
    "title",
    "protocol",
    "selection",
    "folds",
    "shared",
    "metric",
    "value",
    *INTERVAL,
    "seed_std",
    "against",
    "gains_by",
    "gain",
    "gain_ci_low",
    "gain_ci_high",
    "gain_seed_std",
    "n_seeds",
    "n_folds",
    "n_train",
    "n_utterances",
    "n_speakers",
    "aggregation",
    "scale",
    "protocol_hash",
    "data_hash",
    "code_version",
    "status",
    "note",
]
_AGGREGATION = "pooled"

Numbers = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Computed:
    """The runs of a step."""

    split: Split
    gathered: Gathered

    @property
    def part(self) -> GatheredPart:
        """All that its folds test."""
        return self.gathered.parts[""]

    @property
    def tested(self) -> list[tuple[str, str, str]]:
        """Utterance, speaker and session of all that its folds test, sorted; as often as it is tested."""
        split = self.split
        rows = np.concatenate([split.scored(fold) for fold in self.gathered.folds])
        return sorted((split.utterances[row], split.speakers[row], split.sessions[row]) for row in rows)


def ladder_lines(plan: Plan, places: Places, made_from: MadeFrom) -> Iterator[dict[str, Any]]:
    """A line per row, ladder, step, cleaner step that it is compared with, and metric, from the files in `places`.

    A step that is compared with none has one line per metric, without a gain. A step that is not computed has the
    status `skipped`, and its note says why.

    Raises InputError as `gather` does.
    """
    for ladder in ladders(plan):
        found = {name: _computed(step, places, made_from) for name, step in ladder.steps.items() if not step.skipped}
        for name, step in ladder.steps.items():
            report = {} if step.skipped else read_report(step.group, places)
            auxiliary = "" if step.is_chosen_on_test else step.group.auxiliary  # of other epochs the labels are kept
            own = step_numbers(found[name]) if name in found else {}
            for against, cause in step.against.items() or [("", "")]:
                gain: Numbers = {}
                if name in found and against in found and found[name].tested == found[against].tested:
                    gain = step_numbers(found[name], minus=found[against])
                both = {compared: found[compared].gathered for compared in (name, against) if gain}
                notes = mixture_of(both) if gain else _why_no_gain(ladder, name, against)
                for metric in metric_names(step.group.protocol, auxiliary):
                    line = _described(plan, ladder, name, metric) | {"against": against, "gains_by": cause}
                    if name in found:
                        columns, about = measured(plan, step.group, metric, own[metric], report)
                        line |= columns | _facts(found[name])
                        line["note"] = joined([step.group.note, *about, *notes])
                    if gain:
                        names = {key: "gain" if key == "value" else f"gain_{key}" for key in STATISTICS}
                        line |= {to: rounded(gain[metric][key], metric) for key, to in names.items()}
                    yield line


def step_numbers(step: Computed, minus: Computed | None = None) -> Numbers:
    """Metric -> what `evaluate.numbers` returns for a step, pooled over its folds; with `minus`, for what it gains over
    another step that tests the same utterances.
    """
    other = minus.part.aggregations[_AGGREGATION] if minus else None
    return part_numbers(step.split, step.part, step.part.aggregations[_AGGREGATION], other)


def _computed(step: Step, places: Places, made_from: MadeFrom) -> Computed:
    loaded = load_group(step.group, places, made_from)
    gathered = loaded.instead(chosen_on_test) if step.is_chosen_on_test else loaded.gathered()
    return Computed(loaded.splits[0], gathered)


def _described(plan: Plan, ladder: Ladder, name: str, metric: str) -> dict[str, Any]:
    """A line's columns that need no number; its status is that of a step which is not computed."""
    step = ladder.steps[name]
    group = step.group
    line = dict.fromkeys(COLUMNS, "") | described(plan, group, "", metric, _AGGREGATION)
    line |= {"ladder": ladder.name, "step": name, "title": step.title}
    line |= {"protocol": group.protocol_name, "selection": step.selection}
    line |= {"protocol_hash": group.protocol.digest(group.selection), "status": "skipped", "note": step.skipped}
    return {key: line[key] for key in COLUMNS}


def _facts(step: Computed) -> dict[str, Any]:
    """What a step trains on, what test shares with it, and its hashes."""
    split = step.split
    return {
        "shared": leaks_described(split.leaks),
        "n_train": round(np.mean([len(split.rows(fold, "train")) for fold in step.gathered.folds])),
        "data_hash": split.data_hash,
        "code_version": step.gathered.facts["code_version"],
    }


def _why_no_gain(ladder: Ladder, name: str, against: str) -> list[str]:
    if not against or ladder.steps[name].skipped:
        return []
    reason = ladder.steps[against].skipped
    return [f"no gain: {against} is skipped: {reason}" if reason else f"no gain: {against} tests other utterances"]
