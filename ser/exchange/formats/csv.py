"""One table, for tools that have no format of their own: split.csv, a line per utterance and a column per fold.

Columns: utterance, path (relative to the corpus's root), start, end (seconds in the file; empty: its beginning, its
end), speaker, session, sentence (where any text is known), gender, partition (official part), `label` or one column per
attribute, and fold1 ... fold<K>: train, dev, test, reported (scored, otherwise unused) or nothing (not in this fold).
"""

import csv
import io
from collections.abc import Iterator

from ser.exchange.export import Export
from ser.splits.split import PARTS
from ser.splits.write import target_texts


def refused(export: Export) -> str:
    """A table can say every split."""
    return ""


def files(export: Export) -> Iterator[tuple[str, str]]:
    """The table."""
    split, text = export.split, io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    targets = ["label"] if split.are_classes else list(split.labels)
    columns = ["utterance", "path", "start", "end", "speaker", "session", "gender", "partition"]
    if any(row.sentence for row in export.utterances):
        columns.insert(columns.index("gender"), "sentence")
    writer.writerow([*columns, *targets, *(f"fold{k}" for k in export.folds)])
    for row, values, codes in zip(
        export.utterances, target_texts(split.labels, split.targets), split.parts.tolist(), strict=True
    ):
        writer.writerow([*(getattr(row, name) for name in columns), *values, *(PARTS[code] for code in codes)])
    yield "split.csv", text.getvalue()


def words(export: Export) -> Iterator[str]:
    """Where the epoch is chosen, where no column says it."""
    if export.split.selection == "test_selected":
        yield "test_selected: the epoch is chosen on the test part, so no utterance is marked dev"
