"""The input pipeline that CA-MSER and MFHCA share: segments of a spectrogram image and of speech.

Source: the published code (Vincent-ZHQ/CA-MSER at 8c77cfe, jiaoxinxin158/MFHCA at 207cbc0). Each of its quirks is a
setting with a sound alternative. An utterance is cut into segments; each inherits its label and is classified on its
own; the utterance's score is the mean of its segments' log-softmax.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import torch
from torch import Tensor, nn

from ser.encoders.speech import SpeechEncoder
from ser.errors import InputError
from ser.features.store import Store
from ser.runs.contract import Fold, Part
from ser.systems.shared.classifier import ClassifierTask
from ser.systems.shared.images import ToImage
from ser.training.task import Batch, Example, TrainingSettings
from ser.waveforms import RATE, count_segments, cut, standardised, waveform

# What decides how speech is cut; frozen states were cut when they were computed, and must have been cut like this.
_OF_SPEECH = ("segment_seconds", "segment_count", "audio_padding", "pre_emphasis")
_EITHER = (
    "the row needs either `encoder` among its encoders, to train it, or `states` among its features, of kind encoder, "
    "for frozen states: give one of the two"
)


@dataclass(frozen=True)
class SegmentSettings(TrainingSettings):
    """How segments are made, added to how a network is trained; the first of two values is the published code's.

    `segment_count` `frames` counts the spectrogram's frames, so that an exact multiple of the length gets a last
    segment without audio; `samples` counts segments with audio. `audio_padding` `front` puts the zeros before the
    last segment's audio, though the spectrogram is padded at its end. `pre_emphasis` (0.97, or 0 for none) changes
    what the encoder hears; the spectrogram's own is a setting of that feature. `spectrogram_padding` `maximum` is
    0 dB, the level of the utterance's loudest point; `floor` is its lowest. `min_max` says what the range of each
    frequency bin is fitted on: training segments `padded`, or their `frames` only. `quantise`: the image has 8 bits
    throughout, or is never rounded. `image_height` in pixels (256); the width keeps the aspect ratio. `encoder_width`
    is that of the encoder's states.
    """

    segment_seconds: Annotated[float, ">= 0.025"]
    segment_count: Literal["frames", "samples"]
    audio_padding: Literal["front", "back"]
    pre_emphasis: Annotated[float, ">= 0", "< 1"]
    spectrogram_padding: Literal["maximum", "floor"]
    min_max: Literal["padded", "frames"]
    quantise: bool
    image_height: Annotated[int, ">= 1"]
    encoder_width: Annotated[int, ">= 1"]


class SegmentTask(ClassifierTask):
    """A `ser.training.task.Task` on segments.

    It reads

    - `fold.stores["audio"]`, int16 [samples];
    - where the row has it, `fold.encoders["encoder"]`, a checkpoint that is trained further, or
      `fold.stores["states"]`, frozen states;
    - where the row has it, `fold.stores["spectrogram"]`, [frames, bins].

    A batch has `speech`, float32 [B, samples] (mean 0, variance 1) or frozen states [B, L, encoder_width]; `levels`
    uint8 (or float32, not rounded) [B, bins, T], 0 to 255, low frequencies last; and `target`. A system adds
    `network()`, whose module returns logits [B, K] for such a batch. Raises InputError for stores and settings that do
    not fit together.
    """

    settings: SegmentSettings

    def __init__(self, fold: Fold, settings: SegmentSettings) -> None:
        super().__init__(fold, settings)
        self.fold = fold
        if "audio" not in fold.stores:
            raise InputError(f"fold {fold.number}: no store `audio`: the row needs a feature of kind audio")
        self.audio = fold.stores["audio"]
        self.samples = round(settings.segment_seconds * RATE)
        self.states = self._frozen()
        self.hears = self.states is not None or "encoder" in fold.encoders
        if self.states:
            first = self.states.utterances[0]
            self.state_frames = len(self.states[first]) // self._count(first)
        self.spectrogram = fold.stores.get("spectrogram")
        if self.spectrogram:
            self._check_padding(self.spectrogram)
            self.frames = self.frames_of(self.spectrogram)
            self.fitted = self._fit(self.spectrogram, fold.train) if fold.fitted is None else fold.fitted
            self.low, self.range = self.fitted["low"], self.fitted["range"]

    def speech(self) -> tuple[nn.Module, int]:
        """The module that turns a batch's `speech` into states [B, L, encoder_width], and L (149 for 3 s). Raises
        InputError where the row has neither an encoder nor frozen states.
        """
        if not self.hears:
            raise InputError(f"fold {self.fold.number}: {_EITHER}")
        if self.states:
            return nn.Identity(), self.state_frames
        folder, is_new = self.fold.encoders["encoder"], self.fold.fitted is None
        encoder = SpeechEncoder(folder, self.settings.encoder_width, learns="all", reads_weights=is_new)
        return encoder, encoder.frames(self.samples)

    def image(self, least: int) -> ToImage:
        """The module that turns `levels` into images; raises InputError where a side has fewer than `least` pixels."""
        if not self.spectrogram:
            raise InputError(f"fold {self.fold.number}: no store `spectrogram`: the row needs log_stft or log_mel")
        bins, height = self.spectrogram.shape[0], self.settings.image_height
        size = (height, height * self.frames // bins)
        if min(size) < least:
            raise InputError(
                f"setting image_height is {height}: {bins} bins by {self.frames} frames give an image of "
                f"{size[0]} x {size[1]}; each side needs at least {least} pixels"
            )
        return ToImage((bins, self.frames), size)

    def examples(self, part: Part, generator: np.random.Generator | None) -> list[Example]:
        """Every segment of every utterance, `start` and `stop` in samples."""
        return [
            Example(index, utterance, number * self.samples, (number + 1) * self.samples, target)
            for index, (utterance, target) in enumerate(zip(part.utterances, part.targets, strict=True))
            for number in range(self._count(utterance))
        ]

    def collate(self, examples: Sequence[Example], generator: np.random.Generator | None) -> Batch:
        """The batch that the class describes; nothing in it is random."""
        batch = {"target": torch.tensor([int(example.target) for example in examples])}
        if self.hears:
            batch["speech"] = torch.from_numpy(np.stack([self._speech(example) for example in examples]))
        if self.spectrogram:
            levels = [self._levels(self.spectrogram, example) for example in examples]
            batch["levels"] = torch.from_numpy(np.stack(levels))
        return batch

    def forward(self, network: nn.Module, batch: Batch) -> Tensor:
        """Logits [B, K]; which of a batch's tensors there are depends on the row, so the network takes all."""
        logits: Tensor = network(batch)
        return logits

    def frames_of(self, store: Store) -> int:
        """A segment's number of frames in a spectrogram or cepstrum; raises InputError where it is not an integer."""
        hop: float = json.loads(store.metadata["feature"])["hop_ms"] * RATE / 1000
        if self.samples % hop:
            raise InputError(
                f"{store.path}: frames of {hop / RATE * 1000:g} ms do not divide segment_seconds "
                f"({self.settings.segment_seconds}): change one of the two"
            )
        return round(self.samples / hop)

    def rows(self, store: Store, example: Example, frames: int) -> np.ndarray:
        """The rows of one segment in a store where every segment has `frames`, without padding."""
        start = example.start // self.samples * frames
        return store.rows(example.utterance, start, start + frames)

    def _count(self, utterance: str) -> int:
        return count_segments(len(self.audio[utterance]), self.samples, self.settings.segment_count)

    def _frozen(self) -> Store | None:
        """The store of frozen states; None where an encoder is trained further, or none is heard."""
        states = self.fold.stores.get("states")
        if states and "encoder" in self.fold.encoders:
            raise InputError(f"fold {self.fold.number}: {_EITHER}")
        if states:
            width = self.settings.encoder_width
            if states.shape != (width,):
                raise InputError(
                    f"{states.path}: its frames have shape {list(states.shape)}, but setting encoder_width is {width}: "
                    f"take one layer of another checkpoint, or change the setting"
                )
            made = json.loads(states.metadata["feature"])
            ours = {name: getattr(self.settings, name) for name in _OF_SPEECH}
            wrong = [f"{name} {made[name]}, not {value}" for name, value in ours.items() if made[name] != value]
            if wrong:
                raise InputError(
                    f"{states.path}: made with {'; '.join(wrong)}: give the feature and the settings the same values"
                )
        return states

    def _check_padding(self, spectrogram: Store) -> None:
        reference = json.loads(spectrogram.metadata["feature"])["reference"]
        if self.settings.spectrogram_padding == "maximum" and reference != "utterance_max":
            raise InputError(
                f"{spectrogram.path}: spectrogram_padding maximum is 0 dB, which needs a feature with reference "
                f"utterance_max: use that, or padding floor"
            )

    def _padding(self, spectrogram: np.ndarray) -> float:
        return 0.0 if self.settings.spectrogram_padding == "maximum" else float(spectrogram.min())

    def _fit(self, spectrogram: Store, train: Part) -> dict[str, np.ndarray]:
        """Lowest value and range of each bin, float32 [bins], over the segments of the training part; one pass."""
        bins = spectrogram.shape[0]
        low, high = np.full(bins, np.inf, np.float32), np.full(bins, -np.inf, np.float32)
        for utterance in train.utterances:
            frames = self._count(utterance) * self.frames
            whole = spectrogram[utterance]
            x = whole[:frames]
            if self.settings.min_max == "padded" and len(x) < frames:
                padding = self._padding(whole)
                low, high = np.minimum(low, padding), np.maximum(high, padding)
            low, high = np.minimum(low, x.min(axis=0)), np.maximum(high, x.max(axis=0))
        return {"low": low, "range": np.where(high > low, high - low, np.float32(1))}

    def _levels(self, spectrogram: Store, example: Example) -> np.ndarray:
        """The image of a segment before it is resized, [bins, T]."""
        x = self.rows(spectrogram, example, self.frames)
        if len(x) < self.frames:
            padding = self._padding(spectrogram[example.utterance])
            x = np.pad(x, ((0, self.frames - len(x)), (0, 0)), constant_values=padding)
        levels: np.ndarray = 255 * ((x - self.low) / self.range).clip(0, 1)
        if self.settings.quantise:
            levels = levels.astype(np.uint8)
        return levels.T[::-1]

    def _speech(self, example: Example) -> np.ndarray:
        if self.states:
            return self.rows(self.states, example, self.state_frames).astype(np.float32)
        s, number = self.settings, example.start // self.samples
        x = waveform(self.audio[example.utterance])
        return standardised(cut(x, number, self.samples, s.audio_padding, s.pre_emphasis))
