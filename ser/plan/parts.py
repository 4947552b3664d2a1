"""Into how many jobs the states of one corpus are dealt: all cores, nodes and GPUs then work on one encoder."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ser.files import words
from ser.plan.sizes import corpus_size

UTTERANCES = {"cpu": 500, "gpu": 10_000}  # of a part: half an hour of one core, minutes of a GPU with HuBERT base
FEWEST = {"cpu": 4, "gpu": 1}  # a GPU takes longer to start than most corpora take
MOST = 64


def number_of_parts(corpus: str, entry: Mapping[str, Any], device: str) -> int:
    """For a corpus as params.yaml has it (`entry`), on a `device`, cpu or gpu. On a CPU no bit depends on it."""
    parts = -(-_utterances(corpus, entry) // UTTERANCES[device])
    return min(max(parts, FEWEST[device]), MOST)


def _utterances(corpus: str, entry: Mapping[str, Any]) -> int:
    """About how many there are: by the release, or by the lines of a user's manifest; 0 where that does not tell."""
    if corpus in words("corpora"):
        return corpus_size(corpus)[0]
    manifest = Path(entry.get("manifest", ""))
    if manifest.suffix != ".csv" or not manifest.is_file():
        return 0
    with manifest.open("rb") as file:
        return sum(1 for _ in file) - 1
