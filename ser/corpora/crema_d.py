"""CREMA-D: the file name is the label, which is the emotion that the actor meant (not what listeners heard).

Layout: the release's repository (CheyneyComputerScience/CREMA-D) and EmoBox's preparation; counts: EmoBox's metadata.
"""

import re
from pathlib import Path

from ser.manifests.reading import (
    Counts,
    Finding,
    Published,
    Reading,
    child,
    entries,
    leave_out_strays,
    open_table,
    wrong_root,
)
from ser.manifests.utterance import Utterance

NAME = "crema_d"
TITLE = "CREMA-D"
LAYOUT = "AudioWAV/<actor 1001..1091>_<sentence>_<emotion>_<level>.wav, e.g. AudioWAV/1001_DFA_ANG_XX.wav"
MEAN_SECONDS = 2.5  # roughly
EXCERPTS = "Cao et al. (2014), ODbL 1.0 and DbCL 1.0"  # the release's LICENSE.txt

# EmoBox metadata.
PUBLISHED = (
    Published(
        release="CREMA-D",
        total=7_442,
        speakers=91,
        tables=(
            Counts(
                "emotion",
                dict.fromkeys(("angry", "disgusted", "fearful", "happy", "sad"), 1_271) | {"neutral": 1_087},
            ),
        ),
    ),
)

_EMOTIONS = {
    "ANG": "angry",
    "DIS": "disgusted",
    "FEA": "fearful",
    "HAP": "happy",
    "NEU": "neutral",
    "SAD": "sad",
}
_SENTENCES = "IEO|TIE|IOM|IWW|TAI|MTI|IWL|ITH|DFA|ITS|TSI|WSI"
# The level is not used, so its letters are not checked.
_NAME = re.compile(rf"(10\d\d)_({_SENTENCES})_({'|'.join(_EMOTIONS)})_[A-Z]{{1,2}}\.wav", re.IGNORECASE)


def read_release(root: Path) -> Reading:
    """Utterances of CREMA-D; genders from VideoDemographics.csv if it is there. Raises InputError for a wrong root."""
    folder = _audio_folder(root)
    if folder is None:
        raise wrong_root(root, TITLE, LAYOUT, lambda path: _audio_folder(path) is not None)
    reading = Reading()
    genders = _read_genders(root, reading)
    for file in entries(folder):
        path = file.relative_to(root).as_posix()
        match = _NAME.fullmatch(file.name)
        if match and 1001 <= int(match[1]) <= 1091:
            actor, sentence, emotion = match.groups()
            reading.utterances.append(
                Utterance(
                    utterance=file.stem,
                    path=path,
                    speaker=actor,
                    sentence=sentence.upper(),
                    gender=genders.get(actor, ""),
                    emotion=_EMOTIONS[emotion.upper()],
                )
            )
        elif file.suffix.lower() == ".wav":
            reading.excluded.append(Finding(path, "its name is not <actor>_<sentence>_<emotion>_<level>.wav"))
    leave_out_strays(reading, root, TITLE, _NAME)
    return reading


def _audio_folder(root: Path) -> Path | None:
    folder = child(root, "audiowav")
    return folder if folder is not None and folder.is_dir() else None


def _read_genders(root: Path, reading: Reading) -> dict[str, str]:
    table = child(root, "videodemographics.csv")
    if table is None:
        reading.warnings.append("no VideoDemographics.csv: the column gender is empty")
        return {}
    genders = {}
    with open_table(table) as rows:
        for row in rows:
            actor, sex = row.get("ActorID") or "", (row.get("Sex") or "").lower()
            where = f"{table.name} line {rows.line_num}"
            if not re.fullmatch(r"\d{4}", actor):
                reading.broken.append(Finding(where, "ActorID is not a number of four digits", repr(actor)))
            elif sex not in ("male", "female"):
                reading.broken.append(Finding(where, "Sex is neither Male nor Female", repr(row.get("Sex"))))
            else:
                genders[actor] = sex
    return genders
