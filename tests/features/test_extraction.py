import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from helpers import ROOT
from ser.errors import InputError
from ser.features.descriptors import NAMES
from ser.features.extraction import join_parts, write_feature
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


@pytest.mark.parametrize("parts", [1, 2, 5])
def test_joined_parts_are_the_bytes_of_one_piece(audio, tmp_path, parts):
    """Also where there are more parts than utterances."""
    spec = validate_spec({"kind": "log_mel"})
    extractor = replace(open_extractor(spec), by_length=True)
    made = Provenance("v1", "order")
    write_feature(tmp_path / "whole", Store(audio), spec, extractor, made)
    paths, seconds = [tmp_path / f"{k}of{parts}" for k in range(1, parts + 1)], []
    for k, path in enumerate(paths, 1):
        write_feature(path, Store(audio), spec, extractor, made, seconds.append, (k, parts))
    assert sum(seconds) == pytest.approx(sum(map(len, SAMPLES.values())) / 16_000)
    join_parts(tmp_path / "joined", Store(audio), paths, "order")
    assert (tmp_path / "joined").read_bytes() == (tmp_path / "whole").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir() if path not in paths) == [
        "audio.safetensors",
        "joined",
        "whole",
    ]


def test_parts_that_do_not_belong_together_are_not_joined(audio, tmp_path):
    spec = validate_spec({"kind": "log_mel"})
    paths = [tmp_path / "1of2", tmp_path / "2of2"]
    for k, (path, code) in enumerate(zip(paths, ("v1", "v2"), strict=True), 1):
        write_feature(path, Store(audio), spec, open_extractor(spec), Provenance(code, "order"), part=(k, 2))
    with pytest.raises(InputError, match="1of2 ... 2of2: not the parts of one feature: remove them and build again"):
        join_parts(tmp_path / "x", Store(audio), paths, "order")
    with pytest.raises(InputError, match="not the parts of one feature"):
        join_parts(tmp_path / "x", Store(audio), paths[:1] * 2, "order")
    with pytest.raises(InputError, match="1of2: made from other settings, code or recordings than planned"):
        join_parts(tmp_path / "x", Store(audio), paths, "another order")
    with pytest.raises(InputError, match="3of2: no such store"):
        join_parts(tmp_path / "x", Store(audio), [*paths, tmp_path / "3of2"], "")
    assert not (tmp_path / "x").exists()


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
