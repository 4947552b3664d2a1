"""IEMOCAP: the consensus lines of dialog/EmoEvaluation are the labels.

Layout, line format and speaker rule: the release's README and the loaders of S3PRL and EmoBox; counts: EmoBox's
metadata for the five emotions of the usual 4-class task (excited counted separately), a secondary table for the others.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from ser.errors import listed
from ser.manifests.reading import Counts, Finding, Published, Reading, child, entries, leave_out_strays, wrong_root
from ser.manifests.utterance import Utterance

NAME = "iemocap"
TITLE = "IEMOCAP"
LAYOUT = "Session<1..5>/{sentences/wav/<dialog>/<dialog>_<F|M><nnn>.wav, dialog/EmoEvaluation/<dialog>.txt}"
MEAN_SECONDS = 4.55  # of all 10,039

_FIVE = ("angry", "excited", "happy", "neutral", "sad")
# Per session and speaker only the 5,531 utterances of the 4-class task are published.
PUBLISHED = (
    Published(
        release="IEMOCAP",
        total=10_039,
        speakers=10,
        tables=(
            Counts(
                "emotion",
                {
                    "neutral": 1_708,
                    "angry": 1_103,
                    "sad": 1_084,
                    "happy": 595,
                    "excited": 1_041,
                    "frustrated": 1_849,
                    "surprised": 107,
                    "fearful": 40,
                },
            ),
            Counts(
                "emotion",
                {"neutral": 1_099, "angry": 289, "sad": 608, "happy": 284, "excited": 663},
                of={"style": ("improvised",), "emotion": _FIVE},
            ),
            Counts(
                "emotion",
                {"neutral": 609, "angry": 814, "sad": 476, "happy": 311, "excited": 378},
                of={"style": ("scripted",), "emotion": _FIVE},
            ),
            Counts(
                "session",
                {"Ses01": 1_085, "Ses02": 1_023, "Ses03": 1_151, "Ses04": 1_031, "Ses05": 1_241},
                of={"emotion": _FIVE},
            ),
            Counts(
                "speaker",
                {
                    **{"Ses01F": 528, "Ses01M": 557, "Ses02F": 481, "Ses02M": 542, "Ses03F": 522},
                    **{"Ses03M": 629, "Ses04F": 528, "Ses04M": 503, "Ses05F": 590, "Ses05M": 651},
                },
                of={"emotion": _FIVE},
            ),
        ),
    ),
)

_EMOTIONS = {
    "neu": "neutral",
    "hap": "happy",
    "sad": "sad",
    "ang": "angry",
    "sur": "surprised",
    "fea": "fearful",
    "dis": "disgusted",
    "fru": "frustrated",
    "exc": "excited",
    "oth": "other",
    "xxx": "no_agreement",
}
_NUMBER = r"(-?\d{1,9}(?:\.\d+)?)"
# [start - end] <tab> turn <tab> emotion <tab> [valence, activation, dominance]
_LINE = re.compile(r"\[[\d.]+ - [\d.]+\]\s+(\S+)\s+(\w+)\s+(\[.*\])")
_SCORES = re.compile(rf"\[{_NUMBER},\s*{_NUMBER},\s*{_NUMBER}\]")
# The letter after the session says who wore the markers; the speaker is the letter of the last field.
_TURN = re.compile(r"((Ses0[1-5])[FM]_(?:impro\d+|(script\d+_\d+))[a-z]*)_([FM])\w+")
_FILE = re.compile(rf"{_TURN.pattern}\.wav", re.IGNORECASE)


def read_release(root: Path) -> Reading:
    """All labelled turns of IEMOCAP, including those without agreement; attributes on the release's scale 1..5.

    `sentence` is the script that the turn is part of, and empty for improvised turns. Attributes outside 1..5
    are kept and named. Raises InputError for a root without sessions.
    """
    if not _fits(root):
        raise wrong_root(root, TITLE, LAYOUT, _fits)
    reading = Reading()
    outside = []
    for number in range(1, 6):
        session = child(root, f"session{number}")
        if session is None:
            reading.warnings.append(f"no folder Session{number}")
            continue
        audio = {file.stem.lower(): file.relative_to(root).as_posix() for file in _audio(session)}
        labelled: dict[str, str] = {}  # turn -> where
        for place, line in _consensus(root, session):
            try:
                utterance = _utterance(line, f"Ses0{number}", audio)
            except ValueError as error:
                reading.broken.append(Finding(place, *error.args))
                continue
            first = labelled.setdefault(utterance.utterance.lower(), place)
            if first != place:
                reading.broken.append(Finding(place, "a second line of one turn: keep one", f"the first: {first}"))
                continue
            if not utterance.path:
                reading.excluded.append(Finding(utterance.utterance, "labelled, but without audio file", place))
                continue
            reading.utterances.append(utterance)
            scores = (utterance.arousal, utterance.valence, utterance.dominance)
            if not all(1 <= score <= 5 for score in scores):  # type: ignore[operator]  # none is None here
                outside.append(utterance.utterance)
        silent = sorted(audio.keys() - labelled.keys())
        reading.excluded += [Finding(audio[turn], "no consensus line in dialog/EmoEvaluation") for turn in silent]
    if outside:
        reading.warnings.append(f"{len(outside)} utterances with an attribute outside 1..5, kept: {listed(outside)}")
    leave_out_strays(reading, root, TITLE, _FILE)
    return reading


def _utterance(line: str, session: str, audio: dict[str, str]) -> Utterance:
    """The turn of a consensus line, with an empty path if it has no audio.

    Raises ValueError with what is wrong with the line, and the words that are.
    """
    match = _LINE.fullmatch(line)
    if not match:
        raise ValueError("not [start - end], turn, emotion, [valence, activation, dominance]", repr(line[:120]))
    name, code, attributes = match.groups()
    turn, scores = _TURN.fullmatch(name), _SCORES.fullmatch(attributes)
    if not turn or turn[2] != session:
        raise ValueError(f"not a turn of {session}", repr(name))
    if code not in _EMOTIONS:
        raise ValueError(f"emotion is none of {', '.join(_EMOTIONS)}", repr(code))
    if not scores:
        raise ValueError("not three attributes", repr(attributes[:120]))
    valence, arousal, dominance = map(float, scores.groups())
    _, _, script, speaker = turn.groups()
    return Utterance(
        utterance=name,
        path=audio.get(name.lower(), ""),
        speaker=session + speaker,
        session=session,
        sentence=script or "",
        gender="female" if speaker == "F" else "male",
        emotion=_EMOTIONS[code],
        arousal=arousal,
        valence=valence,
        dominance=dominance,
        style="scripted" if script else "improvised",
    )


def _consensus(root: Path, session: Path) -> Iterator[tuple[str, str]]:
    """(file and line number, line) of each consensus line: those that start with a bracket; raters' lines do not."""
    dialog = child(session, "dialog")
    folder = child(dialog, "emoevaluation") if dialog else None
    for file in entries(folder) if folder else []:
        if file.suffix.lower() == ".txt":
            # Raters' comments hold bytes that are not UTF-8; splitlines would also split at some of them.
            lines = file.read_text(encoding="latin-1").split("\n")
            for number, line in enumerate(lines, 1):
                if line.startswith("["):
                    yield f"{file.relative_to(root).as_posix()} line {number}", line.rstrip()


def _audio(session: Path) -> Iterator[Path]:
    """Recordings, but no turns in a folder that is not their dialog's: of a copy they would take the others' place."""
    sentences = child(session, "sentences")
    folder = child(sentences, "wav") if sentences else None
    for dialog in entries(folder) if folder else []:
        for file in entries(dialog) if dialog.is_dir() else []:
            turn = _FILE.fullmatch(file.name)
            if file.suffix.lower() == ".wav" and (not turn or turn[1].lower() == dialog.name.lower()):
                yield file


def _fits(root: Path) -> bool:
    sessions = (child(root, f"session{number}") for number in range(1, 6))
    return any(child(session, "sentences", "dialog") for session in sessions if session)
