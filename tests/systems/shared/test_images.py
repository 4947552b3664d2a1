"""Images are PIL's, to the bit."""

import numpy as np
import pytest
import torch
from PIL import Image

from ser.systems.shared.images import DEVIATION, MEAN, ToImage


def levels(bins: int) -> np.ndarray:
    """Noise, a stretch of the loudest and a fine pattern, in which many sums lie half-way between two levels."""
    x = np.random.default_rng(0).integers(0, 256, (bins, 300), np.uint8)
    x[40:80, 50:200] = 255
    x[80:110] = 7 * (np.arange(30)[:, None] % 3) + np.arange(300) % 2
    return x


def pixels(given: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The three channels, back in 0 to 255."""
    image = ToImage(given.shape, size)(torch.from_numpy(given)[None])[0].double().numpy()
    assert image.shape == (3, *size)
    return 255 * (image * np.array(DEVIATION)[:, None, None] + np.array(MEAN)[:, None, None])


# The published image of 200 bins and of 128, the demo's, and others. (Where one side grows and the other shrinks, PIL
# now begins with the columns; it began with the rows when the code was written.)
@pytest.mark.parametrize(
    ("bins", "size"),
    [(200, (256, 384)), (128, (256, 600)), (200, (64, 96)), (200, (32, 48)), (200, (33, 47)), (120, (333, 451))],
)
def test_the_image_is_that_of_pil(bins, size):
    expected = np.asarray(Image.fromarray(levels(bins)).resize(size[::-1], Image.Resampling.BILINEAR))
    for channel in pixels(levels(bins), size):
        np.testing.assert_allclose(channel, expected, atol=1e-4)
    once = np.abs(pixels(levels(bins).astype(np.float32), size)[0] - expected)  # what is not 8-bit is not rounded
    assert once.max() <= 1.01 and (once > 0.1).mean() > 0.2


def test_a_colour_that_fills_the_image_stays():
    full = np.full((200, 300), 255, np.uint8)
    np.testing.assert_allclose(pixels(full, (256, 384)), 255, atol=1e-4)
