"""Splits: who trains, develops and tests; which leaks are found; that files read back as written."""

import json
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from helpers import ROOT
from helpers.builders import iemocap_like, protocol
from ser.errors import InputError
from ser.manifests import utterance as manifest
from ser.runs.contract import Fold
from ser.splits.make import make_split
from ser.splits.split import Split, read_split
from ser.splits.write import write_split

SPEAKERS = [f"Ses0{session}{voice}" for session in range(1, 6) for voice in "FM"]
SESSIONS = {"folds": {"kind": "leave_one_out", "group": "session", "number": 5}, "leaks": []}
RANDOM = {"folds": {"kind": "random_k_fold", "number": 4, "seed": 1}, "leaks": ["speakers", "sessions"]}
NO_DEV = {"dev": {"kind": "none"}}


def speakers(split: Split, number: int, part: str) -> set[str]:
    return {split.speakers[row] for row in split.rows(number, part)}


def official() -> list[manifest.Utterance]:
    """Two utterances of each class and part; speakers and sessions belong to one part, test1 and test2 share theirs."""
    return [
        manifest.Utterance(
            utterance=f"{part}_{emotion}_{take}",
            path="x.wav",
            speaker=f"speaker_{part.rstrip('12')}",
            session=f"podcast_{part.rstrip('12')}",
            emotion=emotion,
            arousal=float(take),
            valence=7.5,
            sha256=f"{part}{emotion}{take}",
            partition=part,
        )
        for part in ("train", "dev", "test1", "test2", "test3")
        for emotion in ("angry", "sad", "other")
        for take in (1, 2)
    ]


OFFICIAL = {
    "corpus": "msp_podcast",
    "labels": {"angry": ["angry"], "sad": ["sad"]},
    "subset": "all",
    "folds": {"kind": "official", "train": ["train"], "dev": ["dev"], "test": ["test1", "test2"]},
    "dev": {"kind": "official"},
    "leaks": [],
}
REPORTED = {**OFFICIAL, "folds": {**OFFICIAL["folds"], "also_report": ["dev"]}}


def test_leave_one_speaker_out_with_the_next_speaker_as_dev() -> None:
    split = make_split(protocol(), "clean", iemocap_like())
    for number, speaker in enumerate(SPEAKERS, 1):
        following = SPEAKERS[number % 10]
        assert speakers(split, number, "test") == {speaker}
        assert speakers(split, number, "dev") == {following}
        assert speakers(split, number, "train") == set(SPEAKERS) - {speaker, following}


def test_other_speaker_of_the_session_as_dev() -> None:
    split = make_split(protocol(dev={"kind": "other_of_session"}), "clean", iemocap_like())
    for number, speaker in enumerate(SPEAKERS, 1):
        partner = speaker[:-1] + ("M" if speaker[-1] == "F" else "F")
        assert speakers(split, number, "dev") == {partner}
        assert speakers(split, number, "train") == {s for s in SPEAKERS if s[:-1] != speaker[:-1]}
    assert split.leaks["sessions"]["folds"] == list(range(1, 11))  # by the dev speaker


def test_other_of_session_needs_exactly_two_speakers() -> None:
    rows = [replace(row, session="all") for row in iemocap_like()]
    with pytest.raises(InputError, match="Ses01F of session all shares it with Ses01M, Ses02F"):
        make_split(protocol(dev={"kind": "other_of_session"}), "clean", rows)


def test_speaker_of_next_session_as_dev() -> None:
    dev = {"kind": "speaker_of_next_session"}
    first = make_split(protocol(**SESSIONS, dev=dev), "clean", iemocap_like())
    for number in range(1, 6):
        following = number % 5 + 1
        assert speakers(first, number, "test") == {f"Ses0{number}F", f"Ses0{number}M"}
        assert speakers(first, number, "dev") == {f"Ses0{following}F"}
        assert f"Ses0{following}M" in speakers(first, number, "train")
    drawn = make_split(protocol(**SESSIONS, dev={**dev, "seed": 3}), "clean", iemocap_like())
    voices = [next(iter(speakers(drawn, number, "dev")))[-1] for number in range(1, 6)]
    assert set(voices) == {"F", "M"}
    assert [next(iter(speakers(drawn, n, "dev")))[:-1] for n in range(1, 6)] == [
        f"Ses0{n % 5 + 1}" for n in range(1, 6)
    ]


