"""One optimiser step: micro-batches, precision, and what happens when memory runs out."""

import numpy as np
import pytest
import torch
from torch import nn

from ser.errors import InputError
from ser.training.state import State
from ser.training.step import Step


class Ccc:
    """1 - CCC of a network with dropout and batch norm: a loss that is not a mean over its examples."""

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
    made: nn.Module, task: Ccc, micro: int, precision: str = "float32", clip: float = 0.0, cached: bool = True
) -> Step:
    scaler = torch.amp.GradScaler("cpu", enabled=precision == "float16")
    state = State(made, torch.optim.SGD(made.parameters(), 0.1), None, scaler, micro, cached)
    return Step(task, state, precision, clip, "cpu")


def weights(made: nn.Module) -> torch.Tensor:
    return nn.utils.parameters_to_vector(made.parameters()).detach()


@pytest.mark.parametrize("cached", [False, True])
@pytest.mark.parametrize("micro", [1, 4, 5, 12])
def test_micro_batches_have_the_gradient_of_the_whole_batch(micro, cached):
    whole, pieces = network(), network()
    losses = step(whole, Ccc(), 0)([batch(), batch(7)], 2)
    task = Ccc()
    torch.testing.assert_close(step(pieces, task, micro, cached=cached)([batch(), batch(7)], 2), losses)
    torch.testing.assert_close(weights(pieces), weights(whole))
    assert max(task.sizes) == {1: 1, 4: 4, 5: 5, 12: 7}[micro]  # 13 split as evenly as pieces of at most `micro` allow
    assert not torch.allclose(weights(whole), weights(network()))


def test_dropout_is_the_same_in_both_passes():
    """If it were drawn again, the gradient would belong to other outputs than those that the loss has seen."""
    made = network(nn.Dropout(0.5))
    seen: list[torch.Tensor] = []
    made[1].register_forward_hook(lambda module, inputs, output: seen.append((output == 0).detach()))
    torch.manual_seed(0)
    np.random.seed(0)
    step(made, Ccc(), 5)([batch()], 1)
    assert len(seen) == 6  # 13 examples are 5 + 4 + 4, twice
    assert all(torch.equal(first, second) for first, second in zip(seen[:3], seen[3:], strict=True))
    assert not torch.equal(seen[0], seen[1])


@pytest.mark.parametrize("cached", [False, True])
def test_batch_norm_counts_each_example_once(cached):
    split, whole = network(nn.BatchNorm1d(8)), network(nn.BatchNorm1d(8))
    step(split, Ccc(), 6, cached=cached)([batch(12)], 1)
    for piece in (batch(12)["x"][:6], batch(12)["x"][6:]):
        whole.train()(piece)
    torch.testing.assert_close(split[1].running_mean, whole[1].running_mean)
    torch.testing.assert_close(split[1].running_var, whole[1].running_var)
    assert split[1].momentum == 0.1


def test_out_of_memory_changes_nothing_but_the_size_of_the_pieces(caplog):
    """Two batches a step, the second too large: what the first did to gradients and batch norm must be undone."""
    tried, expected = network(nn.BatchNorm1d(8)), network(nn.BatchNorm1d(8))
    task = Ccc(limit=4)
    made = step(tried, task, 0, cached=False)
    losses = made([batch(4), batch(13)], 2)
    assert (made.state.micro_batch, made.state.is_cached) == (4, True)
    assert task.sizes[:5] == [4, 13, 4, 7, 4]
    assert "4 examples at a time" in caplog.text
    torch.testing.assert_close(losses, step(expected, Ccc(), 4)([batch(4), batch(13)], 2))
    torch.testing.assert_close(tried.state_dict()["1.running_mean"], expected.state_dict()["1.running_mean"])
    torch.testing.assert_close(weights(tried), weights(expected))


def test_pieces_that_do_not_fit_together_are_cached_before_they_are_halved():
    made = step(network(), Ccc(limit=5), 5, cached=False)
    made.task.loss = fail_once(made.task.loss)
    made([batch(13)], 1)
    assert (made.state.micro_batch, made.state.is_cached) == (5, True)


def fail_once(loss):
    failures = iter([torch.OutOfMemoryError("CUDA out of memory")])

    def failing(*arguments):
        if error := next(failures, None):
            raise error
        return loss(*arguments)

    return failing


def test_memory_for_not_even_one_example_is_one_line():
    with pytest.raises(InputError, match="cpu: its memory is too small for one example"):
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
