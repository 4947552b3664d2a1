"""Recordings to be predicted: which files, what of them, and why one cannot be used."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import soundfile

from ser.errors import InputError, listed
from ser.features.audio import converted, decode
from ser.features.descriptors import pitch
from ser.manifests.audio_files import UnreadableAudio, inspect
from ser.manifests.samples import Samples
from ser.waveforms import RATE, check_rate, waveform

SUFFIXES = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".au", ".caf", ".w64")
SHORTEST = 0.1  # seconds; chosen: less than a syllable
_VOICED = 0.45  # autocorrelation of a voiced frame (descriptors.py)
_LEAST_VOICED = 0.1  # share of such frames: of noise none has it, of the speech tried (EmoDB, RAVDESS) 0.28 or more
_AHEAD = 4  # pieces that are decoded while one is predicted


@dataclass(frozen=True)
class Piece:
    """Seconds `start` to `end` of a file: `samples` int16 at 16 kHz, or `fault`, why there are none."""

    path: str
    start: float = 0.0
    end: float = 0.0
    samples: np.ndarray | None = None
    fault: str = ""


def files_of(names: Iterable[str], say: Callable[[str], object] = lambda line: None) -> Iterator[str]:
    """Files as they are named, and in place of a folder all audio files below it, by name, if it has any; what else is
    in it is said.
    """
    for name in names:
        found: list[Path] = []
        if Path(name).is_dir():
            files = sorted(path for path in Path(name).rglob("*") if path.is_file())
            found = [path for path in files if path.suffix.lower() in SUFFIXES]
            if found and len(files) > len(found):
                others = listed((path.relative_to(name) for path in files if path.suffix.lower() not in SUFFIXES), 3)
                say(f"{name}: {len(files) - len(found)} files are not audio by their names, and skipped: {others}")
        yield from map(str, found) if found else [name]


def pieces(paths: Iterable[str], window: float) -> Iterator[Piece]:
    """The pieces of each file, in order: the whole of it, or equal parts of at most `window` seconds (0: always the
    whole). They are looked at and decoded in another thread, a few ahead.
    """
    made = (_piece(*one) for path in paths for one in _windows(path, window))
    with ThreadPoolExecutor(1) as pool:
        waiting = deque(pool.submit(next, made, None) for _ in range(_AHEAD))
        while (piece := waiting.popleft().result()) is not None:
            waiting.append(pool.submit(next, made, None))
            yield piece


def recording(of: Path | str | np.ndarray, rate: int | None = None) -> np.ndarray:
    """int16 [samples] at 16 kHz of a whole file, or of an array at `rate` Hz. Raises InputError for what is none."""
    if not isinstance(of, np.ndarray):
        piece = _piece(*next(_windows(str(of), 0.0)))
        if piece.samples is None:
            raise InputError(f"{of}: {piece.fault}")
        return piece.samples
    if rate is None:
        raise InputError("an array needs its rate in Hz: predict(array, rate)")
    channels = of.astype(np.float32) / 32_768 if of.dtype == np.int16 else np.asarray(of, np.float32)
    channels = channels[:, None] if channels.ndim == 1 else channels
    if channels.ndim != 2:
        raise InputError(f"an array of shape {list(of.shape)}: give [samples] or [samples, channels]")
    try:
        check_rate(rate)
    except ValueError as error:
        raise InputError(f"the array: {error.args[0]} ({error.args[1]})") from None
    if fault := _fault(channels, rate):
        raise InputError(f"the array: {fault}")
    if of.dtype == np.int16 and channels.shape[1] == 1 and rate == RATE:
        return of.reshape(-1)
    return converted(channels, rate)[0]


def remark(samples: np.ndarray, heard: Sequence[float] = ()) -> str:
    """What a reader of a prediction should know about the int16 `samples`; `heard` are the shortest, median and longest
    utterance, in seconds, that the row knows.
    """
    remarks = []
    if voiced(samples) < _LEAST_VOICED:
        remarks.append("no voice found: is it speech?")
    seconds = len(samples) / RATE
    if heard and seconds < heard[0]:
        remarks.append(f"shorter than all that the row knows ({heard[0]:.1f} s)")
    if heard and seconds > heard[-1]:
        remarks.append(f"longer than all that the row knows ({heard[-1]:.1f} s)")
    return "; ".join(remarks)


def voiced(samples: np.ndarray) -> float:
    """The share of frames with a pitch, within the first minute of int16 `samples`."""
    _, strength = pitch(waveform(samples[: 60 * RATE]))
    return float((strength > _VOICED).mean())


def _windows(path: str, window: float) -> Iterator[tuple[str, float | None, float | None, str]]:
    """Path, start and end of each piece of a file, and what is wrong with the whole file."""
    if Path(path).is_dir():
        yield path, None, None, f"a folder without audio files: their names end in {', '.join(SUFFIXES)}"
        return
    try:
        facts = inspect(path)
    except UnreadableAudio as error:
        yield path, None, None, error.reason + (f" ({error.detail})" if error.detail else "")
        return
    seconds = facts.num_samples / facts.sample_rate
    if fault := facts.faults.get((None, None)):
        yield path, None, seconds, f"{fault[0]} ({fault[1]})"
    elif seconds < SHORTEST:
        yield path, None, seconds, _too_short(seconds)
    elif not 0 < window < seconds:
        yield path, None, seconds, ""
    else:
        number = int(np.ceil(seconds / window))
        ends = [round(facts.num_samples * k / number) / facts.sample_rate for k in range(number + 1)]
        for start, end in pairwise(ends):
            yield path, start, end, ""


def _piece(path: str, start: float | None, end: float | None, fault: str) -> Piece:
    first, last = start or 0.0, end or 0.0
    if fault:
        return Piece(path, first, last, fault=fault)
    try:
        samples, _ = decode(Path(path), start, None if start is None else end)
    except (OSError, ValueError, soundfile.LibsndfileError) as error:
        return Piece(path, first, last, fault=f"cannot be decoded ({error})")
    if fault := _fault(waveform(samples)[:, None], RATE):  # of this window
        return Piece(path, first, last, fault=fault)
    return Piece(path, first, last, samples)


def _fault(channels: np.ndarray, rate: int) -> str:
    if len(channels) < SHORTEST * rate:
        return _too_short(len(channels) / rate)
    collected = Samples()
    collected.add(channels)
    fault = collected.fault()
    return f"{fault[0]} ({fault[1]})" if fault else ""


def _too_short(seconds: float) -> str:
    return f"too short ({seconds:.3f} s): speech takes at least {SHORTEST} s"
