"""Protocols: what they accept, what they refuse by name, and what their digest depends on."""

import hashlib
import json
import subprocess
import sys
from typing import Any

import pytest

from helpers import ROOT
from helpers.builders import protocol
from ser.errors import InputError
from ser.evaluations.names import metric_names
from ser.splits.protocol import Protocol

ATTRIBUTES = {"labels": None, "targets": ["arousal", "valence"], "scale": [1, 7]}
K_FOLD = {"kind": "group_k_fold", "group": "speaker", "number": 4, "seed": 1}
LISTED = {"kind": "listed", "group": "speaker"}
OFFICIAL = {"kind": "official", "train": ["train"], "dev": ["dev"], "test": ["test1", "test2"]}


def test_labels_keep_their_order_and_name_the_metrics() -> None:
    made = protocol(labels={"sad": ["sad"], "happy": ["happy", "excited"], "angry": ["angry"]})
    assert made.labels == ("sad", "happy", "angry")
    assert made.classes[1] == ("happy", ("happy", "excited"))
    assert metric_names(made) == ("WA", "UA", "macro_f1")


def test_attributes_name_the_metrics() -> None:
    made = protocol(**ATTRIBUTES, emotions=["angry"])
    assert (made.labels, made.scale, made.emotions) == (("arousal", "valence"), (1.0, 7.0), ("angry",))
    assert metric_names(made) == ("ccc_arousal", "ccc_valence", "ccc_average")
    assert metric_names(protocol(**ATTRIBUTES | {"targets": ["valence"]})) == ("ccc_valence",)


@pytest.mark.parametrize(
    ("folds", "dev", "number"),
    [
        ({"kind": "leave_one_out", "group": "session", "number": 5}, {"kind": "speaker_of_next_session"}, 5),
        ({"kind": "group_k_fold", "group": "speaker", "number": 4, "seed": 1}, {"kind": "next_group"}, 4),
        ({"kind": "random_k_fold", "number": 3, "seed": 1}, {"kind": "random", "fraction": 0.2, "seed": 1}, 3),
        ({"kind": "random", "number": 5, "fraction": 0.2, "seed": 1}, {"kind": "none"}, 5),
        ({"kind": "leave_one_out", "group": "speaker", "number": 10, "texts": 3}, {"kind": "next_group"}, 30),
        ({"kind": "listed", "group": "speaker", "groups": [["a", "b"], ["c"]]}, {"kind": "next_group"}, 2),
        (OFFICIAL, {"kind": "official"}, 1),
    ],
)
def test_number_of_folds_is_known_without_data(folds: dict, dev: dict, number: int) -> None:
    assert protocol(folds=folds, dev=dev).n_folds == number


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"labels": {"sad": ["sad"], "angry": ["angry"]}},
        {"min_seconds": 2},
        {"folds": {"kind": "group_k_fold", "group": "speaker", "number": 2, "seed": 1, "texts": 3}},
        {"folds": {"kind": "group_k_fold", "group": "speaker", "number": 2, "seed": 1, "balance": "gender"}},
        ATTRIBUTES,
        {"folds": {"kind": "listed", "group": "speaker", "groups": [["a", "b"], ["c"]]}},
        {"folds": {"kind": "random", "number": 5, "fraction": 0.2, "seed": 1}, "dev": {"kind": "none"}},
        {"folds": OFFICIAL, "dev": {"kind": "official"}},
        {"folds": {**OFFICIAL, "also_report": ["dev"]}, "dev": {"kind": "official"}},
        {
            "folds": {"kind": "leave_one_out", "group": "session", "number": 5},
            "dev": {"kind": "speaker_of_next_session"},
        },
    ],
)
def test_mapping_through_sorted_json_gives_the_same_protocol(changes: dict) -> None:
    made = protocol(**changes)
    again = Protocol.from_mapping(json.loads(json.dumps(made.mapping, sort_keys=True)))
    assert again == made
    assert again.digest("last_epoch") == made.digest("last_epoch")


