"""MSP-Podcast: the table of consensus labels, its spellings through the releases, and hidden labels."""

from pathlib import Path

import pytest

from helpers.wavs import write_wav
from ser.corpora import msp_podcast
from ser.errors import InputError
from ser.manifests.build import build_manifest
from ser.manifests.reading import Published, grouped

HEADER = "FileName,EmoClass,EmoAct,EmoVal,EmoDom,SpkrID,Gender,Split_Set\n"
ROWS = """\
MSP-PODCAST_0001_0001.wav,A,6.2,1.4,5.6,30,Male,Train
MSP-PODCAST_0001_0002_0001.wav,S,2.2,2.4,3.6,30,Male,Development
MSP-PODCAST_0002_0001.wav,H,5.0,6.0,4.5,31,Female,Validation
MSP-PODCAST_0003_0001.wav,U,5,5,5,32,Female,Test1
MSP-PODCAST_0003_0002.wav,F,5,2,3,Unknown,Unknown,Test2
MSP-PODCAST_0004_0001.wav,D,4,2,4,33,Male,Test1
MSP-PODCAST_0004_0002.wav,C,4,2,5,33,Male,Test1
MSP-PODCAST_0004_0003.wav,N,4,4,4,33,Male,Test1
MSP-PODCAST_0004_0004.wav,O,4,4,4,33,Male,Test1
MSP-PODCAST_0004_0005.wav,X,7.5,4,0.5,33,Male,Test1
"""


def write_tree(root: Path, table: str = HEADER + ROWS, audio: str = "Audios") -> Path:
    for line in ROWS.splitlines():
        write_wav(root / audio / line.split(",")[0], 80)
    write_wav(root / audio / "MSP-PODCAST_test3_0001.wav", 80, 44_100, 2)
    (root / audio / "._MSP-PODCAST_0001_0001.wav").write_bytes(b"\0")
    (root / "Labels").mkdir()
    (root / "Labels" / "labels_consensus.csv").write_text(table)
    return root


def test_every_row_is_kept_with_its_part_and_scores(tmp_path: Path) -> None:
    reading = msp_podcast.read_release(write_tree(tmp_path))
    assert [(u.emotion, u.partition, u.speaker, u.gender, u.session) for u in reading.utterances] == [
        ("angry", "train", "30", "male", "0001"),
        ("sad", "dev", "30", "male", "0001"),
        ("happy", "dev", "31", "female", "0002"),
        ("surprised", "test1", "32", "female", "0003"),
        ("fearful", "test2", "unknown", "", "0003"),
        ("disgusted", "test1", "33", "male", "0004"),
        ("contempt", "test1", "33", "male", "0004"),
        ("neutral", "test1", "33", "male", "0004"),
        ("other", "test1", "33", "male", "0004"),
        ("no_agreement", "test1", "33", "male", "0004"),
    ]
    first = reading.utterances[0]
    assert (first.utterance, first.path) == ("MSP-PODCAST_0001_0001", "Audios/MSP-PODCAST_0001_0001.wav")
    assert (first.arousal, first.valence, first.dominance) == (6.2, 1.4, 5.6)
    assert reading.warnings == ["1 utterances with an attribute outside 1..7, kept: MSP-PODCAST_0004_0005"]


def test_test3_without_labels_is_left_out_by_name(tmp_path: Path) -> None:
    assert msp_podcast.read_release(write_tree(tmp_path)).excluded == [
        (
            "Audios/MSP-PODCAST_test3_0001.wav",
            "no line in labels_consensus.csv (the labels of Test3 are not released)",
            "",
        )
    ]


def test_test3_with_hidden_and_with_released_labels(tmp_path: Path) -> None:
    table = HEADER + "MSP-PODCAST_test3_0001.wav,,,,,,,Test3\n"
    root = write_tree(tmp_path, table)
    assert ("MSP-PODCAST_test3_0001.wav", "its labels are hidden", "") in msp_podcast.read_release(root).excluded
    table = HEADER + "MSP-PODCAST_test3_0001.wav,N,4,4,4,Unknown,Male,Test3\n"
    (root / "Labels" / "labels_consensus.csv").write_text(table)
    (turn,) = msp_podcast.read_release(root).utterances
    assert (turn.partition, turn.session, turn.speaker) == ("test3", "", "unknown")


def test_old_spellings_any_order_of_columns_and_any_case(tmp_path: Path) -> None:
    root = write_tree(
        tmp_path,
        "\ufeffsplit_set,Gender,SpkrID,EmoDom,EmoVal,EmoAct,EmoClass,FileName,Extra\r\n"
        "train,male,30,3,2,1.5,N,MSP-PODCAST_0001_0001.wav,?\r\n",
        audio="Audio",
    )
    (root / "Labels" / "labels_consensus.csv").rename(root / "Labels" / "labels_concensus.csv")
    (root / "Labels").rename(root / "labels")
    (turn,) = msp_podcast.read_release(root).utterances
    assert (turn.path, turn.partition, turn.gender) == ("Audio/MSP-PODCAST_0001_0001.wav", "train", "male")
    assert (turn.arousal, turn.valence, turn.dominance) == (1.5, 2.0, 3.0)