def test_other_of_session_needs_named_sessions() -> None:
    rows = [replace(row, session="") for row in iemocap_like() if row.session == "Ses01"]
    folds = {"kind": "leave_one_out", "group": "speaker", "number": 2}
    with pytest.raises(InputError, match="needs two speakers in each session"):
        make_split(protocol(folds=folds, dev={"kind": "other_of_session"}), "clean", rows)


def test_a_dev_speaker_who_is_also_tested_stays_tested() -> None:
    visit = replace(iemocap_like()[0], utterance="visit", speaker="Ses02F", sha256="visit")
    fields = {**SESSIONS, "leaks": ["speakers"], "dev": {"kind": "speaker_of_next_session"}}
    split = make_split(protocol(**fields), "clean", [*iemocap_like(), visit])
    assert "visit" in {split.utterances[row] for row in split.rows(1, "test")}
    assert "visit" not in {split.utterances[row] for row in split.rows(1, "dev")}


@pytest.mark.parametrize("dev", ["next_group", "other_of_session"])
def test_test_selected_is_judged_on_the_test_part_and_trains_on_the_rest(dev: str) -> None:
    split = make_split(protocol(dev={"kind": dev}), "test_selected", iemocap_like())
    for number, speaker in enumerate(SPEAKERS, 1):
        assert speakers(split, number, "train") == set(SPEAKERS) - {speaker}
        np.testing.assert_array_equal(split.rows(number, "dev"), split.rows(number, "test"))
    fold = Fold.of(split, 1, {})
    assert fold.dev.utterances == fold.test.utterances
    assert not set(fold.dev.utterances) & set(fold.train.utterances)


def test_last_epoch_trains_on_what_others_select_on() -> None:
    split = make_split(protocol(), "last_epoch", iemocap_like())
    for number, speaker in enumerate(SPEAKERS, 1):
        assert len(split.rows(number, "dev")) == 0
        assert speakers(split, number, "train") == set(SPEAKERS) - {speaker}


def test_group_k_fold_is_balanced_seeded_and_keeps_speakers_whole() -> None:
    rows = [row for row in iemocap_like() if row.speaker != "Ses01F" or row.emotion == "sad"]  # unequal speakers
    of_seed = {}
    for seed in range(4):
        folds = {"kind": "group_k_fold", "group": "speaker", "number": 4, "seed": seed}
        split = make_split(protocol(folds=folds), "clean", rows)
        tested = [speakers(split, number, "test") for number in range(1, 5)]
        assert sorted(s for fold in tested for s in fold) == SPEAKERS
        sizes = [len(split.rows(number, "test")) for number in range(1, 5)]
        assert max(sizes) - min(sizes) <= 10  # one speaker's utterances
        assert all(speakers(split, number, "dev") == tested[number % 4] for number in range(1, 5))
        assert of_seed.setdefault(seed, split.data_hash) == make_split(protocol(folds=folds), "clean", rows).data_hash
    assert len(set(of_seed.values())) > 1


def test_random_k_fold_is_stratified_and_seeded() -> None:
    rows = iemocap_like(per_emotion=3)  # 30 of each emotion, so 30 60 30 30 of the classes
    split = make_split(protocol(**RANDOM, **NO_DEV), "last_epoch", rows)
    for number in range(1, 5):
        tested = split.rows(number, "test")
        counts = np.bincount(split.targets[tested], minlength=4)
        assert abs(len(tested) - 150 / 4) < 1
        assert (np.abs(counts - np.array([30, 60, 30, 30]) / 4) < 1).all()
    assert sorted(np.concatenate([split.rows(n, "test") for n in range(1, 5)])) == list(range(150))
    other = {**RANDOM, "folds": {**RANDOM["folds"], "seed": 2}}
    assert (make_split(protocol(**RANDOM, **NO_DEV), "last_epoch", rows[::-1]).parts == split.parts).all()
    assert (make_split(protocol(**other, **NO_DEV), "last_epoch", rows).parts != split.parts).any()


