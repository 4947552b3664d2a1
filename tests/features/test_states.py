"""Each family is compared with transformers itself, called on one utterance at a time."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers

from ser.encoders.checkpoint import checkpoint_digest
from ser.encoders.demo import write_encoder
from ser.errors import InputError
from ser.features import extraction
from ser.features.kinds.encoder import Settings, open_states
from ser.features.packing import write_store
from ser.features.spec import Extractor, open_extractor, validate_spec
from ser.features.states import States
from ser.features.store import Store
from ser.sealed import Provenance

FAMILIES = ["hubert_base", "hubert_large", "wavlm_base", "wavlm_large", "wav2vec2_base", "wav2vec2_large"]
# Lengths that meet in one batch, that differ by a sample, that are equal, and that are too short for a frame.
SAMPLES = (16_000, 8_000, 16_000, 7_999, 400, 150, 30_001, 16_001)
WAVES = [np.random.default_rng(n).normal(0.05, 0.1, samples).astype(np.float32) for n, samples in enumerate(SAMPLES)]


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("encoders")
    for name in FAMILIES:
        write_encoder(name, root / name, seed=1)
    return root


def load(folder: Path, device: str = "cpu", **settings) -> Extractor:
    spec = validate_spec({"kind": "encoder", "encoder": folder.name, "layer": "last"} | settings)
    return open_extractor(spec, encoder_dir=folder, device=device)


def single(folder: Path, wave: np.ndarray) -> list[np.ndarray]:
    """[layers + 1] states of one utterance; the last one is the output of the model."""
    preprocess = transformers.AutoFeatureExtractor.from_pretrained(folder)
    model = transformers.AutoModel.from_pretrained(folder).eval()
    values = preprocess(wave, sampling_rate=16_000, return_tensors="pt").input_values
    values = torch.nn.functional.pad(values, (0, max(0, 400 - len(wave))))
    with torch.no_grad():
        output = model(values, output_hidden_states=True)
    return [state[0].numpy() for state in (*output.hidden_states[:-1], output.last_hidden_state)]


def states_of(folder: Path, **settings) -> States:
    return open_states(Settings(**{"encoder": folder.name, "layer": "last"} | settings), folder, "cpu")


@pytest.mark.parametrize("family", FAMILIES)
def test_batched_equals_single(folders, family):
    together = states_of(folders / family, layer="all")
    together.batch_samples = 200_000  # as on a GPU
    assert len([*together._batches(SAMPLES)]) == 2
    batched = together([[x] for x in WAVES])
    alone = load(folders / family, layer="all").compute(WAVES)
    last = load(folders / family).compute(WAVES)
    for wave, states, one, output in zip(WAVES, batched, alone, last, strict=True):
        expected = single(folders / family, wave)
        for found in (states, one):
            np.testing.assert_allclose(found, np.stack(expected, axis=1), atol=2e-5)
        np.testing.assert_allclose(output, expected[-1], atol=2e-5)


@pytest.mark.parametrize("family", ["hubert_base", "wavlm_large"])
def test_batched_equals_single_in_bfloat16(folders, family):
    """To within its precision: what a batch changes is less than what bfloat16 itself does."""
    together, alone, full = (states_of(folders / family, precision=name) for name in ("bfloat16",) * 2 + ("float32",))
    together.batch_samples = 200_000
    pieces = [[x] for x in WAVES]
    for states, one, exact in zip(together(pieces), alone(pieces), full(pieces), strict=True):
        assert np.abs(states - one).max() < 1.5 * np.abs(one - exact).max() < 0.2


@pytest.mark.parametrize("family", FAMILIES)
def test_what_makes_a_batch_right_is_needed(folders, family):
    """What the tests above would see if a group norm counted the padding, or if the mask were left out."""
    states = states_of(folders / family)
    expected = single(folders / family, WAVES[1])[-1]
    if states.of_each:
        states.of_each, states.batch_samples = None, 200_000
        naive = states([[x] for x in WAVES])[1]
    else:  # pad by hand: without a mask, zeros are speech
        naive = states([[np.pad(WAVES[1], (0, 8_000))]])[0][: len(expected)]
    assert np.abs(naive - expected).max() > 1e-2


def test_batches_fill_a_budget_longest_first(folders):
    lengths = [160, 80, 160, 79, 160]
    states = states_of(folders / "hubert_base")
    assert [[lengths[i] for i in batch] for batch in states._batches(lengths)] == [[160], [160], [160], [80], [79]]
    states.batch_samples = 400
    assert [[lengths[i] for i in batch] for batch in states._batches(lengths)] == [[160, 160], [160, 80], [79]]


def test_frames_are_those_of_the_front_end(folders):
    extractor = load(folders / "wavlm_base")
    for samples, frames in ((48_000, 149), (400, 1), (719, 1), (720, 2), (1, 1), (192_000, 599)):
        assert extractor.compute([np.ones(samples, np.float32)])[0].shape == (frames, 32)


def test_layers(folders):
    waves = WAVES[:2]
    every = load(folders / "wavlm_large", layer="all").compute(waves)
    assert every[0].shape == (49, 5, 48)
    for layer in (0, 2, 4, "last"):
        chosen = load(folders / "wavlm_large", layer=layer).compute(waves)
        for one, states in zip(chosen, every, strict=True):
            np.testing.assert_array_equal(one, states[:, 4 if layer == "last" else layer])
    with pytest.raises(InputError, match="encoder wavlm_large: no layer 5: it has 0 to 4"):
        load(folders / "wavlm_large", layer=5)


def test_pooling_averages_the_real_frames_only(folders):
    for family in ("wavlm_large", "hubert_base"):
        every = load(folders / family, layer="all").compute(WAVES)
        pooled = load(folders / family, layer="all", pooling="mean").compute(WAVES)
        for states, mean in zip(every, pooled, strict=True):
            np.testing.assert_allclose(mean, states.mean(axis=0, keepdims=True), atol=1e-6)


def test_auto_is_bfloat16_where_the_machine_multiplies_in_it(folders, monkeypatch):
    exact = load(folders / "hubert_base").compute(WAVES[:1])[0]
    for has_it, name in ((True, "bfloat16"), (False, "float32")):
        monkeypatch.setattr("ser.features.precision.multiplies_bfloat16", lambda _, has_it=has_it: has_it)
        extractor = load(folders / "hubert_base", precision="auto")
        assert extractor.identity["computed_in"] == name
        assert np.array_equal(extractor.compute(WAVES[:1])[0], exact) != has_it
    assert "computed_in" not in load(folders / "hubert_base").identity


@pytest.mark.parametrize("family", FAMILIES)
def test_weights_cast_once_give_the_bits_of_autocast(folders, family):
    """Attention apart, which has other kernels then."""
    states = states_of(folders / family, precision="bfloat16")
    plain = transformers.AutoModel.from_pretrained(folders / family, attn_implementation="eager").eval()
    wave = torch.from_numpy(states.preprocess(WAVES[0], sampling_rate=16_000)["input_values"][0])[None]
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        expected = plain(wave).last_hidden_state[0].float().numpy()
    np.testing.assert_array_equal(states([[WAVES[0]]])[0], expected)


def test_precision_and_dtype(folders):
    full = load(folders / "hubert_large").compute(WAVES[:2])[0]
    half = load(folders / "hubert_large", dtype="float16").compute(WAVES[:2])[0]
    rough = load(folders / "hubert_large", precision="bfloat16").compute(WAVES[:2])[0]
    assert (full.dtype, half.dtype, rough.dtype) == (np.float32, np.float16, np.float32)
    np.testing.assert_allclose(half, full, atol=2e-3)
    assert 1e-4 < np.abs(rough - full).max() < 0.1


def test_a_loud_offset_matters_only_where_the_checkpoint_does_not_normalise(folders):
    for family, same in (("hubert_base", True), ("wavlm_base", False)):
        extractor = load(folders / family)
        quiet, loud = extractor.compute([WAVES[1]])[0], extractor.compute([WAVES[1] * 3 + 0.5])[0]
        assert np.allclose(quiet, loud, atol=1e-3) == same


def test_store_is_longest_first_and_the_same_bytes_each_time(folders, tmp_path):
    samples = {f"u{n}": (wave * 3000).astype(np.int16) for n, wave in enumerate(WAVES)}
    audio = tmp_path / "audio.safetensors"
    write_store(audio, list(samples), lambda names: [samples[n] for n in names], key="audio", metadata={})
    spec = validate_spec({"kind": "encoder", "encoder": "x", "layer": "last"})
    seconds = []
    digest = checkpoint_digest(folders / "wavlm_base")
    for name, known in (("a", ""), ("b", digest)):
        extractor = open_extractor(spec, encoder_dir=folders / "wavlm_base", checkpoint=known, device="cpu")
        extraction.write_feature(tmp_path / name, Store(audio), spec, extractor, Provenance("v1"), seconds.append)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert sum(seconds) == pytest.approx(2 * sum(SAMPLES) / 16_000)
    store = Store(tmp_path / "a")
    assert store.utterances == ("u6", "u7", "u0", "u2", "u1", "u3", "u4", "u5")
    assert store.metadata["checkpoint"] == digest
    assert (store.metadata["device"], store.metadata["ser_demo"]) == ("cpu", "true")
    np.testing.assert_array_equal(store["u1"], extractor.compute([samples["u1"] / np.float32(32_768)])[0])
    other = open_extractor(spec, encoder_dir=folders / "hubert_base", device="cpu")
    extraction.write_feature(tmp_path / "c", Store(audio), spec, other, Provenance("v1"))
    assert Store(tmp_path / "c").metadata["key"] != store.metadata["key"]


CUT = {"segment_seconds": 3.0, "segment_count": "frames", "audio_padding": "front", "pre_emphasis": 0.97}


@pytest.mark.parametrize("family", ["hubert_base", "wavlm_large"])
def test_segments_are_encoded_each_by_itself_and_lie_end_to_end(folders, family):
    waves = [*WAVES[:2], np.tile(WAVES[0], 3), np.tile(WAVES[6], 3)]  # the third is exactly 3 s
    found = load(folders / family, layer="all", **CUT).compute(waves)
    assert [len(states) for states in found] == [149, 149, 298, 298]
    for wave, states in zip(waves, found, strict=True):
        emphasised = np.append(wave[0], wave[1:] - np.float32(0.97) * wave[:-1])
        for number in range(len(states) // 149):
            piece = emphasised[number * 48_000 : (number + 1) * 48_000]
            alone = single(folders / family, np.pad(piece, (48_000 - len(piece), 0)))
            of_segment = states[number * 149 : (number + 1) * 149]
            np.testing.assert_allclose(of_segment, np.stack(alone, axis=1), atol=5e-5)
    sound = load(folders / family, layer="all", segment_seconds=3).compute(waves)
    assert [len(states) for states in sound] == [149, 149, 149, 298]
    behind = single(folders / family, np.pad(waves[0], (0, 32_000)))
    np.testing.assert_allclose(sound[0], np.stack(behind, axis=1), atol=5e-5)


def broken(folders: Path, tmp_path: Path, family: str = "hubert_base") -> Path:
    return Path(shutil.copytree(folders / family, tmp_path / "broken"))


def test_folders_that_are_no_checkpoint(folders, tmp_path):
    with pytest.raises(InputError, match="no such checkpoint folder"):
        load(tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"no config\.json, preprocessor_config\.json, model\.safetensors: copy all"):
        load(tmp_path / "empty")
    folder = broken(folders, tmp_path)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(InputError, match=r"no model\.safetensors: its weights are a pickle"):
        load(folder)


def test_weights_that_do_not_fill_the_model_are_refused(folders, tmp_path):
    from safetensors.numpy import load_file, save_file

    folder = broken(folders, tmp_path)
    weights = load_file(folder / "model.safetensors")
    gone = "encoder.layers.1.attention.k_proj.weight"
    save_file({k: v for k, v in weights.items() if k not in (gone, "masked_spec_embed")}, folder / "model.safetensors")
    with pytest.raises(InputError, match=rf"1 weights are missing, {gone} among them"):
        load(folder)
    (folder / "model.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0torn")
    with pytest.raises(InputError, match=f"{folder}: transformers cannot open it"):
        load(folder)


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        ("preprocessor_config.json", {"sampling_rate": 8000}, "made for 8000 Hz, not 16000"),
        ("config.json", {"hidden_size": 64}, "transformers cannot open it"),
        ("config.json", {"model_type": "nonsense"}, "transformers cannot open it"),
    ],
)
def test_checkpoints_of_another_kind(folders, tmp_path, file, change, message):
    folder = broken(folders, tmp_path)
    path = folder / file
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(InputError, match=message) as error:
        load(folder)
    assert "\n" not in str(error.value)


def test_weights_in_several_files(folders, tmp_path):
    folder = broken(folders, tmp_path)
    model = transformers.AutoModel.from_pretrained(folders / "hubert_base")
    (folder / "model.safetensors").unlink()
    model.save_pretrained(folder, max_shard_size="50KB")
    parts = sorted(folder.glob("model-*.safetensors"))
    assert len(parts) > 1
    expected = load(folders / "hubert_base").compute(WAVES[:1])[0]
    np.testing.assert_array_equal(load(folder).compute(WAVES[:1])[0], expected)
    parts[0].unlink()
    with pytest.raises(InputError, match=f"no {parts[0].name}: copy all of it"):
        load(folder)
    (folder / "model.safetensors.index.json").write_text("[]")
    with pytest.raises(InputError, match="not an index of weights"):
        load(folder)


def test_digest_follows_every_file_that_is_read(folders, tmp_path):
    folder = broken(folders, tmp_path)
    assert checkpoint_digest(folder) == checkpoint_digest(folders / "hubert_base")
    (folder / "README.md").write_text("not read")
    assert checkpoint_digest(folder) == checkpoint_digest(folders / "hubert_base")
    for name in ("config.json", "preprocessor_config.json", "model.safetensors"):
        before = checkpoint_digest(folder)
        (folder / name).write_bytes((folder / name).read_bytes() + b" ")
        assert checkpoint_digest(folder) != before


def test_options(folders, monkeypatch):
    spec = validate_spec({"kind": "encoder", "encoder": "hubert_base", "layer": 0})
    with pytest.raises(InputError, match="encoder hubert_base: give its checkpoint folder with --encoder-dir"):
        open_extractor(spec)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="device cuda: this machine has no GPU"):
        load(folders / "hubert_base", device="cuda")
