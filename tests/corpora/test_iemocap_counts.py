"""A tree in IEMOCAP's layout with the release's published counts: loader and protocols must reproduce each of them."""

import struct
from collections import Counter
from itertools import cycle, product
from pathlib import Path

import numpy as np
import pytest

from helpers import ROOT
from helpers.releases import ACTORS, CLASSES, EMOTIONS, SESSIONS, iemocap_counts
from ser.corpora import iemocap
from ser.manifests.build import build_manifest
from ser.manifests.utterance import Utterance
from ser.plan.experiments import read_experiments
from ser.splits.make import make_split
from ser.splits.protocol import Protocol
from ser.splits.split import Split

# What is not among the five emotions (secondary; the codes of the last five are not known).
OTHERS = {"fru": 1_849, "sur": 107, "fea": 40, "xxx": 2_507, "oth": 5}
CODES = {"neutral": "neu", "angry": "ang", "sad": "sad", "happy": "hap", "excited": "exc"}


def write_tree(root: Path) -> None:
    """Each session has four improvised and four scripted dialogs, two per actor in markers; both speak in each."""
    counts, others, number = iemocap_counts(), cycle(product(range(5), ACTORS, range(2))), 0
    codes = {
        (s, ACTORS[a], i): [CODES[e] for e, n in zip(EMOTIONS, counts[s, a, i], strict=True) for _ in range(n)]
        for s, a, i in product(range(5), range(2), range(2))
    }
    for code in (code for code, total in OTHERS.items() for _ in range(total)):
        codes[next(others)].append(code)
    for s, i in product(range(5), range(2)):
        names = ("impro01", "impro02a") if i == 0 else ("script01_1", "script02_2b")
        dialogs = [f"{SESSIONS[s]}{wearer}_{name}" for wearer in ACTORS for name in names]
        lines: dict[str, list[str]] = {dialog: [] for dialog in dialogs}
        for dialog in dialogs:
            (root / f"Session{s + 1}/sentences/wav/{dialog}").mkdir(parents=True)
        for actor in ACTORS:
            for place, code in enumerate(codes[s, actor, i]):
                dialog, number = dialogs[place % 4], number + 1
                turn = f"{dialog}_{actor}{place // 4:03}"
                scores = "[2.5000, 3.0000, 3.5000]"
                lines[dialog].append(f"[{place}.25 - {place}.75]\t{turn}\t{code}\t{scores}\nC-E2:\tx;\t()\n")
                (root / f"Session{s + 1}/sentences/wav/{dialog}/{turn}.wav").write_bytes(wav(number))
        folder = root / f"Session{s + 1}/dialog/EmoEvaluation"
        folder.mkdir(parents=True, exist_ok=True)
        for dialog, blocks in lines.items():
            (folder / f"{dialog}.txt").write_text("% header\n\n" + "\n".join(blocks))


def wav(number: int) -> bytes:
    """Two samples at 16 kHz; no two numbers sound alike, or the split would find the same audio on both sides."""
    data = struct.pack("<I", number)
    header = struct.pack("<4sIHHIIHH4sI", b"fmt ", 16, 1, 1, 16_000, 32_000, 2, 16, b"data", len(data))
    return b"RIFF" + struct.pack("<I", 4 + len(header) + len(data)) + b"WAVE" + header + data


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> tuple[list[Utterance], dict]:
    root = tmp_path_factory.mktemp("iemocap") / "IEMOCAP_full_release"
    write_tree(root)
    return build_manifest("iemocap", root)


def split(corpus, experiment: str, protocol: str) -> Split:
    fields = read_experiments(ROOT)[experiment]["protocols"][protocol]
    fields = {key: value for key, value in fields.items() if key not in ("selections", "source", "note")}
    return make_split(Protocol.from_mapping(fields), "clean", corpus[0])


def fold_sizes(made: Split) -> list[int]:
    return [len(made.rows(number, "test")) for number in range(1, made.n_folds + 1)]


def test_the_release_is_whole(corpus):
    utterances, report = corpus
    assert (report["utterances"], report["speakers"], report["warnings"]) == (10_039, 10, [])
    (release,) = iemocap.PUBLISHED
    for counts in release.tables[1:]:
        assert counts.found(utterances) == counts.counts
    assert {name: report["emotion"][name] for name in release.tables[0].counts} == release.tables[0].counts


@pytest.mark.parametrize(
    ("protocol", "total", "classes"),
    [
        ("iemocap_5531", 5_531, {"angry": 1_103, "happy": 1_636, "sad": 1_084, "neutral": 1_708}),
        ("iemocap_4490", 4_490, {"angry": 1_103, "happy": 595, "sad": 1_084, "neutral": 1_708}),
        ("iemocap_2943", 2_943, {"angry": 289, "happy": 947, "sad": 608, "neutral": 1_099}),
        ("iemocap_2280", 2_280, {"angry": 289, "happy": 284, "sad": 608, "neutral": 1_099}),
    ],
)
def test_the_four_subsets_of_the_literature(corpus, protocol, total, classes):
    made = split(corpus, "fair", protocol)
    assert len(made.utterances) == sum(fold_sizes(made)) == total
    assert dict(zip(made.labels, np.bincount(made.targets).tolist(), strict=True)) == classes


@pytest.mark.parametrize(
    ("experiment", "protocol", "sizes"),
    [
        ("fair", "iemocap_5531", [1_085, 1_023, 1_151, 1_031, 1_241]),
        ("fair", "iemocap_2943", [521, 530, 627, 534, 731]),
        ("fair", "iemocap_2280", [422, 393, 538, 370, 557]),
        ("superb_er", "iemocap_5531_sessions", [1_085, 1_023, 1_151, 1_031, 1_241]),
        ("attention_fcn", "iemocap_2280_sessions", [422, 393, 538, 370, 557]),
        ("mfhca", "iemocap_5531_speakers", [528, 557, 481, 542, 522, 629, 528, 503, 590, 651]),
    ],
)
def test_the_sizes_of_the_folds(corpus, experiment, protocol, sizes):
    assert fold_sizes(split(corpus, experiment, protocol)) == sizes


def test_each_session_has_its_classes(corpus):
    made = split(corpus, "superb_er", "iemocap_5531_sessions")
    order = [made.labels.index(label) for label in ("neutral", "angry", "sad", "happy")]
    found = [np.bincount(made.targets[made.rows(number, "test")])[order].tolist() for number in range(1, 6)]
    assert found == CLASSES


def test_the_dialogs_name_would_give_other_speakers(corpus):
    """The trap: the letter in a dialog's name is the actor in markers, and both actors speak in every dialog."""
    chosen = [u for u in corpus[0] if u.emotion in EMOTIONS]
    speakers = {}
    for u in chosen:
        speakers.setdefault(u.utterance.rsplit("_", 1)[0], set()).add(u.speaker)
    assert len(speakers) == 40
    assert all(found == {dialog[:5] + "F", dialog[:5] + "M"} for dialog, found in speakers.items())
    by_dialog = Counter(u.utterance[:6] for u in chosen)
    assert set(by_dialog) == {session + actor for session, actor in product(SESSIONS, ACTORS)}
    assert by_dialog != Counter(u.speaker for u in chosen)