def test_random_dev_is_stratified_and_its_shared_speakers_are_noted() -> None:
    dev = {"kind": "random", "fraction": 0.2, "seed": 1}
    split = make_split(protocol(**SESSIONS, dev=dev), "clean", iemocap_like(per_emotion=3))
    for number in range(1, 6):
        counts = np.bincount(split.targets[split.rows(number, "dev")], minlength=4)
        assert counts.sum() == 24  # a fifth of the 120 utterances that are not tested: 24 48 24 24
        assert (np.abs(counts - np.array([24, 48, 24, 24]) / 5) < 1).all()
    assert "dev shares speakers with train in fold 1, 2, 3, 4, 5" in split.notes
    assert split.leaks == {}
    other = make_split(protocol(**SESSIONS, dev={**dev, "seed": 2}), "clean", iemocap_like(per_emotion=3))
    assert (other.parts != split.parts).any()


def names(split: Split, rows: np.ndarray) -> list[str]:
    return [split.utterances[row] for row in rows]


def of_parts(*parts: str) -> list[str]:
    return [f"{part}_{emotion}_{take}" for part in parts for emotion in ("angry", "sad") for take in (1, 2)]


def test_official_parts() -> None:
    split = make_split(protocol(**OFFICIAL), "clean", official())
    assert split.parts.shape == (16, 1)
    assert names(split, split.rows(1, "test")) == names(split, split.scored(1)) == of_parts("test1", "test2")
    assert names(split, split.scored(1, "test2")) == of_parts("test2")
    assert speakers(split, 1, "dev") == {"speaker_dev"}
    assert split.left_out == {"emotion other": 10, "part test3": 4}
    merged = make_split(protocol(**OFFICIAL), "last_epoch", official())
    assert speakers(merged, 1, "train") == {"speaker_train", "speaker_dev"}
    fields = {**OFFICIAL, "folds": {**OFFICIAL["folds"], "test": ["test9"]}}
    with pytest.raises(InputError, match="official part test9; the manifest has: dev, test1"):
        make_split(protocol(**fields), "clean", official())


@pytest.mark.parametrize(
    ("selection", "chosen_on"), [("clean", ["dev"]), ("test_selected", ["test1", "test2"]), ("last_epoch", [])]
)
def test_a_reported_dev_part_is_scored_and_never_trains(selection: str, chosen_on: list[str]) -> None:
    split = make_split(protocol(**REPORTED), selection, official())
    fold = Fold.of(split, 1, {})
    assert fold.train.utterances == tuple(of_parts("train"))
    assert fold.dev.utterances == tuple(of_parts(*chosen_on))
    assert fold.test.utterances == tuple(of_parts("dev", "test1", "test2"))  # in the order of their names
    assert names(split, split.rows(1, "test")) == of_parts("test1", "test2")
    for part in ("dev", "test1", "test2"):
        assert names(split, split.scored(1, part)) == of_parts(part)


@pytest.mark.parametrize("selection", ["clean", "test_selected", "last_epoch"])
def test_a_reported_dev_part_may_share_speakers_with_train_but_not_with_what_selects(selection: str) -> None:
    rows = [replace(row, speaker="both") if row.partition in ("train", "dev") else row for row in official()]
    assert "dev shares speakers with train in fold 1" in make_split(protocol(**REPORTED), selection, rows).notes
    rows = [replace(row, speaker="both") if row.partition in ("test2", "dev") else row for row in official()]
    if selection == "clean":
        with pytest.raises(InputError, match="shares speakers in fold 1"):
            make_split(protocol(**REPORTED), selection, rows)
    else:
        assert make_split(protocol(**REPORTED), selection, rows).leaks == {}


def test_a_class_that_a_reported_part_lacks_is_noted() -> None:
    rows = [row for row in official() if (row.partition, row.emotion) not in (("test2", "sad"), ("dev", "sad"))]
    notes = make_split(protocol(**REPORTED), "clean", rows).notes
    assert "no sad in test2, dev" in notes
    assert not any("test part of fold" in note for note in notes)