def test_digest_is_stable() -> None:
    # A change here means that earlier numbers can no longer be recognised as being of the same protocol.
    text = (
        '{"protocol": {"aggregation": "fold_mean", "corpus": "iemocap", "dev": {"kind": "next_group"}, "folds": '
        '{"group": "speaker", "kind": "leave_one_out", "number": 10}, "labels": [["angry", ["angry"]], ["happy", '
        '["happy", "excited"]], ["sad", ["sad"]], ["neutral", ["neutral"]]], "leaks": ["sessions"], "subset": '
        '"improvised"}, "selection": "clean"}'
    )
    assert protocol().digest("clean") == hashlib.sha256(text.encode()).hexdigest()[:16]


@pytest.mark.parametrize(
    "changes",
    [
        {"corpus": "casia"},
        {"labels": {"happy": ["happy", "excited"], "angry": ["angry"], "sad": ["sad"], "neutral": ["neutral"]}},
        {"labels": {"angry": ["angry"], "happy": ["happy"], "sad": ["sad"], "neutral": ["neutral"]}},
        {"subset": "all"},
        {"folds": {"kind": "leave_one_out", "group": "speaker", "number": 9}},
        {"folds": {"kind": "leave_one_out", "group": "speaker", "number": 10, "texts": 2}},
        {"dev": {"kind": "other_of_session"}},
        {"aggregation": "pooled"},
        {"leaks": []},
        ATTRIBUTES,
    ],
)
def test_digest_changes_with_every_field(changes: dict) -> None:
    assert protocol(**changes).digest("clean") != protocol().digest("clean")


def test_digest_changes_with_seed_and_selection() -> None:
    seeds = [{"kind": "random_k_fold", "number": 10, "seed": seed} for seed in (1, 2)]
    random = [protocol(folds=folds, dev={"kind": "none"}).digest("last_epoch") for folds in seeds]
    by_selection = {protocol().digest(selection) for selection in ("clean", "test_selected", "last_epoch")}
    assert len({*random, *by_selection}) == 5


