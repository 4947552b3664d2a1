"""Small real audio files for tests."""

import io
from pathlib import Path

import numpy as np
import soundfile

_written = 0


def write_wav(path: Path, samples: int = 800, rate: int = 16_000, channels: int = 1) -> Path:
    """Write noise in the format of the suffix (WAV: 16 bits); no two files of a test session are alike."""
    global _written
    _written += 1
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(_written).uniform(-0.5, 0.5, (samples, channels))
    memory = io.BytesIO()  # soundfile waits for the disk after each file, and some tests write thousands
    soundfile.write(memory, noise, rate, format=path.suffix[1:])
    path.write_bytes(memory.getbuffer())
    return path


def insert_chunk(path: Path, name: bytes, payload: bytes) -> None:
    """Put a chunk before `data`; an odd payload is padded, as RIFF requires."""
    content = path.read_bytes()
    data = content.index(b"data")
    chunk = name + len(payload).to_bytes(4, "little") + payload + b"\0" * (len(payload) % 2)
    content = content[:data] + chunk + content[data:]
    path.write_bytes(content[:4] + (len(content) - 8).to_bytes(4, "little") + content[8:])


def set_data_length(path: Path, length: int) -> None:
    """Overwrite the length that the header of `data` states."""
    content = path.read_bytes()
    place = content.index(b"data") + 4
    path.write_bytes(content[:place] + length.to_bytes(4, "little") + content[place + 4 :])
