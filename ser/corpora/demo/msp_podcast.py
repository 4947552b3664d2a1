"""A synthetic MSP-PODCAST-Publish release: its folders, file names and label files, with speech from espeak-ng.

It has what readers of the release stumble over: turns of class O and X, turns of unknown speakers, podcasts whose
speakers are in different parts, one stereo file at 44.1 kHz, Test3 with hidden labels. Every class is in every part.
Not written: partitions file, transcripts, alignments. The format of the lines of Speaker_ids.txt and of the columns of
labels_detailed.csv is not documented: these are ours.
"""

import csv
import itertools
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ser.corpora.demo import speech
from ser.corpora.demo.espeak import Synthesiser
from ser.corpora.demo.texts import ENGLISH
from ser.errors import InputError

UTTERANCES = 300
SPREAD, EXPRESSION = 0.15, 1.3  # eight classes of many voices: clearer than the four of a dialog
# Part -> number of speakers, share of the turns. No speaker is in two parts, but podcasts are (`_VISITS`).
_PARTS = {
    "Train": (12, 0.42),
    "Development": (5, 0.16),
    "Test1": (6, 0.18),
    "Test2": (4, 0.12),
    "Test3": (4, 0.12),
}
_VISITS = {"Test1": ("Train", "Development")}  # part -> the parts in whose last podcasts its first speakers are heard
_UNKNOWN = 3  # the place, among Train's and Development's speakers, of the one whom the release cannot name
_ACCENTS = ("en-us", "en-gb-x-rp", "en-us-nyc", "en-gb-scotland", "en-029", "en")
# Class -> emotion of speech.py, the word that workers choose, and how often it occurs (flatter than in the release).
_CLASSES = {
    "N": ("neutral", "Neutral", 6),
    "H": ("happy", "Happy", 5),
    "A": ("angry", "Angry", 4),
    "S": ("sad", "Sad", 4),
    "U": ("surprised", "Surprise", 2),
    "C": ("contempt", "Contempt", 2),
    "D": ("disgusted", "Disgust", 2),
    "F": ("fearful", "Fear", 2),
    "O": ("other", "Other-Hesitant", 1),
    "X": ("", "", 3),  # spoken and voted as one of `_MIXTURES`
}
_MIXTURES = (("N", "H"), ("A", "D"), ("S", "N"), ("C", "N"))  # what workers waver between where no class wins
_SECONDARY = {"N": "Concerned", "H": "Amused", "A": "Frustrated", "S": "Disappointed"}
_STEREO = "MSP-PODCAST_1023_0235.wav"  # is stereo at 44.1 kHz in release 1.8
_PODCAST, _SEGMENT = 1018, 235  # the first numbers, so that Train's last podcast is 1023
_CONSENSUS = ("FileName", "EmoClass", "EmoAct", "EmoVal", "EmoDom", "SpkrID", "Gender", "Split_Set")
_DETAILED = ("FileName", "Worker", "EmoClass_Major", "EmoClass_Second", "EmoAct", "EmoVal", "EmoDom")
_README = """MSP-Podcast, demo: SYNTHETIC speech, not the recordings of the University of Texas at Dallas.
Written by this project in the layout of MSP-PODCAST-Publish: spoken by espeak-ng, labelled by the program that
chose how it is spoken. Good for trying the pipeline and for nothing else. The labels of Test3 are not given out.
"""


@dataclass(frozen=True)
class _Guest:
    actor: speech.Speaker
    name: str  # SpkrID
    gender: str
    podcast: int


@dataclass(frozen=True)
class _Turn:
    file: str
    label: str
    ballot: list[str]  # one class per worker
    heard: np.ndarray  # int [workers, 3]: arousal, valence, dominance
    guest: _Guest
    part: str


