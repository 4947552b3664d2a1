"""What a network trained on ImageNet expects of an image, and how one is resized as PIL does it, to the bit."""

import math

import torch
from torch import Tensor, nn

# What is subtracted from red, green and blue in [0, 1], and what the difference is divided by: torchvision's.
MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)

_ONE = 2**22  # PIL's weights of 8-bit images are integers, with this for 1


class ToImage(nn.Module):
    """Levels 0 to 255, [B, *of], -> the image [B, 3, *size]: resized as PIL does (bilinearly and antialiased, first the
    rows, then the columns; 8-bit levels are rounded after each), copied to three channels, normalised as for ImageNet.
    """

    mean: Tensor
    deviation: Tensor
    down: Tensor
    across: Tensor

    def __init__(self, of: tuple[int, int], size: tuple[int, int]) -> None:
        super().__init__()
        self.size = size
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None], persistent=False)
        self.register_buffer("deviation", torch.tensor(DEVIATION)[:, None, None], persistent=False)
        self.register_buffer("down", bilinear_weights(of[0], size[0]), persistent=False)
        self.register_buffer("across", bilinear_weights(of[1], size[1]).T, persistent=False)

    def forward(self, levels: Tensor) -> Tensor:
        """levels [B, *of] -> image [B, 3, *size]."""
        is_8_bit = not levels.is_floating_point()
        # In float64 a sum of products of integers below 2**53 is exact, in whatever order and on whatever device.
        x = self._scaled(levels.double() @ self.across, is_8_bit)
        x = self._scaled(self.down @ x, is_8_bit)
        return (x.float()[:, None] / 255 - self.mean) / self.deviation

    @staticmethod
    def _scaled(sums: Tensor, is_8_bit: bool) -> Tensor:
        return torch.floor(sums / _ONE + 0.5).clamp(0, 255) if is_8_bit else sums / _ONE


def bilinear_weights(old: int, new: int) -> Tensor:
    """What each of `old` pixels in a line contributes to each of `new` ones, float64 [new, old], integers out of 2**22.

    A triangle around the new pixel's centre, one old pixel to each side; where the line shrinks, as many as are merged.
    """
    scale = old / new
    reach = max(scale, 1.0)
    weights = torch.zeros(new, old, dtype=torch.float64)
    for pixel, line in enumerate(weights):
        centre = (pixel + 0.5) * scale
        first, last = max(0, math.floor(centre - reach + 0.5)), min(old, math.floor(centre + reach + 0.5))
        places = torch.arange(first, last, dtype=torch.float64)
        triangle = (1 - ((places + 0.5 - centre) / reach).abs()).clamp(min=0)
        line[first:last] = torch.floor(triangle / triangle.sum() * _ONE + 0.5)
    return weights
