import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
import torch
from transformers import AutoConfig, AutoFeatureExtractor, AutoModel

from helpers import ROOT
from ser.encoders.demo import write_encoder
from ser.encoders.published import ENCODERS
from ser.errors import InputError

FILES = ["config.json", "model.safetensors", "preprocessor_config.json"]


@pytest.fixture(scope="module")
def encoders(tmp_path_factory):
    folder = tmp_path_factory.mktemp("encoders")
    for encoder in ENCODERS:
        write_encoder(encoder, folder / encoder, seed=1)
    return folder


@pytest.mark.parametrize(
    ("encoder", "model", "normalisation", "do_normalize", "mask"),
    [
        ("hubert_base", "HubertModel", torch.nn.GroupNorm, True, False),
        ("hubert_large", "HubertModel", torch.nn.LayerNorm, True, True),
        ("wavlm_base", "WavLMModel", torch.nn.GroupNorm, False, True),
        ("wavlm_base_plus", "WavLMModel", torch.nn.GroupNorm, False, True),
        ("wavlm_large", "WavLMModel", torch.nn.LayerNorm, True, True),
        ("wav2vec2_base", "Wav2Vec2Model", torch.nn.GroupNorm, True, False),
        ("wav2vec2_large", "Wav2Vec2Model", torch.nn.LayerNorm, True, True),
    ],
)
def test_each_opens_as_the_published_one_does(encoders, encoder, model, normalisation, do_normalize, mask):
    folder = encoders / encoder
    assert sorted(path.name for path in folder.iterdir()) == FILES
    extractor = AutoFeatureExtractor.from_pretrained(folder, local_files_only=True)
    assert (extractor.do_normalize, extractor.return_attention_mask) == (do_normalize, mask)
    network = AutoModel.from_pretrained(folder, local_files_only=True).eval()
    assert type(network).__name__ == model and network.config.ser_demo is True
    assert isinstance(network.feature_extractor.conv_layers[0].layer_norm, normalisation)

    wave = np.random.default_rng(1).normal(0, 0.1, 48_000).astype(np.float32)
    with torch.no_grad():
        inputs = extractor(wave, sampling_rate=16_000, return_tensors="pt")
        states = network(inputs.input_values, output_hidden_states=True).hidden_states
    assert len(states) == network.config.num_hidden_layers + 1
    for state, next_state in pairwise(states):
        assert state.shape == (1, 149, network.config.hidden_size)  # (48,000 - 400) // 320 + 1
        assert state.isfinite().all() and state.std(dim=1).min() > 1e-3
        assert (state - next_state).abs().mean() > 0.01  # so that the choice of a layer matters


def test_same_seed_same_bytes_whatever_was_drawn_before(encoders, tmp_path):
    torch.manual_seed(99)
    state = torch.get_rng_state()
    write_encoder("wavlm_base", tmp_path / "same", seed=1)
    write_encoder("wavlm_base", tmp_path / "other", seed=2)
    assert torch.equal(torch.get_rng_state(), state)
    for name in FILES:
        ours = (encoders / "wavlm_base" / name).read_bytes()
        assert (tmp_path / "same" / name).read_bytes() == ours
        assert ((tmp_path / "other" / name).read_bytes() == ours) == (name != "model.safetensors")


def test_the_script_writes_the_same_bytes_in_its_own_process(encoders, tmp_path):
    command = [sys.executable, "workflow_scripts/demo_encoder.py", "--encoder", "hubert_base", "--seed", "1"]
    done = subprocess.run([*command, "--output-dir", tmp_path / "new"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for name in FILES:
        assert (tmp_path / "new" / name).read_bytes() == (encoders / "hubert_base" / name).read_bytes()
        assert (tmp_path / "new" / name).stat().st_mode & 0o044 == (tmp_path / "new" / FILES[0]).stat().st_mode & 0o044


def test_a_demo_checkpoint_is_told_from_a_published_one(encoders):
    assert AutoConfig.from_pretrained(encoders / "hubert_base").ser_demo is True
    assert not hasattr(AutoConfig.for_model("hubert"), "ser_demo")


def test_an_unknown_encoder_is_named(tmp_path):
    with pytest.raises(InputError, match="no demo encoder 'hubert_xl': use one of hubert_base, hubert_large"):
        write_encoder("hubert_xl", tmp_path / "x", seed=1)
    assert list(tmp_path.iterdir()) == []
