"""Manifests in the shape of the real releases: unequal counts per speaker and class, which no demo corpus has.

Counts, and EmoDB's texts, are published or counted from EmoBox's metadata; what is invented says so. The audio is
never read: each utterance is told apart by its name.
"""

from collections.abc import Iterable, Iterator
from itertools import cycle, product
from typing import Any

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from ser.corpora import casia as casia_release
from ser.corpora import iemocap as iemocap_release
from ser.manifests.utterance import Utterance

EMODB_SPEAKERS = ("03", "08", "09", "10", "11", "12", "13", "14", "15", "16")
EMODB_TEXTS = ("a01", "a02", "a04", "a05", "a07", "b01", "b02", "b03", "b09", "b10")
# Each speaker's utterances, by the place of their text: 08 has none disgusted; 03, 09 and 10 have one of an emotion.
EMODB = {
    "angry": "01123345567899 001234567889 0123344566789 0122346789 01234567789 "
    "011234566689 012334567899 0011223345667889 0112235667789 01223345567899",
    "bored": "24568 0123456789 1237 13456789 01345789 03479 0123456789 12344789 013456789 01223445567889",
    "disgusted": "9 - 01134578 5 15 16 00135789 01245789 01345 01123456789",
    "fearful": "2369 011589 9 01344568 0023456899 134689 0123578 001233456789 12246789 2356789",
    "happy": "0123445 01234556789 0277 1259 12335678 06 0124567889 13345568 023448 02344567789",
    "neutral": "01234567899 0123456789 023456789 0126 012356789 0136 013456789 0134569 01234567899 01247",
    "sad": "1235678 123446789 3467 347 1346789 3578 12347 1223346789 1678 012345799",
}

SESSIONS, ACTORS, STYLES = ("Ses01", "Ses02", "Ses03", "Ses04", "Ses05"), "FM", ("improvised", "scripted")
EMOTIONS = ("neutral", "angry", "sad", "happy", "excited")
# Per session: neutral, angry, sad, happy or excited.
CLASSES = [[384, 229, 194, 278], [362, 137, 197, 327], [320, 240, 305, 286], [258, 327, 143, 303], [384, 170, 245, 442]]
IMPROVISED_WITHOUT_EXCITED, IMPROVISED = (422, 393, 538, 370, 557), (521, 530, 627, 534, 731)
# Scripts are the same in all sessions; the names are those of the release, which of them a turn is from is invented.
SCRIPTS = ("script01_1", "script01_2", "script01_3", "script02_1", "script02_2", "script03_1", "script03_2")
SECONDS = (0.585, 1.9, 3.58, 4.55, 7.5, 34.1)  # of IEMOCAP: shortest, median, mean and longest; the rest is invented

# EmoBox's list of MSP-Podcast (its release is not stated), whose Development has few fearful turns.
MSP_DEV = {"neutral": 2_529, "no_agreement": 1_454, "happy": 1_320, "angry": 621, "contempt": 547}
MSP_DEV |= {"disgusted": 441, "surprised": 382, "sad": 302, "fearful": 130, "other": 74}


def _rows(rows: Iterable[dict[str, Any]]) -> Iterator[Utterance]:
    """Utterances of these facts, of lengths that are invented, each with audio of its own."""
    seconds = cycle(SECONDS)
    for number, row in enumerate(rows):
        name = "_".join([*row.values(), str(number)])
        samples = round(16_000 * next(seconds))
        row |= {"arousal": 1 + number % 61 / 10, "valence": 1 + number % 41 / 8, "dominance": 1 + number % 51 / 10}
        yield Utterance(name, "x.wav", num_samples=samples, sample_rate=16_000, sha256=name, **row)


def emodb() -> list[Utterance]:
    """All 535: who says which text how, as in the release."""
    return list(
        _rows(
            {"speaker": speaker, "emotion": emotion, "sentence": EMODB_TEXTS[int(place)]}
            for emotion, texts in EMODB.items()
            for speaker, places in zip(EMODB_SPEAKERS, texts.split(), strict=True)
            for place in places.strip("-")
        )
    )


def casia(sentences: Iterable[int] = range(201, 251)) -> list[Utterance]:
    """The part in circulation; with 400 sentences, the full release, whose numbers are invented."""
    actors, emotions = casia_release.PUBLISHED[0].tables[1].counts, casia_release.EMOTIONS.values()
    rows = product(actors, emotions, map(str, sentences))
    return list(_rows({"speaker": a, "emotion": emotion, "sentence": number} for a, emotion, number in rows))


def ravdess() -> list[Utterance]:
    """All 1,440 of speech: neutral has one intensity, the other seven emotions two."""
    emotions = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgusted", "surprised")
    return list(
        _rows(
            {"speaker": f"{actor:02}", "emotion": emotion, "sentence": statement}
            for actor, emotion, statement in product(range(1, 25), emotions, ("01", "02"))
            for _ in range(2 if emotion == "neutral" else 4)
        )
    )


