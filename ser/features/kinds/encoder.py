"""Kind `encoder`: hidden states of a frozen self-supervised speech encoder, one frame per 20 ms."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ser.encoders.checkpoint import checkpoint_digest, is_demo, open_checkpoint
from ser.errors import InputError
from ser.features.framing import pre_emphasis_problems
from ser.features.spec import Extractor

if TYPE_CHECKING:
    import numpy as np

    from ser.features.states import States


@dataclass(frozen=True)
class Settings:
    """`encoder` names a checkpoint folder of params.yaml. `layer`: 0 is the input of the first transformer layer,
    i the output of layer i, `last` the last one: [frames, dim]; `all` of them: [frames, layers + 1, dim].
    `pooling` `mean` averages over time: one frame. `precision` other than float32 computes under autocast; `auto` is
    bfloat16 on machines that multiply in it, float32 on others. `dtype` is what is stored. `pre_emphasis` as for
    spectrograms. `segment_seconds` above 0 cuts the utterance into segments of that length (`ser/waveforms.py`;
    `segment_count` and `audio_padding` are its rules), each encoded by itself, with their frames end to end.
    """

    encoder: str
    layer: int | Literal["last", "all"]
    pooling: Literal["none", "mean"] = "none"
    precision: Literal["float32", "bfloat16", "float16", "auto"] = "float32"
    dtype: Literal["float32", "float16"] = "float32"
    pre_emphasis: float = 0.0
    segment_seconds: float = 0.0
    segment_count: Literal["frames", "samples"] = "samples"
    audio_padding: Literal["front", "back"] = "back"

    def problems(self) -> Iterator[str]:
        """What cannot work together; a frame needs 25 ms, 400 samples."""
        yield from pre_emphasis_problems(self.pre_emphasis)
        if isinstance(self.layer, int) and self.layer < 0:
            yield f"layer {self.layer} must be 0 or more, last or all"
        if self.segment_seconds == 0:
            if changed := [
                name for name in ("segment_count", "audio_padding") if getattr(self, name) != getattr(Settings, name)
            ]:
                yield f"{' and '.join(changed)} without segments: give segment_seconds"
            return
        if self.segment_seconds < 0.025 or not (self.segment_seconds * 16_000).is_integer():
            yield f"segment_seconds {self.segment_seconds} must be 0, or at least 0.025 and whole samples"
        if self.pooling != "none":
            yield "segment_seconds above 0 needs pooling none"


def extractor(
    settings: Settings, *, encoder_dir: Path | None = None, checkpoint: str = "", device: str = "auto", **_: Any
) -> Extractor:
    """The states of each waveform; `checkpoint` is the digest of the folder's content, where it is known already.

    Raises InputError for a folder that is not a complete checkpoint, a layer that it lacks, or a missing GPU.
    """
    if encoder_dir is None:
        raise InputError(f"encoder {settings.encoder}: give its checkpoint folder with --encoder-dir")
    from ser.waveforms import RATE

    states = open_states(settings, encoder_dir, device)
    identity = {"checkpoint": checkpoint or checkpoint_digest(encoder_dir), "device": states.device}
    if settings.precision == "auto":
        identity["computed_in"] = str(states.computes_in).removeprefix("torch.")
    if is_demo(encoder_dir):
        identity["ser_demo"] = "true"
    return Extractor(
        lambda waveforms: states([pieces(x, settings) for x in waveforms]),
        bytes_per_second=0 if settings.pooling == "mean" else states.frame_bytes * RATE / states.stride,
        shard_seconds=120 if states.device == "cpu" else 600,
        by_length=True,
        dtype=settings.dtype,
        identity=identity,
    )


def open_states(settings: Settings, folder: Path, device: str) -> States:
    """What encodes pieces of waveforms with the checkpoint in `folder`. Raises InputError as `extractor` does."""
    from ser.features.states import States, prepare_torch

    device = prepare_torch(device)
    model, preprocess = open_checkpoint(folder)
    last = model.config.num_hidden_layers
    layer = last if isinstance(settings.layer, str) else settings.layer
    if layer > last:
        raise InputError(f"encoder {settings.encoder}: no layer {layer}: it has 0 to {last}")
    return States(
        model.to(device).eval(),
        preprocess,
        list(range(last + 1)) if settings.layer == "all" else [layer],
        is_stacked=settings.layer == "all",
        is_averaged=settings.pooling == "mean",
        precision=settings.precision,
        dtype=settings.dtype,
    )


def pieces(waveform: np.ndarray, settings: Settings) -> list[np.ndarray]:
    """The pieces of one waveform, float32 [samples], that are encoded: its segments, or all of it."""
    from ser.waveforms import RATE, count_segments, cut

    length, count = len(waveform), 1
    if settings.segment_seconds:
        length = round(settings.segment_seconds * RATE)
        count = count_segments(len(waveform), length, settings.segment_count)
    return [cut(waveform, number, length, settings.audio_padding, settings.pre_emphasis) for number in range(count)]
