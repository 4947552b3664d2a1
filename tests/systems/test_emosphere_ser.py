"""EmoSphere-SER, the network and the losses: layers and their sizes, masks, the weight of regions, gradients."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from helpers.emosphere_folds import SMALL, WIDTH, make_fold
from helpers.training import unlearned
from ser.evaluations import metrics
from ser.runs.contract import Fold
from ser.systems.emosphere_ser import Task, ccc, head, region_weight
from ser.systems.shared.pooling import StatisticsPooling, StylePooling


@pytest.fixture(scope="module")
def fold(tmp_path_factory) -> Fold:
    return make_fold(tmp_path_factory.mktemp("fold"))


def parameters(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_published_sizes():
    assert parameters(StylePooling(1024, 2, 0.1)) == 28_322_816
    assert parameters(head(1024, 1024, 3, 0.5)) == 1_054_723
    assert parameters(head(1024, 1024, 8, 0.5)) == 1_059_848
    assert StatisticsPooling(1024).outputs == 2048
    assert parameters(StatisticsPooling(1024)) == 1024 * 1024 + 1024 + 1024


@pytest.mark.parametrize("make", [lambda: StylePooling(WIDTH, 2, 0.1), lambda: StatisticsPooling(WIDTH)])
def test_pooling_does_not_see_padding(make):
    torch.manual_seed(0)
    pooling = make().eval()
    x, frames = torch.randn(3, 20, WIDTH), torch.tensor([20, 1, 13])
    valid = torch.arange(20) < frames[:, None]
    single = torch.cat(
        [pooling(row[None, :n], torch.ones(1, n, dtype=torch.bool)) for row, n in zip(x, frames, strict=True)]
    )
    torch.testing.assert_close(pooling(x, valid), single, atol=1e-6, rtol=1e-5)
    if isinstance(pooling, StylePooling):  # the published training does
        assert (pooling(x, valid, leaks=True) - single).abs().amax(1).gt(1e-4).tolist() == [False, True, True]


def test_style_attention_is_divided_by_the_root_of_the_models_width():
    torch.manual_seed(0)
    pooling = StylePooling(8, 2, 0.1).eval()
    x, valid = torch.randn(1, 5, 8), torch.ones(1, 5, dtype=torch.bool)
    y = pooling.spectral(x)
    for convolution in pooling.temporal:
        value, gate = convolution(y.mT).mT.chunk(2, dim=2)
        y = y + value * gate.sigmoid()
    query, key, value = pooling.query_key_value(y)[0].chunk(3, dim=1)
    heads = [(query[:, h] @ key[:, h].T / 8**0.5).softmax(1) @ value[:, h] for h in (slice(0, 4), slice(4, 8))]
    y = y + pooling.attended(torch.cat(heads, dim=1))
    torch.testing.assert_close(pooling(x, valid), pooling.last(y).mean(1))


def test_style_attentions_weights_have_dropout():
    torch.manual_seed(0)
    pooling = StylePooling(8, 2, 0.1)
    with torch.no_grad():  # frame t has t everywhere as its value; scores are even; nothing else is random
        for layer in (pooling.query_key_value, pooling.attended):
            layer.weight.zero_(), layer.bias.zero_()
        pooling.query_key_value.bias[16:] = 1
        pooling.attended.weight.copy_(torch.eye(8))
    pooling.train()
    attended = []
    pooling.attended.register_forward_hook(lambda _, __, output: attended.append(output))
    for _ in range(50):
        pooling(torch.zeros(1, 20, 8), torch.ones(1, 20, dtype=torch.bool))
    kept = torch.stack(attended) * 20 * 0.9  # the number of the 20 weights that were kept
    torch.testing.assert_close(kept, kept.round(), atol=1e-4, rtol=0)
    assert kept.unique().numel() > 3 and kept.mean().item() == pytest.approx(18, abs=0.3)


def test_statistics_poolings_scores_start_wide():
    """About one frame of 30 has the weight at the beginning: the vector of scores is drawn from N(0, 1)."""
    torch.manual_seed(0)
    pooling = StatisticsPooling(1024)
    vector = pooling.score[2].weight
    assert vector.std().item() == pytest.approx(1, abs=0.1) and vector.mean().item() == pytest.approx(0, abs=0.1)
    weights = pooling.score(torch.randn(100, 30, 1024)).softmax(dim=1)
    effective = 1 / weights.square().sum(dim=1)
    assert 1 < effective.mean() < 2
    assert pooling(torch.ones(1, 5, 1024), torch.ones(1, 5, dtype=torch.bool))[0, 1024:].unique().item() == (
        pytest.approx(1e-5**0.5)
    )


def test_statistics_pooling_is_mean_and_deviation_where_attention_is_even():
    pooling = StatisticsPooling(4)
    torch.nn.init.zeros_(pooling.score[2].weight)
    x = torch.randn(2, 7, 4)
    expected = torch.cat([x[:, :5].mean(1), x[:, :5].std(1, correction=0)], dim=1)
    torch.testing.assert_close(pooling(x, (torch.arange(7) < 5).expand(2, 7)), expected)


@pytest.mark.parametrize("pooling", ["style", "statistics"])
def test_padding_changes_no_score(fold, pooling):
    task = Task(fold, replace(SMALL, pooling=pooling))
    network = task.network().eval()
    segments = task.examples(fold.train, None)
    assert len({len(segment) for segment in segments}) == 16
    with torch.inference_mode():
        batched = task.forward(network, task.collate(segments, None))
        single = torch.cat([task.forward(network, task.collate([segment], None)) for segment in segments])
        torch.testing.assert_close(batched, single, atol=1e-5, rtol=0)
        assert single.std(0).min() > 1e-3  # otherwise equal outputs would prove nothing


@pytest.mark.parametrize(("padding", "in_training"), [("leaks", [50, 51, 599]), ("masked", [49, 49, 599])])
def test_training_counts_frames_as_published(fold, padding, in_training):
    network = Task(fold, replace(SMALL, padding=padding)).network()
    seen = []
    network.pooling.register_forward_pre_hook(lambda _, given: seen.append((given[1].sum(1).tolist(), given[2])))
    waveforms, samples = torch.randn(3, 192_000), torch.tensor([16_000, 16_001, 192_000])
    with torch.inference_mode():
        for mode in (True, False):
            network.train(mode)(waveforms, samples)
    assert seen == [(in_training, padding == "leaks"), ([49, 49, 599], False)]


def test_the_region_losses_weight():
    weights = [region_weight(SMALL, epoch) for epoch in range(7)]
    assert weights == pytest.approx([1, 0.802, 0.604, 0.406, 0.208, 0, 0], abs=1e-12)
    assert weights[5] == weights[6] == 0
    assert [region_weight(replace(SMALL, region_loss="constant"), epoch) for epoch in (0, 19)] == [1, 1]
    assert [region_weight(replace(SMALL, region_loss="none"), epoch) for epoch in (0, 19)] == [0, 0]


def test_ccc_is_the_reported_one():
    rng = np.random.default_rng(0)
    x, y = rng.uniform(0, 1, (3, 16)), rng.uniform(0, 1, (3, 16))
    found = ccc(torch.tensor(x.T), torch.tensor(y.T))
    np.testing.assert_allclose(found, metrics.ccc(y, x), atol=1e-6)
    constant = torch.full((16, 1), 0.3, requires_grad=True)
    of_constant = ccc(constant, torch.rand(16, 1))
    of_constant.sum().backward()
    assert of_constant.item() == pytest.approx(0, abs=1e-6) and constant.grad.isfinite().all()
    same = torch.rand(16, 2)
    torch.testing.assert_close(ccc(same, same), torch.ones(2))
    # nearly constant: 1e-8 in each root, and in the denominator, is as much as what is there
    x, y = np.array([0.5, 0.5001]), np.array([0.2, 0.2001])
    correlation = 5e-9 / (5e-9 + 1e-8)
    expected = 2 * correlation * 5e-5**2 / (2 * 5e-5**2 + 0.3**2 + 1e-8)
    np.testing.assert_allclose(ccc(torch.tensor(x[:, None]), torch.tensor(y[:, None])), [expected], rtol=1e-6)


def test_loss_is_ccc_plus_weighted_regions(fold):
    task = Task(fold, SMALL)
    batch = task.collate(task.examples(fold.train, None), None)
    outputs = torch.randn(16, 11, generator=torch.Generator().manual_seed(0))
    attributes = 3 - ccc(outputs[:, :3], batch["target"]).sum()
    log_p = outputs[:, 3:].log_softmax(1)[torch.arange(16), batch["region"]]
    weights = task.weights[batch["region"]]
    regions = -(weights * log_p).sum() / weights.sum()
    torch.testing.assert_close(task.loss(outputs, batch, 0), attributes + regions)
    torch.testing.assert_close(task.loss(outputs, batch, 4), attributes + 0.208 * regions)
    torch.testing.assert_close(task.loss(outputs, batch, 5), attributes)
    none = Task(fold, replace(SMALL, region_loss="none"))
    torch.testing.assert_close(none.loss(outputs[:, :3], batch, 0), attributes)
    assert none.network()(batch["waveform"], batch["samples"]).shape == (16, 3)  # nor is there a head for regions
    even = Task(fold, replace(SMALL, class_weights="none", regions="grid_180"))
    ours = even.loss(outputs[:, :6], other := even.collate(even.examples(fold.train, None), None), 0)
    torch.testing.assert_close(ours, attributes + F.cross_entropy(outputs[:, 3:6], other["region"]))


@pytest.mark.parametrize(
    "changes", [{}, {"padding": "masked"}, {"pooling": "statistics"}, {"region_loss": "none", "regions": "grid_30"}]
)
def test_gradients_reach_every_parameter_but_the_front_end(fold, changes):
    torch.manual_seed(0)
    np.random.seed(0)
    task = Task(fold, replace(SMALL, **changes))
    network = task.network().train()
    network.encoder.model.config.layerdrop = 0.0
    without = unlearned(task, network, fold.train)
    assert without == {name for name, _ in network.named_parameters() if "feature_extractor" in name} != set()