def crema_d() -> list[Utterance]:
    """All 7,442: one sentence in three intensities. Which 3 of each emotion and 5 neutral are missing is invented."""
    sentences = ("IEO", "TIE", "IOM", "IWW", "TAI", "MTI", "IWL", "ITH", "DFA", "ITS", "TSI", "WSI")
    rows = []
    for emotion in ("angry", "disgusted", "fearful", "happy", "sad", "neutral"):
        levels = {"IEO": 3} if emotion != "neutral" else {}
        of_emotion = [
            {"speaker": f"{actor}", "emotion": emotion, "sentence": sentence}
            for actor, sentence in product(range(1001, 1092), sentences)
            for _ in range(levels.get(sentence, 1))
        ]
        rows += of_emotion[: -5 if emotion == "neutral" else -3]
    return list(_rows(rows))


def iemocap(lacking: tuple[str, str] = ("Ses02F", "angry")) -> list[Utterance]:
    """The 5,531 and the turns of other labels; the speaker and emotion `lacking` have no improvised turn.

    Who says what is an integer program's (`iemocap_counts`), and that somebody improvises nothing angry is invented.
    """
    counts = iemocap_counts(lacking)
    turns = list(product(range(5), range(2), range(2), range(5)))
    labels = [(s, a, i, EMOTIONS[e]) for s, a, i, e in turns for _ in range(counts[s, a, i, e])]
    others = {"frustrated": 1_849, "surprised": 107, "fearful": 40, "no_agreement": 2_507, "other": 3, "disgusted": 2}
    places = cycle(product(range(5), range(2), range(2)))
    labels += [(*next(places), emotion) for emotion, number in others.items() for _ in range(number)]
    scripts = cycle(SCRIPTS)
    return list(
        _rows(
            {
                "speaker": SESSIONS[s] + ACTORS[a],
                "session": SESSIONS[s],
                "emotion": emotion,
                "style": STYLES[i],
                "sentence": next(scripts) if STYLES[i] == "scripted" else "",
            }
            for s, a, i, emotion in labels
        )
    )


def iemocap_counts(lacking: tuple[str, str] | None = None) -> np.ndarray:
    """int [session, actor, style, emotion] with all published counts, each at least 1 but that of `lacking`.

    Only sums are published, not who says what, so an integer program finds a table that satisfies them all.
    """
    cell = np.arange(5 * 2 * 2 * 5).reshape(5, 2, 2, 5)
    _, improvised, scripted, _, speakers = (counts.counts for counts in iemocap_release.PUBLISHED[0].tables)
    sums = [(cell[s, :, :, e], CLASSES[s][e]) for s, e in product(range(5), range(3))]
    sums += [(cell[s, :, :, 3:], CLASSES[s][3]) for s in range(5)]
    sums += [(cell[s, :, 0, :4], IMPROVISED_WITHOUT_EXCITED[s]) for s in range(5)]
    sums += [(cell[s, :, 0], IMPROVISED[s]) for s in range(5)]
    sums += [(cell[s, a], speakers[SESSIONS[s] + ACTORS[a]]) for s, a in product(range(5), range(2))]
    sums += [(cell[:, :, i, e], style[EMOTIONS[e]]) for i, style in enumerate((improvised, scripted)) for e in range(5)]
    least, most = np.ones(cell.size), np.full(cell.size, np.inf)
    if lacking:
        speaker, emotion = lacking
        none = cell[SESSIONS.index(speaker[:-1]), ACTORS.index(speaker[-1]), 0, EMOTIONS.index(emotion)]
        least[none] = most[none] = 0
    matrix = np.zeros((len(sums), cell.size))
    for row, (cells, _) in zip(matrix, sums, strict=True):
        row[cells.ravel()] = 1
    totals = [total for _, total in sums]
    sums_are_right = LinearConstraint(matrix, totals, totals)
    found = milp(np.zeros(cell.size), integrality=1, bounds=Bounds(least, most), constraints=sums_are_right)
    assert found.success, found.message
    return found.x.round().astype(int).reshape(cell.shape)


def msp_podcast(fearful: int = 310) -> list[Utterance]:
    """Development as in EmoBox's list, but for the number of `fearful` turns, and a tenth of it in each other part.
    Speakers and podcasts are invented: tests have speakers in common, all parts have podcasts and unknown speakers.
    """
    rows = []
    for part, share in (("train", 10), ("dev", 1), ("test1", 10), ("test2", 10)):
        of_part = [word for word, number in (MSP_DEV | {"fearful": fearful}).items() for _ in range(number // share)]
        for place, emotion in enumerate(of_part):
            named = {"speaker": f"{part[:4]}{place % 97}", "session": f"{place % 311:04}"}
            unknown = {"speaker": "unknown"} if place % 17 == 0 else {}
            rows.append({**named, "emotion": emotion, "partition": part} | unknown)
    return list(_rows(rows))
