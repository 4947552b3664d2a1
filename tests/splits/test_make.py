"""Making a split: which utterances it chooses, what it refuses and what it notes; the script that writes its files."""

import json
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from helpers import ROOT
from helpers.builders import iemocap_like, manifest_of, protocol
from helpers.split_cases import OFFICIAL, REPORTED, official
from ser.errors import InputError
from ser.splits.make import make_split
from ser.splits.split import read_split
from ser.splits.write import write_split


def test_a_class_that_a_reported_part_lacks_is_noted() -> None:
    rows = [row for row in official() if (row.partition, row.emotion) not in (("test2", "sad"), ("dev", "sad"))]
    notes = make_split(protocol(**REPORTED), "clean", rows).notes
    assert "no sad in test2, dev" in notes
    assert not any("test part of fold" in note for note in notes)


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
    assert "20 utterances are left out for their emotion: frustrated 20" in split.notes
    assert list(split.utterances) == sorted(split.utterances)


def test_utterances_that_are_not_longer_are_left_out() -> None:
    rows = [replace(row, num_samples=n * 16_000) for n, row in enumerate(iemocap_like(), 1)]
    split = make_split(protocol(min_seconds=2), "clean", rows)
    assert split.left_out["2 s or shorter"] == 2 and len(split.utterances) == 98
    assert make_split(protocol(min_seconds=0), "clean", rows).protocol_hash == protocol().digest("clean")
    assert split.protocol_hash != protocol().digest("clean")


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
    manifest_of(tmp_path / "m.csv", iemocap_like())
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
    assert found.seed is made.seed is None
    assert (found.corpus, found.labels, found.scale) == (made.corpus, made.labels, made.scale)
    assert (found.utterances, found.speakers, found.sessions) == (made.utterances, made.speakers, made.sessions)
    assert found.genders == made.genders
    assert (found.notes, found.leaks, found.left_out) == (made.notes, made.leaks, made.left_out)
    np.testing.assert_array_equal(found.parts, made.parts)
    np.testing.assert_array_equal(found.targets, made.targets)
    facts = json.loads(written[0][1])
    classes = {"angry": 2, "happy": 4, "sad": 2, "neutral": 2}
    assert facts["counts"][2]["test"] == {"utterances": 10, "speakers": 1, "classes": classes}
    assert (facts["protocol_hash"], facts["n_speakers"]) == (protocol().digest("clean"), 10)
    first = written[0][0].decode().splitlines()[:2]
    assert first[0] == "utterance,speaker,session,gender,target," + ",".join(f"fold{k}" for k in range(1, 11))
    assert first[1] == "Ses01_im_F_angry_0,Ses01F,Ses01,,angry,test" + ",train" * 8 + ",dev"


def test_the_script_tells_a_leak_in_one_line(tmp_path: Path) -> None:
    manifest_of(tmp_path / "m.csv", iemocap_like())
    script = [sys.executable, "workflow_scripts/splits.py", "--manifest", str(tmp_path / "m.csv")]
    script += ["--protocol", json.dumps(protocol(leaks=[]).mapping), "--selection", "clean"]
    script += ["--output-csv", str(tmp_path / "s.csv"), "--output-json", str(tmp_path / "s.json")]
    result = subprocess.run(script, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 2
    assert result.stderr.startswith("error: protocol of iemocap, selection clean: the test part shares sessions")
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "s.json").exists()
