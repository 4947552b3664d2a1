"""From a tree or a manifest to checked utterances and a report; all that stops the build is reported at once."""

import hashlib
import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

from helpers.wavs import insert_chunk, write_wav
from ser.errors import InputError
from ser.manifests import build as corpora
from ser.manifests.reading import release_of
from ser.manifests.utterance import EMOTIONS


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("03a01Wa", "03a01Fa", "08a02Ta"):
        write_wav(tmp_path / "wav" / f"{name}.wav")
    return tmp_path


def own(root: Path, *rows: str) -> Path:
    (root / "own.csv").write_text("\n".join(["path,speaker,emotion,start,end", *rows, ""]))
    return root / "own.csv"


@pytest.mark.parametrize("name", ["iemocap", "casia", "msp_podcast", "emodb", "ravdess", "crema_d"])
def test_loaders_keep_the_contract(name: str) -> None:
    loader = corpora.loader_of(name)
    assert name == loader.NAME
    assert all(isinstance(text, str) and "\n" not in text for text in (loader.TITLE, loader.LAYOUT))
    for release in loader.PUBLISHED:
        for table in release.tables:
            assert table.column != "emotion" or set(table.counts) <= set(EMOTIONS)


@pytest.mark.parametrize(
    ("corpus", "utterances", "release"),
    [
        ("msp_podcast", 149_307, "MSP-Podcast 1.11"),
        ("msp_podcast", 207_000, "MSP-Podcast 1.12"),
        ("msp_podcast", 180_000, None),
        ("msp_podcast", 404, None),
        ("emodb", 404, "EmoDB"),
        ("emodb", 561, "EmoDB"),
        ("emodb", 562, None),
        ("ravdess", 7_356, None),
        ("crema_d", 7_815, None),
        ("casia", 9_600, None),
        ("iemocap", 10_542, None),
        ("iemocap", 10_039, "IEMOCAP"),
    ],
)
def test_counts_are_compared_with_a_release_that_this_may_be(corpus: str, utterances: int, release: str | None) -> None:
    """Near it, or of an only release a part; whole releases of CASIA and RAVDESS have more than is published."""
    found = release_of(corpora.loader_of(corpus).PUBLISHED, utterances)
    assert (found.release if found else None) == release


@pytest.mark.parametrize("name", ["emo_db", "tree", "__init__", "../corpora/emodb", ""])
def test_an_unknown_corpus_is_told_which_there_are(name: str) -> None:
    with pytest.raises(InputError, match="has casia, crema_d, emodb, iemocap, msp_podcast, ravdess; .*CSV manifest"):
        corpora.loader_of(name)


def test_audio_facts_are_filled_in_and_sorted(tree: Path) -> None:
    utterances, report = corpora.build_manifest("emodb", tree)
    assert [u.utterance for u in utterances] == ["03a01Fa", "03a01Wa", "08a02Ta"]
    first = utterances[0]
    assert (first.num_samples, first.sample_rate) == (800, 16_000)
    assert first.sha256 == hashlib.sha256((tree / "wav" / "03a01Fa.wav").read_bytes()).hexdigest()
    assert report == {
        "corpus": "emodb",
        "title": "EmoDB",
        "release": "EmoDB",
        "utterances": 3,
        "speakers": 2,
        "seconds": 0.15,
        "emotion": {"angry": 1, "happy": 1, "sad": 1},
        "speaker": {"03": 2, "08": 1},
        "session": {},
        "partition": {},
        "gender": {"female": 1, "male": 2},
        "style": {},
        "excluded": [],
        "unreadable": [],
        "duplicates": [],
        "warnings": [
            "3 utterances where EmoDB has 535 (angry 1 of 127, bored 0 of 81, disgusted 0 of 46, fearful 0 of 69, "
            "happy 1 of 71, neutral 0 of 79, sad 1 of 62): an incomplete copy, or another release"
        ],
    }


def test_all_unreadable_files_stop_the_build_at_once(tree: Path) -> None:
    for number in range(30):
        (tree / "wav" / f"03a02W{chr(ord('a') + number % 26)}.wav").write_bytes(b"text" * number)
        (tree / "wav" / f"08a02W{chr(ord('a') + number % 26)}.wav").write_bytes(b"")
    with pytest.raises(InputError) as caught:
        corpora.build_manifest("emodb", tree)
    message = str(caught.value)
    assert message.startswith(f"{tree}: 52 unreadable audio files: 26, not audio that libsndfile reads: Format")
    assert "; 26, empty (0 bytes): copy it again: wav/08a02Wa.wav, wav/08a02Wb.wav, wav/08a02Wc.wav and 23" in message
    assert message.endswith(" and 23 more: repair them, or set on_unreadable: exclude to go on without them")


