"""What tests share."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def flipped(content: bytes, place: int = -1, bit: int = 0) -> bytes:
    """The same with one bit changed."""
    changed = bytearray(content)
    changed[place] ^= 1 << bit
    return bytes(changed)
