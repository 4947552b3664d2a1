"""The rules for 3 s segments, at the edge cases, and what is done to their audio."""

import math

import numpy as np
import pytest
import transformers

from ser.waveforms import count_segments, cut, standardised

NOISE = np.random.default_rng(0).normal(0.01, 0.1, 100_003).astype(np.float32)


@pytest.mark.parametrize(
    ("samples", "by_frames", "by_samples"),
    [
        (1, 1, 1),
        (47_999, 1, 1),
        (48_000, 2, 1),  # exactly 3 s: frame 301 begins a segment that has no audio
        (48_001, 2, 2),
        (48_160, 2, 2),
        (95_999, 2, 2),
        (96_000, 3, 2),
        (96_001, 3, 3),
    ],
)
def test_counts(samples, by_frames, by_samples):
    assert count_segments(samples, 48_000, "frames") == by_frames
    assert count_segments(samples, 48_000, "samples") == by_samples


def test_counting_frames_is_the_published_rule_whatever_the_hop():
    for samples in [*range(47_500, 48_500), *range(95_500, 96_500), 144_000, 546_240]:
        for hop in (80, 160, 320):
            published = math.ceil((1 + samples // hop) / (48_000 // hop))
            assert count_segments(samples, 48_000, "frames") == published


def test_segments_hold_all_audio_once():
    behind = [cut(NOISE, number, 48_000, "back") for number in range(3)]
    np.testing.assert_array_equal(np.concatenate(behind)[: len(NOISE)], NOISE)
    assert not np.concatenate(behind)[len(NOISE) :].any()
    front = [cut(NOISE, number, 48_000, "front") for number in range(3)]
    np.testing.assert_array_equal(front[:2], behind[:2])
    np.testing.assert_array_equal(front[2], np.roll(behind[2], 48_000 - 4_003))


@pytest.mark.parametrize("padding", ["front", "back"])
def test_a_segment_without_audio_is_zeros(padding):
    found = cut(NOISE[:48_000], 1, 48_000, padding, 0.97)
    assert found.dtype == np.float32 and found.shape == (48_000,) and not found.any()


def test_pre_emphasis_runs_over_the_borders():
    whole = np.append(NOISE[0], NOISE[1:] - np.float32(0.97) * NOISE[:-1])
    joined = np.concatenate([cut(NOISE, number, 48_000, "back", 0.97) for number in range(3)])
    np.testing.assert_array_equal(joined[: len(whole)], whole)
    assert not joined[len(whole) :].any()
    one_more = cut(NOISE[:48_001], 1, 48_000, "front", 0.97)
    assert one_more[-1] == whole[48_000] and not one_more[:-1].any()


def test_standardised_is_what_transformers_does():
    extractor = transformers.Wav2Vec2FeatureExtractor(do_normalize=True, return_attention_mask=False)
    for x in (NOISE, 1e-4 * NOISE, cut(NOISE, 2, 48_000, "front")):
        expected = extractor(x, sampling_rate=16_000)["input_values"][0]
        np.testing.assert_array_equal(standardised(x), expected)
    assert not standardised(np.zeros(400, np.float32)).any()