def test_unreadable_files_can_be_left_out_by_name(tree: Path) -> None:
    (tree / "wav" / "03a01Wa.wav").write_bytes(b"")
    utterances, report = corpora.build_manifest("emodb", tree, on_unreadable="exclude")
    assert [u.utterance for u in utterances] == ["03a01Fa", "08a02Ta"]
    assert report["unreadable"] == [{"file": "wav/03a01Wa.wav", "reason": "empty (0 bytes): copy it again"}]
    for name in ("03a01Fa", "08a02Ta"):
        (tree / "wav" / f"{name}.wav").write_bytes(b"")
    with pytest.raises(InputError, match=r"no utterance is left; 3, empty .*: wav/03a01Fa.wav, wav/03"):
        corpora.build_manifest("emodb", tree, on_unreadable="exclude")
    with pytest.raises(InputError, match="on_unreadable: 'skip' is neither stop nor exclude"):
        corpora.build_manifest("emodb", tree, on_unreadable="skip")


def bad_samples(root: Path) -> None:
    """Five files of EmoDB whose samples are no recording."""
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, 800)
    for name, samples in {
        "03a02Wa": np.where(np.arange(800) % 100, noise, np.nan),
        "03a02Wb": noise * 32_768,
        "03a02Wc": np.zeros(800),
        "03a02Wd": np.zeros(800),
        "03a02We": np.stack([noise, -noise], axis=1),
    }.items():
        soundfile.write(root / "wav" / f"{name}.wav", samples, 16_000, subtype="FLOAT")


def test_samples_that_are_no_recording_stop_the_build_or_are_left_out(tree: Path) -> None:
    bad_samples(tree)
    with pytest.raises(InputError) as caught:
        corpora.build_manifest("emodb", tree)
    assert str(caught.value) == (
        f"{tree}: 5 unreadable audio files: "
        "samples that are NaN or infinite: export it again: wav/03a02Wa.wav (8 of 800 samples); "
        "far beyond full scale: scale its peak to at most 1: wav/03a02Wb.wav (peak 16374.1); "
        "2, silent: record or export it again: wav/03a02Wc.wav (all 800 samples are 0), "
        "wav/03a02Wd.wav (all 800 samples are 0); "
        "its channels cancel each other: keep one of them: wav/03a02We.wav (their mean has 0.00% of their power): "
        "repair them, or set on_unreadable: exclude to go on without them"
    )
    utterances, report = corpora.build_manifest("emodb", tree, on_unreadable="exclude")
    assert [u.utterance for u in utterances] == ["03a01Fa", "03a01Wa", "08a02Ta"]
    assert [file["file"] for file in report["unreadable"]] == [f"wav/03a02W{letter}.wav" for letter in "abcde"]


def test_a_peak_a_little_beyond_full_scale_is_a_warning(tree: Path) -> None:
    soundfile.write(tree / "wav" / "03a02Wa.wav", [0.5, 1.2, -0.5], 16_000, subtype="FLOAT")
    assert (
        "1 of 4 files: samples beyond full scale (clipped): wav/03a02Wa.wav"
        in corpora.build_manifest("emodb", tree)[1]["warnings"]
    )


def test_silence_is_found_in_the_segment_that_is_used(tree: Path) -> None:
    samples = np.append(np.random.default_rng(0).uniform(-0.5, 0.5, 800), np.zeros(800))
    soundfile.write(tree / "wav" / "03a01Fa.wav", samples, 16_000)
    manifest = own(tree, "wav/03a01Fa.wav,1,sad,,0.05", "wav/03a01Fa.wav,1,sad,0.05,", "wav/03a01Fa.wav,1,sad,,0.1")
    utterances, report = corpora.build_manifest("mine", tree, manifest, on_unreadable="exclude")
    assert [u.utterance for u in utterances] == ["wav/03a01Fa:-0.05", "wav/03a01Fa:-0.1"]
    assert report["unreadable"] == [
        {
            "file": "wav/03a01Fa.wav",
            "reason": "silent: record or export it again (0.05..end s: all 800 samples are 0)",
        }
    ]


def test_broken_labels_stop_the_build_whatever_is_done_with_audio(tree: Path) -> None:
    manifest = own(tree, "wav/03a01Fa.wav,,sad,,", "nowhere.wav,1,sad,,")
    with pytest.raises(InputError, match="1 broken labels: speaker empty: own.csv line 2$"):
        corpora.build_manifest("mine", tree, manifest, on_unreadable="exclude")
    with pytest.raises(
        InputError, match=r"speaker empty: own.csv line 2; 1 unreadable audio files: missing: nowhere.wav"
    ):
        corpora.build_manifest("mine", tree, manifest)


def test_identical_audio_under_two_names_is_a_warning(tree: Path) -> None:
    (tree / "wav" / "03a01Wb.wav").write_bytes((tree / "wav" / "03a01Wa.wav").read_bytes())
    utterances, report = corpora.build_manifest("emodb", tree)
    assert len(utterances) == 4
    assert report["duplicates"] == [("wav/03a01Wa.wav", "wav/03a01Wb.wav")]
    assert "identical audio under several names: wav/03a01Wa.wav = wav/03a01Wb.wav" in report["warnings"]


