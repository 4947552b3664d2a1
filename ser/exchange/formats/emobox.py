"""EmoBox: data/<corpus>/fold_<k>/<corpus>_{train,valid,test}_fold_<k>.jsonl and .json, and label_map.json.

As EmoDataset.py reads the lines and examples/sb/dataset_prepare.py the objects (key -> the same): `key`, `dataset`,
`wav` (below downloads/), `type`, `sample_rate`, `num_frame`, `task`, `length`, `emo` and `channel`, which both leave
unread; `start_time` and `end_time` in seconds where an utterance is a stretch of a file. `emo` is the corpus's own
word, and label_map.json maps it to the class. Without a valid file EmoBox divides the training file by chance.
"""

import json
from collections.abc import Iterator
from typing import Any

from ser.exchange.export import Export, json_lines, no_attributes

_FILES = {"train": "train", "valid": "dev", "test": "test"}


def refused(export: Export) -> str:
    """Classes only: its code maps each label by label_map.json."""
    return no_attributes(export)


def files(export: Export) -> Iterator[tuple[str, str]]:
    """Per fold a pair of files for each part, and the map of labels."""
    corpus = export.corpus
    for k in export.folds:
        for name, part in _FILES.items():
            rows = [_entry(export, row) for row in export.rows(k, part)]
            if rows:
                path = f"data/{corpus}/fold_{k}/{corpus}_{name}_fold_{k}"
                yield f"{path}.jsonl", json_lines(rows)
                yield f"{path}.json", json.dumps({row["key"]: row for row in rows}, indent=1, ensure_ascii=False)
    used = {emotion: label for label, emotions in export.protocol.classes for emotion in emotions}
    yield f"data/{corpus}/label_map.json", json.dumps(used, indent=4, ensure_ascii=False)


def words(export: Export) -> Iterator[str]:
    """Where the recordings are looked for, and what becomes of a dev part that is not there."""
    yield f"EmoBox looks for the recordings in downloads/{export.corpus}: link the corpus's root to it"
    if not export.has_dev:
        yield "no dev part, so no valid files: EmoBox then divides the training file by chance, speakers shared"


def _entry(export: Export, number: int) -> dict[str, Any]:
    row = export.utterances[number]
    segment = {"start_time": row.start or 0.0, "end_time": (row.start or 0.0) + row.num_samples / row.sample_rate}
    return {
        "key": row.utterance,
        "dataset": export.corpus,
        "wav": f"downloads/{export.corpus}/{row.path}",
        "type": "raw",
        "sample_rate": row.sample_rate,
        "num_frame": row.num_samples,
        "task": "category",
        "length": row.num_samples / row.sample_rate,
        "emo": row.emotion,
        "channel": 1,
        **(segment if row.start is not None or row.end is not None else {}),
    }
