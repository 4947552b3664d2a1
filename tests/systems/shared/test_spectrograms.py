"""Spectrograms as input: crops, segments, normalisation, padding, augmentation."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from torchvision.models import AlexNet_Weights

from helpers.spectrogram_folds import INPUT, TRAINING, fold_of
from ser.errors import InputError
from ser.systems.shared import augment
from ser.systems.shared.spectrograms import SpectrogramSettings, SpectrogramTask

SETTINGS = SpectrogramSettings(**TRAINING, **INPUT)
RNG = np.random.default_rng(0)
ARRAYS = {
    "train0": RNG.normal(-40, 5, (300, 4)).astype(np.float32) - [0, 10, 20, 30],
    "train1": RNG.normal(-40, 5, (90, 4)).astype(np.float32),
    "dev0": RNG.normal(900, 5, (20, 4)).astype(np.float32),
    "test0": RNG.normal(-900, 5, (260, 4)).astype(np.float32),
}
ARRAYS = {name: array.astype(np.float32) for name, array in ARRAYS.items()}
KINDS = {"train0": 0, "train1": 1, "dev0": 2, "test0": 3}


@pytest.fixture
def fold(tmp_path):
    return fold_of(tmp_path, ARRAYS, KINDS)


def task(fold, least=1, **changes) -> SpectrogramTask:
    return SpectrogramTask(fold, replace(SETTINGS, **changes), least)


def whole(task, part, generator=None) -> dict:
    return task.collate(task.examples(part, generator), generator)


def test_segments_cover_the_utterance_with_the_overlap_asked_for(fold):
    made = task(fold, segment_seconds=1.0, segment_overlap=0.5)
    spans = [(s.utterance, s.start, s.stop) for s in made.examples(fold.train, None)]
    assert spans == [*(("train0", start, start + 100) for start in (0, 50, 100, 150, 200)), ("train1", 0, 90)]
    spans = [(s.start, s.stop) for s in made.examples(fold.test, None)]
    assert spans[0][0] == 0 and spans[-1][1] == 260
    assert all(later[0] - earlier[0] <= 50 for earlier, later in pairwise(spans))


def test_training_takes_one_crop_of_each_utterance_anywhere(fold):
    made = task(fold, segment_seconds=1.0)
    generator = np.random.default_rng(1)
    starts = set()
    for _ in range(20):
        batch = whole(made, fold.train, generator)
        assert batch["frames"].tolist() == [100, 90] and batch["target"].tolist() == [0, 1]
        starts.add(round(float(batch["spectrogram"][0, 0, 0, 0]), 4))
    assert len(starts) > 15


@pytest.mark.parametrize("normalisation", ["train_bins", "train_min_max"])
def test_normalisation_knows_the_training_part_only(fold, normalisation):
    batch = whole(task(fold, normalisation=normalisation), fold.train)
    values = torch.cat([x[0, :, :n] for x, n in zip(batch["spectrogram"], batch["frames"], strict=True)], dim=1)
    if normalisation == "train_bins":
        np.testing.assert_allclose(values.mean(1), 0, atol=1e-4)
        np.testing.assert_allclose(values.std(1, correction=0), 1, atol=1e-4)
    else:
        np.testing.assert_allclose(values.amin(1), 0, atol=1e-6)
        np.testing.assert_allclose(values.amax(1), 1, atol=1e-6)
    test = whole(task(fold, normalisation=normalisation), fold.test)["spectrogram"]
    assert test.max() < -10  # far outside: neither clipped nor normalised on its own


def test_utterance_normalisations_use_the_whole_utterance_not_the_segment(fold):
    bins = task(fold, normalisation="utterance_bins", segment_seconds=1.0)
    x = ARRAYS["test0"]
    expected = ((x - x.mean(0)) / x.std(0))[:100].T
    np.testing.assert_allclose(whole(bins, fold.test)["spectrogram"][0, 0], expected, atol=1e-3)
    level = task(fold, normalisation="utterance_level")
    louder = whole(level, fold_of(fold.stores["spectrogram"].path.parent, {**ARRAYS, "test0": x + 17}, KINDS).test)
    np.testing.assert_allclose(louder["spectrogram"], whole(level, fold.test)["spectrogram"], atol=2e-4)


def test_padding_is_zero_and_short_utterances_get_their_own_floor(fold):
    made = task(fold, least=120)
    batch = whole(made, fold.train)
    assert batch["frames"].tolist() == [300, 120]
    assert (batch["spectrogram"][1, 0, :, 120:] == 0).all()
    floor = (ARRAYS["train1"].min() - made.shift) / made.scale
    np.testing.assert_allclose(batch["spectrogram"][1, 0, :, 90:120], floor[:, None].expand(-1, 30), atol=1e-5)


def test_deltas_by_hand(tmp_path):
    x = np.array([[1.0], [2.0], [4.0], [8.0]], dtype=np.float32)
    fold = fold_of(tmp_path, {"train0": x, "test0": x}, {"train0": 0, "test0": 0})
    made = task(fold, channels="deltas")
    planes = whole(made, fold.test)["spectrogram"][0, :, 0] * made.scale
    np.testing.assert_allclose(planes[1], [0.5, 1.5, 3.0, 2.0], atol=1e-6)
    np.testing.assert_allclose(planes[2], [0.5, 1.25, 0.25, -0.5], atol=1e-6)


def test_an_image_is_grey_upright_and_normalised_like_those_of_imagenet(fold):
    made = task(fold, channels="image", normalisation="train_min_max", least=120)
    batch = whole(made, fold.train)
    picture = (torch.from_numpy(ARRAYS["train0"]) - made.shift) / made.scale  # [frames, bins] of [0, 1]
    assert picture.min() == 0 and picture.max() == pytest.approx(1)
    normalise = AlexNet_Weights.IMAGENET1K_V1.transforms()
    for row, mean, deviation in zip(batch["spectrogram"][0], normalise.mean, normalise.std, strict=True):
        torch.testing.assert_close(row[-1], (picture[:, 0] - mean) / deviation)  # the lowest bin is the lowest row
        torch.testing.assert_close(row[0], (picture[:, -1] - mean) / deviation)
    assert (batch["spectrogram"][1, :, :, 120:] == 0).all()
    test = whole(made, fold.test)["spectrogram"]  # far below everything that training has seen: black
    torch.testing.assert_close(test[0, 0], torch.full_like(test[0, 0], -normalise.mean[0] / normalise.std[0]))
    with pytest.raises(InputError, match="channels image needs normalisation train_min_max, not train_bins"):
        task(fold, channels="image")


def test_a_tempo_changed_crop_keeps_its_length(fold):
    made = task(fold, segment_seconds=1.0, tempo=0.3)
    generator = np.random.default_rng(0)
    first = {int(whole(made, fold.train, generator)["frames"][0]) for _ in range(30)}
    assert first <= {99, 100, 101}
    second = Counter(int(whole(made, fold.train, generator)["frames"][1]) for _ in range(30))
    assert min(second) < 85 and max(second) > 95  # the short one becomes shorter or longer


def test_augmentation_repeats_with_its_generator_and_stays_out_of_evaluation(fold):
    made = task(
        fold, segment_seconds=0.8, masks=2, mask_seconds=0.2, mask_bins=2, tempo=0.2, warp=0.2, gain=0.3, mixup=0.4
    )
    first, again, other = (whole(made, fold.train, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert set(first) == {"spectrogram", "frames", "target", "other_target", "share"}
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert first["spectrogram"].shape != other["spectrogram"].shape or not torch.equal(
        first["spectrogram"], other["spectrogram"]
    )
    plain = whole(task(fold, segment_seconds=0.8), fold.test)
    evaluated = whole(made, fold.test)
    assert all(torch.equal(plain[name], evaluated[name]) for name in plain)


def test_mixup_mixes_inputs_and_losses(fold):
    made = task(fold, mixup=0.4)
    clean = whole(task(fold), fold.train)
    for seed in range(10):
        batch = whole(made, fold.train, np.random.default_rng(seed))
        if batch["other_target"].tolist() == [1, 0]:
            break
    share = batch["share"]
    flipped = clean["spectrogram"].flip(0)
    torch.testing.assert_close(batch["spectrogram"], share * clean["spectrogram"] + (1 - share) * flipped)
    assert batch["frames"].tolist() == [300, 300]
    logits = torch.tensor([[1.0, 2.0, 0.0, 0.0], [0.0, 3.0, 1.0, 0.0]])
    p = logits.log_softmax(1)
    expected = -(share * (p[0, 0] + p[1, 1]) + (1 - share) * (p[0, 1] + p[1, 0])) / 2
    torch.testing.assert_close(made.loss(logits, batch, 0), expected)


def test_scale_moves_peaks_where_they_belong():
    x = torch.zeros(40, 20)
    x[20, 10] = 1.0
    scaled = augment.scale(x, 2.0, 1.4, torch.tensor(-7.0))
    assert scaled.shape == (20, 20) and divmod(int(scaled.argmax()), 20)[0] in (9, 10)
    assert divmod(int(scaled.argmax()), 20)[1] in (14, 15)
    narrowed = augment.scale(x, 1.0, 0.5, torch.tensor(-7.0))
    assert (narrowed[:, 10:] == -7).all() and divmod(int(narrowed.argmax()), 20) in ((20, 4), (20, 5))
    assert augment.scale(x, 1.0, 1.0, torch.tensor(0.0)) is x


def test_masks_are_one_run_of_frames_and_one_of_bins():
    generator = np.random.default_rng(0)
    x = torch.ones(50, 30)
    widths = []
    for _ in range(200):
        masked = augment.mask(x, 10, 5, generator)
        rows, columns = (masked == 0).all(1).nonzero().flatten(), (masked == 0).all(0).nonzero().flatten()
        assert len(rows) <= 10 and len(columns) <= 5
        assert all(len(run) == 0 or run[-1] - run[0] == len(run) - 1 for run in (rows, columns))
        assert int((masked == 0).sum()) == len(rows) * 30 + len(columns) * 50 - len(rows) * len(columns)
        widths.append((len(rows), len(columns)))
    assert {w for w, _ in widths} == set(range(11)) and {w for _, w in widths} == set(range(6))
    assert (x == 1).all()


def test_tilt_is_straight_between_five_levels():
    x = torch.zeros(3, 9)
    changed = augment.tilt(x, 0.5, np.random.default_rng(0))
    assert (changed == changed[0]).all() and 0.05 < changed.abs().max() <= 0.5
    torch.testing.assert_close(changed[:, 1::2], (changed[:, :-1:2] + changed[:, 2::2]) / 2)
    assert torch.equal(augment.tilt(x, 0.0, np.random.default_rng(0)), x)


def test_factors_are_symmetric():
    drawn = [augment.factor(0.25, np.random.default_rng(seed)) for seed in range(500)]
    assert 0.8 <= min(drawn) < 0.81 and 1.24 < max(drawn) <= 1.25
    assert abs(np.mean(np.log(drawn))) < 0.02 and augment.factor(0.0, np.random.default_rng(0)) == 1


def test_missing_store_is_named(fold):
    with pytest.raises(InputError, match="no store `spectrogram`"):
        SpectrogramTask(replace(fold, stores={}), SETTINGS)