@pytest.mark.parametrize("selection", ["clean", "test_selected"])
def test_the_split_file_keeps_official_parts(tmp_path: Path, selection: str) -> None:
    split = make_split(protocol(**REPORTED), selection, official())
    write_split(split, protocol(**REPORTED), tmp_path / "s.csv", tmp_path / "s.json")
    found = read_split(tmp_path / "s.json")
    assert found.partitions == split.partitions
    np.testing.assert_array_equal(found.scored(1, "dev"), split.scored(1, "dev"))
    lines = (tmp_path / "s.csv").read_text().splitlines()
    assert lines[0] == "utterance,speaker,session,partition,target,fold1"
    used = {"clean": "dev", "test_selected": "reported"}[selection]
    assert lines[1] == f"dev_angry_1,speaker_dev,podcast_dev,dev,angry,{used}"
    facts = json.loads((tmp_path / "s.json").read_text())
    each = {"utterances": 4, "speakers": 1, "classes": {"angry": 2, "sad": 2}}
    assert facts["counts_reported"] == {"test1": each, "test2": each, "dev": each}
    assert facts["counts"][0]["test"]["utterances"] == 8
    moved = [replace(row, partition="test2") if row.utterance == "test1_sad_1" else row for row in official()]
    assert make_split(protocol(**REPORTED), selection, moved).data_hash != split.data_hash


def test_attributes_keep_the_corpus_scale(tmp_path: Path) -> None:
    rows = [*official(), replace(official()[0], utterance="no_label", arousal=None)]
    fields = {**OFFICIAL, "labels": None, "targets": ["arousal", "valence"], "scale": [1, 7]}
    split = make_split(protocol(**fields), "clean", rows)
    assert split.targets.dtype == np.float32
    assert split.targets[0].tolist() == [1.0, 7.5]
    assert split.left_out == {"part test3": 6, "without arousal": 1}
    assert "24 utterances have an attribute outside 1 to 7" in split.notes
    write_split(split, protocol(**fields), tmp_path / "a.csv", tmp_path / "a.json")
    np.testing.assert_array_equal(read_split(tmp_path / "a.json").targets, split.targets)
    angry = make_split(protocol(**fields, emotions=["angry"]), "clean", rows)
    assert len(angry.utterances) == 8


def test_merged_emotions_subset_and_left_out() -> None:
    split = make_split(protocol(), "clean", iemocap_like())
    assert Counter(split.targets.tolist()) == {0: 20, 1: 40, 2: 20, 3: 20}
    assert split.left_out == {"emotion frustrated": 20, "style scripted": 120}
    assert list(split.utterances) == sorted(split.utterances)


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
    assert f"shares {kind} in fold 1, 2" in message
    assert {"audio": "Ses01_im_F_sad_0", "sentences": "the same"}.get(kind, "Ses0") in message
    assert f"declare `leaks: [{kind}]`" in message
    assert selection in message


def test_all_undeclared_leaks_are_told_at_once_and_declared_ones_are_kept() -> None:
    fields = {"subset": "all", **NO_DEV, "folds": RANDOM["folds"]}
    with pytest.raises(InputError, match="shares speakers in fold .*; sessions in fold .*; sentences in fold"):
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
    assert "test shares sessions with train or dev, as declared" in split.notes
    unnamed = make_split(
        protocol(leaks=["sessions", "sentences"]), "clean", [replace(row, sentence="") for row in rows]
    )
    assert "whether test shares sentences cannot be checked: the manifest does not name them" in unnamed.notes
    assert not any("not found" in note for note in unnamed.notes)


def test_segments_of_one_file_are_no_audio_leak_but_the_same_stretch_is() -> None:
    rows = official()
    same_file = [replace(row, sha256="one file", start=float(i), end=i + 1.0) for i, row in enumerate(rows)]
    assert make_split(protocol(**OFFICIAL), "clean", same_file).leaks == {}
    assert make_split(protocol(**OFFICIAL), "clean", [replace(row, sha256="") for row in rows]).leaks == {}
    same_stretch = [replace(row, start=0.0, end=1.0) for row in same_file]
    with pytest.raises(InputError, match="shares audio in fold 1 "):
        make_split(protocol(**OFFICIAL), "clean", same_stretch)