def test_labels_without_audio_are_named(tmp_path: Path) -> None:
    root = write_tree(tmp_path)
    (root / "Audios" / "MSP-PODCAST_0001_0001.wav").unlink()
    reading = msp_podcast.read_release(root)
    assert len(reading.utterances) == 9
    assert reading.excluded[0] == (
        "MSP-PODCAST_0001_0001.wav",
        "labelled, but without audio file",
        "labels_consensus.csv line 2",
    )


@pytest.mark.parametrize(
    ("line", "reason", "cell"),
    [
        ("01.wav,Q,4,4,4,30,Male,Train", "EmoClass is not one of A, S, H, U, F, D, C, N, O, X", "Q"),
        ("01.wav,A,high,4,4,30,Male,Train", "EmoAct is not a number", "high"),
        ("01.wav,A,4,,4,30,Male,Train", "EmoVal is not a number", ""),
        ("01.wav,A,4,4,nan,30,Male,Train", "EmoDom is not a number", "nan"),
        ("01.wav,A,4,4,4,,Male,Train", "SpkrID is not a speaker", ""),
        ("01.wav,A,4,4,4,30,M,Train", "Gender is not Male, Female or Unknown", "M"),
        ("01.wav,A,4,4,4,30,Male,Test9", "Split_Set is not Train, Development, Test1, Test2 or Test3", "Test9"),
        (
            "01.mp3,A,4,4,4,30,Male,Train",
            "FileName is not MSP-PODCAST_<podcast>_<segment>.wav",
            "MSP-PODCAST_0001_0001.mp3",
        ),
        ("01.wav,,,,,,,", "EmoClass is not one of A, S, H, U, F, D, C, N, O, X", ""),
    ],
)
def test_the_cell_that_is_wrong_is_named(tmp_path: Path, line: str, reason: str, cell: str) -> None:
    reading = msp_podcast.read_release(write_tree(tmp_path, f"{HEADER}{ROWS}MSP-PODCAST_0001_00{line}\n"))
    assert reading.broken == [("labels_consensus.csv line 12", reason, repr(cell))]
    assert len(reading.utterances) == 10


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    root = write_tree(tmp_path, HEADER.replace("Split_Set", "Partition").replace("EmoDom,", "") + ROWS)
    with pytest.raises(InputError, match="labels_consensus.csv: no column EmoDom, Split_Set; it has FileName,"):
        msp_podcast.read_release(root)


def test_a_wrong_root_is_told_and_the_right_one_named(tmp_path: Path) -> None:
    root = write_tree(tmp_path / "release")
    with pytest.raises(InputError, match=f"one level below: give {root} as root"):
        msp_podcast.read_release(tmp_path)
    with pytest.raises(InputError, match=f"one level above: give {root} as root"):
        msp_podcast.read_release(root / "Audios")


def test_published_counts_agree_with_each_other() -> None:
    for release in msp_podcast.PUBLISHED:
        assert all(sum(table.counts.values()) == release.total for table in release.tables)


def test_a_whole_copy_is_not_incomplete_for_its_hidden_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = write_tree(tmp_path)
    for release, is_whole in ((Published("small", 11, hidden=1), True), (Published("small", 11), False)):
        monkeypatch.setattr(msp_podcast, "PUBLISHED", (release,))
        report = build_manifest("msp_podcast", root)[1]
        assert (report["utterances"], report["release"]) == (10, "small")
        assert any("an incomplete copy" in warning for warning in report["warnings"]) != is_whole


@pytest.mark.parametrize("score", ["nan", "inf", "-inf", "1e39", "1e999"])
def test_a_score_that_is_no_number_is_a_broken_label(tmp_path: Path, score: str) -> None:
    line = f"MSP-PODCAST_0001_0001.wav,A,6.2,{score},5.6,30,Male,Train"
    reading = msp_podcast.read_release(write_tree(tmp_path, f"{HEADER}{line}\n"))
    assert reading.broken == [("labels_consensus.csv line 2", "EmoVal is not a number", repr(score))]
    assert reading.utterances == []


def test_a_table_that_is_no_table_is_one_line(tmp_path: Path) -> None:
    root = write_tree(tmp_path, f"{HEADER}{'x' * 140_000}\n")
    with pytest.raises(InputError, match=r"labels_consensus.csv: line 2: field larger than field limit .* fresh copy$"):
        msp_podcast.read_release(root)


def test_a_column_that_stands_twice_is_refused(tmp_path: Path) -> None:
    root = write_tree(tmp_path, f"{HEADER.strip()}, emoval\n")
    with pytest.raises(InputError, match=r"labels_consensus.csv: column 'emoval' twice: keep one$"):
        msp_podcast.read_release(root)


def test_a_long_name_takes_no_time(tmp_path: Path) -> None:
    name = "MSP-PODCAST_" + "_test3" * 20_000  # tried in every division, this takes days
    reading = msp_podcast.read_release(write_tree(tmp_path, f"{HEADER}{name},A,1,1,1,30,Male,Train\n"))
    assert [finding.reason for finding in reading.broken] == ["FileName is not MSP-PODCAST_<podcast>_<segment>.wav"]
    assert len(grouped(reading.broken)[0]) < 500
