"""A small task, its folds and settings, for the tests of the training loop and of the state that it leaves."""

import numpy as np
import torch
from torch import nn

from ser.runs.contract import Fold, Part
from ser.training.task import Example, TrainingSettings
from ser.training.task import Task as TaskOf

SETTINGS = TrainingSettings(
    optimiser="adamw",
    learning_rate=0.01,
    weight_decay=0.01,
    schedule="one_cycle",
    epochs=6,
    steps_per_epoch=0,
    batch_size=8,
    accumulation=1,
    micro_batch=0,
    last_batch="joined",
    bucketing=0,
    gradient_clip=1.0,
    patience=0,
    average_decay=0.0,
    class_weights="none",
    label_smoothing=0.0,
    precision="float32",
    criterion="loss",
)
CENTRES = np.array([[2.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 2.0]])


def part(name: str, n: int, attributes: bool = False) -> Part:
    """A part of `n` utterances: three classes in turn, or two attributes."""
    targets = np.arange(n) % 3
    if attributes:
        targets = CENTRES[targets][:, :2].astype(np.float32) + np.arange(n)[:, None] % 5
    return Part(tuple(f"{name}{i}" for i in range(n)), ("s",) * n, targets)


def fold(attributes: bool = False, **parts: Part) -> Fold:
    """A fold of 33, 12 and 9 utterances; `parts` replace its own."""
    made = {name: part(name, n, attributes) for name, n in (("train", 33), ("dev", 12), ("test", 9))}
    labels = ("arousal", "valence") if attributes else ("a", "b", "c")
    return Fold(0, labels, **(made | parts), stores={})


def unlearned(task: TaskOf, network: nn.Module, part: Part) -> set[str]:
    """The parameters to which the first eight examples of a part give no gradient."""
    batch = task.collate(task.examples(part, None)[:8], None)
    task.loss(task.forward(network, batch), batch, 0).backward()
    return {name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0}


class Task:
    """Noisy points around their class's centre, several segments each, through dropout and batch norm."""

    def __init__(self, attributes: bool = False) -> None:
        self.attributes = attributes
        self.fitted = {"centres": CENTRES}
        self.seen: list[tuple[int, bool]] = []

    def network(self) -> nn.Module:
        outputs = 2 if self.attributes else 3
        return nn.Sequential(nn.Linear(3, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, outputs))

    def examples(self, part, generator):
        return [
            Example(i, name, 0, 1 + (i + j) % 3, part.targets[i])
            for i, name in enumerate(part.utterances)
            for j in range(1 if generator is not None else 1 + i % 2)
        ]

    def collate(self, segments, generator):
        self.seen.append((len(segments), generator is not None))
        rng = generator if generator is not None else np.random.default_rng(len(segments[0].utterance))
        targets = np.stack([segment.target for segment in segments])
        centres = np.pad(targets, ((0, 0), (0, 1))) if self.attributes else CENTRES[targets]
        points = centres + rng.normal(size=(len(segments), 3))
        return {"x": torch.tensor(points, dtype=torch.float32), "y": torch.from_numpy(targets)}

    def forward(self, network, batch):
        return network(batch["x"])

    def loss(self, outputs, batch, epoch):
        if self.attributes:
            return (outputs - batch["y"]).square().mean()
        return nn.functional.cross_entropy(outputs, batch["y"])

    def scores(self, outputs):
        return outputs if self.attributes else outputs.log_softmax(1)


def assert_same(first, second) -> None:
    """Two outcomes are the same, bit for bit."""
    assert first.scores.tobytes() == second.scores.tobytes()
    assert first.history == second.history and first.facts == second.facts
    assert {k: v.tobytes() for k, v in first.model.items()} == {k: v.tobytes() for k, v in second.model.items()}
