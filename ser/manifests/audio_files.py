"""What an audio file holds, and whether it is complete: every file of a corpus is decoded once, before use."""

import hashlib
import re
import stat
import struct
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import soundfile

from ser.errors import InputError
from ser.manifests.reading import Finding
from ser.manifests.samples import Samples
from ser.waveforms import check_rate

_LFS_POINTER = b"version https://git-lfs"
_OGG_PAGE = 65_307  # bytes in the largest possible page
# First bytes of a file -> place of its first chunk, a chunk's head, what chunks are padded to, the samples' chunk.
_CHUNKS = {
    b"RIFF": (12, "<4sI", 2, b"data"),
    b"RF64": (12, "<4sI", 2, b"data"),
    b"RIFX": (12, ">4sI", 2, b"data"),
    b"FORM": (12, ">4sI", 2, b"SSND"),
    b"caff": (8, ">4sq", 1, b"data"),
}
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
_UNKNOWN_FRAMES = 2**63 - 1  # libsndfile's, of a FLAC file that was written to a pipe; it cannot seek in it
# The length of AU's samples or a W64 file in libsndfile's log of its header: `Data Size : 20000 (should be 19799)`.
_LOGGED = re.compile(r"^ *(?:Data Size|riff) *: (-?\d+)(?: \(should be (\d+)\))?$", re.MULTILINE)
_DECODED_WHOLE = ("FLAC", "MP3", "OGG")  # to decode them shows whether they were cut off

Segment = tuple[float | None, float | None]  # first and last second; None: the file's beginning, its end


class UnreadableAudio(InputError):
    """A file that cannot be used as audio; `reason` says why and what to do, `detail` what is this file's alone."""

    def __init__(self, path: Path | str, reason: str, detail: str = "") -> None:
        super().__init__(f"{path}: {reason}" + (f" ({detail})" if detail else ""))
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class AudioFacts:
    """Samples per channel, their rate in Hz, channels, the file's SHA-256; `notes` on what is odd but harmless.

    `faults`: which of the segments that were asked for cannot be used: reason and detail of each.
    """

    num_samples: int
    sample_rate: int
    channels: int
    sha256: str
    notes: tuple[str, ...] = ()
    faults: Mapping[Segment, tuple[str, str]] = field(default_factory=dict)


