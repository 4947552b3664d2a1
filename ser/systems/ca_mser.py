"""CA-MSER: co-attention over three views of a segment (Zou et al.; ICASSP 2022, arXiv 2203.15326).

After the published code (Vincent-ZHQ/CA-MSER at 8c77cfe): a spectrogram image goes through AlexNet, cepstra through a
BiLSTM, and the two together weight the frames of wav2vec 2.0. MFHCA builds on it; the input pipeline is
`shared/segments.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ser.encoders.alexnet import alexnet_convolutions
from ser.errors import InputError
from ser.runs.contract import Context, Fold, Outcome
from ser.systems.shared.segments import SegmentSettings, SegmentTask
from ser.training.loop import fit
from ser.training.task import Batch, Example

EMBEDDING = 128  # width of each view, and of the classifier
LEAST_IMAGE = 63  # pixels: fewer leave nothing of AlexNet's last map
CHANNELS = (64, 192, 384, 256, 256)  # torchvision's AlexNet
POSITIONS = 6  # rows and columns of the map that AlexNet's classifier reads


@dataclass(frozen=True)
class Settings(SegmentSettings):
    """`width` scales AlexNet's channels, `recurrent_width` is that of the BiLSTM in each direction (256), whose two
    layers have `recurrent_dropout` (0.5) between them; `dropout` comes before the linear layers (0.1).
    """

    width: float
    recurrent_width: int
    recurrent_dropout: float
    dropout: float


class AlexNet(nn.Sequential):
    """AlexNet's convolutions: an image [B, 3, H, W] -> [B, 36 * channels]; `outputs` is that width."""

    def __init__(self, width: float) -> None:
        self.channels = tuple(max(1, round(width * channels)) for channels in CHANNELS)
        a, b, c, d, e = self.channels
        super().__init__(
            *(nn.Conv2d(3, a, 11, 4, 2), nn.ReLU(), nn.MaxPool2d(3, 2)),
            *(nn.Conv2d(a, b, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2)),
            *(nn.Conv2d(b, c, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(c, d, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(d, e, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2)),
            *(nn.AdaptiveAvgPool2d(POSITIONS), nn.Flatten()),
        )
        self.outputs = e * POSITIONS**2

    def start_from(self, weights: Sequence[tuple[Tensor, Tensor]]) -> None:
        """Take over the weights and biases of the five convolutions."""
        convolutions = [layer for layer in self if isinstance(layer, nn.Conv2d)]
        with torch.no_grad():
            for layer, (weight, bias) in zip(convolutions, weights, strict=True):
                layer.weight.copy_(weight)
                layer.bias.copy_(bias)  # type: ignore[union-attr]  # all of them have one


class Cepstra(nn.Module):
    """Cepstra [B, T, C], each frame scaled to length 1, -> all outputs of a BiLSTM, [B, T * 2 * recurrent_width]."""

    def __init__(self, coefficients: int, settings: Settings) -> None:
        super().__init__()
        width = settings.recurrent_width
        # Not one LSTM of two layers: cuDNN keeps its dropout's state to itself, and training/step.py must repeat it.
        self.first = nn.LSTM(coefficients, width, batch_first=True, bidirectional=True)
        self.dropout = nn.Dropout(settings.recurrent_dropout)
        self.second = nn.LSTM(2 * width, width, batch_first=True, bidirectional=True)

    def forward(self, cepstra: Tensor) -> Tensor:
        """cepstra [B, T, C] -> [B, T * 2 * recurrent_width]."""
        hidden, _ = self.first(F.normalize(cepstra, dim=2))
        outputs: Tensor = self.second(self.dropout(hidden))[0]
        return outputs.flatten(1)


class CaMser(nn.Module):
    """A batch of `Task` -> logits [B, K].

    `speech` makes states [B, frames, encoder_width] of its speech, `image` images [B, 3, H, W] of its levels; `cepstra`
    is (frames per segment, coefficients).
    """

    def __init__(
        self,
        speech: nn.Module,
        frames: int,
        image: nn.Module,
        alexnet: AlexNet,
        cepstra: tuple[int, ...],
        classes: int,
        settings: Settings,
    ) -> None:
        super().__init__()
        self.speech, self.image, self.alexnet = speech, image, alexnet
        self.cepstra = Cepstra(cepstra[1], settings)
        drop = nn.Dropout(settings.dropout)
        self.embed_image = nn.Sequential(drop, nn.Linear(alexnet.outputs, EMBEDDING), nn.ReLU())
        recurrent = cepstra[0] * 2 * settings.recurrent_width
        self.embed_cepstra = nn.Sequential(drop, nn.Linear(recurrent, EMBEDDING), nn.ReLU())
        self.attend = nn.Sequential(drop, nn.Linear(2 * EMBEDDING, frames), nn.ReLU())  # no softmax, as published
        self.embed_speech = nn.Sequential(drop, nn.Linear(settings.encoder_width, EMBEDDING), nn.ReLU())
        self.classifier = nn.Sequential(
            *(drop, nn.Linear(3 * EMBEDDING, EMBEDDING), nn.ReLU()),
            *(drop, nn.Linear(EMBEDDING, EMBEDDING), nn.ReLU()),
            nn.Linear(EMBEDDING, classes),
        )

    def forward(self, batch: Batch) -> Tensor:
        """A batch of `Task` -> logits [B, K]."""
        image = self.embed_image(self.alexnet(self.image(batch["levels"])))
        cepstra = self.embed_cepstra(self.cepstra(batch["cepstra"]))
        weights = self.attend(torch.cat([image, cepstra], dim=1))
        speech = (weights[:, None] @ self.speech(batch["speech"]))[:, 0]
        logits: Tensor = self.classifier(torch.cat([image, cepstra, self.embed_speech(speech)], dim=1))
        return logits


class Task(SegmentTask):
    """Adds `fold.stores["mfcc"]`, [frames, coefficients], to what the segments read, and `cepstra` float32 [B, T, C],
    0 beyond an utterance's end, to a batch. `fold.encoders["backbone"]`, if there is one, has AlexNet's weights.
    """

    settings: Settings

    def __init__(self, fold: Fold, settings: Settings) -> None:
        if "mfcc" not in fold.stores:
            raise InputError(f"fold {fold.number}: no store `mfcc`: the row needs a feature of kind mfcc")
        super().__init__(fold, settings)
        self.mfcc = fold.stores["mfcc"]
        self.cepstra = (self.frames_of(self.mfcc), *self.mfcc.shape)

    def network(self) -> nn.Module:
        """A `CaMser`, whose AlexNet starts from the checkpoint `backbone` where there is one."""
        image, alexnet = self.image(LEAST_IMAGE), AlexNet(self.settings.width)
        if "backbone" in self.fold.encoders:
            alexnet.start_from(alexnet_convolutions(self.fold.encoders["backbone"], alexnet.channels))
        return CaMser(*self.speech(), image, alexnet, self.cepstra, self.classes, self.settings)

    def collate(self, examples: Sequence[Example], generator: np.random.Generator | None) -> Batch:
        """The batch of `SegmentTask`, with the segments' `cepstra`."""
        cepstra = np.zeros((len(examples), *self.cepstra), np.float32)
        for target, example in zip(cepstra, examples, strict=True):
            found = self.rows(self.mfcc, example, len(target))
            target[: len(found)] = found
        return super().collate(examples, generator) | {"cepstra": torch.from_numpy(cepstra)}


def run(fold: Fold, settings: Settings, context: Context) -> Outcome:
    """Train and score one fold; `Task` says what it reads."""
    return fit(Task(fold, settings), fold, settings, context)
