"""A synthetic IEMOCAP_full_release: its folders, file names and label files, with speech from espeak-ng.

It has what readers of the release stumble over: dialogs named after the actor who wears the markers while both
speak, turns without agreement, per-rater files beside the consensus, AppleDouble `._` files, latin-1 text, an
attribute outside 1..5, an actor who improvises nothing angry. Not written: video, motion capture, audio of whole
dialogs, phone alignments.
"""

import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ser.corpora.demo import speech
from ser.corpora.demo.espeak import Synthesiser
from ser.corpora.demo.texts import ENGLISH
from ser.errors import InputError

UTTERANCES = 400
SPREAD = 0.25
# How often each consensus code occurs per actor and style, so that every fold of every protocol can learn its classes.
_WEIGHTS = {"neu": 5, "sad": 3, "ang": 3, "exc": 3, "hap": 2, "fru": 2, "xxx": 1, "rare": 1}
_RARE = ("sur", "fea", "dis", "oth")
# Consensus code -> emotion of speech.py, and the word that raters write.
_EMOTIONS = {
    "neu": ("neutral", "Neutral"),
    "hap": ("happy", "Happiness"),
    "exc": ("excited", "Excited"),
    "sad": ("sad", "Sadness"),
    "ang": ("angry", "Anger"),
    "fru": ("frustrated", "Frustration"),
    "sur": ("surprised", "Surprise"),
    "fea": ("fearful", "Fear"),
    "dis": ("disgusted", "Disgust"),
    "oth": ("other", "Other"),
}
# What the raters of a turn without agreement waver between.
_MIXTURES = (("neu", "fru"), ("hap", "neu"), ("sad", "fru"), ("ang", "fru"))
_NEVER_ANGRY = ("Ses02", "F")  # where she improvises, her anger is heard as neutral
_OUT_OF_RANGE = "Ses02F_impro01_F000"  # its raters give dominance 5 and 6 on a scale that ends at 5
_HEADER = "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\n\n"
_README = """IEMOCAP, demo: SYNTHETIC speech, not the recordings of the University of Southern California.
Written by this project in the layout of IEMOCAP_full_release: spoken by espeak-ng, labelled by the program that
chose how it is spoken. Good for trying the pipeline and for nothing else.
"""
# An AppleDouble file, as archives made on macOS leave beside the real files: its header only.
_APPLE_DOUBLE = bytes.fromhex("0005160700020000") + b"Mac OS X        " + bytes(2)


@dataclass(frozen=True)
class _Turn:
    name: str
    code: str
    text: str
    seconds: float
    ballot: list[str]  # one code per categorical rater
    heard: np.ndarray  # int [raters, 3]: arousal, valence, dominance
    acted: str  # the code that the actors give themselves


def write_release(root: Path, seed: int, utterances: int) -> None:
    """Write the tree under the empty folder `root` (which stands for IEMOCAP_full_release).

    Raises InputError unless `utterances` is a multiple of 80 (40 dialogs of two actors) and at least 160.
    """
    if utterances < 160 or utterances % 80:
        raise InputError(f"iemocap: {utterances} utterances do not fill 40 dialogs: use 160, 240, 320, 400 ...")
    length = utterances // 40
    synthesiser, rng = Synthesiser(seed), np.random.default_rng(seed)
    rare = itertools.cycle(_RARE)
    for session in range(1, 6):
        actors = {sex: speech.speaker(f"en-us+{sex.lower()}{session}", rng) for sex in "FM"}
        for style in ("impro", "script"):
            codes = {sex: speech.quota(_WEIGHTS, 2 * length, 1, rng) for sex in "FM"}
            dialogs = itertools.product("FM", _numbers(session, style))
            for place, (wearer, number) in enumerate(dialogs):
                dialog, turns = f"Ses0{session}{wearer}_{style}{number}", []
                wav = root / f"Session{session}" / "sentences" / "wav" / dialog
                wav.mkdir(parents=True)
                for line in range(length):
                    sex = "FM"[line % 2]  # both actors speak, whoever wears the markers
                    code = codes[sex].pop()
                    # A script has the same lines in every session; improvised turns are free.
                    text = place * length + line if style == "script" else int(rng.integers(len(ENGLISH)))
                    turn, samples = _speak(
                        f"{dialog}_{sex}{line // 2:03d}",
                        next(rare) if code == "rare" else code,
                        ENGLISH[text % len(ENGLISH)],
                        actors[sex],
                        synthesiser,
                        rng,
                    )
                    speech.write_wav(wav / f"{turn.name}.wav", samples)
                    turns.append(turn)
                _write_labels(root / f"Session{session}" / "dialog", dialog, turns, rng)
    (root / "README.txt").write_text(_README, encoding="latin-1")
    for name in (
        "sentences/wav/Ses01F_impro01/._Ses01F_impro01_F000.wav",
        "dialog/EmoEvaluation/._Ses01F_impro01.txt",
        "dialog/transcriptions/._Ses01F_impro01.txt",
    ):
        (root / "Session1" / name).write_bytes(_APPLE_DOUBLE)


