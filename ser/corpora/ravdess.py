"""RAVDESS, the speech part: the file name is the label.

Layout and fields: the release's page (zenodo.org/record/1188976); counts as in EmoBox's metadata.
"""

import re
from pathlib import Path

from ser.manifests.reading import Counts, Finding, Published, Reading, entries, wrong_root
from ser.manifests.tree import scan
from ser.manifests.utterance import Utterance

NAME = "ravdess"
TITLE = "RAVDESS (speech)"
LAYOUT = "Audio_Speech_Actors_01-24/Actor_<01..24>/03-01-EE-II-SS-RR-AA.wav, e.g. Actor_12/03-01-06-01-02-01-12.wav"
MEAN_SECONDS = 3.7  # roughly
EXCERPTS = "Livingstone and Russo (2018), CC BY-NC-SA 4.0"  # the release's page

# EmoBox metadata: all classes are of the same size except neutral, which has no strong intensity.
PUBLISHED = (
    Published(
        release="RAVDESS speech",
        total=1_440,
        speakers=24,
        tables=(
            Counts(
                "emotion",
                {"neutral": 96}
                | dict.fromkeys(("calm", "happy", "sad", "angry", "fearful", "disgusted", "surprised"), 192),
            ),
            Counts("speaker", {f"{actor:02}": 60 for actor in range(1, 25)}),
        ),
    ),
)

_EMOTIONS = {
    "01": "neutral",
    "02": "calm",
    "03": "happy",
    "04": "sad",
    "05": "angry",
    "06": "fearful",
    "07": "disgusted",
    "08": "surprised",
}
_NAME = re.compile(r"(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)\.(wav|mp4)", re.IGNORECASE)


def read_release(root: Path) -> Reading:
    """Utterances of RAVDESS; `root` holds the folders Actor_01.. or the folder of these.

    Song (channel 02) and video, which full releases also hold, are left out by name. `sentence` is the number of the
    statement. Raises InputError for any other root.
    """
    if not _fits(root):
        raise wrong_root(root, TITLE, LAYOUT, _fits)
    reading = Reading()
    for path in scan(root):
        name = path.rpartition("/")[2]
        match = _NAME.fullmatch(name)
        if match is None:
            if name.lower().endswith((".wav", ".mp4")):
                reading.excluded.append(Finding(path, "its name is not seven two-digit fields"))
            continue
        modality, channel, emotion, _, statement, _, actor, suffix = match.groups()
        if suffix.lower() == "mp4":
            reading.excluded.append(Finding(path, "video"))
        elif channel == "02":
            reading.excluded.append(Finding(path, "song"))
        elif (modality, channel) != ("03", "01") or emotion not in _EMOTIONS or not 1 <= int(actor) <= 24:
            reading.excluded.append(Finding(path, "a field of its name has no meaning in RAVDESS"))
        else:
            reading.utterances.append(
                Utterance(
                    utterance=name[:-4],
                    path=path,
                    speaker=actor,
                    sentence=statement,
                    gender="male" if int(actor) % 2 else "female",
                    emotion=_EMOTIONS[emotion],
                )
            )
    return reading


def _fits(root: Path) -> bool:
    """Whether folders of actors are in `root` or one level below."""
    if not root.is_dir():
        return False
    folders = [path for path in entries(root) if path.is_dir()]
    names = [folder.name for folder in folders] + [below.name for folder in folders for below in entries(folder)]
    return any(re.fullmatch(r"actor_\d\d", name, re.IGNORECASE) for name in names)
