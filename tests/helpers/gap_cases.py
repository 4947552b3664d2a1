"""A corpus, predictions and a plan for the tests of the honest gap."""

import numpy as np

from helpers.builders import group_of
from ser.manifests.utterance import Utterance
from ser.plan.groups import Group, Plan
from ser.runs.contract import Fold
from ser.splits.protocol import Protocol
from ser.splits.split import Split

FIELDS = {"corpus": "c", "labels": {"angry": ["angry"], "sad": ["sad"]}, "subset": "all", "leaks": []}
BY_SPEAKER = {"folds": {"kind": "leave_one_out", "group": "speaker", "number": 8}, "dev": {"kind": "next_group"}}
EIGHT = [3, 9, 5, 6, 8, 4, 7, 2]  # how many of each speaker's ten utterances are right


def corpus(n_speakers: int = 8) -> list[Utterance]:
    """Speakers say ten utterances each, angry and sad in turn."""
    return [
        Utterance(f"s{s}_{i}", "x.wav", speaker=f"s{s}", emotion=("angry", "sad")[i % 2], sha256=f"{s}{i}")
        for s in range(n_speakers)
        for i in range(10)
    ]


def said(split: Split, number: int, right: int) -> np.ndarray:
    """Scores that are right for the first `right` utterances of the test part and wrong for the others."""
    targets = Fold.of(split, number, {}).test.targets
    classes = np.where(np.arange(len(targets)) < right, targets, 1 - targets)
    return np.log(np.where(classes[:, None] == np.arange(2), 0.9, 0.1))


def groups(made: Protocol, **skipped: str) -> list[Group]:
    """One row under each of the selection rules named; the value is why it is skipped."""
    return [group_of(made, selection=selection, skipped=reason) for selection, reason in skipped.items()]


OTHERS = {"of": "A sibling", "row": "full", "protocol": "p", "metric": "WA", "table": "2", "aggregation": "unknown"}
OTHERS |= {"source": "Table 2", "evidence": "paper"}

CONTEXT = "context, not a claim (2: Table 2 [paper]): A sibling 74.0 (test_selected), A sibling 71.0 (clean)"


def planned(of_paper: list[Group]) -> Plan:
    """A sibling's pair is known for WA, and a value under no known rule."""
    values = {"clean": 71.0, "test_selected": 74.0, "unknown": 70.0}
    context = [OTHERS | {"selection": rule, "value": value} for rule, value in values.items()]
    return Plan("paper", tuple(of_paper), {"paper": {"context": context}}, {})
