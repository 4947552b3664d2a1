"""What a user is told of their own corpora: which are not read, and why; and which emotions are in no class."""

from pathlib import Path
from typing import Any

import pytest

from helpers.params import params
from helpers.plans import PROTOCOL, changed, plan
from ser.manifests.utterance import Utterance
from ser.plan.places import Places
from ser.plan.remarks import left_out, unread_corpora
from ser.splits.make import make_split
from ser.splits.protocol import Protocol
from ser.splits.write import write_split


def told(project: Path, experiment: dict[str, Any] | None = None, **changes: Any) -> list[str]:
    return list(unread_corpora(plan(project, experiment, **changes), params(**changes)))


@pytest.fixture
def two(project: Path) -> dict[str, Any]:
    """EmoDB, which is read, and CASIA, which is a corpus of scale paper."""
    return {name: {"root": str(project)} for name in ("emodb", "casia")}


def test_a_corpus_of_another_scale_is_named_with_the_mend(project: Path, two: dict[str, Any]) -> None:
    experiment = changed("protocols.casia", PROTOCOL | {"corpus": "casia"})
    mend = "add it to scales.free.corpora in params.yaml, or use scale paper"
    assert told(project, experiment, scale="free", corpora=two) == [
        f"params.yaml: corpora.casia is not read: corpus casia is not part of scale free: {mend}"
    ]
    assert told(project, experiment, scale="paper", corpora=two) == []


def test_a_corpus_without_a_planned_row_is_named(project: Path, two: dict[str, Any]) -> None:
    (line,) = told(project, scale="free", corpora=two)
    assert line.startswith("params.yaml: corpora.casia is not read: no planned row has a protocol of it: name the rows")


def test_at_scale_demo_no_recordings_are_read(project: Path, two: dict[str, Any]) -> None:
    reason = "scale demo has synthetic corpora only: set scale: free"
    two["ravdess"] = two.pop("casia")
    assert told(project, scale="demo", corpora=two) == [
        f"params.yaml: corpora.{name} is not read: {reason}" for name in two
    ]


def test_emotions_in_no_class_are_counted_for_a_users_own_corpus(project: Path, tmp_path: Path) -> None:
    places = Places(str(tmp_path / "work"))
    emotions = ("angry", "sad", "suprised", "bored", "bored")
    said = [
        Utterance(f"s{s}_{i}", "x.wav", speaker=f"s{s}", emotion=emotion, sha256=f"{s}{i}")
        for s in range(10)
        for i, emotion in enumerate(emotions)
    ]
    (project / "own.csv").touch()
    own = {"emodb": {"root": str(project), "manifest": str(project / "own.csv")}}
    planned = plan(project, corpora=own)
    assert list(left_out(planned, params(corpora=own), places)) == []  # nothing is split yet
    fields = {key: value for key, value in PROTOCOL.items() if key not in ("selections", "source")}
    for selection in ("clean", "test_selected"):
        split = make_split(Protocol.from_mapping(fields), selection, said)
        path = Path(places.split(f"one/emodb_2/{selection}"))
        path.parent.mkdir(parents=True, exist_ok=True)
        write_split(split, Protocol.from_mapping(fields), path.with_suffix(".csv"), path)
    assert split.notes[0] == "30 utterances are left out for their emotion: bored 20, suprised 10"
    assert list(left_out(planned, params(corpora=own), places)) == [f"one/emodb_2: {split.notes[0]}"]
    released = {"emodb": {"root": str(project)}}
    assert list(left_out(plan(project, corpora=released), params(corpora=released), places)) == []