def inspect(path: Path | str, segments: Collection[Segment] = ((None, None),)) -> AudioFacts:
    """Read a file once: its hash, its header, whether it holds the samples that its header promises, and which.

    It is decoded to its end. Because libsndfile silently shortens files that were cut off, WAV, AIFF and CAF are also
    checked against the length of the chunk of samples, AU and W64 by libsndfile's log, Ogg for its last page; of other
    containers it is noted that they cannot be. An MP3 without a header that has its length always looks whole. Raises
    UnreadableAudio for a file that is missing, empty, not audio, without samples, cut off, or of a rate that cannot be
    resampled.
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
            notes = _check_chunks(path, file, size)
        with soundfile.SoundFile(path) as audio:
            if not audio.frames:
                raise UnreadableAudio(path, "its header promises no samples: copy or write it again")
            if audio.frames == _UNKNOWN_FRAMES:
                raise UnreadableAudio(path, "its header gives no length (written to a pipe): write it again")
            check_rate(audio.samplerate)
            facts = AudioFacts(audio.frames, audio.samplerate, audio.channels, sha256)
            return _decoded(path, audio, facts, segments, _check_log(path, audio) if notes is None else notes)
    except ValueError as error:
        raise UnreadableAudio(path, *error.args) from None
    except FileNotFoundError:
        raise UnreadableAudio(path, "missing") from None
    except OSError as error:
        raise UnreadableAudio(path, f"cannot be read: {error.strerror}") from None
    except soundfile.LibsndfileError as error:
        raise UnreadableAudio(path, f"not audio that libsndfile reads: {error.error_string}") from None
    except TypeError:  # from soundfile, for a name that ends in .raw
        raise UnreadableAudio(path, "samples without a header: write it as WAV") from None


def inspect_all(
    root: Path, files: Mapping[str, Collection[Segment]], threads: int = 2
) -> tuple[dict[str, AudioFacts], list[Finding]]:
    """Facts of `files` (with the segments of each that are used) below `root`, and those unreadable, both in order."""

    def look(some: list[str]) -> list[AudioFacts | UnreadableAudio]:
        found: list[AudioFacts | UnreadableAudio] = []
        for path in some:
            try:
                found.append(inspect(root / path, files[path]))
            except UnreadableAudio as error:
                found.append(error)
        return found

    paths = list(files)
    facts: dict[str, AudioFacts] = {}
    unreadable: list[Finding] = []
    # In hundreds: one task per file would keep 265,000 futures of a large corpus in memory.
    tasks = [paths[start : start + 100] for start in range(0, len(paths), 100)]
    with ThreadPoolExecutor(threads) as pool:
        for path, found in zip(paths, chain.from_iterable(pool.map(look, tasks)), strict=True):
            if isinstance(found, AudioFacts):
                facts[path] = found
            else:
                unreadable.append(Finding(path, found.reason, found.detail))
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


def _decoded(
    path: Path, audio: soundfile.SoundFile, facts: AudioFacts, segments: Collection[Segment], notes: tuple[str, ...]
) -> AudioFacts:
    """The facts completed by what the samples are. A whole file and its only segment are decoded once."""
    whole = _samples(path, audio, 0, facts.num_samples)
    faults = {}
    for segment in segments:
        try:
            first, stop = sample_range(*segment, facts)
        except ValueError as error:
            faults[segment] = "not inside the file: correct start and end", str(error)
            continue
        part = stop - first < facts.num_samples
        samples = whole
        if part:
            with soundfile.SoundFile(path) as again:  # some codecs cannot seek, not even to their beginning
                samples = _samples(path, again, first, stop)
        if fault := samples.fault():
            reason, found = fault
            faults[segment] = reason, f"{segment[0] or 0}..{segment[1] or 'end'} s: {found}" if part else found
    if whole.peak > 1 and whole.fault() is None:
        notes += ("samples beyond full scale (clipped)",)
    return replace(facts, notes=notes, faults=faults)


def _samples(path: Path, audio: soundfile.SoundFile, first: int, stop: int) -> Samples:
    samples = Samples()
    try:
        if first:
            audio.seek(first)
        while len(block := audio.read(min(1 << 16, stop - first - samples.number), dtype="float32", always_2d=True)):
            samples.add(block)
    except soundfile.LibsndfileError as error:
        where = f"after {first + samples.number} samples: {error.error_string}"
        raise UnreadableAudio(path, "cannot be decoded to its end: copy it again", where) from None
    if samples.number < stop - first:
        there = f"{first + samples.number} of {audio.frames} samples are there"
        raise UnreadableAudio(path, "cut off: copy it again", there)
    return samples


def _check_log(path: Path, audio: soundfile.SoundFile) -> tuple[str, ...]:
    """Raises UnreadableAudio where libsndfile logs that a file is shorter than its header says; notes if it cannot."""
    if audio.format in _DECODED_WHOLE:
        return ()
    logged = _LOGGED.search(audio.extra_info)
    if logged is None or int(logged[1]) < 0:
        return (f"{audio.format}: a file that was cut off would look whole",)
    promised, present = int(logged[1]), int(logged[2] or logged[1])
    if promised > present:
        raise UnreadableAudio(path, "cut off: copy it again", f"{present} of {promised} bytes are there")
    return ()


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
        raise UnreadableAudio(path, "cut off, its last page is not there: copy it again")


def _check_chunks(path: Path, file: BinaryIO, size: int) -> tuple[str, ...] | None:
    """Walk the chunks of a file up to the samples' and note those that are odd in WAV; None for other containers.

    Raises UnreadableAudio when less follows than the samples' chunk promises.
    """
    file.seek(0)
    head = file.read(12)
    start, form, pad, samples = _CHUNKS.get(head[:4], (0, "", 0, b""))
    if not form or (start == 12 and head[8:] not in (b"WAVE", b"AIFF", b"AIFC")):
        return None
    notes = []
    frame_bytes, long_size, position = 1, None, start
    before = struct.calcsize(form)
    while position + before <= size:
        file.seek(position)
        name, length = struct.unpack(form, file.read(before))
        if name == samples:
            promised = long_size if long_size is not None and length == 0xFFFFFFFF else length
            present = size - position - before
            if (promised >= _STREAMED and promised > present and long_size is None) or promised < 0:
                notes.append("header gives no length (written to a pipe)")
            elif promised // frame_bytes > present // frame_bytes:
                there = f"{present} of {promised} bytes of samples are there"
                raise UnreadableAudio(path, "cut off: copy it again", there)
            return tuple(notes)
        if name == b"fmt ":
            frame_bytes = max(1, int.from_bytes(file.read(14)[12:], "little" if form[0] == "<" else "big"))
        elif name == b"ds64":
            long_size = int.from_bytes(file.read(16)[8:], "little")
        elif head[8:] == b"WAVE" and name not in _USUAL_CHUNKS:
            notes.append(f"chunk {name.decode('latin-1')!r} before the samples")
        position += before + max(length, 0)
        position += -(position - start) % pad
    return tuple(notes)
