"""S3PRL's downstream `emotion`: meta_data/Session<k>/train_meta_data.json and test_meta_data.json for fold<k>.

As its dataset.py and expert.py read them: `labels` is class -> number, `meta_data` a list of `path` (relative to the
data root), `label` and `speaker`. There is no dev file: S3PRL draws a fifth of the training file, with torch's seed 0.
Where the protocol's dev part is that very draw, the training file holds both and S3PRL draws it again; elsewhere the
training file holds the training part alone, and dev_meta_data.json, in the same format, lies beside it.
"""

import json
from collections.abc import Iterable, Iterator

from ser.exchange.export import Export, no_attributes, no_segments

_DRAW = ("random_split", 0.2, 0)  # kind of dev part, fraction and seed of S3PRL's own


def refused(export: Export) -> str:
    """Classes of whole files that all have one sampling rate: S3PRL resamples all by the rate of the first."""
    rates = sorted({row.sample_rate for row in export.utterances})
    mixed = f"resamples all files by the rate of the first, and these have {rates} Hz: convert them to one"
    return no_attributes(export) or no_segments(export) or (mixed if len(rates) > 1 else "")


def files(export: Export) -> Iterator[tuple[str, str]]:
    """Two or three for each fold."""
    draws = _draws_the_same(export)
    for k in export.folds:
        parts = {"train": export.rows(k, "train", *(["dev"] if draws else [])), "test": export.rows(k, "test")}
        if export.has_dev and not draws:
            parts["dev"] = export.rows(k, "dev")
        for part, rows in parts.items():
            yield f"meta_data/Session{k}/{part}_meta_data.json", _text(export, rows)


def words(export: Export) -> Iterator[str]:
    """Where the folder goes, and what becomes of the dev part."""
    yield "link or copy the folder meta_data into the corpus's root, which is `root` of S3PRL's config.yaml"
    yield f"-o config.downstream_expert.datarc.test_fold=fold<k>, k from 1 to {export.split.n_folds}"
    if _draws_the_same(export):
        yield "S3PRL draws its dev part from the training file: with valid_ratio 0.2 it is this protocol's, to the file"
    else:
        yield "S3PRL has no dev file: it draws a fifth of the training file, which may share speakers with the rest"
    if export.has_dev and not _draws_the_same(export):
        yield "the protocol's dev part is in dev_meta_data.json, which S3PRL does not read unless you change expert.py"


def _draws_the_same(export: Export) -> bool:
    dev = export.protocol.dev
    return export.has_dev and (dev.kind, dev.fraction, dev.seed) == _DRAW


def _text(export: Export, rows: Iterable[int]) -> str:
    speakers, utterances = export.split.speakers, export.utterances
    entries = [{"path": utterances[r].path, "label": export.label(r), "speaker": speakers[r]} for r in rows]
    labels = {label: number for number, label in enumerate(export.split.labels)}
    return json.dumps({"labels": labels, "meta_data": entries}, ensure_ascii=False)