def _numbers(session: int, style: str) -> tuple[str, str]:
    """Numbers of one wearer's dialogs; some names in the release end in a letter."""
    if style == "impro":
        return ("01", "02b") if session == 3 else ("01", "02")
    return ("01_1", "02_2b") if session == 5 else ("01_1", "02_2")


def _speak(
    name: str,
    code: str,
    text: str,
    actor: speech.Speaker,
    synthesiser: Synthesiser,
    rng: np.random.Generator,
) -> tuple[_Turn, np.ndarray]:
    codes = _MIXTURES[rng.integers(len(_MIXTURES))] if code == "xxx" else (code,)
    emotions = [_EMOTIONS[each][0] for each in codes]
    take = speech.act(synthesiser, actor, text, emotions, SPREAD, rng)
    acted = codes[0]
    if code == "ang" and (name[:5], name[-4]) == _NEVER_ANGRY and "impro" in name:
        code, codes = "neu", ("neu",)
    ballot = speech.votes(codes, 3, tuple(_EMOTIONS), rng)
    heard = speech.ratings(take.attitude, 2, 1, 5, rng)
    if name == _OUT_OF_RANGE:
        heard[:, 2] = 5, 6
    return _Turn(name, code, text, take.seconds, ballot, heard, acted), take.samples


def _write_labels(folder: Path, dialog: str, turns: list[_Turn], rng: np.random.Generator) -> None:
    """Write one dialog's consensus file, transcription and one categorical rater's file."""
    consensus, words, rater = _HEADER, "", ""
    start = 5.0
    for turn in turns:
        start += rng.uniform(0.3, 2.0)
        end = start + turn.seconds
        arousal, valence, dominance = turn.heard.mean(axis=0)
        consensus += f"[{start:.4f} - {end:.4f}]\t{turn.name}\t{turn.code}\t"
        consensus += f"[{valence:.4f}, {arousal:.4f}, {dominance:.4f}]\n"
        for number, vote in enumerate(turn.ballot, start=2):
            consensus += f"C-E{number}:\t{_word(vote)};\t({'gêné' if vote == 'oth' else ''})\n"
        actor = turn.name[-4]
        consensus += f"C-{actor}1:\t{_word(turn.acted)};\t()\n"
        for number, (act, val, dom) in enumerate(turn.heard, start=3):
            consensus += f"A-E{number}:\tval {val}; act {act}; dom  {dom};\t()\n"
        consensus += "\n"
        words += f"{turn.name} [{start:08.4f}-{end:08.4f}]: {turn.text}\n"
        rater += f"{turn.name} :{_word(turn.ballot[0])}; ()\n"
        start = end
    for name, text in (
        (f"EmoEvaluation/{dialog}.txt", consensus),
        (f"EmoEvaluation/Categorical/{dialog}_e2_cat.txt", rater),
        (f"transcriptions/{dialog}.txt", words),
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="latin-1")


def _word(code: str) -> str:
    return _EMOTIONS[code][1]
