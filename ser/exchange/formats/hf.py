"""Hugging Face's `datasets`: fold_<k>/{train,validation,test}.jsonl, and a README.md that names them.

`load_dataset(FOLDER, "fold_<k>")` reads the configurations in the README's header; so does
`load_dataset("json", data_files=...)` the files themselves. Columns: utterance, file_name (relative to the corpus's
root), start, end (seconds in the file; null: its beginning, its end), speaker, session, gender, partition, and `label`
or one column per attribute.
"""

from collections.abc import Iterator
from typing import Any

from ser.exchange.export import Export, json_lines

_FILES = {"train": "train", "validation": "dev", "test": "test"}


def refused(export: Export) -> str:
    """Whatever has rows can be said."""
    return ""


def files(export: Export) -> Iterator[tuple[str, str]]:
    """A file for each part that a fold has, and the README."""
    header = []
    for k in export.folds:
        header += [f"- config_name: fold_{k}", "  data_files:"]
        for name, part in _FILES.items():
            if rows := export.rows(k, part):
                header += [f"  - split: {name}", f"    path: fold_{k}/{name}.jsonl"]
                yield f"fold_{k}/{name}.jsonl", json_lines(_entry(export, row) for row in rows)
    facts = [f"Split {export.name} of {export.corpus}, hash {export.split.data_hash}; see ser.json.", *words(export)]
    yield "README.md", "\n".join(["---", "configs:", *header, "---", "", *(f"{fact}\n" for fact in facts)])


def words(export: Export) -> Iterator[str]:
    """How it is loaded, and with the audio."""
    yield 'load_dataset("<this folder>", "fold_<k>"), from datasets; k from 1 to ' + str(export.split.n_folds)
    yield (
        'audio: .map(lambda row: {"audio": root + "/" + row["file_name"]}).cast_column("audio", '
        "Audio(sampling_rate=16000))"
    )
    if export.has_segments:
        yield "utterances are stretches of files: cut the audio to the columns start and end (seconds)"
    if not export.has_dev:
        yield f"selection {export.split.selection} has no dev part of its own, so there is no validation split"


def _entry(export: Export, number: int) -> dict[str, Any]:
    row, split = export.utterances[number], export.split
    targets: dict[str, Any] = {"label": export.label(number)} if split.are_classes else {}
    if not split.are_classes:
        targets = dict(zip(split.labels, map(float, split.targets[number]), strict=True))
    columns = ("start", "end", "speaker", "session", "gender", "partition")
    return {
        "utterance": row.utterance,
        "file_name": row.path,
        **{name: getattr(row, name) for name in columns},
        **targets,
    }
