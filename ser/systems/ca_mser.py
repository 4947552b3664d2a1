"""CA-MSER: co-attention over three views of a segment (Zou et al.; ICASSP 2022, arXiv 2203.15326).

After the published code (Vincent-ZHQ/CA-MSER at 8c77cfe): a spectrogram image goes through AlexNet, cepstra through a
BiLSTM, and the two together weight the frames of wav2vec 2.0. Left out are 54.55 million parameters of the code that no
output depends on: as many as AlexNet's linear layers have. Settings make the smaller networks of the paper's Table 2.
MFHCA builds on it; the input pipeline is `shared/segments.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ser.encoders.alexnet import alexnet_convolutions
from ser.errors import InputError
from ser.runs.contract import Context, Fold, Outcome
from ser.systems.shared.layers import seen_by
from ser.systems.shared.segments import SegmentSettings, SegmentTask
from ser.training.task import Batch, Example

EMBEDDING = 128  # width of each view, and of the classifier
LEAST_IMAGE = 63  # pixels: fewer leave nothing of AlexNet's last map
CHANNELS = (64, 192, 384, 256, 256)  # torchvision's AlexNet
POSITIONS = 6  # rows and columns of the map that AlexNet's classifier reads


@dataclass(frozen=True)
class Settings(SegmentSettings):
    """`width` scales AlexNet's channels, `recurrent_width` is that of the BiLSTM in each direction (256), whose two
    layers have `recurrent_dropout` (0.5) between them; `dropout` comes before the linear layers (0.1).

    The classifier reads the views `reads_spectrogram`, `reads_cepstra` and `reads_speech`. `co_attention`: spectrogram
    and cepstra weight the frames of speech, whether or not the classifier reads them too; without it, all frames weigh
    the same.
    """

    width: Annotated[float, "> 0"]
    recurrent_width: Annotated[int, ">= 1"]
    recurrent_dropout: Annotated[float, ">= 0", "< 1"]
    dropout: Annotated[float, ">= 0", "< 1"]
    reads_spectrogram: bool
    reads_cepstra: bool
    reads_speech: bool
    co_attention: bool

    @property
    def has_image(self) -> bool:
        """Whether a spectrogram is needed."""
        return self.reads_spectrogram or self.co_attention

    @property
    def has_cepstra(self) -> bool:
        """Whether cepstra are needed."""
        return self.reads_cepstra or self.co_attention


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

    `speech` is what makes states [B, L, encoder_width] of its speech, and L; `image` what makes images [B, 3, H, W] of
    its levels, and AlexNet; `cepstra` (frames per segment, coefficients). None: a view that the settings do not need.
    """

    def __init__(
        self,
        speech: tuple[nn.Module, int] | None,
        image: tuple[nn.Module, AlexNet] | None,
        cepstra: tuple[int, ...] | None,
        classes: int,
        settings: Settings,
    ) -> None:
        super().__init__()
        self.settings = settings
        drop = nn.Dropout(settings.dropout)
        if image:
            self.image, self.alexnet = image
            self.embed_image = nn.Sequential(drop, nn.Linear(self.alexnet.outputs, EMBEDDING), nn.ReLU())
        if cepstra:
            self.cepstra = Cepstra(cepstra[1], settings)
            recurrent = cepstra[0] * 2 * settings.recurrent_width
            self.embed_cepstra = nn.Sequential(drop, nn.Linear(recurrent, EMBEDDING), nn.ReLU())
        if speech:
            self.speech, frames = speech
            if settings.co_attention:  # no softmax, as published
                self.attend = nn.Sequential(drop, nn.Linear(2 * EMBEDDING, frames), nn.ReLU())
            self.embed_speech = nn.Sequential(drop, nn.Linear(settings.encoder_width, EMBEDDING), nn.ReLU())
        views = sum((settings.reads_spectrogram, settings.reads_cepstra, settings.reads_speech))
        self.classifier = nn.Sequential(
            *(drop, nn.Linear(views * EMBEDDING, EMBEDDING), nn.ReLU()),
            *(drop, nn.Linear(EMBEDDING, EMBEDDING), nn.ReLU()),
            nn.Linear(EMBEDDING, classes),
        )

    def forward(self, batch: Batch) -> Tensor:
        """A batch of `Task` -> logits [B, K]."""
        s = self.settings
        views: list[Tensor] = []
        if s.has_image:
            image = self.embed_image(self.alexnet(self.image(batch["levels"])))
            views += [image] if s.reads_spectrogram else []
        if s.has_cepstra:
            cepstra = self.embed_cepstra(self.cepstra(batch["cepstra"]))
            views += [cepstra] if s.reads_cepstra else []
        if s.reads_speech:
            states = self.speech(batch["speech"])
            if s.co_attention:
                weights = self.attend(torch.cat([image, cepstra], dim=1))
                states = (weights[:, None] @ states)[:, 0]
            else:
                states = states.mean(dim=1)
            views.append(self.embed_speech(states))
        logits: Tensor = self.classifier(torch.cat(views, dim=1))
        return logits


