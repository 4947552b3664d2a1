"""Kind `audio`: the decoded audio itself, int16 [samples] at 16 kHz, for systems that read waveforms.

Nothing is computed: the store is the one that all features are computed from (`ser/features/audio.py`).
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """There is nothing to set."""
