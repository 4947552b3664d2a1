"""What an audio file holds, and whether it is complete: every file of a corpus is checked once, before use."""

import hashlib
import stat
import struct
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import soundfile

from ser.errors import InputError

_LFS_POINTER = b"version https://git-lfs"
_OGG_PAGE = 65_307  # bytes in the largest possible page
# Chunks that may come before `data` without being noted.
_USUAL_CHUNKS = {
    b"fmt ",
    b"fact",
    b"LIST",
    b"ds64",
    b"JUNK",
    b"junk",
    b"bext",
    b"PEAK",
    b"PAD ",
    b"iXML",
    b"id3 ",
}
# A writer that could not seek back leaves 0xFFFFFFFF (ffmpeg) or 0x7FFFF000 (SoX) where the length belongs.
_STREAMED = 0x7FFFF000


class UnreadableAudio(InputError):
    """A file that cannot be used as audio; `reason` says why and what to do, without the file's name."""

    def __init__(self, path: Path | str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class AudioFacts:
    """Samples per channel, their rate in Hz, channels, the file's SHA-256; `notes` on what is odd but harmless."""

    num_samples: int
    sample_rate: int
    channels: int
    sha256: str
    notes: tuple[str, ...] = ()


def inspect(path: Path | str) -> AudioFacts:
    """Read a file once: its hash, its header, and whether it holds the samples that its header promises.

    WAV is checked against the length of its `data` chunk and Ogg for its last page, because libsndfile silently
    shortens files that were cut off. Compressed formats are decoded to their end. Raises UnreadableAudio for a file
    that is missing, empty, not audio, without samples, or cut off.
    """
    path = Path(path)
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise UnreadableAudio(path, "not a file")
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(0)
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
            head = file.read(len(_LFS_POINTER))
            if not size:
                raise UnreadableAudio(path, "empty (0 bytes): copy it again")
            if head == _LFS_POINTER:
                raise UnreadableAudio(path, "a git-LFS pointer, not the audio: run `git lfs pull` in the clone")
            _check_ogg(path, file, size)
            notes = _check_riff(path, file, size)
        with soundfile.SoundFile(path) as audio:
            frames = audio.frames if audio.format.startswith(("WAV", "RF64", "W64")) else _decode(path, audio)
            if not frames:
                raise UnreadableAudio(path, "its header promises no samples: copy or write it again")
            return AudioFacts(frames, audio.samplerate, audio.channels, sha256, notes)
    except FileNotFoundError:
        raise UnreadableAudio(path, "missing") from None
    except OSError as error:
        raise UnreadableAudio(path, f"cannot be read: {error.strerror}") from None
    except soundfile.LibsndfileError as error:
        raise UnreadableAudio(path, f"not audio that libsndfile reads: {error.error_string}") from None


def inspect_all(
    root: Path, paths: Iterable[str], threads: int = 2
) -> tuple[dict[str, AudioFacts], list[tuple[str, str]]]:
    """Facts of the files `paths` below `root`, and (path, reason) of the unreadable ones, both in the order given."""

    def look(some: list[str]) -> list[AudioFacts | UnreadableAudio]:
        found: list[AudioFacts | UnreadableAudio] = []
        for path in some:
            try:
                found.append(inspect(root / path))
            except UnreadableAudio as error:
                found.append(error)
        return found

    paths = list(paths)
    facts: dict[str, AudioFacts] = {}
    unreadable: list[tuple[str, str]] = []
    # In hundreds: one task per file would keep 265,000 futures of a large corpus in memory.
    tasks = [paths[start : start + 100] for start in range(0, len(paths), 100)]
    with ThreadPoolExecutor(threads) as pool:
        for path, found in zip(paths, chain.from_iterable(pool.map(look, tasks)), strict=True):
            if isinstance(found, AudioFacts):
                facts[path] = found
            else:
                unreadable.append((path, found.reason))
    return facts, unreadable


def sample_range(start: float | None, end: float | None, facts: AudioFacts) -> tuple[int, int]:
    """First sample and the one after the last of `start`..`end` seconds (None: the file's beginning, its end).

    Raises ValueError if this segment holds no sample or is not inside the file.
    """
    first = round((start or 0.0) * facts.sample_rate)
    stop = facts.num_samples if end is None else round(end * facts.sample_rate)
    if not 0 <= first < stop <= facts.num_samples:
        seconds = facts.num_samples / facts.sample_rate
        raise ValueError(f"segment {start or 0}..{'end' if end is None else end} s is not inside its {seconds:.3f} s")
    return first, stop


def _decode(path: Path, audio: soundfile.SoundFile) -> int:
    """How many samples really decode: an MP3 or FLAC that was cut off still has its full length in its header."""
    decoded = 0
    try:
        while samples := len(audio.read(1 << 16, dtype="float32")):
            decoded += samples
    except soundfile.LibsndfileError as error:
        raise UnreadableAudio(path, f"broken after {decoded} samples: {error.error_string}: copy it again") from None
    if decoded < audio.frames:
        raise UnreadableAudio(path, f"cut off: {decoded} of {audio.frames} samples are there: copy it again")
    return decoded


def _check_ogg(path: Path, file: BinaryIO, size: int) -> None:
    """An Ogg stream ends with a page marked as the last. Without it libsndfile takes the rest for all of it."""
    file.seek(0)
    if file.read(4) != b"OggS":
        return
    file.seek(max(0, size - _OGG_PAGE))
    tail = file.read()
    page = tail[tail.rfind(b"OggS") :]
    lacing = page[27 : 27 + page[26]] if len(page) > 26 else b""
    last = len(page) > 26 and page[5] & 4 and len(lacing) == page[26]
    if not last or len(page) < 27 + len(lacing) + sum(lacing):
        raise UnreadableAudio(path, "cut off: its last page is not there: copy it again")


def _check_riff(path: Path, file: BinaryIO, size: int) -> tuple[str, ...]:
    """Walk the chunks of a RIFF/WAVE file up to `data`; raises UnreadableAudio when less follows than it promises."""
    file.seek(0)
    head = file.read(12)
    if head[:4] not in (b"RIFF", b"RF64") or head[8:] != b"WAVE":
        return ()
    notes = []
    frame_bytes, long_size, position = 1, None, 12
    while position + 8 <= size:
        file.seek(position)
        name, length = struct.unpack("<4sI", file.read(8))
        if name == b"data":
            promised = long_size if long_size is not None and length == 0xFFFFFFFF else length
            present = size - position - 8
            if promised >= _STREAMED and promised > present and long_size is None:
                notes.append("header gives no length (written to a pipe)")
            elif promised // frame_bytes > present // frame_bytes:
                lost = f"{present} of {promised} bytes of samples are there"
                raise UnreadableAudio(path, f"cut off: {lost}: copy it again")
            return tuple(notes)
        if name == b"fmt ":
            frame_bytes = max(1, int.from_bytes(file.read(14)[12:], "little"))
        elif name == b"ds64":
            long_size = int.from_bytes(file.read(16)[8:], "little")
        elif name not in _USUAL_CHUNKS:
            notes.append(f"chunk {name.decode('latin-1')!r} before the samples")
        position += 8 + length + length % 2
    return tuple(notes)
