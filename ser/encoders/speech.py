"""A checkpoint of the wav2vec 2.0 family as a layer of a network, which trains it further."""

from pathlib import Path
from typing import Literal, TypeVar

import torch
from torch import Tensor, nn

from ser.encoders.checkpoint import open_checkpoint, open_form
from ser.errors import InputError

Count = TypeVar("Count", int, Tensor)


class SpeechEncoder(nn.Module):
    """Waveforms at 16 kHz -> the last hidden states of the checkpoint in `folder`.

    `learns`: `all` of it, or all but the convolutional front end (`transformer`). The dropout, layerdrop and time
    masking of its config.json are active in training, as in the published code. Normalising the waveform is up to the
    caller, not to the checkpoint's preprocessor. A frozen encoder is a feature, computed once (kind `encoder`), and not
    the concern of this class. Without `reads_weights` they are random, and the folder needs none: those of a run that
    has trained them will be put in their place.

    Raises InputError for a folder that is not a complete checkpoint, or one whose states are not `width` wide.
    """

    def __init__(
        self, folder: Path, width: int, learns: Literal["all", "transformer"], reads_weights: bool = True
    ) -> None:
        super().__init__()
        self.model = open_checkpoint(folder)[0] if reads_weights else open_form(folder)
        if self.model.config.hidden_size != width:
            raise InputError(
                f"{folder}: its states are {self.model.config.hidden_size} wide, but setting encoder_width is {width}: "
                f"use another checkpoint, or change the setting"
            )
        if learns == "transformer":
            # not only requires_grad: the front end would otherwise still keep a graph for its inputs
            self.model.feature_extractor._freeze_parameters()
        self.front_end = list(zip(self.model.config.conv_kernel, self.model.config.conv_stride, strict=True))

    def forward(self, waveforms: Tensor, samples: Tensor | None = None) -> Tensor:
        """waveforms float32 [B, N], of which the first `samples` int64 [B] count (None: all) -> [B, frames(N), width].

        With `samples` the encoder gets an attention mask.
        """
        mask = None
        if samples is not None:
            mask = (torch.arange(waveforms.shape[1], device=waveforms.device) < samples[:, None]).long()
        states: Tensor = self.model(waveforms, attention_mask=mask).last_hidden_state
        return states

    def frames(self, samples: Count) -> Count:
        """How many states the front end makes of `samples` samples (48,000: 149)."""
        for kernel, stride in self.front_end:
            samples = (samples - kernel) // stride + 1
        return samples
