"""From a number back: the artifacts that an evaluation rests on, and the runs among them."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ser.verification.artifacts import Artifact, open_artifact


@dataclass(frozen=True)
class RunBehind:
    """A run behind an evaluation: the epoch that was chosen, of how many (0: it does not train in epochs), its file of
    predictions with its SHA-256, and its metrics: official part -> metric -> value, None where undefined.
    """

    seed: int
    fold: int
    epoch: int
    epochs: int
    predictions: Path
    sha256: str
    metrics: Mapping[str, Mapping[str, float | None]]


def runs_behind(chain: Sequence[Artifact]) -> list[RunBehind]:
    """The runs behind an evaluation, by seed and fold. `chain`: `chain_of` it."""
    metrics = {(run["seed"], run["fold"]): run["metrics"] for run in chain[0].facts["runs"]}
    found = []
    for run in of_kind(chain, "runs"):
        seed, fold, facts = run.facts["seed"], run.facts["fold"], run.facts["facts"]
        epochs = facts.get("epochs_run") or 0
        sha256 = run.facts["sha256"]["predictions.csv"]
        path = run.path.parent / "predictions.csv"
        epoch = facts["best_epoch"] if epochs else 0
        found.append(RunBehind(seed, fold, epoch, epochs, path, sha256, metrics[seed, fold]))
    return sorted(found, key=lambda run: (run.seed, run.fold))


def chain_of(path: Path, opened: Callable[[Path], Artifact | None] = open_artifact) -> Iterator[Artifact]:
    """An artifact and all that it was made from, nearest first; `opened` is how one is opened, None if it is to be left
    out, with all that only it was made from.

    Raises InputError as `open_artifact` does.
    """
    seen, todo = {path}, deque([path])
    while todo:
        artifact = opened(todo.popleft())
        if artifact is None:
            continue
        yield artifact
        for below in map(Path, artifact.inputs):
            if below not in seen:
                seen.add(below)
                todo.append(below)


def of_kind(chain: Sequence[Artifact], kind: str) -> list[Artifact]:
    """The artifacts of a kind (`Artifact.kind`), in the chain's order."""
    return [artifact for artifact in chain if artifact.kind == kind]
