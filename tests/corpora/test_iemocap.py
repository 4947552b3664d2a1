"""IEMOCAP: consensus lines, the speaker of a turn, and the quirks of the release."""

import shutil
from pathlib import Path

import pytest

from helpers.wavs import write_wav
from ser.corpora import iemocap
from ser.errors import InputError
from ser.manifests.reading import grouped

HEADER = "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\n\n"
CODES = ("neu", "hap", "sad", "ang", "sur", "fea", "dis", "fru", "exc", "oth", "xxx")
WORDS = (
    *("neutral", "happy", "sad", "angry", "surprised", "fearful", "disgusted", "frustrated", "excited", "other"),
    "no_agreement",
)


def add(root: Path, dialog: str, turns: dict[str, str], scores: str = "[2.5000, 3.0000, 3.5000]") -> Path:
    """A dialog with audio and its EmoEvaluation file, written as the release does: tabs, raters' lines, latin-1."""
    session = root / f"Session{dialog[4]}"
    blocks = []
    for number, (turn, code) in enumerate(turns.items()):
        write_wav(session / "sentences" / "wav" / dialog / f"{dialog}_{turn}.wav", 80)
        blocks.append(
            f"[{number}.2500 - {number}.7500]\t{dialog}_{turn}\t{code}\t{scores}\n"
            f"C-E2:\tNeutral;\t(caf\xe9 \x85)\nA-E3:\tval 3; act 2; dom  2;\t()\n\n"
        )
    file = session / "dialog" / "EmoEvaluation" / f"{dialog}.txt"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes((HEADER + "".join(blocks)).replace("\n", "\r\n").encode("latin-1"))
    return file


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "IEMOCAP_full_release"
    add(root, "Ses01F_impro01", {f"{'FM'[k % 2]}{k:03}": code for k, code in enumerate(CODES)})
    add(root, "Ses05M_script01_1b", {"F000": "neu", "MXX1": "hap"})
    categorical = root / "Session1" / "dialog" / "EmoEvaluation" / "Categorical"
    categorical.mkdir()
    (categorical / "Ses01F_impro01_e1_cat.txt").write_text("[broken on purpose: a rater's file is not read]")
    for twin in ("dialog/EmoEvaluation/._Ses01F_impro01.txt", "sentences/wav/Ses01F_impro01/._Ses01F_impro01_F000.wav"):
        (root / "Session1" / twin).write_bytes(b"\0\5\x16\7")
    return root


def test_all_labels_are_kept(tree: Path) -> None:
    reading = iemocap.read_release(tree)
    improvised = [u for u in reading.utterances if u.style == "improvised"]
    assert tuple(u.emotion for u in improvised) == WORDS
    assert (reading.excluded, reading.broken) == ([], [])
    assert reading.warnings == [f"no folder Session{number}" for number in (2, 3, 4)]


def test_the_speaker_is_the_letter_of_the_last_field(tree: Path) -> None:
    by_name = {u.utterance: u for u in iemocap.read_release(tree).utterances}
    turn = by_name["Ses01F_impro01_M001"]
    assert (turn.speaker, turn.gender, turn.session, turn.sentence) == ("Ses01M", "male", "Ses01", "")
    turn = by_name["Ses05M_script01_1b_F000"]
    assert (turn.speaker, turn.gender, turn.session) == ("Ses05F", "female", "Ses05")
    assert (turn.style, turn.sentence) == ("scripted", "script01_1")
    assert turn.path == "Session5/sentences/wav/Ses05M_script01_1b/Ses05M_script01_1b_F000.wav"
    assert by_name["Ses05M_script01_1b_MXX1"].speaker == "Ses05M"


def test_scores_stand_as_valence_activation_dominance(tree: Path) -> None:
    turn = iemocap.read_release(tree).utterances[0]
    assert (turn.valence, turn.arousal, turn.dominance) == (2.5, 3.0, 3.5)


def test_scores_outside_the_scale_are_kept_and_named(tree: Path) -> None:
    add(tree, "Ses02F_impro01", {"F000": "neu"}, "[0.5000, 5.5000, 3.0000]")
    reading = iemocap.read_release(tree)
    assert reading.utterances[11].valence == 0.5
    assert reading.warnings[-1] == "1 utterances with an attribute outside 1..5, kept: Ses02F_impro01_F000"


def test_names_in_mixed_case(tree: Path) -> None:
    (tree / "Session1" / "dialog" / "EmoEvaluation").rename(tree / "Session1" / "dialog" / "emoevaluation")
    (tree / "Session1").rename(tree / "SESSION1")
    folder = tree / "SESSION1" / "sentences" / "wav" / "Ses01F_impro01"
    (folder / "Ses01F_impro01_F000.wav").rename(folder / "Ses01F_impro01_F000.WAV")
    reading = iemocap.read_release(tree)
    assert len(reading.utterances) == 13
    assert reading.utterances[0].path == "SESSION1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F000.WAV"


