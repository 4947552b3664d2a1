import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from helpers import ROOT
from ser.features.descriptors import NAMES
from ser.features.extraction import write_feature
from ser.features.packing import write_store
from ser.features.spec import canonical, feature_name, open_extractor, validate_spec
from ser.features.store import Store
from ser.sealed import Provenance
from ser.waveforms import waveform

SAMPLES = {
    name: np.random.default_rng(n).integers(-9000, 9000, n).astype(np.int16)
    for name, n in (("short", 900), ("long", 150_000), ("middle", 16_000))
}


@pytest.fixture
def audio(tmp_path) -> Path:
    path = tmp_path / "audio.safetensors"
    write_store(path, list(SAMPLES), lambda names: [SAMPLES[n] for n in names], key="k", metadata={})
    return path


@pytest.mark.parametrize("kind", ["log_mel", "log_stft"])
def test_spectrograms_in_the_order_of_the_audio(audio, tmp_path, kind):
    spec = validate_spec({"kind": kind})
    extractor = open_extractor(spec)
    write_feature(tmp_path / "x", Store(audio), spec, extractor, Provenance("v1"))
    store = Store(tmp_path / "x")
    assert store.utterances == tuple(SAMPLES) and store.dtype == np.float32
    expected = {"code_version": "v1", "made_from": "", "inputs": "{}"}
    assert store.metadata == {"key": store.metadata["key"], "feature": canonical(spec), **expected}
    for name, samples in SAMPLES.items():
        np.testing.assert_allclose(store[name], extractor.compute([waveform(samples)])[0], atol=1e-5)


def test_key_follows_audio_settings_and_code(audio, tmp_path):
    def key(audio_key: str = "k", code: str = "v1", **settings) -> str:
        write_store(audio, ["a"], lambda _: [SAMPLES["short"]], key=audio_key, metadata={})
        spec = validate_spec({"kind": "log_mel"} | settings)
        write_feature(tmp_path / "x", Store(audio), spec, open_extractor(spec), Provenance(code))
        return Store(tmp_path / "x").metadata["key"]

    assert key() == key()
    assert len({key(), key("other"), key(code="v2"), key(n_mels=40)}) == 4


def script(audio: Path, output: Path, spec: str, threads: int = 1) -> subprocess.CompletedProcess:
    command = [sys.executable, "workflow_scripts/features.py", "--audio", audio, "--spec", spec, "--output", output]
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
    return subprocess.run(list(map(str, command)), cwd=ROOT, capture_output=True, text=True, env=environment)


def test_script_makes_functionals_and_the_same_bytes_again_on_more_threads(audio, tmp_path):
    outputs = [tmp_path / "1.safetensors", tmp_path / "elsewhere" / "2.safetensors"]
    for threads, output in enumerate(outputs, 1):
        done = script(audio, output, '{"kind": "functionals"}', threads)
        assert done.returncode == 0 and done.stdout == "", done.stderr
        assert "functionals of audio: 10/10 seconds" in done.stderr
    assert outputs[0].read_bytes() == outputs[1].read_bytes()
    store = Store(outputs[0])
    assert store.shape == (len(NAMES),) and store.lengths.tolist() == [1, 1, 1]
    assert feature_name(json.loads(store.metadata["feature"])) == feature_name(validate_spec({"kind": "functionals"}))


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("{", "--spec: not JSON"),
        ("[1]", "--spec: '[1]' is not an object"),
        ('{"kind": "log_mel", "mels": 3}', "--spec: unknown setting 'mels'"),
    ],
)
def test_script_says_what_is_wrong_in_one_line(audio, tmp_path, spec, message):
    done = script(audio, tmp_path / "x", spec)
    assert done.returncode == 2 and done.stderr.startswith(f"error: {message}") and done.stderr.count("\n") == 1


def test_features_without_an_encoder_start_without_torch():
    code = (
        "import sys; from ser.features.spec import open_extractor, validate_spec;"
        "[open_extractor(validate_spec({'kind': kind})) for kind in ('functionals', 'log_mel')];"
        "print({'torch', 'pandas'} & set(sys.modules))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True) == "set()\n"
