"""The demo trees: written by the script in fresh processes, read here by independent rules and by the loaders."""

import csv
import hashlib
import json
import re
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest
import soundfile

from helpers import ROOT
from ser.manifests import build as corpora
from ser.sealed import read_sealed

SIZES = {"iemocap": 160, "casia": 48, "msp_podcast": 200}


def run_script(folder: Path, corpus: str, size: int, seed: int = 1) -> subprocess.CompletedProcess:
    command = [sys.executable, "workflow_scripts/demo_corpus.py", "--corpus", corpus, "--seed", str(seed)]
    command += ["--utterances", str(size), "--output-dir", folder / corpus, "--listing", folder / f"{corpus}.json"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


@pytest.fixture(scope="module")
def trees(tmp_path_factory):
    folder = tmp_path_factory.mktemp("releases")
    for corpus, size in SIZES.items():
        done = run_script(folder, corpus, size)
        assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def dialogs(trees):
    """IEMOCAP's consensus files: turn -> the consensus line's fields and the raters' lines."""
    turns = {}
    for path in sorted((trees / "iemocap").glob("Session?/dialog/EmoEvaluation/Ses*.txt")):
        header, *blocks = path.read_text(encoding="latin-1").rstrip("\n").split("\n\n")
        assert header.startswith("% ")
        for block in blocks:
            line, *raters = block.split("\n")
            match = re.fullmatch(
                r"\[(\d+\.\d{4}) - (\d+\.\d{4})\]\t(\w+)\t([a-z]{3})\t\[(\d\.\d{4}), (\d\.\d{4}), (\d\.\d{4})\]", line
            )
            start, end, turn, code, *attributes = match.groups()
            assert turn.startswith(path.stem)
            turns[turn] = (float(end) - float(start), code, [float(value) for value in attributes], raters)
    return turns


@pytest.mark.parametrize("corpus", SIZES)
def test_same_seed_same_bytes_in_another_process(trees, tmp_path, corpus):
    assert run_script(tmp_path, corpus, SIZES[corpus]).returncode == 0
    assert (tmp_path / f"{corpus}.json").read_bytes() == (trees / f"{corpus}.json").read_bytes()


def test_another_seed_another_sound(trees, tmp_path):
    assert run_script(tmp_path, "casia", SIZES["casia"], seed=2).returncode == 0
    ours, other = (json.loads((place / "casia.json").read_text())["sha256"] for place in (trees, tmp_path))
    assert ours.keys() == other.keys()
    assert {path for path in ours if ours[path] == other[path]} == {"casia/readme.txt"}


@pytest.mark.parametrize("corpus", SIZES)
def test_the_listing_is_of_the_tree(trees, corpus):
    listing = read_sealed(trees / f"{corpus}.json")
    assert (listing["corpus"], listing["seed"], listing["utterances"]) == (corpus, 1, SIZES[corpus])
    files = [path for path in (trees / corpus).rglob("*") if path.is_file()]
    assert listing["sha256"] == {
        path.relative_to(trees).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
    }


@pytest.mark.parametrize("corpus", SIZES)
def test_the_readme_says_synthetic(trees, corpus):
    (readme,) = [path for path in (trees / corpus).iterdir() if path.name.lower() == "readme.txt"]
    assert "SYNTHETIC" in readme.read_text()


def test_iemocap_names_and_speakers(trees, dialogs):
    wavs = [path for path in (trees / "iemocap").rglob("*.wav") if not path.name.startswith(".")]
    assert {path.stem for path in wavs} == dialogs.keys() and len(wavs) == 160
    spoken, wearers = defaultdict(Counter), Counter()
    for path in wavs:
        match = re.fullmatch(r"(Ses0(\d)([FM])_(?:impro\d\d|script\d\d_\d)[ab]?)_([FM])\d{3}\.wav", path.name)
        dialog, session, wearer, speaker = match.groups()
        assert path.parent.relative_to(trees / "iemocap").as_posix() == f"Session{session}/sentences/wav/{dialog}"
        spoken[dialog][session + speaker] += 1
        wearers[wearer] += 1
    assert len(spoken) == 40 and all(len(speakers) == 2 for speakers in spoken.values())
    assert wearers == {"F": 80, "M": 80}
    total = sum(spoken.values(), Counter())
    assert total == {f"{session}{sex}": 16 for session in range(1, 6) for sex in "FM"}


def test_iemocap_times_are_of_the_audio(trees, dialogs):
    for turn, (seconds, *_) in dialogs.items():
        dialog = turn.rsplit("_", 1)[0]
        info = soundfile.info(trees / "iemocap" / f"Session{turn[4]}/sentences/wav/{dialog}/{turn}.wav")
        assert (info.samplerate, info.channels, info.subtype) == (16_000, 1, "PCM_16")
        assert info.duration == pytest.approx(seconds, abs=2e-4) and 0.6 <= info.duration < 9


def test_iemocap_consensus_is_the_raters(dialogs):
    words = {"Neutral": "neu", "Happiness": "hap", "Excited": "exc", "Sadness": "sad", "Anger": "ang"}
    words |= {"Frustration": "fru", "Surprise": "sur", "Fear": "fea", "Disgust": "dis", "Other": "oth"}
    outside = []
    for turn, (_, code, attributes, raters) in dialogs.items():
        votes = Counter(words[m[1]] for line in raters if (m := re.fullmatch(r"C-E\d:\t(\w+);\t\(.*\)", line)))
        ratings = [m.groups() for line in raters if (m := re.match(r"A-E\d:\tval (\d); act (\d); dom  (\d);", line))]
        winner, most = votes.most_common()[0]
        assert code == (winner if most > 1 else "xxx")
        np.testing.assert_allclose(attributes, np.array(ratings, int).mean(axis=0), atol=1e-4)
        if not all(1 <= value <= 5 for value in attributes):
            outside.append(turn)
    assert outside == ["Ses02F_impro01_F000"]


def test_iemocap_classes_for_every_fold(dialogs):
    counts = defaultdict(Counter)
    for turn, (_, code, *_) in dialogs.items():
        counts[turn[:5] + turn[-4], "impro" in turn][code] += 1
    assert len(counts) == 20
    for who, count in counts.items():
        lacking = {code for code in ("neu", "hap", "exc", "sad", "ang", "fru", "xxx") if not count[code]}
        assert lacking == ({"ang"} if who == ("Ses02F", True) else set())
    rare = {code: sum(count[code] for count in counts.values()) for code in ("sur", "fea", "dis", "oth")}
    assert rare == {"sur": 5, "fea": 5, "dis": 5, "oth": 5}


def test_iemocap_scripts_repeat_their_lines(trees):
    lines = defaultdict(set)
    for path in (trees / "iemocap").glob("Session?/dialog/transcriptions/Ses*_script*.txt"):
        for line in path.read_text(encoding="latin-1").splitlines():
            turn, text = re.fullmatch(r"(\w+) \[\d{3}\.\d{4}-\d{3}\.\d{4}\]: (.+)", line).groups()
            lines[re.sub(r"Ses0\d|b(?=_)", "", turn)].add(text)
    assert len(lines) == 16 and all(len(texts) == 1 for texts in lines.values())


def test_iemocap_quirks(trees):
    root = trees / "iemocap"
    assert len(list(root.rglob("._*.wav"))) == 1 and len(list(root.rglob("EmoEvaluation/._*.txt"))) == 1
    texts = b"".join(path.read_bytes() for path in root.rglob("Ses*.txt"))
    assert b"\xe9" in texts
    with pytest.raises(UnicodeDecodeError):
        texts.decode("utf-8")
    assert len(list(root.glob("Session?/dialog/EmoEvaluation/Categorical/*_e2_cat.txt"))) == 40


def test_casia_tree(trees):
    speakers = ("wangzhe", "zhaozuoxiang", "liuchanhg", "zhaoquanyin")
    emotions = ("neutral", "angry", "happy", "surprise", "fear", "sad")
    expected = {f"{s}/{e}/{n}.wav" for s in speakers for e in emotions for n in (201, 202)}
    root = trees / "casia"
    assert {path.relative_to(root).as_posix() for path in root.rglob("*.wav")} == expected


def test_msp_podcast_parts(trees):
    root = trees / "msp_podcast"
    with (root / "Labels" / "labels_consensus.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert ",".join(rows[0]) == "FileName,EmoClass,EmoAct,EmoVal,EmoDom,SpkrID,Gender,Split_Set"
    speakers, podcasts, classes = (defaultdict(set) for _ in range(3))
    for row in rows:
        assert re.fullmatch(r"MSP-PODCAST_\d{4}_\d{4}\.wav", row["FileName"])
        podcasts[row["Split_Set"]].add(row["FileName"][12:16])
        classes[row["Split_Set"]].add(row["EmoClass"])
        if row["SpkrID"] != "Unknown":
            speakers[row["Split_Set"]].add(row["SpkrID"])
    assert list(classes.values()) == [set("ASHUFDCNOX")] * 4
    assert classes.keys() == {"Train", "Development", "Test1", "Test2"}
    assert sum(map(len, speakers.values())) == len(set.union(*speakers.values()))  # no speaker in two parts
    for part in ("Train", "Development"):  # but podcasts, as in the release
        assert len(podcasts[part] & podcasts["Test1"]) == 1
    assert len(set.union(*speakers.values())) > 20
    unknown = {row["Split_Set"] for row in rows if row["SpkrID"] == "Unknown"}
    assert unknown == {"Train", "Development"}
    files = {path.name for path in (root / "Audios").iterdir()}
    hidden = files - {row["FileName"] for row in rows}
    assert len(files) == 200 and len(rows) + len(hidden) == 200
    assert len(hidden) >= 20 and all(re.fullmatch(r"MSP-PODCAST_test3_\d{4}\.wav", name) for name in hidden)
    formats = Counter((info.samplerate, info.channels) for info in map(soundfile.info, (root / "Audios").iterdir()))
    assert formats == {(16_000, 1): 199, (44_100, 2): 1}


def test_msp_podcast_labels_say_the_same_three_times(trees):
    labels = trees / "msp_podcast" / "Labels"
    consensus, detailed = {}, defaultdict(list)
    with (labels / "labels_consensus.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            consensus[row["FileName"]] = row
    with (labels / "labels_detailed.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            detailed[row["FileName"]].append(row)
    letters = {"Angry": "A", "Sad": "S", "Happy": "H", "Surprise": "U", "Fear": "F", "Disgust": "D", "Contempt": "C"}
    letters |= {"Neutral": "N", "Other-Hesitant": "O"}
    blocks = (labels / "labels.txt").read_text(encoding="utf-8").rstrip("\n").split("\n\n")
    assert len(blocks) == len(consensus) == len(detailed)
    for block in blocks:
        summary, *workers = block.split("\n")
        name, label, *values = re.fullmatch(r"(\S+); (\w); A:([\d.]+); V:([\d.]+); D:([\d.]+);", summary).groups()
        row, raters = consensus[name], detailed[name]
        values = [float(value) for value in values]
        assert label == row["EmoClass"]
        assert values == [float(row[key]) for key in ("EmoAct", "EmoVal", "EmoDom")]
        heard = [[int(rater[key]) for key in ("EmoAct", "EmoVal", "EmoDom")] for rater in raters]
        assert len(workers) == len(heard) >= 5 and np.min(heard) >= 1 and np.max(heard) <= 7
        np.testing.assert_allclose(values, np.mean(heard, axis=0), atol=1e-6)
        ranking = Counter(letters[rater["EmoClass_Major"]] for rater in raters).most_common(2)
        tie = len(ranking) == 2 and ranking[0][1] == ranking[1][1]
        assert label == ("X" if tie else ranking[0][0])


def test_ratings_agree_with_the_sound(trees):
    root = trees / "msp_podcast"
    level, arousal = [], []
    with (root / "Labels" / "labels_consensus.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            level.append(np.log(np.std(soundfile.read(root / "Audios" / row["FileName"])[0])))
            arousal.append(float(row["EmoAct"]))
    assert 0.5 < np.corrcoef(level, arousal)[0, 1] < 0.95


@pytest.mark.parametrize(("corpus", "utterances", "speakers"), [("iemocap", 160, 10), ("casia", 48, 4)])
def test_the_loaders_take_the_trees_for_releases(trees, corpus, utterances, speakers):
    found, report = corpora.build_manifest(corpus, trees / corpus)
    assert (len(found), report["speakers"], report["excluded"]) == (utterances, speakers, [])


def test_the_msp_podcast_loader_leaves_out_the_hidden_labels_only(trees):
    found, report = corpora.build_manifest("msp_podcast", trees / "msp_podcast")
    assert len(found) + len(report["excluded"]) == 200
    assert all("test3" in entry["file"] for entry in report["excluded"])
    assert Counter(report["emotion"].keys()).keys() >= {"other", "no_agreement", "contempt"}


@pytest.mark.parametrize(
    ("corpus", "size", "message"),
    [
        ("emodb", 100, "no demo corpus 'emodb': there is no ser/corpora/demo/emodb.py"),
        ("iemocap", 100, "100 utterances do not fill 40 dialogs"),
        ("casia", 480, "use a multiple of 24 up to 240"),
        ("msp_podcast", 100, "use >= 200"),
    ],
)
def test_bad_arguments_are_one_line_and_leave_what_is_there(tmp_path, corpus, size, message):
    (tmp_path / corpus).mkdir()
    (tmp_path / f"{corpus}.json").write_text("old")
    done = run_script(tmp_path, corpus, size)
    assert done.returncode == 2 and message in done.stderr
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == [corpus, f"{corpus}.json"]
