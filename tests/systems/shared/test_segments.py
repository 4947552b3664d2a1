"""The input pipeline of CA-MSER and MFHCA, checked against transformers and a plain version of its rules."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from helpers.segment_folds import PUBLISHED, SOUND, feature, fold_of, frozen, make, sound
from helpers.spectrogram_folds import TRAINING
from ser.errors import InputError
from ser.systems.shared.segments import SegmentSettings, SegmentTask

CODE = SegmentSettings(**TRAINING | PUBLISHED)
CLEAN = replace(CODE, **SOUND)


@pytest.fixture(scope="module")
def fold(tmp_path_factory):
    return make(tmp_path_factory.mktemp("fold"), (8, 0, 4))


@pytest.fixture(scope="module")
def exact(tmp_path_factory, fold):
    """Utterances of exactly 3 s, 3 s and a sample, and 7 s; a test utterance louder in its quiet bins."""
    rng = np.random.default_rng(5)
    lengths = {"train0": 48_000, "train1": 48_001, "train2": 112_000, "test0": 60_000}
    sounds = {name: sound(i, n, rng) for i, (name, n) in enumerate(lengths.items())}
    sounds["test0"][:8000] = 0
    kinds = {name: i for i, name in enumerate(lengths)}
    return replace(fold_of(tmp_path_factory.mktemp("exact"), sounds, kinds), encoders=fold.encoders)


def test_the_image_keeps_the_aspect_ratio(fold, tmp_path):
    task = SegmentTask(fold, replace(CODE, image_height=256))
    assert task.image(32).size == (256, 384)
    mel = feature(
        tmp_path / "mel", fold.stores["audio"], {"kind": "log_mel", "n_mels": 80, "reference": "utterance_max"}
    )
    assert SegmentTask(replace(fold, stores={**fold.stores, "spectrogram": mel}), CODE).image(32).size == (64, 240)


def published_images(fold, names, fitted_on):
    """[segments, bins, 300] uint8, made as the published code does: pad all, fit, scale, flip."""

    def padded(name):
        x = fold.stores["spectrogram"][name]
        count = -(-len(x) // 300)
        return np.pad(x, ((0, count * 300 - len(x)), (0, 0))).reshape(count, 300, -1)

    train = np.concatenate([padded(name) for name in fitted_on])
    low, high = train.min(axis=(0, 1)), train.max(axis=(0, 1))
    x = ((np.concatenate([padded(name) for name in names]) - low) / (high - low)).clip(0, 1)
    return (x * 255).astype(np.uint8).transpose(0, 2, 1)[:, ::-1]


def test_levels_are_those_of_the_published_code(exact):
    task = SegmentTask(exact, CODE)
    for part in (exact.train, exact.test):
        batch = task.collate(task.examples(part, None), None)
        expected = published_images(exact, part.utterances, exact.train.utterances)
        difference = np.abs(batch["levels"].numpy().astype(int) - expected)
        assert batch["levels"].dtype == torch.uint8 and difference.max() <= 1 and (difference > 0).mean() < 1e-3
    assert (task.low + task.range == 0).all()  # the padding is the loudest there is
    assert (batch["levels"][1, :, -1] == 255).all()


def test_sound_levels_are_fitted_on_frames_and_padded_with_silence(exact):
    task = SegmentTask(exact, CLEAN)
    used = [
        exact.stores["spectrogram"][name][: 300 * count]
        for name, count in zip(("train0", "train1", "train2"), (1, 2, 3), strict=True)
    ]
    frames = np.concatenate(used)
    np.testing.assert_array_equal(task.low, frames.min(axis=0))
    np.testing.assert_array_equal(task.range, frames.max(axis=0) - frames.min(axis=0))
    levels = task.collate(task.examples(exact.train, None), None)["levels"]
    assert levels.dtype == torch.float32 and len(levels) == 6
    assert levels[:, :, :].min() == 0 and levels.max() == 255 and (levels != levels.round()).any()
    floor = exact.stores["spectrogram"]["train1"].min()
    expected = 255 * ((floor - task.low) / task.range).clip(0, 1)
    torch.testing.assert_close(levels[2, :, -1], torch.from_numpy(expected[::-1].copy()))
    outside = SegmentTask(exact, CLEAN).collate(task.examples(exact.test, None), None)["levels"]
    assert outside.min() == 0 and outside.max() <= 255  # below everything in training: clipped


def test_a_floor_counts_where_padding_does(exact):
    task = SegmentTask(exact, replace(CLEAN, min_max="padded"))
    padded = [exact.stores["spectrogram"][name].min() for name in ("train1", "train2")]
    assert (task.low <= min(padded)).all() and (SegmentTask(exact, CLEAN).low > min(padded)).any()


def test_segments_of_an_utterance_of_exactly_three_seconds(exact):
    counts = {True: [2, 2, 3], False: [1, 2, 3]}
    for settings in (CODE, CLEAN):
        task = SegmentTask(exact, settings)
        examples = task.examples(exact.train, None)
        assert np.bincount([e.index for e in examples]).tolist() == counts[settings is CODE]
        assert {len(e) for e in examples} == {48_000}
    batch = SegmentTask(exact, CODE).collate(SegmentTask(exact, CODE).examples(exact.train, None)[:2], None)
    assert not batch["speech"][1].any() and batch["speech"][0].std() == pytest.approx(1, abs=1e-3)
    assert (batch["levels"][1][:, 0] < 255).any() and (batch["levels"][1][:, 1:] == 255).all()


def test_frozen_states_are_what_the_encoder_makes_of_the_same_segments(exact, tmp_path):
    task = SegmentTask(exact, CODE)
    encoder, frames = task.speech()
    assert frames == 149 and all(parameter.requires_grad for parameter in encoder.parameters())
    of_states = SegmentTask(frozen(exact, tmp_path / "states"), CODE)
    identity, same_frames = of_states.speech()
    assert same_frames == 149 and not list(identity.parameters())
    examples = task.examples(exact.train, None)
    states = of_states.collate(of_states.examples(exact.train, None), None)["speech"]
    with torch.no_grad():
        expected = encoder.eval()(task.collate(examples, None)["speech"])
    assert states.shape == (7, 149, 32)
    torch.testing.assert_close(states, expected, atol=2e-5, rtol=1e-4)


def test_loss_and_scores(fold):
    weighted = SegmentTask(fold, replace(CODE, class_weights="balanced", label_smoothing=0.1))
    plain = SegmentTask(fold, CODE)
    logits, batch = torch.randn(3, 4), {"target": torch.tensor([0, 1, 1])}
    expected = -logits.log_softmax(1)[torch.arange(3), batch["target"]].mean()
    torch.testing.assert_close(plain.loss(logits, batch, 0), expected)
    assert not torch.isclose(weighted.loss(logits, batch, 0), expected)
    torch.testing.assert_close(plain.scores(logits).exp().sum(1), torch.ones(3))


def test_what_does_not_fit_is_named(fold, tmp_path):
    def error(fold, **changes):
        with pytest.raises(InputError) as caught:
            SegmentTask(fold, replace(CODE, **changes))
        assert "\n" not in str(caught.value)
        return str(caught.value)

    assert "no store `audio`" in error(replace(fold, stores={}))
    with pytest.raises(InputError, match="either `encoder` among"):
        SegmentTask(replace(fold, encoders={}), CODE).speech()
    assert "frames of 10 ms do not divide segment_seconds (3.001)" in error(fold, segment_seconds=3.001)
    states = frozen(fold, tmp_path / "states")
    assert "either `encoder` among" in error(replace(states, encoders=fold.encoders))
    message = error(states, pre_emphasis=0.0, audio_padding="back")
    assert "made with audio_padding front, not back; pre_emphasis 0.97, not 0.0" in message
    assert "frames have shape [32], but setting encoder_width is 768" in error(states, encoder_width=768)
    level = feature(tmp_path / "level", fold.stores["audio"], {"kind": "log_stft", "reference": "none"})
    assert "spectrogram_padding maximum is 0 dB" in error(replace(fold, stores={**fold.stores, "spectrogram": level}))
    with pytest.raises(InputError, match=r"hubert_base: its states are 32 wide, but setting encoder_width is 768"):
        SegmentTask(fold, replace(CODE, encoder_width=768)).speech()
    with pytest.raises(InputError, match=r"image_height is 16: 200 bins by 300 frames give an image of 16 x 24"):
        SegmentTask(fold, replace(CODE, image_height=16)).image(32)
    without = replace(fold, stores={"audio": fold.stores["audio"]})
    with pytest.raises(InputError, match="no store `spectrogram`"):
        SegmentTask(without, CODE).image(32)
