"""EmoDB, the Berlin Database of Emotional Speech: the file name is the label.

Layout, letters, speakers and counts: the original release's documentation; counts as in EmoBox's metadata.
"""

import re
from pathlib import Path

from ser.manifests.reading import Counts, Finding, Published, Reading, child, entries, leave_out_strays, wrong_root
from ser.manifests.utterance import Utterance

NAME = "emodb"
TITLE = "EmoDB"
LAYOUT = "wav/<2-digit speaker><text a01..b10><emotion letter WLEAFTN><take>.wav, e.g. wav/03a01Fa.wav"
MEAN_SECONDS = 2.8  # roughly
# Release 2.0 on Zenodo (17651657); the site of the first release names no licence.
EXCERPTS = "Burkhardt et al. (2005), CC BY 4.0"

# EmoBox metadata, counted per file name.
PUBLISHED = (
    Published(
        release="EmoDB",
        total=535,
        speakers=10,
        tables=(
            Counts(
                "emotion",
                {
                    "angry": 127,
                    "bored": 81,
                    "neutral": 79,
                    "happy": 71,
                    "fearful": 69,
                    "sad": 62,
                    "disgusted": 46,
                },
            ),
            Counts(
                "speaker",
                {
                    "03": 49,
                    "08": 58,
                    "09": 43,
                    "10": 38,
                    "11": 55,
                    "12": 35,
                    "13": 61,
                    "14": 69,
                    "15": 56,
                    "16": 71,
                },
            ),
        ),
    ),
)

# The letters are German: Wut, Langeweile, Ekel, Angst, Freude, Trauer, neutral.
_EMOTIONS = {
    "W": "angry",
    "L": "bored",
    "E": "disgusted",
    "A": "fearful",
    "F": "happy",
    "T": "sad",
    "N": "neutral",
}
_WOMEN = {"08", "09", "13", "14", "16"}
_NAME = re.compile(r"(\d\d)([ab]\d\d)([WLEAFTN])([a-z])\.wav", re.IGNORECASE)


def read_release(root: Path) -> Reading:
    """Utterances of EmoDB; `root` is the release folder or its `wav` folder. Raises InputError for any other."""
    folder = _audio_folder(root)
    if folder is None:
        raise wrong_root(root, TITLE, LAYOUT, lambda path: _audio_folder(path) is not None)
    reading = Reading()
    for file in entries(folder):
        path = file.relative_to(root).as_posix()
        if match := _NAME.fullmatch(file.name):
            speaker, text, letter, _ = match.groups()
            reading.utterances.append(
                Utterance(
                    utterance=file.stem,
                    path=path,
                    speaker=speaker,
                    sentence=text.lower(),
                    gender="female" if speaker in _WOMEN else "male",
                    emotion=_EMOTIONS[letter.upper()],
                )
            )
        elif file.suffix.lower() == ".wav":
            reading.excluded.append(Finding(path, "its name is not <speaker><text><emotion letter><take>.wav"))
    leave_out_strays(reading, root, TITLE, _NAME)
    return reading


def _audio_folder(root: Path) -> Path | None:
    for folder in (child(root, "wav"), root):
        if folder and folder.is_dir() and any(_NAME.fullmatch(file.name) for file in entries(folder)):
            return folder
    return None
