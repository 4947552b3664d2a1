"""The settings of every feature: their names, legal values and defaults, and the name that a feature gets.

Standard library only: read while the workflow is parsed.
"""

import hashlib
import json
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any, Literal

from ser.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Spectrum:
    """What both spectrograms share. Frames are centred and start every hop: 1 + floor(samples / hop) of them.

    `reference`: `utterance_max` gives dB below the loudest value of the utterance, cut at -`top_db`;
    `none` gives the natural logarithm of the power, which keeps the level. Power below `floor` counts as `floor`
    (1e-10, full scale being 1, is far below the rounding of 16-bit audio: only digital silence reaches it).
    `pre_emphasis` a: x[t] - a * x[t-1] first, 0 for none. `window_ms` of the `window` lie in the middle of `n_fft`
    samples.
    """

    window: Literal["hamming", "hann"]
    window_ms: float
    hop_ms: float = 10.0
    n_fft: int
    reference: Literal["utterance_max", "none"]
    top_db: float = 80.0
    floor: float = 1e-10
    pre_emphasis: float = 0.0


@dataclass(frozen=True, kw_only=True)
class LogMel(Spectrum):
    """Log-Mel spectrogram, [frames, n_mels] float32.

    `mel_scale` is Slaney's with bands of equal area (librosa's default) or HTK's with bands of equal height.
    The defaults are chosen: the papers' own are not known.
    """

    window: Literal["hamming", "hann"] = "hann"
    window_ms: float = 25.0
    n_fft: int = 512
    n_mels: int = 80
    f_min: float = 20.0
    f_max: float = 8000.0
    mel_scale: Literal["slaney", "htk"] = "slaney"
    reference: Literal["utterance_max", "none"] = "none"


@dataclass(frozen=True, kw_only=True)
class LogStft(Spectrum):
    """The lowest `n_bins` of a log-magnitude STFT, [frames, n_bins] float32.

    The defaults are those of the published code of CA-MSER and MFHCA: 0 to 4 kHz in steps of 20 Hz, dB below the
    utterance's maximum.
    """

    window: Literal["hamming", "hann"] = "hamming"
    window_ms: float = 40.0
    n_fft: int = 800
    n_bins: int = 200
    reference: Literal["utterance_max", "none"] = "utterance_max"


@dataclass(frozen=True, kw_only=True)
class Mfcc(LogMel):
    """Cepstral coefficients, [frames, n_mfcc] float32: orthonormal DCT-II of the log-Mel spectrogram.

    `n_mfcc` and `hop_ms` are those of CA-MSER's published code (40 coefficients, 300 frames in 3 s); the window is
    that of its spectrogram and 128 bands those of its log-Mel option, which is chosen.
    """

    window: Literal["hamming", "hann"] = "hamming"
    window_ms: float = 40.0
    n_fft: int = 800
    n_mels: int = 128
    f_min: float = 0.0
    n_mfcc: int = 40


@dataclass(frozen=True)
class Functionals:
    """Statistics of low-level descriptors, one vector per utterance: [1, dim] float32."""


@dataclass(frozen=True)
class OpenSmile:
    """openSMILE functionals, [1, dim] float32. Needs the optional extra `ser[opensmile]`."""

    feature_set: Literal["eGeMAPSv02", "eGeMAPSv01b", "GeMAPSv01b", "ComParE_2016", "emobase"]


@dataclass(frozen=True)
class Encoder:
    """Hidden states of a self-supervised encoder, one frame per 20 ms.

    `encoder` names a checkpoint folder of params.yaml. `layer`: 0 is what the first transformer layer reads, i
    what layer i gives, `last` the last one: [frames, dim]; `all` of them: [frames, layers + 1, dim].
    `pooling` `mean` averages over time: one frame. `precision` other than float32 computes under autocast;
    `dtype` is what is stored. `pre_emphasis` as for spectrograms. `segment_seconds` above 0 cuts the utterance into
    segments of that length (`ser/segmentation.py`; `segment_count` and `audio_padding` are its rules), each encoded by
    itself, their frames end to end.
    """

    encoder: str
    layer: int | Literal["last", "all"]
    pooling: Literal["none", "mean"] = "none"
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    dtype: Literal["float32", "float16"] = "float32"
    pre_emphasis: float = 0.0
    segment_seconds: float = 0.0
    segment_count: Literal["frames", "samples"] = "samples"
    audio_padding: Literal["front", "back"] = "back"


@dataclass(frozen=True)
class Audio:
    """The decoded audio itself, int16 [samples] at 16 kHz: for systems that read waveforms. Nothing is computed."""


_KINDS: dict[str, tuple[type, str]] = {
    "audio": (Audio, "audio"),
    "log_mel": (LogMel, "spectrogram"),
    "log_stft": (LogStft, "spectrogram"),
    "mfcc": (Mfcc, "spectrogram"),
    "functionals": (Functionals, "functionals"),
    "opensmile": (OpenSmile, "opensmile"),
    "encoder": (Encoder, "encoder"),
}


_UNIONS = (types.UnionType, typing.Union)  # int | str, int | Literal[...]


def feature_file(kind: str) -> str:
    """The file, relative to the project, that computes features of this kind."""
    return f"ser/features/{_KINDS[kind][1]}.py"


def settings_of(spec: Mapping[str, Any]) -> Any:
    """The settings object of a spec that `validate_spec` gave back."""
    values = dict(spec)
    return _KINDS[values.pop("kind")][0](**values)