def write_release(root: Path, seed: int, utterances: int) -> None:
    """Write the tree under the empty folder `root` (which stands for MSP-PODCAST-Publish-<version>).

    Raises InputError for fewer than 200 utterances, as every part needs two turns of each class.
    """
    if utterances < 200:
        raise InputError(f"msp_podcast: {utterances} utterances are too few for ten classes in five parts: use >= 200")
    synthesiser, rng = Synthesiser(seed), np.random.default_rng(seed)
    (root / "Audios").mkdir()
    (root / "Labels").mkdir()
    turns = []
    segments: dict[int, int] = {}
    for part, guests in _cast(rng).items():
        weights = {label: weight for label, (_, _, weight) in _CLASSES.items()}
        labels = speech.quota(weights, round(_PARTS[part][1] * utterances), 2, rng)
        for number, (label, guest) in enumerate(zip(labels, itertools.cycle(guests), strict=False), start=1):
            file = f"MSP-PODCAST_{guest.podcast:04d}_{segments.setdefault(guest.podcast, _SEGMENT):04d}.wav"
            if part == "Test3":
                file = f"MSP-PODCAST_test3_{number:04d}.wav"
            segments[guest.podcast] += int(rng.integers(1, 9))
            turns.append(_speak(root / "Audios", file, label, guest, part, synthesiser, rng))
    turns.sort(key=lambda turn: turn.file)
    _write_labels(root / "Labels", [turn for turn in turns if turn.part != "Test3"], rng)
    known = (f"{turn.file}; {turn.guest.name}\n" for turn in turns if turn.part != "Test3")
    (root / "Speaker_ids.txt").write_text("".join(known), encoding="utf-8")
    (root / "readme.txt").write_text(_README, encoding="utf-8")


def _cast(rng: np.random.Generator) -> dict[str, list[_Guest]]:
    """The speakers of each part, about two to a podcast, each with their own voice."""
    variants = [f"{sex}{number}" for number in range(1, 6) for sex in "fm"]
    voices = zip(itertools.cycle(_ACCENTS), itertools.cycle([*variants, "m6", "m7", "m8"]), itertools.count(101))
    first = _PODCAST
    cast: dict[str, list[_Guest]] = {}
    for part, (speakers, _) in _PARTS.items():
        cast[part] = []
        for place in range(speakers):
            accent, variant, number = next(voices)
            unknown = part in ("Train", "Development") and place == _UNKNOWN
            cast[part].append(
                _Guest(
                    speech.speaker(f"{accent}+{variant}", rng, EXPRESSION),
                    "Unknown" if unknown else str(number),
                    "Female" if variant[0] == "f" else "Male",
                    first + place // 2,
                )
            )
        first = cast[part][-1].podcast + 1
        for place, host in enumerate(_VISITS.get(part, ())):
            cast[part][place] = replace(cast[part][place], podcast=cast[host][-1].podcast)
    return cast


def _speak(
    folder: Path,
    file: str,
    label: str,
    guest: _Guest,
    part: str,
    synthesiser: Synthesiser,
    rng: np.random.Generator,
) -> _Turn:
    labels = _MIXTURES[rng.integers(len(_MIXTURES))] if label == "X" else (label,)
    emotions = [_CLASSES[each][0] for each in labels]
    text = ENGLISH[rng.integers(len(ENGLISH))]
    take = speech.act(synthesiser, guest.actor, text, emotions, SPREAD, rng)
    samples, rate = take.samples, speech.SAMPLE_RATE
    if file == _STEREO:
        wide = speech.resample(samples, rate, 44_100)
        samples, rate = np.stack([wide, 0.8 * wide], axis=1), 44_100
    speech.write_wav(folder / file, samples, rate)
    workers = int(rng.integers(5, 8))
    ballot = speech.votes(labels, workers, [each for each in _CLASSES if each != "X"], rng)
    return _Turn(file, label, ballot, speech.ratings(take.attitude, workers, 1, 7, rng), guest, part)


def _write_labels(folder: Path, turns: list[_Turn], rng: np.random.Generator) -> None:
    """Write labels.txt and the two tables, which say the same."""
    text, consensus, detailed = "", [], []
    for turn in turns:
        act, val, dom = turn.heard.mean(axis=0).round(6).tolist()
        guest = turn.guest
        consensus.append((turn.file, turn.label, act, val, dom, guest.name, guest.gender, turn.part))
        text += f"{turn.file}; {turn.label}; A:{act:.6f}; V:{val:.6f}; D:{dom:.6f};\n"
        workers = np.sort(rng.choice(60, len(turn.ballot), replace=False)) + 1
        for number, vote, heard in zip(workers, turn.ballot, turn.heard.tolist(), strict=True):
            act, val, dom = heard
            worker, primary = f"WORKER{number:08d}", _CLASSES[vote][1]
            secondary = primary.split("-")[0] + (f",{_SECONDARY[vote]}" if vote in _SECONDARY else "")
            detailed.append((turn.file, worker, primary, secondary, act, val, dom))
            text += f"{worker}; {primary}; {secondary}; A:{act:.6f}; V:{val:.6f}; D:{dom:.6f};\n"
        text += "\n"
    (folder / "labels.txt").write_text(text, encoding="utf-8")
    for name, header, rows in (("consensus", _CONSENSUS, consensus), ("detailed", _DETAILED, detailed)):
        with (folder / f"labels_{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(header)
            writer.writerows(rows)
