"""EmoSphere-SER (Cho, Oh, Kim, Lee; Interspeech 2025, arXiv 2505.19693), after its published code at d0233b9.

A waveform goes through WavLM-large, trained further except for its convolutional front end, and style pooling. One head
predicts the attributes, learned with the concordance correlation coefficient (CCC); another, in the first epochs
only, classifies the region of the attribute space. The baseline of the challenge, attentive statistics pooling and
no regions, is a choice of settings.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal

import numpy as np
import torch
from torch import Tensor, nn

from ser.encoders.speech import SpeechEncoder
from ser.errors import InputError
from ser.features.store import Store
from ser.runs.auxiliary import Auxiliary
from ser.runs.contract import Context, Fold, Outcome, Part
from ser.systems.shared.layers import filled, seen_by
from ser.systems.shared.pooling import StatisticsPooling, StylePooling
from ser.systems.shared.regions import n_regions, region_of
from ser.training.task import Batch, Example, TrainingSettings, class_weights, cross_entropy
from ser.waveforms import FULL_SCALE, RATE, waveform

AUXILIARY = {"region": {"auxiliary": ("regions",), "region_loss": ("constant", "decaying")}}
AXES = ("arousal", "valence", "dominance")  # x, y, z of the regions
HOP, SHORTEST = 320, 400  # samples from one frame to the next, and of one frame, in the wav2vec 2.0 family


@dataclass(frozen=True)
class Settings(TrainingSettings):
    """`seconds`: how much of an utterance is read, from its start. `encoder_width`: of the encoder's states.

    `pooling`: `style`, with `attention_heads` and `pooling_dropout`, or attentive `statistics`. `head_dropout`: of
    both heads. `padding`: the published code lets a little padding into its training: it counts the last, partly
    padded frames and convolves over what follows them (`leaks`); `masked` keeps it out. Evaluation keeps it out
    in either case, as the published one does with its batches of one.

    `auxiliary`: what the second head classifies, the `regions` of the attribute space or the `emotion`. `region_loss`:
    `none` (and no such head), `constant` (weight 1), or `decaying`: over `region_epochs` from 1 towards `region_floor`,
    then off. `class_weights` and `label_smoothing` are those of its cross-entropy.
    """

    seconds: Annotated[float, ">= 0.025"]
    encoder_width: Annotated[int, ">= 1"]
    pooling: Literal["style", "statistics"]
    attention_heads: Annotated[int, ">= 1"]
    pooling_dropout: Annotated[float, ">= 0", "< 1"]
    head_dropout: Annotated[float, ">= 0", "< 1"]
    padding: Literal["leaks", "masked"]
    auxiliary: Literal["regions", "emotion"]
    regions: Literal["octants", "cells_45", "cells_60", "grid_30", "grid_45", "grid_60", "grid_180"]
    region_loss: Literal["none", "constant", "decaying"]
    region_epochs: Annotated[int, ">= 1"]
    region_floor: Annotated[float, ">= 0", "<= 1"]


def head(inputs: int, width: int, outputs: int, dropout: float) -> nn.Sequential:
    """One hidden layer, as published for both heads: 1,054,723 parameters for 3 attributes, 1,059,848 for 8 octants."""
    hidden = (nn.Linear(inputs, width), nn.LayerNorm(width), nn.ReLU())
    return nn.Sequential(nn.Dropout(dropout), *hidden, nn.Dropout(dropout), nn.Linear(width, outputs))


class Network(nn.Module):
    """Waveforms -> attributes (linear, 0 to 1 over the scale) and, after them, logits of `n_regions` (0: no head)."""

    def __init__(self, encoder: SpeechEncoder, n_attributes: int, n_regions: int, settings: Settings) -> None:
        super().__init__()
        width, dropout = settings.encoder_width, settings.head_dropout
        self.leaks = settings.padding == "leaks"
        self.encoder = encoder
        self.pooling: StylePooling | StatisticsPooling
        if settings.pooling == "style":
            self.pooling = StylePooling(width, settings.attention_heads, settings.pooling_dropout)
        else:
            self.pooling = StatisticsPooling(width)
        outputs = (n_attributes, n_regions) if n_regions else (n_attributes,)
        self.heads = nn.ModuleList(head(self.pooling.outputs, width, n, dropout) for n in outputs)

    def forward(self, waveforms: Tensor, samples: Tensor) -> Tensor:
        """waveforms float32 [B, N], of which the first `samples` int64 [B] count -> [B, n_attributes + n_regions]."""
        states = self.encoder(waveforms, samples)
        leaks = self.training and self.leaks
        # The published count has up to two frames more than the front end makes of an utterance on its own.
        frames = (samples - 1) // HOP + 1 if leaks else self.encoder.frames(samples)
        pooled = self.pooling(states, filled(frames, states.shape[1]), leaks)
        return torch.cat([head(pooled) for head in self.heads], dim=1)


def ccc(x: Tensor, y: Tensor) -> Tensor:
    """Lin's concordance correlation coefficient of each column of [B, K], with population variances; 0 for a constant.

    The published code's way: through Pearson's correlation, with 1e-8 inside its two roots and in the denominator.
    """
    tiny, mean_x, mean_y = 1e-8, x.mean(0), y.mean(0)
    from_x, from_y = x - mean_x, y - mean_y
    roots = (from_x.square().sum(0) + tiny).sqrt() * (from_y.square().sum(0) + tiny).sqrt()
    correlation = (from_x * from_y).sum(0) / roots
    scale_x, scale_y = x.std(0, correction=0), y.std(0, correction=0)
    distance = scale_x.square() + scale_y.square() + (mean_x - mean_y).square()
    return 2 * correlation * scale_x * scale_y / (distance + tiny)


def region_weight(settings: Settings, epoch: int) -> float:
    """The weight of the region loss in an epoch, counted from 0; published: 1, .802, .604, .406, .208, then 0."""
    if settings.region_loss == "decaying":
        passed = epoch / settings.region_epochs
        return 1 - passed * (1 - settings.region_floor) if passed < 1 else 0.0
    return 1.0 if settings.region_loss == "constant" else 0.0


class Task:
    """A `ser.training.task.Task` on `fold.stores["audio"]` and the checkpoint `fold.encoders["encoder"]`.

    A batch has `waveform` float32 [B, N] (mean 0 and deviation 1 over the training part; 0 beyond an example's end),
    `samples` int64 [B], `target` float32 [B, attributes] (0 to 1 over the scale) and `region` int64 [B] (or the
    emotion, 0 for one that the training part does not have). The attributes are in the protocol's order. Raises
    InputError where the row or the protocol lacks what is needed.

    After the last epoch with a region loss its head is left exactly as it is: the published code stops calling it. Its
    regions are still predicted, from what the encoder and the pooling have become since.
    """

    per_second = RATE

    def __init__(self, fold: Fold, settings: Settings) -> None:
        self.low, self.high = _checked_scale(fold, settings)
        self.store, self.folder, self.settings = fold.stores["audio"], fold.encoders["encoder"], settings
        self.n_attributes = len(fold.labels)
        self.axes = [fold.labels.index(name) for name in AXES]
        self.is_new = fold.fitted is None  # or has learned, and only predicts
        self.fitted = self._fit(fold) if fold.fitted is None else fold.fitted
        self.mean, self.scale = self.fitted["waveform_statistics"]
        self.emotions = {name: number for number, name in enumerate(sorted({*fold.train.emotions}))}
        self.regions = {
            utterance: region
            for part in (fold.train, fold.dev, fold.test)
            for utterance, region in zip(part.utterances, self._regions(part), strict=True)
        }
        n = self.fitted["emotions"].item() if settings.auxiliary == "emotion" else n_regions(settings.regions)
        self.n_regions = 0 if settings.region_loss == "none" else n
        self.weight = 0.0  # of the region loss that was computed last
        self.weights = None
        if self.n_regions:
            trained = np.array([self.regions[utterance] for utterance in fold.train.utterances], np.int64)
            self.weights = class_weights(settings.class_weights, trained, self.n_regions)
        self.longest = round(settings.seconds * RATE)

    def network(self) -> Network:
        """The checkpoint, whose convolutions stay frozen, with a pooling and heads of random weights."""
        encoder = SpeechEncoder(self.folder, self.settings.encoder_width, "transformer", reads_weights=self.is_new)
        network = Network(encoder, self.n_attributes, self.n_regions, self.settings)
        for parameter in network.heads[1:].parameters():
            parameter.register_post_accumulate_grad_hook(self._leave_alone)
        return network

    def examples(self, part: Part, generator: np.random.Generator | None) -> list[Example]:
        """Every utterance once, from its start."""
        return [
            Example(index, utterance, 0, min(len(self.store[utterance]), self.longest), target)
            for index, (utterance, target) in enumerate(zip(part.utterances, part.targets, strict=True))
        ]

    def collate(self, examples: Sequence[Example], generator: np.random.Generator | None) -> Batch:
        """The batch that the class describes; utterances shorter than a frame are padded to one."""
        samples = torch.tensor([max(len(example), SHORTEST) for example in examples])
        waveforms = torch.zeros(len(examples), int(samples.max()))
        for row, example in zip(waveforms, examples, strict=True):
            x = waveform(self.store.rows(example.utterance, example.start, example.stop))
            row[: len(x)] = torch.from_numpy((x - self.mean) / self.scale)
        targets = np.stack([example.target for example in examples])
        return {
            "waveform": waveforms,
            "samples": samples,
            "target": torch.from_numpy((targets - self.low) / (self.high - self.low)).float(),
            "region": torch.tensor([self.regions[example.utterance] for example in examples]),
        }

    def forward(self, network: nn.Module, batch: Batch) -> Tensor:
        """Attributes, 0 to 1 over the scale, and logits of the regions, [B, n_attributes + n_regions]."""
        outputs: Tensor = network(batch["waveform"], batch["samples"])
        return outputs

    def loss(self, outputs: Tensor, batch: Batch, epoch: int) -> Tensor:
        """The sum over the attributes of 1 - CCC, and the weighted cross-entropy of the regions."""
        attributes, logits = outputs.tensor_split([self.n_attributes], dim=1)
        loss = (1 - ccc(attributes, batch["target"])).sum()
        self.weight = region_weight(self.settings, epoch)
        if self.weight:
            loss = loss + self.weight * cross_entropy(logits, batch["region"], self.weights, self.settings)
        return loss

    def scores(self, outputs: Tensor) -> Tensor:
        """The attributes on the protocol's scale, clipped to it, and the logits of the regions as they are."""
        attributes, logits = outputs.tensor_split([self.n_attributes], dim=1)
        clipped = (self.low + (self.high - self.low) * attributes).clamp(self.low, self.high)
        return torch.cat([clipped, logits], dim=1)

    def _leave_alone(self, parameter: Tensor) -> None:
        """No gradient in place of zeros: an optimiser with zeros still applies weight decay and old momentum."""
        if not self.weight:
            parameter.grad = None

    def _fit(self, fold: Fold) -> dict[str, np.ndarray]:
        """Mean and deviation of the waveforms, float32 [2], and how many emotions there are."""
        fitted = {"waveform_statistics": np.array(statistics(self.store, fold.train.utterances))}
        if self.settings.auxiliary == "emotion":
            fitted["emotions"] = np.array([len({*fold.train.emotions})])
        return fitted

    def _regions(self, part: Part) -> list[int]:
        """The region, or emotion, of each utterance."""
        if self.settings.auxiliary == "emotion":
            return [self.emotions.get(emotion, 0) for emotion in part.emotions]
        points = part.targets[:, self.axes].astype(np.float64) - (self.low + self.high) / 2
        regions: list[int] = region_of(self.settings.regions, points).tolist()
        return regions


def attention(network: Network, batch: Batch) -> Tensor | None:
    """How much the frames of style pooling attend to each, [B, T], over heads; None with another pooling."""
    pooling = network.pooling
    if not isinstance(pooling, StylePooling):
        return None
    _, joined = seen_by(pooling.query_key_value, lambda: network(batch["waveform"], batch["samples"]))
    query, key, _ = joined.unflatten(2, (3, pooling.heads, -1)).permute(2, 0, 3, 1, 4)
    valid = filled(network.encoder.frames(batch["samples"]), joined.shape[1])
    width = joined.shape[2] // 3
    energy = (query @ key.mT * width**-0.5).masked_fill(~valid[:, None, None], -torch.inf)
    shares = (energy.softmax(dim=3) * valid[:, None, :, None]).sum(dim=2).mean(dim=1)
    weights: Tensor = shares / valid.sum(dim=1, keepdim=True)
    return weights


def statistics(store: Store, utterances: Sequence[str]) -> tuple[np.float32, np.float32]:
    """Mean and deviation + 1e-6 (as published) of all samples of whole utterances.

    One pass over int16 [samples]; sums are integers of any size, so the order does not matter.
    """
    count, total, squares = 0, 0, 0
    for utterance in utterances:
        x = store[utterance].astype(np.int64)
        count, total, squares = count + len(x), total + int(x.sum()), squares + int(np.dot(x, x))
    count = max(count, 1)  # an empty part is refused by `fit`
    mean, variance = total / count, (count * squares - total**2) / count**2
    return np.float32(mean / FULL_SCALE), np.float32(variance**0.5 / FULL_SCALE + 1e-6)


def run(fold: Fold, settings: Settings, context: Context) -> Outcome:
    """Attributes and regions of the test part."""
    from ser.training.loop import fit  # not above: whoever only predicts needs no loop

    task = Task(fold, settings)
    outcome = fit(task, fold, settings, context)
    scores, logits = np.split(outcome.scores, [task.n_attributes], axis=1)
    auxiliary = None
    if task.n_regions and settings.auxiliary == "regions":
        regions = np.array([task.regions[utterance] for utterance in fold.test.utterances])
        auxiliary = Auxiliary.of("region", regions, logits)
    return replace(outcome, scores=scores, auxiliary=auxiliary)


def _checked_scale(fold: Fold, settings: Settings) -> tuple[float, float]:
    """The protocol's scale; raises InputError where the row or the protocol lacks what is needed."""
    if not fold.scale or sorted(fold.labels) != sorted(AXES):
        raise InputError(
            f"fold {fold.number}: targets are {', '.join(fold.labels)}; emosphere_ser needs a protocol with "
            f"targets {', '.join(AXES)} (any order) and their scale"
        )
    if settings.auxiliary == "emotion" and fold.fitted is None and len({*fold.train.emotions}) < 2:
        raise InputError(f"fold {fold.number}: fewer than two emotions in the training part: use auxiliary: regions")
    for kind, known, name in (("features", fold.stores, "audio"), ("encoders", fold.encoders, "encoder")):
        if name not in known:
            raise InputError(f"fold {fold.number}: no {name}: the row needs `{name}` under {kind}")
    return fold.scale