def test_unknown_speakers_are_no_leak_and_noted() -> None:
    rows = [replace(row, speaker="unknown") if row.utterance.endswith("1") else row for row in official()]
    split = make_split(protocol(**OFFICIAL), "clean", rows)
    assert split.leaks == {}
    assert any(note.startswith("8 utterances have an unknown speaker") for note in split.notes)
    with pytest.raises(InputError, match="1 utterances have no known speaker"):
        rows = iemocap_like()
        index = next(i for i, row in enumerate(rows) if row.emotion == "sad" and row.style == "improvised")
        make_split(protocol(), "clean", [*rows[:index], replace(rows[index], speaker="unknown"), *rows[index + 1 :]])


def test_groups_must_be_as_many_as_declared() -> None:
    two = [row for row in iemocap_like() if row.session == "Ses01"]
    with pytest.raises(InputError, match="declares 10 speakers, the manifest has 2: Ses01F, Ses01M: set"):
        make_split(protocol(), "clean", two)
    with pytest.raises(InputError, match="declares 9 speakers, the manifest has 10"):
        make_split(protocol(folds={"kind": "leave_one_out", "group": "speaker", "number": 9}), "clean", iemocap_like())
    with pytest.raises(InputError, match="declares 3 folds of speakers, the manifest has 2"):
        make_split(protocol(folds={"kind": "group_k_fold", "group": "speaker", "number": 3, "seed": 1}), "clean", two)
    with pytest.raises(InputError, match="the train part of fold 1, 2 is empty"):
        make_split(protocol(folds={"kind": "leave_one_out", "group": "speaker", "number": 2}), "clean", two)


def test_labels_and_styles_that_the_corpus_does_not_have() -> None:
    rows = [row for row in iemocap_like() if row.emotion != "sad"]
    with pytest.raises(InputError, match="no utterance is labelled sad; the manifest has: angry, excited, frus"):
        make_split(protocol(), "clean", rows)
    rows = [row for row in iemocap_like() if row.emotion != "sad" or row.style == "scripted"]
    with pytest.raises(InputError, match="no utterance of class sad in the subset"):
        make_split(protocol(), "clean", rows)
    with pytest.raises(InputError, match="subset improvised: the manifest's styles are"):
        make_split(protocol(), "clean", [replace(row, style="") for row in iemocap_like()])
    with pytest.raises(InputError, match="twice in the manifest: Ses01_im_F_angry_0"):
        make_split(protocol(), "clean", [*iemocap_like(), iemocap_like()[0]])


def test_a_class_missing_in_a_fold_is_noted() -> None:
    rows = [row for row in iemocap_like() if not (row.emotion == "sad" and row.speaker in ("Ses01F", "Ses03M"))]
    split = make_split(protocol(), "clean", rows)
    assert "no sad in the test part of fold 1, 6" in split.notes


def test_data_hash_depends_on_audio_targets_and_parts() -> None:
    rows, base = iemocap_like(), make_split(protocol(), "clean", iemocap_like()).data_hash
    index = next(i for i, row in enumerate(rows) if row.style == "improvised" and row.emotion == "sad")

    def changed(**fields: str | float) -> str:
        return make_split(
            protocol(), "clean", [*rows[:index], replace(rows[index], **fields), *rows[index + 1 :]]
        ).data_hash

    hashes = {
        base,
        changed(sha256="other"),
        changed(emotion="angry"),
        make_split(protocol(), "last_epoch", rows).data_hash,
    }
    hashes |= {changed(start=0.5), changed(end=0.5)}
    assert len(hashes) == 6
    assert changed(path="elsewhere.wav") == base
    assert make_split(protocol(), "clean", rows[::-1]).data_hash == base