def test_odd_files_are_warnings(tree: Path) -> None:
    write_wav(tree / "wav" / "03a01Fa.wav", rate=44_100, channels=2)
    insert_chunk(tree / "wav" / "03a01Wa.wav", b"FLLR", b"odd")
    warnings = corpora.build_manifest("emodb", tree)[1]["warnings"]
    assert warnings[:3] == [
        "1 of 3 files: 2 channels (their mean is used): wav/03a01Fa.wav",
        "1 of 3 files: 44100 Hz instead of 16000 Hz (resampled): wav/03a01Fa.wav",
        "1 of 3 files: chunk 'FLLR' before the samples: wav/03a01Wa.wav",
    ]


def test_segments_of_a_file(tree: Path) -> None:
    manifest = own(tree, "wav/03a01Fa.wav,1,joy,0.0125,0.025", "wav/03a01Fa.wav,1,sad,0.025,")
    utterances, report = corpora.build_manifest("mine", tree, manifest)
    assert [(u.utterance, u.num_samples) for u in utterances] == [
        ("wav/03a01Fa:0.0125-0.025", 200),
        ("wav/03a01Fa:0.025-", 400),
    ]
    assert report["duplicates"] == []
    manifest = own(tree, "wav/03a01Fa.wav,1,sad,0.01,0.06")
    with pytest.raises(
        InputError, match=r"correct start and end: wav/03a01Fa.wav \(segment 0.01..0.06 s is not inside its 0.05"
    ):
        corpora.build_manifest("mine", tree, manifest)


def test_one_name_for_two_utterances_is_broken(tree: Path) -> None:
    (tree / "wav" / "copy").mkdir()
    manifest = own(tree, "wav/03a01Fa.wav,1,sad,,", "wav/03a01Fa.flac,2,sad,,")
    write_wav(tree / "wav" / "03a01Fa.flac")
    with pytest.raises(
        InputError, match=r"utterance more than once: keep one: wav/03a01Fa \(wav/03a01Fa.flac, wav/03a"
    ):
        corpora.build_manifest("mine", tree, manifest)


def test_real_emodb(shared_data: Path) -> None:
    utterances, report = corpora.build_manifest("emodb", shared_data / "emodb")
    assert report["emotion"] == {
        **{"angry": 127, "bored": 63, "disgusted": 1, "fearful": 1},
        **{"happy": 71, "neutral": 79, "sad": 62},
    }
    assert report["speakers"] == 10
    assert report["duplicates"] == report["excluded"] == report["unreadable"] == []
    assert {u.sample_rate for u in utterances} == {16_000}


def test_a_line_break_in_a_name_is_a_broken_label(tmp_path: Path) -> None:
    write_wav(tmp_path / "wangzhe\n" / "neutral" / "1.wav")
    found = corpora.survey("casia", tmp_path)
    said = "its name or labels have a line break or are not UTF-8: rename it"
    assert found.broken == [("wangzhe\n/neutral/1.wav", said, "")] and not found.utterances
    with pytest.raises(InputError) as error:
        corpora.build_manifest("casia", tmp_path)
    assert "\n" not in str(error.value) and rf"{said}: wangzhe\n/neutral/1.wav" in str(error.value)


def test_folders_and_links_where_files_belong(tmp_path: Path) -> None:
    for name, kind in (("03a01Fa", "folder"), ("03a01Wa", "dead"), ("03a01Na", "03a01Na.wav")):
        file = tmp_path / "wav" / f"{name}.wav"
        file.mkdir(parents=True) if kind == "folder" else file.symlink_to(kind)
    assert corpora.survey("emodb", tmp_path).unreadable == [
        ("wav/03a01Fa.wav", "not a file", ""),
        ("wav/03a01Na.wav", "cannot be read: Too many levels of symbolic links", ""),
        ("wav/03a01Wa.wav", "missing", ""),
    ]
    (tmp_path / "Labels" / "labels_consensus.csv").mkdir(parents=True)
    (tmp_path / "Audios").mkdir()
    with pytest.raises(InputError, match="_consensus.csv: reading the corpus msp_podcast stopped: Is a directory: "):
        corpora.survey("msp_podcast", tmp_path)


@pytest.mark.parametrize("mode", [0o444, 0o000])
def test_a_folder_that_may_not_be_searched(mode: int) -> None:
    with tempfile.TemporaryDirectory() as folder:  # not in pytest's own, which only its user may search
        root, is_root = Path(folder), os.geteuid() == 0  # whom no mode keeps out
        write_wav(root / "wav" / "03a01Fa.wav")
        (root / "wav").chmod(mode)
        root.chmod(0o755)
        try:
            os.seteuid(65534 if is_root else os.geteuid())
            with pytest.raises(InputError) as error:
                corpora.build_manifest("emodb", root)
        finally:
            os.seteuid(0 if is_root else os.geteuid())
            (root / "wav").chmod(0o755)
    said = f"{root}/wav/: cannot be listed: Permission denied: check the corpus root, and your right to read it (chmod"
    if mode == 0:
        said = f"{root}/wav: reading the corpus emodb stopped: Permission denied: give yourself the right to read or"
    assert str(error.value).startswith(said)