class Task(SegmentTask):
    """Adds `fold.stores["mfcc"]`, [frames, coefficients], to what the segments read, and `cepstra` float32 [B, T, C],
    0 beyond an utterance's end, to a batch, where the settings need them. `fold.encoders["backbone"]`, if there is one,
    has AlexNet's weights.
    """

    settings: Settings

    def __init__(self, fold: Fold, settings: Settings) -> None:
        if settings.co_attention and not settings.reads_speech:
            raise InputError("setting co_attention is true, but reads_speech is false: it weights the frames of speech")
        if not (settings.has_image or settings.has_cepstra or settings.reads_speech):
            raise InputError("reads_spectrogram, reads_cepstra and reads_speech are all false: one must be true")
        if settings.has_cepstra and "mfcc" not in fold.stores:
            raise InputError(f"fold {fold.number}: no store `mfcc`: the row needs a feature of kind mfcc")
        super().__init__(fold, settings)
        self.cepstra: tuple[int, ...] | None = None
        if settings.has_cepstra:
            self.mfcc = fold.stores["mfcc"]
            self.cepstra = (self.frames_of(self.mfcc), *self.mfcc.shape)

    def network(self) -> nn.Module:
        """A `CaMser`, whose AlexNet starts from the checkpoint `backbone` where there is one."""
        s, image = self.settings, None
        if s.has_image:
            alexnet = AlexNet(s.width)
            if "backbone" in self.fold.encoders and self.fold.fitted is None:
                alexnet.start_from(alexnet_convolutions(self.fold.encoders["backbone"], alexnet.channels))
            image = self.image(LEAST_IMAGE), alexnet
        return CaMser(self.speech() if s.reads_speech else None, image, self.cepstra, self.classes, s)

    def collate(self, examples: Sequence[Example], generator: np.random.Generator | None) -> Batch:
        """The batch of `SegmentTask`, with the segments' `cepstra`."""
        batch = super().collate(examples, generator)
        if not self.cepstra:
            return batch
        cepstra = np.zeros((len(examples), *self.cepstra), np.float32)
        for target, example in zip(cepstra, examples, strict=True):
            found = self.rows(self.mfcc, example, len(target))
            target[: len(found)] = found
        return batch | {"cepstra": torch.from_numpy(cepstra)}


def attention(network: CaMser, batch: Batch) -> Tensor | None:
    """What each frame of speech weighs, [B, L]; None where all weigh the same."""
    return seen_by(network.attend, lambda: network(batch))[1] if hasattr(network, "attend") else None


def run(fold: Fold, settings: Settings, context: Context) -> Outcome:
    """Train and score one fold; `Task` says what it reads."""
    from ser.training.loop import fit  # not above: whoever only predicts needs no loop

    return fit(Task(fold, settings), fold, settings, context)
