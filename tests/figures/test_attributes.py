"""Figures of attributes: CCC where there are classes elsewhere, no confusion, and nothing where nothing is defined."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from helpers.builders import group_of, protocol
from helpers.runs import write_run
from helpers.split_cases import OFFICIAL, official
from ser.evaluations.evaluate import evaluate
from ser.evaluations.gather import load
from ser.figures.confusion import figures as confusion
from ser.figures.counts import figures as counts
from ser.figures.speakers import MOST
from ser.figures.speakers import figures as speakers
from ser.manifests.utterance import Utterance
from ser.plan.groups import Plan
from ser.plan.places import Places
from ser.splits.make import make_split
from ser.splits.write import write_split

MADE = protocol(**OFFICIAL | {"labels": None, "targets": ["arousal"], "scale": [1, 7], "aggregation": "pooled"})


def heard(n_speakers: int) -> list[Utterance]:
    """On top of the others, in test1 speakers with two utterances each; those of the last are alike."""
    return [
        replace(
            official()[0],
            utterance=f"s{s:02}_{i}",
            speaker=f"s{s:02}",
            session="x",
            partition="test1",
            sha256=f"{s}{i}",
        )
        for s in range(n_speakers)
        for i in range(2)
    ]


@pytest.mark.parametrize("n_speakers", [3, MOST + 2])
def test_speakers_have_a_ccc_where_it_is_defined(tmp_path: Path, n_speakers: int) -> None:
    rows = [replace(row, arousal=1.0 + 2 * int(row.utterance[-1])) for row in heard(n_speakers)]
    rows[-2:] = [replace(row, arousal=3.0) for row in rows[-2:]]
    others = [row for row in official() if row.partition not in ("test1", "test2")]
    lone = [replace(row, gender="male") for row in official() if row.partition == "test2"]
    split = make_split(MADE, "clean", [*others, *rows, *lone])
    said = split.targets[split.scored(1)]
    write_run(tmp_path / "fold1", split, 1, 1, said)  # right, to the last bit
    group, plan = group_of(MADE), Plan("free", (), {}, {})
    evaluation = evaluate([split], [tmp_path / "fold1"])
    assert list(confusion(plan, group, evaluation)) == []
    found = list(speakers(plan, group, evaluation, split, load([split], [tmp_path / "fold1"]).gathered()))
    assert [figure.name for figure in found] == [f"speakers-paper-full-p-clean-{part}" for part in ("test1", "test2")]
    values = found[0].spec["data"]["values"]
    each = [row for row in values if not row["speaker"].startswith("all")]
    assert len(each) == n_speakers - 1 and {row["x"] for row in each} == {1.0}
    assert "One speaker, whose ccc_arousal is undefined, is not shown" in found[0].caption
    lines = {row["speaker"] for row in each}
    assert lines == ({"each: not known"} if n_speakers > MOST else {"s00", "s01"})
    assert "demo" not in str(found[0].spec["title"]) and "Scale free" in found[0].caption
    assert {row["kind"] for row in found[1].spec["data"]["values"]} == {"all", "men"}
    assert np.isfinite([row["x"] for figure in found for row in figure.spec["data"]["values"]]).all()


def test_counts_are_utterances_where_there_are_no_classes(tmp_path: Path) -> None:
    split, group = make_split(MADE, "clean", official()), group_of(MADE)
    path = tmp_path / "splits/paper/p/clean.json"
    path.parent.mkdir(parents=True)
    write_split(split, MADE, path.with_suffix(".csv"), path)
    (figure,) = counts(Plan("free", (group,), {}, {}), Places(str(tmp_path)))
    rows = [(row["part"], row["class"], row["n"]) for row in figure.spec["data"]["values"]]
    expected = {"train": 6, "dev": 6, "test": 12, "scored: test1": 6, "scored: test2": 6}
    assert rows == [(part, "utterances", number) for part, number in expected.items()]
    assert "6 utterances of the corpus are in no part" in figure.caption
