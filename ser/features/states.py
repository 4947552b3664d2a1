"""Hidden states of wav2vec 2.0, HuBERT, WavLM and their kin, computed in batches as if one by one.

A front end normalised per group ("group": HuBERT base, WavLM base, wav2vec 2.0 base) takes its statistics over the
whole padded length, so only utterances of equal length share a batch. One normalised per layer ("layer": the large
ones) does not see the padding once the attention mask hides it.
"""

import os
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ser.errors import InputError
from ser.waveforms import RATE

# Seconds of audio in a batch, padding included; the front end takes up to 7 MB per second, several times over.
BATCH_SECONDS = {"cpu": 10, "cuda": 160}


def prepare_torch(device: str) -> str:
    """Make torch repeatable, on one CPU thread; returns the device that `device` means (`auto`: a GPU if any).

    Raises InputError for `cuda` without a GPU.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("device cuda: this machine has no GPU that torch can use: set device cpu or auto")
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.set_num_threads(1)
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
    applied to each piece by itself. `model` is one of transformers'; at most `batch_samples` go through it at a time
    (0: what suits its device).
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
        batch_samples: int = 0,
    ) -> None:
        config = model.config
        self.device: str = model.device.type
        self.model, self.preprocess, self.layers = model, preprocess, layers
        self.is_stacked, self.is_averaged = is_stacked, is_averaged
        self.precision, self.dtype = getattr(torch, precision), getattr(torch, dtype)
        self.batch_samples = batch_samples or BATCH_SECONDS[self.device] * RATE
        self.front_end = list(zip(config.conv_kernel, config.conv_stride, strict=True))
        self.stride = int(np.prod(config.conv_stride))
        self.shortest = 1
        for kernel, stride in reversed(self.front_end):
            self.shortest = (self.shortest - 1) * stride + kernel
        self.masked = config.feat_extract_norm == "layer"
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
            full = (len(batch) + 1) * lengths[batch[0]] > self.batch_samples if batch else False
            if full or (batch and not self.masked and lengths[i] != lengths[batch[0]]):
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
        with torch.autocast(self.device, self.precision, enabled=self.precision is not torch.float32):
            self.model(padded.to(self.device), attention_mask=mask.to(self.device) if self.masked else None)
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
