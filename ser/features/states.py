"""Hidden states of wav2vec 2.0, HuBERT, WavLM and their kin, computed in batches as if one by one.

On a GPU utterances of different lengths share a batch, behind an attention mask. A front end normalised per layer
("layer": the large ones) does not see the padding then; one normalised per group ("group": HuBERT base, WavLM base,
wav2vec 2.0 base) would take its statistics over the whole padded length, and takes them over each utterance's own
instead. On a CPU a batch is no faster than its utterances, so each goes alone.
"""

import os
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ser.compute.malloc import keep_freed_memory
from ser.errors import InputError
from ser.features.precision import cast, resolved
from ser.waveforms import RATE

# Seconds of audio in a batch, padding included; the front end takes up to 7 MB per second, several times over.
BATCH_SECONDS = {"cpu": 0, "cuda": 160}  # 0: one utterance


def prepare_torch(device: str) -> str:
    """Make torch repeatable, on one CPU thread; returns the device that `device` means (`auto`: a GPU if any).

    Raises InputError for `cuda` without a GPU.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("device cuda: this machine has no GPU that torch can use: set device cpu or auto")
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.set_num_threads(1)
    keep_freed_memory()
    if device == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when the first matrix is multiplied
        torch.use_deterministic_algorithms(True)
        torch.backends.cudnn.allow_tf32 = False  # float32 means float32
    return device


class States:
    """Computes the states of each waveform, given as its pieces: those of the pieces, end to end; [frames, dim] of the
    one layer in `layers`, or [frames, layers, dim] if `is_stacked`; if `is_averaged`, one frame, the mean over time.

    Frames are those of the front end without padding, 20 ms apart; a piece too short for one (400 samples, 25 ms) is
    extended to one with silence. `preprocess` is the checkpoint's own (zero mean and unit variance, or nothing),
    applied to each piece by itself. `model` is one of transformers', which is changed; at most `batch_samples` go
    through it at a time, but at least one piece (None: what suits its device). `precision` as torch names it, or
    `auto`; what that means here is `computes_in`.
    """

    def __init__(
        self,
        model: Any,
        preprocess: Any,
        layers: Sequence[int],
        *,
        is_stacked: bool,
        is_averaged: bool,
        precision: str,
        dtype: str,
        batch_samples: int | None = None,
    ) -> None:
        config = model.config
        self.device: str = model.device.type
        self.model, self.preprocess, self.layers = model, preprocess, layers
        self.is_stacked, self.is_averaged = is_stacked, is_averaged
        self.computes_in, self.dtype = resolved(precision, self.device), getattr(torch, dtype)
        cast(model, self.computes_in)
        self.batch_samples = BATCH_SECONDS[self.device] * RATE if batch_samples is None else batch_samples
        self.front_end = list(zip(config.conv_kernel, config.conv_stride, strict=True))
        self.stride = int(np.prod(config.conv_stride))
        self.shortest = 1
        for kernel, stride in reversed(self.front_end):
            self.shortest = (self.shortest - 1) * stride + kernel
        self.of_each = _of_each(model) if config.feat_extract_norm == "group" else None
        self.frame_bytes = len(layers) * config.hidden_size * self.dtype.itemsize
        self._kept: dict[int, Tensor] = {}
        self._listen(config.num_hidden_layers)

    def __call__(self, waveforms: Sequence[Sequence[np.ndarray]]) -> list[np.ndarray]:
        """`waveforms` as lists of pieces, float32 [samples] each at 16 kHz -> the states of each waveform."""
        states = iter(self._encoded([piece for pieces in waveforms for piece in pieces]))
        return [np.concatenate([next(states) for _ in pieces]) for pieces in waveforms]

    def _encoded(self, pieces: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The states of each piece, in the order given, computed in batches."""
        found: dict[int, np.ndarray] = {}
        for batch in self._batches([max(len(x), self.shortest) for x in pieces]):
            found |= zip(batch, self._states([pieces[i] for i in batch]), strict=True)
        return [found[i] for i in range(len(pieces))]

    def frames(self, samples: int) -> int:
        """How many frames the front end makes of `samples` samples."""
        for kernel, stride in self.front_end:
            samples = (samples - kernel) // stride + 1
        return samples

    def _batches(self, lengths: Sequence[int]) -> Iterator[list[int]]:
        """Indices of waveforms that go through the model together, longest first."""
        batch: list[int] = []
        for i in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
            if batch and (len(batch) + 1) * lengths[batch[0]] > self.batch_samples:
                yield batch
                batch = []
            batch.append(i)
        if batch:
            yield batch

    @torch.inference_mode()
    def _states(self, waveforms: list[np.ndarray]) -> list[np.ndarray]:
        inputs = [self.preprocess(x, sampling_rate=RATE)["input_values"][0] for x in waveforms]
        lengths = [max(len(x), self.shortest) for x in inputs]
        padded = torch.zeros(len(inputs), max(lengths))
        mask = torch.zeros(len(inputs), max(lengths), dtype=torch.long)
        for row, length, x, samples in zip(mask, lengths, inputs, padded, strict=True):
            samples[: len(x)] = torch.from_numpy(np.asarray(x, np.float32))
            row[:length] = 1
        is_padded = min(lengths) < max(lengths)
        if self.of_each is not None:
            first, stride = self.front_end[0]
            frames = [(length - first) // stride + 1 for length in lengths]
            self.of_each.frames = torch.tensor(frames, device=self.device) if is_padded else None
        with torch.autocast(self.device, self.computes_in, enabled=self.computes_in is not torch.float32):
            self.model(padded.to(self.device), attention_mask=mask.to(self.device) if is_padded else None)
        kept = [self._kept.pop(layer) for layer in self.layers]
        return [self._packed([states[i, : self.frames(n)] for states in kept]) for i, n in enumerate(lengths)]

    def _packed(self, states: list[Tensor]) -> np.ndarray:
        """States [frames, dim] of each layer as one array; averaged first, so that little is moved."""
        states = [s.float() for s in states]
        if self.is_averaged:
            states = [s.mean(dim=0, keepdim=True) for s in states]
        joined = torch.stack(states, dim=1) if self.is_stacked else states[0]
        return joined.to(self.dtype).cpu().numpy()

    def _listen(self, last: int) -> None:
        """Keep the states that are wanted, as they pass.

        Not `output_hidden_states`: whether its last entry has passed the final layer norm depends on the version of
        transformers. Here it always has: the last layer is the model's output, as in the published SUPERB results.
        """

        def keep(layer: int, states: Any) -> None:
            if layer in self.layers:
                self._kept[layer] = states[0] if isinstance(states, tuple) else states

        layers = self.model.encoder.layers
        layers[0].register_forward_pre_hook(lambda _, inputs: keep(0, inputs))
        for number, layer in enumerate(layers[:-1], 1):
            layer.register_forward_hook(lambda _, __, output, number=number: keep(number, output))
        self.model.register_forward_hook(lambda _, __, output: keep(last, output.last_hidden_state))


class _OfEach(nn.Module):
    """Group norm of one channel per group, [B, C, T], over the first `frames` [B] of each row (None: all of them)."""

    def __init__(self, norm: nn.GroupNorm) -> None:
        super().__init__()
        self.norm = norm
        self.frames: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        if self.frames is None:
            whole: Tensor = self.norm(x)
            return whole
        x = x.float()  # as autocast does for group norm
        is_own = torch.arange(x.shape[-1], device=x.device) < self.frames[:, None, None]
        n = self.frames[:, None, None]
        mean = (x * is_own).sum(dim=-1, keepdim=True) / n
        variance = ((x - mean).square() * is_own).sum(dim=-1, keepdim=True) / n
        scaled = (x - mean) * (variance + self.norm.eps).rsqrt()
        return scaled * self.norm.weight[:, None] + self.norm.bias[:, None]


def _of_each(model: Any) -> _OfEach:
    """Put in place of the front end's norm."""
    layer = model.feature_extractor.conv_layers[0]
    layer.layer_norm = _OfEach(layer.layer_norm)
    norm: _OfEach = layer.layer_norm
    return norm
