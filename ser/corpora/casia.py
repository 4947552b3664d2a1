"""CASIA, the part in circulation (1,200 clips): the folder is the label, the file's number is the sentence.

Layout and counts: EmoBox's metadata.
"""

import re
from pathlib import Path

from ser.manifests.reading import Counts, Finding, Published, Reading, entries, leave_out_strays, wrong_root
from ser.manifests.utterance import Utterance

NAME = "casia"
TITLE = "CASIA"
LAYOUT = "<speaker>/<angry|fear|happy|neutral|sad|surprise>/<number>.wav, e.g. wangzhe/neutral/239.wav"
MEAN_SECONDS = 2.0  # roughly

EMOTIONS = {  # folder -> word
    "angry": "angry",
    "fear": "fearful",
    "happy": "happy",
    "neutral": "neutral",
    "sad": "sad",
    "surprise": "surprised",
}
_NAME = re.compile(r"\d+\.wav", re.IGNORECASE)

# EmoBox metadata: 4 speakers x 6 emotions x the same 50 sentences.
PUBLISHED = (
    Published(
        release="CASIA, public part",
        total=1_200,
        speakers=4,
        tables=(
            Counts("emotion", dict.fromkeys(EMOTIONS.values(), 200)),
            Counts("speaker", dict.fromkeys(("liuchanhg", "wangzhe", "zhaoquanyin", "zhaozuoxiang"), 300)),
        ),
    ),
)


def read_release(root: Path) -> Reading:
    """Utterances of CASIA, named `<speaker>_<emotion>_<number>`; the case of file and folder names does not matter.

    Raises InputError for a root in which no folder holds emotion folders.
    """
    if not _fits(root):
        raise wrong_root(root, TITLE, LAYOUT, _fits)
    reading = Reading()
    for speaker in _folders(root):
        for folder in _folders(speaker):
            emotion = EMOTIONS.get(folder.name.lower())
            for file in entries(folder):
                path = file.relative_to(root).as_posix()
                if file.suffix.lower() != ".wav":
                    continue
                if emotion is None:
                    reading.excluded.append(Finding(path, "its folder is none of CASIA's emotions"))
                elif not _NAME.fullmatch(file.name):
                    reading.excluded.append(Finding(path, "its name is not a number"))
                else:
                    name = speaker.name.lower()
                    reading.utterances.append(
                        Utterance(
                            utterance=f"{name}_{folder.name.lower()}_{file.stem}",
                            path=path,
                            speaker=name,
                            sentence=file.stem,
                            emotion=emotion,
                        )
                    )
    leave_out_strays(reading, root, TITLE, _NAME)
    return reading


def _fits(root: Path) -> bool:
    return any(folder.name.lower() in EMOTIONS for speaker in _folders(root) for folder in _folders(speaker))


def _folders(folder: Path) -> list[Path]:
    return [path for path in entries(folder) if path.is_dir()] if folder.is_dir() else []
