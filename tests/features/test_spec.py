import re
import subprocess
import sys

import pytest

from helpers import ROOT
from ser.errors import InputError
from ser.features.spec import canonical, feature_name, validate_spec
from ser.files import words

ENCODER = {"kind": "encoder", "encoder": "hubert_base", "layer": "last"}


@pytest.mark.parametrize(
    "spec",
    [
        {"kind": "log_mel"},
        {"kind": "log_stft"},
        {"kind": "mfcc"},
        {"kind": "functionals"},
        {"kind": "opensmile", "feature_set": "eGeMAPSv02"},
        ENCODER,
    ],
)
def test_defaults_are_filled_once_and_the_kind_is_named(spec):
    full = validate_spec(spec)
    assert validate_spec(full) == full and spec.items() <= full.items()
    assert re.fullmatch(rf"{spec['kind']}-[0-9a-f]{{8}}", feature_name(full))


def test_the_name_follows_the_values_not_how_they_were_written():
    name = feature_name(validate_spec({"kind": "log_mel"}))
    assert name == feature_name(validate_spec({"hop_ms": 10, "n_mels": 80, "kind": "log_mel"}))
    assert name != feature_name(validate_spec({"kind": "log_mel", "n_mels": 81}))


def test_the_defaults_of_log_stft_are_those_of_the_published_code():
    published = {"window": "hamming", "window_ms": 40, "hop_ms": 10, "n_fft": 800, "n_bins": 200}
    given = {"kind": "log_stft", "reference": "utterance_max", "top_db": 80} | published
    assert validate_spec({"kind": "log_stft"}) == validate_spec(given)


def test_a_spec_has_one_text():
    assert canonical({"b": 1, "a": "x"}) == '{"a":"x","b":1}'


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({}, "kind is None: use one of audio, clip_mfcc, encoder"),
        ({"kind": ["log_mel"]}, "kind is ['log_mel']"),
        ({"kind": "log_mel", "mels": 3, "bins": 4}, "unknown setting 'bins', unknown setting 'mels': log_mel has"),
        ({"kind": "encoder"}, "missing setting 'encoder', missing setting 'layer'"),
        ({"kind": "log_mel", "n_mels": "80"}, "n_mels is '80', not a whole number"),
        ({"kind": "log_mel", "n_mels": 80.0}, "n_mels is 80.0, not a whole number"),
        ({"kind": "log_mel", "n_mels": True}, "n_mels is True, not a whole number"),
        ({"kind": "log_mel", "window": "kaiser"}, "window is 'kaiser', not hamming or hann"),
        ({**ENCODER, "layer": "first"}, "layer is 'first', not a whole number or last or all"),
        ({**ENCODER, "layer": -1}, "layer -1 must be 0 or more"),
        ({**ENCODER, "segment_seconds": 0.01}, "segment_seconds 0.01 must be 0, or at least 0.025 and whole samples"),
        ({**ENCODER, "segment_seconds": 3, "pooling": "mean"}, "segment_seconds above 0 needs pooling none"),
        ({**ENCODER, "audio_padding": "front"}, "audio_padding without segments: give segment_seconds"),
        ({**ENCODER, "pre_emphasis": -0.1}, "pre_emphasis -0.1 must be from 0 to below 1"),
        ({"kind": "mfcc", "n_mfcc": 129}, "n_mfcc 129 must be from 1 to n_mels"),
        (
            {"kind": "log_mel", "n_mels": 0, "f_max": 9000},
            "f_min 20.0, f_max 9000.0: must increase within 0 to 8000 Hz; n_mels 0 must be",
        ),
        ({"kind": "log_mel", "window_ms": 40}, "window_ms 40.0 must be above 0 and fit into n_fft samples"),
        ({"kind": "log_stft", "n_bins": 402}, "n_bins 402 must be from 1 to n_fft / 2 + 1"),
        ({"kind": "log_stft", "hop_ms": 0.01}, "hop_ms 0.01 must be a whole number of samples"),
        ({"kind": "log_stft", "floor": 0}, "floor 0.0 must be above 0"),
        ({"kind": "log_stft", "pre_emphasis": 1}, "pre_emphasis 1.0 must be from 0 to below 1"),
        ({"kind": "functionals", "set": "all"}, "functionals has no settings"),
    ],
)
def test_wrong_settings_are_named(spec, message):
    with pytest.raises(InputError) as error:
        validate_spec(spec, "rows.full.features.x")
    assert str(error.value).startswith("rows.full.features.x: ") and message in str(error.value)


def test_needs_only_the_standard_library():
    kinds = [f"ser.features.kinds.{kind}" for kind in words("features/kinds")]
    modules = ", ".join(["sys", "ser.features.spec", *kinds])
    code = f"import {modules}; print({{'numpy', 'torch', 'safetensors'}} & {{*sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_a_kind_without_its_parts_is_one_clear_line(tmp_path, monkeypatch):
    (tmp_path / "wavelets.py").write_text('"""A kind that is not finished."""\n')
    monkeypatch.setattr("ser.features.kinds.__path__", [str(tmp_path)])
    monkeypatch.setattr("ser.features.spec.words", lambda folder: ["wavelets"])
    with pytest.raises(InputError, match=r"wavelets\.py: a feature kind needs a frozen dataclass"):
        validate_spec({"kind": "wavelets"})
