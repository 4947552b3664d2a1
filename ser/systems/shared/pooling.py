"""From the frames of an utterance to one vector: the two poolings of EmoSphere-SER and of the challenge's baseline."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ser.errors import InputError


class StylePooling(nn.Module):
    """Frames [B, T, width] -> [B, width]: two linear layers, two gated convolutions, self-attention, mean.

    The published layers, after the style encoder of Meta-StyleSpeech; 28,322,816 parameters at width 1024. Scores
    are divided by the root of the model's width, not of a head's, their weights have dropout, too, and there is no
    norm. The published code also sets padded frames to zero before the attention; nothing reads them there.
    """

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        if width % heads:
            raise InputError(f"setting encoder_width is {width}; it must be a multiple of attention_heads ({heads})")
        self.outputs, self.heads = width, heads
        layers = [(nn.Linear(width, width), nn.Mish(), nn.Dropout(dropout)) for _ in range(2)]
        self.spectral = nn.Sequential(*(module for layer in layers for module in layer))
        self.temporal = nn.ModuleList(nn.Conv1d(width, 2 * width, 5, padding=2) for _ in range(2))
        self.query_key_value = nn.Linear(width, 3 * width)
        self.attended = nn.Linear(width, width)
        self.last = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, valid: Tensor, leaks: bool = False) -> Tensor:
        """`valid` bool [B, T] are the frames that count; `leaks` lets the convolutions see the others."""
        padding = ~valid[..., None]
        x = self.spectral(x)
        for convolution in self.temporal:
            if not leaks:
                x = x.masked_fill(padding, 0)
            x = x + self.dropout(F.glu(convolution(x.mT), dim=1)).mT
        query, key, value = self.query_key_value(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        x_mask, scale = valid[:, None, None, :], x.shape[-1] ** -0.5
        dropout = self.dropout.p if self.training else 0.0
        heads = F.scaled_dot_product_attention(query, key, value, attn_mask=x_mask, dropout_p=dropout, scale=scale)
        x = x + self.dropout(self.attended(heads.transpose(1, 2).flatten(2)))
        pooled: Tensor = self.last(x).masked_fill(padding, 0).sum(1) / valid.sum(1, keepdim=True)
        return pooled


class StatisticsPooling(nn.Module):
    """Frames [B, T, width] -> [B, 2 width]: their mean and deviation under attention (Okabe et al. 2018).

    As in the code of the challenge's baseline: a tanh layer as wide as the frames, and a vector of scores without a
    bias that starts from N(0, 1), so that a few frames have nearly all the weight at the beginning.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.outputs = 2 * width
        scores = nn.Linear(width, 1, bias=False)
        nn.init.normal_(scores.weight)
        self.score = nn.Sequential(nn.Linear(width, width), nn.Tanh(), scores)

    def forward(self, x: Tensor, valid: Tensor, leaks: bool = False) -> Tensor:
        """`valid` bool [B, T] are the frames that count; the others never enter, whatever `leaks` says."""
        weights = self.score(x).masked_fill(~valid[..., None], -torch.inf).softmax(dim=1)
        mean = (weights * x).sum(1, keepdim=True)
        variance = (weights * (x - mean).square()).sum(1)
        return torch.cat([mean.squeeze(1), variance.clamp_min(1e-5).sqrt()], dim=1)  # the root of 0 has no gradient