def test_digest_does_not_depend_on_the_order_of_leaks() -> None:
    one, other = (protocol(leaks=leaks).digest("clean") for leaks in (["sessions", "audio"], ["audio", "sessions"]))
    assert one == other


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"label": {}}, "unknown key 'label': did you mean 'labels'?"),
        ({"corpus": None}, "missing 'corpus'"),
        ({"labels": None}, "either labels (classes) or targets"),
        ({"targets": ["arousal"], "scale": [1, 7]}, "either labels (classes) or targets"),
        ({"labels": {"angry": ["angry"]}}, "at least 2"),
        ({"labels": {"angry": ["angry"], "cross": ["angry"]}}, "'angry' given twice"),
        ({"labels": {"angry": "angry", "sad": ["sad"]}}, "labels.angry: must be a list"),
        ({"labels": ["angry", "sad"]}, "must map each class"),
        ({"emotions": ["sad"]}, "emotions goes with targets"),
        ({**ATTRIBUTES, "scale": None}, "scale: must be [lowest, highest]"),
        ({**ATTRIBUTES, "scale": [7, 1]}, "scale: must be [lowest, highest]"),
        ({**ATTRIBUTES, "targets": ["arousel"]}, "unknown 'arousel': did you mean 'arousal'?"),
        ({"subset": "improvized"}, "did you mean 'improvised'?"),
        ({"aggregation": "mean"}, "aggregation: unknown 'mean'"),
        ({"min_seconds": -1}, "min_seconds: must be a number of seconds from 0 on, not -1"),
        ({"leaks": ["speaker"]}, "did you mean 'speakers'?"),
        ({"folds": "leave_one_out"}, "must be a mapping with kind"),
        ({"folds": {"kind": "leave_one_speaker_out"}}, "kind: unknown 'leave_one_speaker_out'"),
        ({"folds": {"kind": "leave_one_out", "group": "speakers", "number": 10}}, "group must be speaker or session"),
        ({"folds": {"kind": "leave_one_out", "group": "speaker", "number": 1}}, "integer of at least 2, not 1"),
        ({"folds": {"kind": "leave_one_out", "group": "speaker", "number": "10"}}, "integer of at least 2, not '10'"),
        ({"folds": {"kind": "leave_one_out", "group": "speaker", "number": True}}, "integer of at least 2, not True"),
        ({"folds": {"kind": "leave_one_out", "number": 10}}, "missing 'group'"),
        ({"folds": {"kind": "leave_one_out", "group": "speaker", "number": 10, "seed": 1}}, "unknown key 'seed'"),
        ({"folds": {**K_FOLD, "balance": "age"}}, "balance must be gender, not 'age'"),
        ({"folds": {**K_FOLD, "group": "session", "balance": "gender"}}, "balance goes with folds of speakers, not of"),
        ({"folds": {"kind": "random_k_fold", "number": 10, "seed": -1}}, "seed must be an integer of at least 0"),
        ({"folds": {"kind": "random_k_fold", "number": 10}}, "missing 'seed'"),
        ({"folds": {**LISTED, "groups": [["01", "02"]]}}, "groups: must be one list of names for each of at least 2"),
        ({"folds": {**LISTED, "groups": [["01"], ["02", "01"]]}}, "groups: '01' given twice"),
        ({"folds": {**LISTED, "groups": [["01"], [2]]}}, "groups of fold 2: unknown 2"),
        (
            {"folds": {"kind": "random", "number": 10, "fraction": 20, "seed": 1}, "dev": {"kind": "none"}},
            "folds: fraction must be between 0 and 1, not 20",
        ),
        ({"folds": {**OFFICIAL, "test": ["train"]}, "dev": {"kind": "official"}}, "'train' given twice"),
        ({"folds": {**OFFICIAL, "test": []}, "dev": {"kind": "official"}}, "test: must be a list of at least"),
        (
            {"folds": {**OFFICIAL, "also_report": ["test1", "train"]}, "dev": {"kind": "official"}},
            "folds: also_report: test1, train: name dev parts",
        ),
        (
            {"folds": {"kind": "leave_one_out", "group": "speaker", "number": 9, "texts": 1}},
            "texts must be an integer of",
        ),
        (
            {"folds": {"kind": "random_k_fold", "number": 9, "seed": 1, "texts": 2}},
            "random_k_fold: unknown key 'texts'",
        ),
        ({"dev": {"kind": "random_split", "fraction": 0.2}}, "dev: random_split: missing 'seed'"),
        ({"dev": {"kind": "random", "fraction": 1, "seed": 1}}, "fraction must be between 0 and 1, not 1"),
        ({"dev": {"kind": "random", "fraction": 0.2, "seed": None}}, "seed must be an integer"),
        ({"dev": {"kind": "official"}}, "official does not go with folds leave_one_out of speakers"),
        ({"dev": {"kind": "speaker_of_next_session"}}, "does not go with folds"),
        ({"folds": OFFICIAL, "dev": {"kind": "random", "fraction": 0.2, "seed": 1}}, "official with dev parts"),
        (
            {"folds": OFFICIAL, "dev": {"kind": "drawn", "part": "dev", "per_emotion": 1}},
            "drawn one of the tested parts",
        ),
        ({"dev": {"kind": "drawn", "part": "dev", "per_emotion": 0}}, "per_emotion must be an integer of at least 1"),
        ({"train_only": ["sad"]}, "train_only goes with targets; with labels, remove it"),
    ],
)
def test_refuses_by_name(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match="^protocol: ") as caught:
        protocol(**changes)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_error_begins_with_the_place_given() -> None:
    with pytest.raises(InputError, match=r"^experiments/x\.yaml: protocols\.y: missing"):
        Protocol.from_mapping({}, "experiments/x.yaml: protocols.y")


def test_clean_without_a_dev_part_is_refused() -> None:
    made = protocol(dev={"kind": "none"})
    assert made.digest("last_epoch") != made.digest("test_selected")
    with pytest.raises(InputError, match="clean needs a dev part"):
        made.digest("clean")
    with pytest.raises(InputError, match="unknown 'best'"):
        made.digest("best")


def test_official_parts_are_reported_one_by_one() -> None:
    also = protocol(folds={**OFFICIAL, "also_report": ["dev"]}, dev={"kind": "official"})
    without = protocol(folds=OFFICIAL, dev={"kind": "official"})
    assert also.reported == ("test1", "test2", "dev")
    assert without.reported == ("test1", "test2")
    assert protocol().reported == ("",)
    assert also.digest("clean") != without.digest("clean")


def test_imports_only_the_standard_library() -> None:
    script = "import sys; import ser.splits.protocol; print({'numpy', 'yaml'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert result.stdout.strip() == "set()"
