"""A synthetic CASIA: the folders and file names of the part in circulation, with Mandarin from espeak-ng."""

from pathlib import Path

import numpy as np

from ser.corpora.casia import EMOTIONS
from ser.corpora.demo import speech
from ser.corpora.demo.espeak import Synthesiser
from ser.corpora.demo.texts import MANDARIN
from ser.errors import InputError

UTTERANCES = 240
SPREAD, EXPRESSION = 0.1, 1.5  # acted: clearer than the turns of a dialog
# Which of the four are women is not documented in the release's layout: the voices are our choice.
_VOICES = {"liuchanhg": "cmn+f2", "wangzhe": "cmn+m3", "zhaoquanyin": "cmn+f4", "zhaozuoxiang": "cmn+m1"}
_README = """CASIA, demo: SYNTHETIC speech, not the recordings of the Chinese Academy of Sciences.
Written by this project in the layout of the CASIA emotional speech corpus: spoken by espeak-ng, the folder says
with which emotion. Good for trying the pipeline and for nothing else.
"""


def write_release(root: Path, seed: int, utterances: int) -> None:
    """Write the tree under the empty folder `root`: <speaker>/<emotion>/<201..>.wav, where the number is the sentence.

    Raises InputError unless `utterances` is a multiple of 24 (4 speakers x 6 emotions), up to 240.
    """
    sentences = utterances // 24
    if utterances % 24 or not 1 <= sentences <= len(MANDARIN):
        raise InputError(
            f"casia: {utterances} utterances are not 4 speakers x 6 emotions x 1 to {len(MANDARIN)} sentences: "
            f"use a multiple of 24 up to {24 * len(MANDARIN)}"
        )
    synthesiser, rng = Synthesiser(seed), np.random.default_rng(seed)
    for name, voice in _VOICES.items():
        actor = speech.speaker(voice, rng, EXPRESSION)
        for folder, emotion in EMOTIONS.items():
            (root / name / folder).mkdir(parents=True)
            for number, text in enumerate(MANDARIN[:sentences], start=201):
                take = speech.act(synthesiser, actor, text, (emotion,), SPREAD, rng)
                path = root / name / folder / f"{number}.wav"
                speech.write_wav(path, take.samples)
    (root / "readme.txt").write_text(_README, encoding="utf-8")
