"""Leaks: what the test part shares with the rest of its fold is found, and refused unless it is declared."""

import re
from dataclasses import replace

import pytest

from helpers.builders import iemocap_like, protocol
from helpers.split_cases import NO_DEV, OFFICIAL, RANDOM, REPORTED, SESSIONS, official
from ser.errors import InputError
from ser.splits.make import make_split


@pytest.mark.parametrize("selection", ["clean", "test_selected", "last_epoch"])
def test_a_reported_dev_part_may_share_speakers_with_train_but_not_with_what_selects(selection: str) -> None:
    rows = [replace(row, speaker="both") if row.partition in ("train", "dev") else row for row in official()]
    assert "dev shares speakers with train in fold 1" in make_split(protocol(**REPORTED), selection, rows).notes
    rows = [replace(row, speaker="both") if row.partition in ("test2", "dev") else row for row in official()]
    if selection == "clean":
        with pytest.raises(InputError, match=r"shares speakers with dev in fold 1 \(1: both\): change"):
            make_split(protocol(**REPORTED), selection, rows)
    else:
        assert make_split(protocol(**REPORTED), selection, rows).leaks == {}


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("speakers", {"speaker": "Ses02F"}),
        ("sessions", {"session": "Ses02"}),
        ("sentences", {"sentence": "the same"}),
        ("audio", {"sha256": "the same"}),
    ],
)
@pytest.mark.parametrize("selection", ["clean", "test_selected", "last_epoch"])
def test_an_undeclared_leak_of_each_kind_stops(kind: str, change: dict[str, str], selection: str) -> None:
    rows = iemocap_like()
    moved = {"Ses01_im_F_sad_0", "Ses02_im_F_sad_0"}
    rows = [replace(row, **change) if row.utterance in moved else row for row in rows]
    fields = protocol(**SESSIONS, dev={"kind": "next_group"})
    if kind == "sessions":  # sessions are the groups here, so no fold can share one: leave speakers out instead
        fields = protocol(leaks=[], dev={"kind": "next_group"})
    with pytest.raises(InputError) as caught:
        make_split(fields, selection, rows)
    message = str(caught.value)
    if selection == "clean":  # of Ses01's fold Ses02 is the dev part
        assert re.search(rf"{kind} with train in fold .*2.* \(.*; {kind} with dev in fold 1", message)
    else:
        assert f"shares {kind} with train in fold 1, 2" in message
    assert {"audio": "Ses01_im_F_sad_0", "sentences": "the same"}.get(kind, "Ses0") in message
    assert f"declare `leaks: [{kind}]`" in message
    assert selection in message


def test_all_undeclared_leaks_are_told_at_once_and_declared_ones_are_kept() -> None:
    fields = {"subset": "all", **NO_DEV, "folds": RANDOM["folds"]}
    with pytest.raises(InputError, match="shares speakers with .*; sessions with .*; sentences with train in"):
        make_split(protocol(**fields, leaks=[]), "last_epoch", iemocap_like())
    split = make_split(protocol(**fields, leaks=["speakers", "sessions", "sentences"]), "last_epoch", iemocap_like())
    assert list(split.leaks) == ["speakers", "sessions", "sentences"]
    assert split.leaks["speakers"]["number"] == 10
    assert split.leaks["sentences"]["examples"] == ["script00", "script01"]


def test_a_declared_leak_that_does_not_occur_is_noted() -> None:
    rows = iemocap_like()
    own_texts = [replace(row, sentence=row.utterance) for row in rows]
    split = make_split(protocol(leaks=["sessions", "sentences"]), "clean", own_texts)
    assert "leaks declared but not found: sentences" in split.notes
    assert "test shares sessions with train and dev, as declared" in split.notes
    unnamed = make_split(
        protocol(leaks=["sessions", "sentences"]), "clean", [replace(row, sentence="") for row in rows]
    )
    assert "whether test shares sentences cannot be checked: the manifest does not name them" in unnamed.notes
    assert not any("not found" in note for note in unnamed.notes)


def test_what_may_be_shared_with_dev_alone_may_not_be_shared_with_train() -> None:
    rows = [replace(row, speaker="both") if row.partition in ("test1", "dev") else row for row in official()]
    split = make_split(protocol(**OFFICIAL | {"leaks": ["dev_speakers"]}), "clean", rows)
    assert split.leaks == {"dev_speakers": {"folds": [1], "number": 1, "examples": ["both"]}}
    assert "test shares speakers with dev, as declared" in split.notes
    assert make_split(protocol(**OFFICIAL | {"leaks": ["speakers"]}), "clean", rows).leaks == split.leaks
    one = next(i for i, row in enumerate(rows) if row.partition == "train")
    rows[one] = replace(rows[one], speaker="both")
    with pytest.raises(
        InputError, match=r"shares speakers with train in fold 1 \(1: both\).*\[dev_speakers, speakers\]"
    ):
        make_split(protocol(**OFFICIAL | {"leaks": ["dev_speakers"]}), "clean", rows)


def test_segments_of_one_file_are_no_audio_leak_but_the_same_stretch_is() -> None:
    rows = official()
    same_file = [replace(row, sha256="one file", start=float(i), end=i + 1.0) for i, row in enumerate(rows)]
    assert make_split(protocol(**OFFICIAL), "clean", same_file).leaks == {}
    assert make_split(protocol(**OFFICIAL), "clean", [replace(row, sha256="") for row in rows]).leaks == {}
    same_stretch = [replace(row, start=0.0, end=1.0) for row in same_file]
    with pytest.raises(InputError, match="shares audio with train in fold 1 "):
        make_split(protocol(**OFFICIAL), "clean", same_stretch)


def test_unknown_speakers_are_no_leak_and_noted() -> None:
    rows = [replace(row, speaker="unknown") if row.utterance.endswith("1") else row for row in official()]
    split = make_split(protocol(**OFFICIAL), "clean", rows)
    assert split.leaks == {}
    assert any(note.startswith("8 utterances have an unknown speaker") for note in split.notes)
    rows = iemocap_like()
    index = next(i for i, row in enumerate(rows) if row.emotion == "sad" and row.style == "improvised")
    with pytest.raises(InputError, match="1 utterances have no known speaker"):
        make_split(protocol(), "clean", [*rows[:index], replace(rows[index], speaker="unknown"), *rows[index + 1 :]])
