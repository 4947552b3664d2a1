"""SpeechBrain's recipe for IEMOCAP: fold_<k>/train.json, valid.json and test.json.

As DynamicItemDataset.from_json reads them: utterance -> `wav`, `length` (seconds) and `emo`. `{data_root}` in a text is
replaced by the recipe's data folder, so braces in a path are doubled. A stretch of a file is what read_audio takes:
`file`, with `start` and `stop` in samples.
"""

import json
from collections.abc import Iterator
from typing import Any

from ser.exchange.export import Export, no_attributes
from ser.manifests.utterance import Utterance

_FILES = {"train": "train", "valid": "dev", "test": "test"}


def refused(export: Export) -> str:
    """Classes, and a dev part."""
    lacks = f"chooses its epoch on a valid part, and selection {export.split.selection} has none here: use clean"
    return no_attributes(export) or ("" if export.has_dev else lacks)


def files(export: Export) -> Iterator[tuple[str, str]]:
    """Three for each fold."""
    for k in export.folds:
        for name, part in _FILES.items():
            entries = {
                export.utterances[row].utterance: {**_audio(export.utterances[row]), "emo": export.label(row)}
                for row in export.rows(k, part)
            }
            yield f"fold_{k}/{name}.json", json.dumps(entries, indent=2, ensure_ascii=False)


def words(export: Export) -> Iterator[str]:
    """The options of the recipe."""
    yield "train_with_wav2vec2.py HPARAMS --skip_prep True --data_folder <root of the corpus> \\"
    yield "  --train_annotation fold_<k>/train.json --valid_annotation fold_<k>/valid.json --test_annotation ..."
    yield f"  --out_n_neurons {len(export.split.labels)}; k from 1 to {export.split.n_folds}, an output folder each"


def _audio(row: Utterance) -> dict[str, Any]:
    wav: Any = "{data_root}/" + row.path.replace("{", "{{").replace("}", "}}")
    if row.start is not None or row.end is not None:
        start = round((row.start or 0.0) * row.sample_rate)
        wav = {"file": wav, "start": start, "stop": start + row.num_samples}
    return {"wav": wav, "length": row.num_samples / row.sample_rate}
