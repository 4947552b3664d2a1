"""Speech from text with espeak-ng, called as a library: the voices of the demo corpora.

The synthesiser has hidden state (pitch flutter, phase), so the same call gives other samples the second time.
In a fresh process the same calls in the same order give the same samples, provided that its random numbers, which
breathy voices use and which otherwise start from the clock, are seeded; hence one `Synthesiser` per process.
"""

import ctypes
import os

import numpy as np

from ser.errors import InputError

# Constants of espeak-ng's speak_lib.h (API revision 12).
_AUDIO_OUTPUT_SYNCHRONOUS = 2
_INITIALIZE_DONT_EXIT = 0x8000
_CHARS_UTF8 = 1
_RATE, _VOLUME, _PITCH, _RANGE = 1, 2, 3, 4
_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class Synthesiser:
    """The process's only espeak-ng synthesiser; `seed` is that of the noise in breathy voices.

    Raises InputError if the package espeakng-loader or its data cannot be used, RuntimeError for a second
    synthesiser.
    """

    _opened = False

    def __init__(self, seed: int) -> None:
        if Synthesiser._opened:
            raise RuntimeError("one Synthesiser per process: a second one would not repeat the first one's samples")
        try:
            import espeakng_loader

            self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        except (ImportError, OSError) as error:
            raise InputError(f"espeak-ng cannot be loaded ({error}): install espeakng-loader") from None
        data = espeakng_loader.get_data_path()
        self.sample_rate: int = self._library.espeak_Initialize(
            _AUDIO_OUTPUT_SYNCHRONOUS, 0, os.fsencode(data), _INITIALIZE_DONT_EXIT
        )
        if self.sample_rate <= 0:
            # The library keeps the path in 160 bytes.
            fix = "move the environment to a shorter path" if len(data) > 155 else "install espeakng-loader again"
            raise InputError(f"espeak-ng cannot read its voices in {data}: {fix}")
        self._library.espeak_ng_SetRandSeed(ctypes.c_long(seed))
        self._library.espeak_Synth.argtypes = (
            *(ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int, ctypes.c_uint, ctypes.c_uint),
            *(ctypes.c_void_p, ctypes.c_void_p),
        )
        self._chunks: list[bytes] = []
        self._callback = _CALLBACK(self._collect)  # kept: the library holds only a pointer to it
        self._library.espeak_SetSynthCallback(self._callback)
        Synthesiser._opened = True

    def _collect(self, samples: "ctypes._Pointer[ctypes.c_short]", count: int, _events: int | None) -> int:
        if samples and count > 0:
            self._chunks.append(ctypes.string_at(samples, 2 * count))
        return 0  # go on

    def say(self, text: str, voice: str, rate: int = 175, pitch: int = 50, pitch_range: int = 50) -> np.ndarray:
        """Speak `text`: float32 [n] in -1..1 at `sample_rate`, silence at its end included.

        `voice` is a language and a variant, such as "en-us+f1"; `rate` is in words per minute (80 to 450),
        `pitch` and `pitch_range` run from 0 to 99. Raises InputError for a voice that espeak-ng lacks.
        """
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise InputError(f"espeak-ng has no voice {voice!r}: see `voices` and `lang` of espeakng-loader")
        for parameter, value in ((_RATE, rate), (_VOLUME, 100), (_PITCH, pitch), (_RANGE, pitch_range)):
            self._library.espeak_SetParameter(parameter, value, 0)
        self._chunks.clear()
        data = text.encode()
        status = self._library.espeak_Synth(data, len(data) + 1, 0, 0, 0, _CHARS_UTF8, None, None)
        samples = np.frombuffer(b"".join(self._chunks), "<i2").astype(np.float32) / 32768
        if status != 0 or not samples.any():
            raise InputError(f"espeak-ng says nothing for {text!r} with voice {voice!r} (status {status})")
        return samples
