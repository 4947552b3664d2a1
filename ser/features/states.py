"""Hidden states of wav2vec 2.0, HuBERT, WavLM and their kin, computed in batches that equal single utterances.

A front end normalised per group ("group": HuBERT base, WavLM base, wav2vec 2.0 base) takes its statistics over the
whole padded length, so only utterances of equal length share a batch. One normalised per layer ("layer": the large
ones) does not see the padding once the attention mask hides it.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ser.errors import InputError
from ser.features.audio import RATE
from ser.features.encoder_files import checkpoint_digest, open_checkpoint
from ser.features.extraction import Extractor
from ser.features.spec import Encoder
from ser.segmentation import count_segments, segment

# Seconds of audio in a batch, padding included; the front end takes up to 7 MB a second, several times over.
_BATCH_SECONDS = {"cpu": 10, "cuda": 160}


def load(
    settings: Encoder, *, encoder_dir: Path | None = None, device: str = "auto", threads: int = 1, **_: Any
) -> Extractor:
    """What `ser.features.extraction` calls.

    Raises InputError for a folder that is no whole checkpoint, a layer that it does not have, or a missing GPU.
    """
    if encoder_dir is None:
        raise InputError(f"encoder {settings.encoder}: give its checkpoint folder with --encoder-dir")
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("device cuda: this machine has no GPU that torch can use: take device cpu or auto")
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    _make_deterministic(device, threads)
    model, preprocess = open_checkpoint(encoder_dir)
    states = States(model.to(device).eval(), preprocess, settings, _BATCH_SECONDS[device] * RATE)
    pooled = settings.pooling == "mean"
    identity = {"checkpoint": checkpoint_digest(encoder_dir), "device": device}
    if getattr(model.config, "ser_demo", False):
        identity["ser_demo"] = "true"
    return Extractor(
        states,
        bytes_per_second=0
        if pooled
        else states.frame_values * np.dtype(settings.dtype).itemsize * RATE / states.stride,
        shard_seconds=120 if device == "cpu" else 600,
        by_length=True,
        dtype=settings.dtype,
        identity=identity,
    )


class States:
    """Gives the states of a list of 16 kHz waveforms, [frames, dim] or [frames, layers + 1, dim]; with
    `segment_seconds` those of each waveform's segments, end to end.

    Frames are those of the front end without padding, 20 ms apart; a waveform too short for one (400 samples, 25 ms)
    is lengthened with silence to one. `preprocess` is the checkpoint's own (zero mean and unit variance, or
    nothing), applied to each waveform or segment by itself. Raises InputError for a layer that the model does not have.
    """

    def __init__(self, model: nn.Module, preprocess: Any, settings: Encoder, batch_samples: int) -> None:
        config = model.config
        self.model, self.preprocess, self.settings, self.batch_samples = model, preprocess, settings, batch_samples
        self.front_end = list(zip(config.conv_kernel, config.conv_stride, strict=True))
        self.stride = int(np.prod(config.conv_stride))
        self.shortest = 1
        for kernel, stride in reversed(self.front_end):
            self.shortest = (self.shortest - 1) * stride + kernel
        self.masked = config.feat_extract_norm == "layer"
        last = config.num_hidden_layers
        layer = {"last": last, "all": last}.get(settings.layer, settings.layer)
        if not 0 <= layer <= last:
            raise InputError(f"encoder {settings.encoder}: no layer {layer}: it has 0 to {last}")
        self.layers = list(range(last + 1)) if settings.layer == "all" else [layer]
        self.frame_values = len(self.layers) * config.hidden_size
        self._kept: dict[int, Tensor] = {}
        self._listen(last)

    def __call__(self, waveforms: list[np.ndarray]) -> list[np.ndarray]:
        pieces = [self._pieces(x) for x in waveforms]
        states = iter(self._encoded([piece for of_one in pieces for piece in of_one]))
        return [np.concatenate([next(states) for _ in of_one]) for of_one in pieces]

    def _pieces(self, waveform: np.ndarray) -> list[np.ndarray]:
        """What is encoded of one waveform: its segments, or all of it."""
        s = self.settings
        if not s.segment_seconds:
            return [segment(waveform, 0, len(waveform), s.audio_padding, s.pre_emphasis)]
        length = round(s.segment_seconds * RATE)
        count = count_segments(len(waveform), length, s.segment_count)
        return [segment(waveform, number, length, s.audio_padding, s.pre_emphasis) for number in range(count)]

    def _encoded(self, waveforms: list[np.ndarray]) -> list[np.ndarray]:
        """The states of each; all in the order given, computed in batches."""
        found: list[np.ndarray | None] = [None] * len(waveforms)
        for batch in self._batches([max(len(x), self.shortest) for x in waveforms]):
            for i, states in zip(batch, self._states([waveforms[i] for i in batch]), strict=True):
                found[i] = states
        return found  # type: ignore[return-value]  # the batches hold every index once

    def frames(self, samples: int) -> int:
        """How many frames the front end makes of that many samples."""
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
        device = self.model.device
        inputs = [self.preprocess(x, sampling_rate=RATE)["input_values"][0] for x in waveforms]
        lengths = [max(len(x), self.shortest) for x in inputs]
        padded = torch.zeros(len(inputs), max(lengths))
        mask = torch.zeros(len(inputs), max(lengths), dtype=torch.long)
        for row, length, x, samples in zip(mask, lengths, inputs, padded, strict=True):
            samples[: len(x)] = torch.from_numpy(np.asarray(x, np.float32))
            row[:length] = 1
        precision = getattr(torch, self.settings.precision)
        with torch.autocast(device.type, precision, enabled=precision is not torch.float32):
            self.model(padded.to(device), attention_mask=mask.to(device) if self.masked else None)
        kept = [self._kept.pop(layer) for layer in self.layers]
        return [self._packed([states[i, : self.frames(n)] for states in kept]) for i, n in enumerate(lengths)]

    def _packed(self, states: list[Tensor]) -> np.ndarray:
        """States [frames, dim] of each layer as one array; averaged first, so that little is moved."""
        states = [s.float() for s in states]
        if self.settings.pooling == "mean":
            states = [s.mean(dim=0, keepdim=True) for s in states]
        joined = torch.stack(states, dim=1) if self.settings.layer == "all" else states[0]
        return joined.to(getattr(torch, self.settings.dtype)).cpu().numpy()

    def _listen(self, last: int) -> None:
        """Keep the states that are asked for, as they pass.

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


def _make_deterministic(device: str, threads: int) -> None:
    torch.set_num_threads(threads)
    if device == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when the first matrix is multiplied
        torch.use_deterministic_algorithms(True)
        torch.backends.cudnn.allow_tf32 = False  # float32 means float32