def test_labels_without_audio_and_audio_without_labels_are_named(tree: Path) -> None:
    folder = tree / "Session1" / "sentences" / "wav" / "Ses01F_impro01"
    (folder / "Ses01F_impro01_F000.wav").unlink()
    write_wav(folder / "Ses01F_impro01_M999.wav", 80)
    assert iemocap.read_release(tree).excluded == [
        (
            "Ses01F_impro01_F000",
            "labelled, but without audio file",
            "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt line 3",
        ),
        (
            "Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_M999.wav",
            "no consensus line in dialog/EmoEvaluation",
            "",
        ),
    ]


@pytest.mark.parametrize(
    ("line", "reason", "words"),
    [
        ("Ses01F_impro01_F000\tjoy\t[2.5000, 2.5000, 2.5000]", "emotion is none of neu, hap, ", "'joy'"),
        ("Ses01F_impro01_F000\tneu\t[2.5000, 2.5000]", "not three attributes", "'[2.5000, 2.5000]'"),
        ("Ses01F_impro01_F000\tneu\t[2.5000, nan, 2.5000]", "not three attributes", "'[2.5000, nan, 2.5000]'"),
        ("Ses01F_impro01_X000\tneu\t[2.5000, 2.5000, 2.5000]", "not a turn of Ses01", "'Ses01F_impro01_X000'"),
        ("Ses02F_impro01_F000\tneu\t[2.5000, 2.5000, 2.5000]", "not a turn of Ses01", "'Ses02F_impro01_F000'"),
        ("Ses01F_imp", "not [start - end], turn, emotion, [val", "'[1.0 - 2.0]\\tSes01F_imp'"),
    ],
)
def test_the_words_that_are_wrong_are_named(tree: Path, line: str, reason: str, words: str) -> None:
    file = tree / "Session1" / "dialog" / "EmoEvaluation" / "Ses01F_impro01.txt"
    file.write_bytes(file.read_bytes() + f"[1.0 - 2.0]\t{line}\r\n".encode())
    reading = iemocap.read_release(tree)
    assert len(reading.utterances) == 13
    (finding,) = reading.broken
    assert (finding.where, finding.detail) == ("Session1/dialog/EmoEvaluation/Ses01F_impro01.txt line 47", words)
    assert finding.reason.startswith(reason)


def test_a_doubled_dialog_folder_is_left_out_and_named(tree: Path) -> None:
    """The copy sorts after the dialog, whose turns it would replace."""
    wav = tree / "Session1" / "sentences" / "wav"
    before = iemocap.read_release(tree).utterances
    shutil.copytree(wav / "Ses01F_impro01", wav / "Ses01F_impro01 copy")
    shutil.move(wav / "Ses01F_impro01" / "Ses01F_impro01_F000.wav", wav)  # and one turn a level too high
    reading = iemocap.read_release(tree)
    assert reading.utterances == before[1:]
    assert [line.partition(": ")[0] for line in grouped(reading.excluded)] == [
        "labelled, but without audio file",
        "2, not where IEMOCAP has recordings",
        "10, a second file of the name of one that is read",
    ]
    shutil.copy(*(tree / "Session1" / "dialog" / "EmoEvaluation" / f"Ses01F_impro01{end}.txt" for end in ("", " copy")))
    reading = iemocap.read_release(tree)
    assert reading.utterances == before[1:]
    (line,) = grouped(reading.broken)
    folder = "Session1/dialog/EmoEvaluation"
    assert line.startswith(
        f"11, a second line of one turn: keep one: {folder}/Ses01F_impro01.txt line 3 "
        f"(the first: {folder}/Ses01F_impro01 copy.txt line 3), "
    )


def test_a_wrong_root_is_told_and_the_right_one_named(tree: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"expected Session<1..5>/.*one level below: give {tree} as root"):
        iemocap.read_release(tmp_path)
    with pytest.raises(InputError, match=f"found dialog/, sentences/; .*one level above: give {tree} as root"):
        iemocap.read_release(tree / "Session1")


def test_published_counts_agree_with_each_other() -> None:
    (release,) = iemocap.PUBLISHED
    emotions, improvised, scripted, sessions, speakers = (table.counts for table in release.tables)
    five = {emotion: emotions[emotion] for emotion in ("neutral", "angry", "sad", "happy", "excited")}
    assert {emotion: improvised[emotion] + scripted[emotion] for emotion in five} == five
    assert sum(five.values()) == sum(sessions.values()) == sum(speakers.values()) == 5_531
    assert (sum(improvised.values()), sum(scripted.values())) == (2_943, 2_588)
    assert {s: speakers[s + "F"] + speakers[s + "M"] for s in sessions} == sessions
    assert sum(emotions.values()) <= release.total


def test_a_long_line_takes_no_time_and_a_score_of_400_digits_is_broken(tree: Path) -> None:
    labels = tree / "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt"
    turn = "Ses01F_impro01_F000\tneu\t"
    lines = [f"[{' - ' * 50_000}x", f"[1 - 2]\t{turn}[{'9' * 400}, 1, 1]"]  # the first, tried in every division: hours
    labels.write_text("\n".join(lines))
    reading = iemocap.read_release(tree)
    place = "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt line"
    no_line = "not [start - end], turn, emotion, [valence, activation, dominance]"
    assert reading.broken[:1] == [(f"{place} 1", no_line, repr(lines[0][:120]))]
    assert [finding[:2] for finding in reading.broken[1:]] == [(f"{place} 2", "not three attributes")]
