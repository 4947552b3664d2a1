"""What is no recording, and what just passes: each limit from both sides."""

import numpy as np
import pytest

from ser.manifests.samples import Samples

NOISE = np.random.default_rng(0).uniform(-0.5, 0.5, 4_000).astype(np.float32)
OTHER = np.random.default_rng(1).uniform(-0.5, 0.5, 4_000).astype(np.float32)


def fault(*channels: np.ndarray) -> tuple[str, str]:
    """Reason up to its first colon, and detail; in one block and in two."""
    signal = np.stack(channels, axis=1).astype(np.float32)
    found = []
    for blocks in ([signal], [signal[:1_000], signal[1_000:]]):
        samples = Samples()
        for block in blocks:
            samples.add(block)
        found.append(samples.fault())
    assert found[0] == found[1]
    return (found[0][0].partition(":")[0], found[0][1]) if found[0] else ("", "")


def with_one(value: float) -> np.ndarray:
    return np.append(NOISE[1:], np.float32(value))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e39])
def test_values_that_are_not_numbers(value: float) -> None:
    expected = ("samples that are NaN or infinite", "1 of 4000 samples")
    with np.errstate(over="ignore"):
        assert fault(with_one(value)) == fault(NOISE, with_one(value)) == expected


def test_infinities_of_opposite_sign() -> None:
    assert fault(with_one(np.inf), with_one(-np.inf)) == ("samples that are NaN or infinite", "1 of 4000 samples")


def test_far_beyond_full_scale() -> None:
    """Lossy codecs overshoot a little; integers stored as floats do so by far."""
    assert fault(with_one(2.0)) == fault(with_one(-2.0)) == ("", "")
    assert fault(with_one(-2.001)) == ("far beyond full scale", "peak 2.001")
    assert fault(NOISE * 32_768)[0].startswith("far beyond full scale")
    assert fault(np.full(4_000, 3e38), np.full(4_000, 3e38))[0].startswith("far beyond full scale")


def test_digital_silence() -> None:
    """What would be stored as one 16-bit value is silent; half of its smallest step is not."""
    assert fault(np.zeros(4_000)) == ("silent", "all 4000 samples are 0")
    assert fault(np.full(4_000, 0.25)) == ("silent", "all 4000 samples are 0.25")
    assert fault(np.zeros(4_000), np.zeros(4_000))[0] == "silent"
    assert fault(NOISE * 0.9 / 32_768)[0] == "silent"
    assert fault(NOISE * 1.1 / 32_768) == ("", "")
    assert fault(np.append(np.zeros(3_999), 1 / 32_768)) == ("", "")


def test_channels_that_cancel_each_other() -> None:
    assert fault(NOISE, -NOISE) == ("its channels cancel each other", "their mean has 0.00% of their power")
    assert fault(NOISE, -NOISE, NOISE, -NOISE)[0] == "its channels cancel each other"
    assert fault(NOISE, -0.9 * NOISE)[0] == "its channels cancel each other"  # 0.28 per cent are left
    assert fault(NOISE, -0.8 * NOISE) == ("", "")  # 1.2 per cent


def test_any_other_pair_of_channels_is_kept() -> None:
    for other in (NOISE, OTHER, np.zeros(4_000), np.roll(NOISE, 7), -0.5 * NOISE):
        assert fault(NOISE, other) == ("", "")


def test_the_peak_is_that_of_the_mean() -> None:
    samples = Samples()
    samples.add(np.array([[1.5, 0.5], [-1.5, -1.1]], np.float32))
    assert (samples.number, samples.peak, samples.fault()) == (2, pytest.approx(1.3), None)
