"""A small convolutional network on log-Mel spectrograms.

What it is given and returns: ser/runs/contract.py and ser/training/task.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from torch import nn

from ser.runs.contract import Context, Fold, Outcome, Part
from ser.systems.shared.classifier import ClassifierTask
from ser.training.loop import fit
from ser.training.task import Batch, Example, TrainingSettings


@dataclass(frozen=True)
class Settings(TrainingSettings):
    """`channels` of the convolutions; `frames` of an utterance that are used: a random crop in training, otherwise the
    middle. Values are in the experiment file: no defaults here.
    """

    channels: Annotated[int, ">= 1"]
    frames: Annotated[int, ">= 1"]


class Task(ClassifierTask):
    """Reads `fold.stores["spectrogram"]`, [frames, bins] for each utterance."""

    reads = ("spectrogram",)
    settings: Settings

    def __init__(self, fold: Fold, settings: Settings) -> None:
        super().__init__(fold, settings)
        self.store = fold.stores["spectrogram"]
        fitted = fold.fitted  # by an earlier run, where this one only predicts
        if fitted is None:
            frames = np.concatenate([self.store[utterance] for utterance in fold.train.utterances])  # training alone
            fitted = {"mean": frames.mean(axis=0), "deviation": np.maximum(frames.std(axis=0), 1e-3)}
        self.fitted, self.mean, self.deviation = fitted, fitted["mean"], fitted["deviation"]

    def network(self) -> nn.Module:
        """Spectrograms [B, bins, frames] -> logits [B, K]. Its random weights follow from the run's seed."""
        settings = self.settings
        return nn.Sequential(
            nn.Conv1d(len(self.mean), settings.channels, 5, padding=2),
            nn.ReLU(),
            nn.Conv1d(settings.channels, settings.channels, 5, padding=2),
            nn.ReLU(),
            nn.AvgPool1d(settings.frames),
            nn.Flatten(),
            nn.Linear(settings.channels, self.classes),
        )

    def examples(self, part: Part, generator: np.random.Generator | None) -> list[Example]:
        """Every utterance once."""
        return [
            Example(i, name, 0, min(len(self.store[name]), self.settings.frames), y)
            for i, (name, y) in enumerate(zip(part.utterances, part.targets, strict=True))
        ]

    def collate(self, examples: Sequence[Example], generator: np.random.Generator | None) -> Batch:
        """`spectrogram` float32 [B, bins, frames] and `target` int64 [B]; without a generator nothing is random."""
        batch = np.zeros((len(examples), len(self.mean), self.settings.frames), np.float32)
        for row, example in zip(batch, examples, strict=True):
            x = (self.store[example.utterance] - self.mean) / self.deviation
            spare = len(x) - len(example)
            start = int(generator.integers(0, spare + 1)) if generator else spare // 2
            row[:, : len(example)] = x[start : start + len(example)].T
        target = torch.tensor([int(example.target) for example in examples])
        return {"spectrogram": torch.from_numpy(batch), "target": target}


def run(fold: Fold, settings: Settings, context: Context) -> Outcome:
    """Train and score one fold."""
    return fit(Task(fold, settings), fold, settings, context)
