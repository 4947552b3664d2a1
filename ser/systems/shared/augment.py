"""Random changes to one spectrogram [frames, bins] in training; what is random comes from the generator passed in."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor


def factor(limit: float, generator: np.random.Generator) -> float:
    """A factor between 1 / (1 + limit) and 1 + limit, uniform in its logarithm; 1 where limit is 0."""
    return float(np.exp(generator.uniform(-1, 1) * np.log1p(limit)))


def scale(spectrogram: Tensor, tempo: float, warp: float, floor: Tensor) -> Tensor:
    """Play faster by the factor `tempo` and stretch the band axis by `warp`: [round(frames / tempo), bins].

    Stretching the band axis moves formants and pitch together, as vocal tract length perturbation does (Jaitly
    and Hinton 2013), here linearly on the feature's own scale. Bins without a source get `floor` (a scalar).
    """
    frames, bins = spectrogram.shape
    size = (max(1, round(frames / tempo)), max(1, round(bins * warp)))
    if size == (frames, bins):
        return spectrogram
    scaled = F.interpolate(spectrogram[None, None], size=size, mode="bilinear", align_corners=False)[0, 0]
    if size[1] >= bins:
        return scaled[:, :bins]
    return torch.cat([scaled, floor.expand(size[0], bins - size[1])], dim=1)


def mask(spectrogram: Tensor, frames: int, bins: int, generator: np.random.Generator) -> Tensor:
    """A copy with one stretch of up to `frames` frames and one of up to `bins` bins set to 0, the mean of a
    normalised spectrogram (SpecAugment, Park et al. 2019; widths and places are uniform).
    """
    masked = spectrogram.clone()
    for axis, widest in enumerate((frames, bins)):
        length = masked.shape[axis]
        width = int(generator.integers(0, min(widest, length) + 1))
        masked.narrow(axis, int(generator.integers(0, length - width + 1)), width).zero_()
    return masked


def tilt(spectrogram: Tensor, gain: float, generator: np.random.Generator) -> Tensor:
    """Levels changed by up to `gain`, linearly between five random values along the bins, as by another voice or
    room (FilterAugment's linear kind, Nam et al. 2022).
    """
    bins = spectrogram.shape[1]
    values = generator.uniform(-gain, gain, 5)
    return spectrogram + torch.from_numpy(np.interp(np.linspace(0, 4, bins), np.arange(5), values)).float()
