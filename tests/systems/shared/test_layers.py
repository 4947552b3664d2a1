"""Layers that take masks."""

import torch

from ser.systems.shared.layers import MaskedBatchNorm, filled


def test_filled():
    assert filled(torch.tensor([2, 0, 3]), 3).tolist() == [[True, True, False], [False] * 3, [True] * 3]


def test_masked_batch_norm_is_batch_norm_of_the_valid_positions():
    torch.manual_seed(0)
    x, y = torch.randn(3, 5, 4, 7), torch.randn(3, 5, 4, 7)
    valid = filled(torch.tensor([7, 3, 5]), 7)
    rows = valid[:, None].expand(-1, 4, -1)
    ours, reference = MaskedBatchNorm(5), torch.nn.BatchNorm1d(5)
    with torch.no_grad():
        ours.weight.copy_(torch.rand(5))
        reference.weight.copy_(ours.weight)
    mine, theirs = x.clone().requires_grad_(), x.clone().requires_grad_()
    got = ours(mine, valid).permute(0, 2, 3, 1)[rows]
    expected = reference(theirs.permute(0, 2, 3, 1)[rows])
    torch.testing.assert_close(got, expected)
    weight = y.permute(0, 2, 3, 1)[rows]
    (got * weight).sum().backward()
    (expected * weight).sum().backward()
    torch.testing.assert_close(mine.grad, theirs.grad, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(ours.weight.grad, reference.weight.grad, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(ours.running_mean, reference.running_mean)
    torch.testing.assert_close(ours.running_var, reference.running_var)
