"""One optimiser step: micro-batches, precision, and what happens when memory runs out."""

import numpy as np
import pytest
import torch
from torch import nn

from ser.checkpoint import State
from ser.errors import InputError
from ser.step import Step


class Ccc:
    """1 - CCC of a network with dropout and batch norm: a loss that is no mean over its examples."""

    def __init__(self, limit: int = 10**9) -> None:
        self.limit = limit
        self.sizes: list[int] = []

    def forward(self, network, batch):
        self.sizes.append(len(batch["x"]))
        if len(batch["x"]) > self.limit:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return network(batch["x"])[:, 0]

    def loss(self, outputs, batch, epoch):
        x, y = outputs, batch["y"]
        covariance = ((x - x.mean()) * (y - y.mean())).mean()
        spread = x.var(correction=0) + y.var(correction=0) + (x.mean() - y.mean()) ** 2
        return batch["factor"] * (1 - 2 * covariance / spread)


def network(*layers: nn.Module) -> nn.Module:
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(5, 8), *layers, nn.Tanh(), nn.Linear(8, 1))


def batch(n: int = 13) -> dict[str, torch.Tensor]:
    torch.manual_seed(n)
    return {"x": torch.randn(n, 5), "y": torch.randn(n), "factor": torch.tensor(0.5)}


def step(
    made: nn.Module, task: Ccc, micro: int, precision: str = "float32", clip: float = 0.0, rate: float = 0.1
) -> Step:
    scaler = torch.amp.GradScaler("cpu", enabled=precision == "float16")
    return Step(
        task, State(made, torch.optim.SGD(made.parameters(), rate), None, scaler), precision, clip, "cpu", micro
    )


def weights(made: nn.Module) -> torch.Tensor:
    return nn.utils.parameters_to_vector(made.parameters()).detach()


@pytest.mark.parametrize("micro", [1, 4, 5, 12])
def test_micro_batches_have_the_gradient_of_the_whole_batch(micro):
    whole, pieces = network(), network()
    losses = step(whole, Ccc(), 0)([batch(), batch(7)], 2)
    task = Ccc()
    torch.testing.assert_close(step(pieces, task, micro)([batch(), batch(7)], 2), losses)
    torch.testing.assert_close(weights(pieces), weights(whole))
    assert max(task.sizes) == micro
    assert not torch.allclose(weights(whole), weights(network()))


def test_dropout_is_the_same_in_both_passes():
    """Were it drawn anew, the gradient would belong to other outputs than those that the loss has seen."""
    made = network(nn.Dropout(0.5))
    seen: list[torch.Tensor] = []
    made[1].register_forward_hook(lambda module, inputs, output: seen.append((output == 0).detach()))
    torch.manual_seed(0)
    np.random.seed(0)
    step(made, Ccc(), 5)([batch()], 1)
    assert len(seen) == 6  # 13 examples are 5 + 5 + 3, twice
    assert all(torch.equal(first, second) for first, second in zip(seen[:3], seen[3:], strict=True))
    assert not torch.equal(seen[0], seen[1])


def test_batch_norm_counts_each_example_once():
    split, whole = network(nn.BatchNorm1d(8)), network(nn.BatchNorm1d(8))
    step(split, Ccc(), 6)([batch(12)], 1)
    for piece in (batch(12)["x"][:6], batch(12)["x"][6:]):
        whole.train()(piece)
    torch.testing.assert_close(split[1].running_mean, whole[1].running_mean)
    torch.testing.assert_close(split[1].running_var, whole[1].running_var)
    assert split[1].momentum == 0.1


def test_out_of_memory_halves_the_micro_batch_and_changes_nothing_else(caplog):
    whole, pieces = network(), network()
    step(whole, Ccc(), 0)([batch()], 1)
    task = Ccc(limit=4)
    made = step(pieces, task, 0)
    made([batch()], 1)
    assert made.micro == 4 and task.sizes[:2] == [13, 7]
    assert "4 examples at a time" in caplog.text
    torch.testing.assert_close(weights(pieces), weights(whole))


def test_memory_for_not_even_one_example_is_one_line():
    with pytest.raises(InputError, match="cpu: its memory does not do for one example"):
        step(network(), Ccc(limit=0), 0)([batch()], 1)


def test_float16_scales_the_loss_and_not_the_step():
    exact, half = network(), network()
    step(exact, Ccc(), 0, clip=0.01)([batch()], 1)
    made = step(half, Ccc(), 5, "float16", clip=0.01)
    made([batch()], 1)
    torch.testing.assert_close(weights(half), weights(exact), atol=2e-3, rtol=1e-2)
    assert made.state.scaler.get_scale() == 65536


def test_float16_skips_a_step_whose_gradient_overflows():
    made = network()
    before = weights(made).clone()
    half = step(made, Ccc(), 0, "float16")
    half([batch() | {"factor": torch.tensor(1e30)}], 1)
    assert torch.equal(weights(made), before) and half.state.scaler.get_scale() == 32768
