"""MSP-Podcast: one table of consensus labels for a folder of turns.

Layout, codes and scales: the readme of release 1.12 and of the Odyssey-2024 challenge; columns: a public loader;
sizes: the corpus's page (1.11), these readmes, and a secondary source (2.0).
"""

import math
import os
import re
from collections.abc import Mapping
from pathlib import Path

from ser.errors import InputError, listed
from ser.manifests.reading import Counts, Finding, Published, Reading, child, leave_out_strays, open_table, wrong_root
from ser.manifests.utterance import Utterance

NAME = "msp_podcast"
TITLE = "MSP-Podcast"
LAYOUT = "{Audios/MSP-PODCAST_<podcast>_<segment>.wav, Labels/labels_consensus.csv}"
MEAN_SECONDS = 409 * 3600 / 264_705  # release 2.0: 409 h

# The labels of Test3 are hidden: so many turns; of 1.12 those that are not transcribed, of 2.0 it is not known.
PUBLISHED = (
    Published(
        "MSP-Podcast 1.11",
        151_654,
        tables=(
            Counts("partition", {"train": 84_030, "dev": 19_815, "test1": 30_647, "test2": 14_815, "test3": 2_347}),
        ),
        hidden=2_347,
    ),
    Published("MSP-Podcast 1.12", 207_136, hidden=3_200),
    Published(
        "MSP-Podcast, Odyssey-2024 challenge",
        119_421,
        tables=(Counts("partition", {"train": 84_260, "dev": 31_961, "test3": 3_200}),),
        hidden=3_200,
    ),
    Published("MSP-Podcast 2.0", 264_705),
)

_EMOTIONS = {
    "A": "angry",
    "S": "sad",
    "H": "happy",
    "U": "surprised",
    "F": "fearful",
    "D": "disgusted",
    "C": "contempt",
    "N": "neutral",
    "O": "other",
    "X": "no_agreement",
}
# Older releases say Validation for Development.
_PARTITIONS = {"train": "train", "development": "dev", "validation": "dev"} | {
    f"test{number}": f"test{number}" for number in (1, 2, 3)
}
_GENDERS = {"male": "male", "female": "female", "unknown": "", "": ""}
_COLUMNS = ("FileName", "EmoClass", "EmoAct", "EmoVal", "EmoDom", "SpkrID", "Gender", "Split_Set")
_NAME = re.compile(r"MSP-PODCAST_(?:(\d{4})|\w{0,40}test3\w{0,40})_\w{1,200}\.wav", re.IGNORECASE)
_MOST = 1e6  # of a score; false also for nan


def read_release(root: Path) -> Reading:
    """All labelled turns of MSP-Podcast; attributes on the release's scale 1..7; speakers may be `unknown`.

    `session` is the number of the podcast, empty for Test3, which hides it. Turns without labels (Test3) and labels
    without audio are left out by name. Raises InputError for a root without labels or audio, and for missing columns.
    """
    table, audio_folder = _table(root), child(root, "audios", "audio")
    if table is None or audio_folder is None:
        raise wrong_root(root, TITLE, LAYOUT, lambda path: _table(path) is not None)
    names = os.listdir(audio_folder)  # noqa: PTH208 (names alone: there are 265,000)
    audio = {name.lower(): name for name in names if not name.startswith(".")}
    reading = Reading()
    labelled, outside = set(), []
    with open_table(table) as rows:
        known = {name.strip().lower(): name for name in rows.fieldnames or []}
        if missing := [name for name in _COLUMNS if name.lower() not in known]:
            raise InputError(f"{table}: no column {', '.join(missing)}; it has {listed(rows.fieldnames or [])}")
        for row in rows:
            cells = {name: (row[known[name.lower()]] or "").strip() for name in _COLUMNS}
            name = cells["FileName"]
            labelled.add(name.lower())
            if cells["Split_Set"] and not any(cells[column] for column in _COLUMNS[1:5]):
                reading.excluded.append(Finding(name, "its labels are hidden"))
                continue
            where = f"{table.name} line {rows.line_num}"
            try:
                utterance = _utterance(cells, audio_folder.name, audio)
            except ValueError as error:
                reading.broken.append(Finding(where, *error.args))
                continue
            if name.lower() not in audio:
                reading.excluded.append(Finding(name, "labelled, but without audio file", where))
                continue
            reading.utterances.append(utterance)
            scores = (utterance.arousal, utterance.valence, utterance.dominance)
            if not all(1 <= score <= 7 for score in scores):  # type: ignore[operator]  # none is None here
                outside.append(utterance.utterance)
    for name in sorted(audio.keys() - labelled):
        if name.endswith(".wav"):
            hidden = " (the labels of Test3 are not released)" if "test3" in name else ""
            reading.excluded.append(Finding(f"{audio_folder.name}/{audio[name]}", f"no line in {table.name}{hidden}"))
    if outside:
        reading.warnings.append(f"{len(outside)} utterances with an attribute outside 1..7, kept: {listed(outside)}")
    leave_out_strays(reading, root, TITLE, _NAME)
    return reading


def _utterance(cells: Mapping[str, str], folder: str, audio: Mapping[str, str]) -> Utterance:
    """Raises ValueError with what is wrong with a cell, and the cell."""
    name, gender, part = _NAME.fullmatch(cells["FileName"]), cells["Gender"].lower(), cells["Split_Set"].lower()
    for column, right, expected in (
        ("FileName", name, "MSP-PODCAST_<podcast>_<segment>.wav"),
        ("EmoClass", cells["EmoClass"] in _EMOTIONS, f"one of {', '.join(_EMOTIONS)}"),
        ("SpkrID", cells["SpkrID"], "a speaker"),
        ("Gender", gender in _GENDERS, "Male, Female or Unknown"),
        ("Split_Set", part in _PARTITIONS, "Train, Development, Test1, Test2 or Test3"),
    ):
        if not right:
            raise ValueError(f"{column} is not {expected}", repr(cells[column]))
    arousal, valence, dominance = (_score(column, cells[column]) for column in ("EmoAct", "EmoVal", "EmoDom"))
    return Utterance(
        utterance=cells["FileName"][:-4],
        path=f"{folder}/{audio.get(cells['FileName'].lower(), '')}",
        speaker="unknown" if cells["SpkrID"].lower() == "unknown" else cells["SpkrID"],
        session=(name and name[1]) or "",
        gender=_GENDERS[gender],
        emotion=_EMOTIONS[cells["EmoClass"]],
        arousal=arousal,
        valence=valence,
        dominance=dominance,
        partition=_PARTITIONS[part],
    )


def _score(column: str, cell: str) -> float:
    try:
        score = float(cell)
    except ValueError:
        score = math.nan
    if not abs(score) < _MOST:
        raise ValueError(f"{column} is not a number", repr(cell))
    return score


def _table(root: Path) -> Path | None:
    labels = child(root, "labels")
    # Old releases misspell the name.
    return child(labels, "labels_consensus.csv", "labels_concensus.csv") if labels else None
