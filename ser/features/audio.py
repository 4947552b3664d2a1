"""Decoded audio, once per corpus: every utterance as 16 kHz mono 16-bit samples in one store.

A file that is already 16 kHz mono 16-bit is stored as it is, sample by sample, and torch is not even imported.
"""

import sys
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from ser.errors import InputError, listed
from ser.features.packing import store_key, write_store
from ser.files import sha256_of
from ser.manifests.audio_files import AudioFacts, sample_range
from ser.manifests.utterance import Utterance
from ser.sealed import Provenance
from ser.waveforms import FULL_SCALE, RATE


def audio_key(utterances: Sequence[Utterance], code_version: str) -> str:
    """The key of a corpus's audio store: what is decoded, from which bytes, by which code."""
    content = [(u.utterance, u.sha256, u.start, u.end) for u in utterances]
    return store_key(audio=content, rate=RATE, code_version=code_version)


def write_audio(
    output: Path,
    utterances: Sequence[Utterance],
    root: Path,
    provenance: Provenance,
    progress: Callable[[list[str]], object] | None = None,
) -> None:
    """Decode `utterances` (paths below `root`) into the store `output`, int16 [samples] each, in their order.

    Channels are averaged, then resampled, then rounded; what lies beyond full scale is clipped, and how much of
    it there was is reported on stderr. Raises InputError, naming all of them, for files that are gone, have changed
    since the manifest was made, or cannot be decoded.
    """
    decoder = _Decoder(utterances, root)
    key = audio_key(utterances, provenance.code_version)
    metadata = {"feature": '{"kind":"audio","rate":16000}', **provenance.header}
    write_store(
        output,
        [u.utterance for u in utterances],
        decoder,
        key=key,
        metadata=metadata,
        shard_size=600,  # seconds: 19 MB
        sizes={u.utterance: u.num_samples / u.sample_rate for u in utterances},
        progress=progress,
    )
    if decoder.clipped:
        samples, first = sum(decoder.clipped.values()), min(decoder.clipped)
        where = f"in {len(decoder.clipped)} utterances, {first!r} among them"
        print(f"{output}: {samples} samples beyond full scale clipped {where}", file=sys.stderr)


class _Decoder:
    """Returns the samples of the utterances asked for; finds every bad file before it gives up."""

    def __init__(self, utterances: Sequence[Utterance], root: Path) -> None:
        self.utterances = {u.utterance: u for u in utterances}
        self.root = root
        self.clipped: dict[str, int] = {}
        self._problems: dict[str, str] = {}  # of each file that was checked; empty: none

    def __call__(self, names: list[str]) -> list[np.ndarray]:
        decoded = [self._decode(self.utterances[name]) for name in names]
        samples = [found for found in decoded if found is not None]
        if len(samples) < len(names):
            for utterance in self.utterances.values():
                self._decode(utterance)
            raise InputError(f"{self.root}: {_all(self._problems)}")
        return samples

    def _decode(self, utterance: Utterance) -> np.ndarray | None:
        """The samples, or None and an entry in `_problems`."""
        path = utterance.path
        if path not in self._problems:
            self._problems[path] = _changed(self.root / path, utterance.sha256)
        if self._problems[path]:
            return None
        try:
            samples, clipped = decode(self.root / path, utterance.start, utterance.end)
        except (OSError, ValueError, soundfile.LibsndfileError) as error:
            self._problems[path] = f"cannot be decoded ({error})"
            return None
        if clipped:
            self.clipped[utterance.utterance] = clipped
        return samples


def decode(path: Path, start: float | None = None, end: float | None = None) -> tuple[np.ndarray, int]:
    """int16 [samples] at 16 kHz of one file, or of `start`..`end` seconds of it, and how many were clipped.

    Raises soundfile.LibsndfileError, or ValueError if the segment is not inside the file.
    """
    with soundfile.SoundFile(path) as file:
        rate = file.samplerate
        first, stop = sample_range(start, end, AudioFacts(file.frames, rate, file.channels, ""))
        if first:  # some codecs cannot seek
            file.seek(first)
        if file.subtype == "PCM_16" and file.channels == 1 and rate == RATE:
            return file.read(stop - first, dtype="int16"), 0
        channels = file.read(stop - first, dtype="float32", always_2d=True)
    return converted(channels, rate)


def converted(channels: np.ndarray, rate: int) -> tuple[np.ndarray, int]:
    """int16 [samples] at 16 kHz of float32 [samples, channels] at `rate`, and how many were clipped."""
    return _rounded(_resampled(channels.mean(axis=1), rate))


def _rounded(x: np.ndarray) -> tuple[np.ndarray, int]:
    levels = np.rint(x * FULL_SCALE)
    inside = levels.clip(-FULL_SCALE, FULL_SCALE - 1)
    return inside.astype(np.int16), int(np.count_nonzero(levels != inside))


def _resampled(x: np.ndarray, rate: int) -> np.ndarray:
    if rate == RATE:
        return x
    import torch

    with torch.inference_mode():
        resampled: np.ndarray = _resampler(rate)(torch.from_numpy(x)).numpy()
    return resampled


@lru_cache(4)  # up to 16 MB each; a corpus has one or two rates
def _resampler(rate: int) -> Any:
    """A windowed-sinc filter of 64 zero crossings: flat to 7.5 kHz, nothing left that could alias."""
    import torch
    from torchaudio.transforms import Resample

    torch.set_num_threads(1)
    # torchaudio's documented equivalent of resampy's `kaiser_best`
    kaiser = {"lowpass_filter_width": 64, "rolloff": 0.9475937167399596, "beta": 14.769656459379492}
    return Resample(rate, RATE, resampling_method="sinc_interp_kaiser", **kaiser)


def _changed(path: Path, sha256: str) -> str:
    try:
        same = sha256_of(path) == sha256
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    return "" if same else "changed since the manifest was made: `touch` it, so that this shows, and build again"


def _all(problems: dict[str, str]) -> str:
    bad = [f"{path} {problem}" for path, problem in sorted(problems.items()) if problem]
    return f"bad files: {listed(bad)}: repair them and build again"