def test_the_script_writes_what_read_reads(tmp_path: Path) -> None:
    manifest.write_manifest(tmp_path / "m.csv", iemocap_like())
    fields = json.dumps(protocol().mapping)
    written = []
    for name in ("one", "two"):
        paths = [tmp_path / name / "clean.csv", tmp_path / name / "clean.json"]
        script = [sys.executable, "workflow_scripts/splits.py", "--manifest", str(tmp_path / "m.csv")]
        script += ["--protocol", fields, "--selection", "clean"]
        script += ["--output-csv", str(paths[0]), "--output-json", str(paths[1])]
        subprocess.run(script, cwd=ROOT, check=True, capture_output=True)
        written.append([path.read_bytes() for path in paths])
    assert written[0] == written[1]
    made, found = make_split(protocol(), "clean", iemocap_like()), read_split(tmp_path / "one" / "clean.json")
    assert (found.protocol_hash, found.selection, found.data_hash) == (made.protocol_hash, "clean", made.data_hash)
    assert (found.corpus, found.labels, found.scale) == (made.corpus, made.labels, made.scale)
    assert (found.utterances, found.speakers, found.sessions) == (made.utterances, made.speakers, made.sessions)
    assert (found.notes, found.leaks, found.left_out) == (made.notes, made.leaks, made.left_out)
    np.testing.assert_array_equal(found.parts, made.parts)
    np.testing.assert_array_equal(found.targets, made.targets)
    facts = json.loads(written[0][1])
    classes = {"angry": 2, "happy": 4, "sad": 2, "neutral": 2}
    assert facts["counts"][2]["test"] == {"utterances": 10, "speakers": 1, "classes": classes}
    assert (facts["protocol_hash"], facts["n_speakers"]) == (protocol().digest("clean"), 10)
    first = written[0][0].decode().splitlines()[:2]
    assert first[0] == "utterance,speaker,session,target," + ",".join(f"fold{k}" for k in range(1, 11))
    assert first[1] == "Ses01_im_F_angry_0,Ses01F,Ses01,angry,test" + ",train" * 8 + ",dev"


def test_the_script_tells_a_leak_in_one_line(tmp_path: Path) -> None:
    manifest.write_manifest(tmp_path / "m.csv", iemocap_like())
    script = [sys.executable, "workflow_scripts/splits.py", "--manifest", str(tmp_path / "m.csv")]
    script += ["--protocol", json.dumps(protocol(leaks=[]).mapping), "--selection", "clean"]
    script += ["--output-csv", str(tmp_path / "s.csv"), "--output-json", str(tmp_path / "s.json")]
    result = subprocess.run(script, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 2
    assert result.stderr.startswith("error: protocol of iemocap, selection clean: the test part shares sessions")
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "s.json").exists()


def test_read_refuses_a_csv_that_is_not_the_one_written(tmp_path: Path) -> None:
    split = make_split(protocol(), "clean", iemocap_like())
    write_split(split, protocol(), tmp_path / "s.csv", tmp_path / "s.json")
    (tmp_path / "s.csv").write_text((tmp_path / "s.csv").read_text().replace("angry,test", "angry,train", 1))
    with pytest.raises(InputError, match="not the file that s.json describes"):
        read_split(tmp_path / "s.json")
    (tmp_path / "s.csv").unlink()
    with pytest.raises(InputError, match="s.csv: no such file"):
        read_split(tmp_path / "s.json")
    (tmp_path / "s.json").write_text("{}")
    with pytest.raises(InputError, match="not a split's file"):
        read_split(tmp_path / "s.json")


def test_fold_gives_parts_and_checks_stores() -> None:
    split = make_split(protocol(), "clean", iemocap_like())
    store = dict.fromkeys(split.utterances)
    fold = Fold.of(split, 2, {"spectrogram": store})
    assert (fold.number, fold.labels) == (2, ("angry", "happy", "sad", "neutral"))
    assert fold.test.speakers == ("Ses01M",) * 10
    assert fold.test.targets.dtype == np.int64
    assert [fold.labels[target] for target in fold.test.targets[:5]] == ["angry", "angry", "happy", "happy", "happy"]
    assert len({*fold.train.utterances, *fold.dev.utterances, *fold.test.utterances}) == 100
    del store["Ses01_im_M_sad_0"], store["Ses05_im_M_sad_0"]
    with pytest.raises(InputError, match="store spectrogram lacks .*: Ses01_im_M_sad_0, Ses05_im_M_sad_0: make"):
        Fold.of(split, 2, {"spectrogram": store})
    with pytest.raises(InputError, match="no fold 11: folds go from 1 to 10"):
        Fold.of(split, 11, {})