def validate_spec(spec: Mapping[str, Any], where: str = "feature") -> dict[str, Any]:
    """The spec with its defaults filled in, `kind` first; whole numbers become floats where a float is meant.

    Raises InputError, starting with `where`, for an unknown kind, for settings that are unknown, missing
    or of a wrong type, and for values that cannot work together.
    """
    kind = spec.get("kind")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise InputError(f"{where}: kind is {kind!r}: use one of {', '.join(_KINDS)}")
    settings = _KINDS[kind][0]
    hints = typing.get_type_hints(settings)
    required = [f.name for f in fields(settings) if f.default is MISSING]
    problems = [f"unknown setting {name!r}" for name in sorted(set(spec) - set(hints) - {"kind"}, key=str)]
    problems += [f"missing setting {name!r}" for name in required if name not in spec]
    if problems:
        raise InputError(f"{where}: {', '.join(problems)}: {kind} has {', '.join(hints) or 'no settings'}")
    values = {}
    for name in hints.keys() & spec.keys():
        values[name] = float(spec[name]) if hints[name] is float and type(spec[name]) is int else spec[name]
        if not _fits(values[name], hints[name]):
            problems.append(f"{name} is {spec[name]!r}, not {_described(hints[name])}")
    if not problems:
        values = asdict(settings(**values))
        problems = _impossible(kind, values)
    if problems:
        raise InputError(f"{where}: {'; '.join(sorted(problems))}")
    return {"kind": kind, **values}


def canonical(spec: Mapping[str, Any]) -> str:
    """The one JSON text of a validated spec: what is hashed, and what a store keeps as `feature`."""
    return json.dumps(spec, sort_keys=True, separators=(",", ":"))


def feature_name(spec: Mapping[str, Any]) -> str:
    """`<kind>-<8 hex digits>` of a validated spec; the name of its file."""
    return f"{spec['kind']}-{hashlib.sha256(canonical(spec).encode()).hexdigest()[:8]}"


def _fits(value: Any, hint: Any) -> bool:
    if typing.get_origin(hint) is Literal:
        return isinstance(value, str) and value in typing.get_args(hint)
    if typing.get_origin(hint) in _UNIONS:
        return any(_fits(value, part) for part in typing.get_args(hint))
    return type(value) is hint  # not isinstance: True is no number


def _described(hint: Any) -> str:
    if typing.get_origin(hint) is Literal:
        return " or ".join(typing.get_args(hint))
    if typing.get_origin(hint) in _UNIONS:
        return " or ".join(_described(part) for part in typing.get_args(hint))
    return {int: "a whole number", float: "a number", str: "a text"}[hint]


def _impossible(kind: str, v: Mapping[str, Any]) -> list[str]:
    """What is wrong with settings of the right types, all of it. Samples are at 16 kHz."""
    rules: list[tuple[bool, str]] = []
    if kind in ("log_mel", "log_stft", "mfcc"):
        rules += [
            (
                0 < v["window_ms"] * 16 <= v["n_fft"],
                f"window_ms {v['window_ms']} must be above 0 and fit n_fft samples",
            ),
            (v["hop_ms"] * 16 >= 1 and (v["hop_ms"] * 16).is_integer(), f"hop_ms {v['hop_ms']} must be whole samples"),
            ((v["window_ms"] * 16).is_integer(), f"window_ms {v['window_ms']} must be whole samples"),
            (v["n_fft"] % 2 == 0, f"n_fft {v['n_fft']} must be even"),
            (v["floor"] > 0, f"floor {v['floor']} must be above 0"),
            (v["top_db"] > 0, f"top_db {v['top_db']} must be above 0"),
        ]
    if "pre_emphasis" in v:
        rules.append((0 <= v["pre_emphasis"] < 1, f"pre_emphasis {v['pre_emphasis']} must be from 0 to below 1"))
    if kind == "log_stft":
        rules.append((0 < v["n_bins"] <= v["n_fft"] // 2 + 1, f"n_bins {v['n_bins']} must be 1 to n_fft / 2 + 1"))
    if kind == "mfcc":
        rules.append((0 < v["n_mfcc"] <= v["n_mels"], f"n_mfcc {v['n_mfcc']} must be 1 to n_mels"))
    if kind in ("log_mel", "mfcc"):
        rules.append((v["n_mels"] > 0, f"n_mels {v['n_mels']} must be above 0"))
        rules.append((0 <= v["f_min"] < v["f_max"] <= 8000, f"f_min {v['f_min']}, f_max {v['f_max']}: 0 to 8000 Hz"))
    if kind == "encoder" and isinstance(v["layer"], int):
        rules.append((v["layer"] >= 0, f"layer {v['layer']} must be 0 or more, last or all"))
    if kind == "encoder":
        seconds, whole = v["segment_seconds"], v["segment_seconds"] == 0
        cut = [name for name in ("segment_count", "audio_padding") if v[name] != getattr(Encoder, name)]
        rules += [
            (
                whole or (seconds >= 0.025 and (seconds * 16_000).is_integer()),
                f"segment_seconds {seconds} must be 0 or whole samples from 0.025 on",
            ),
            (whole or v["pooling"] == "none", "segment_seconds above 0 needs pooling none"),
            (not whole or not cut, f"{' and '.join(cut)} are for segments: give segment_seconds"),
        ]
    return [problem for holds, problem in rules if not holds]
