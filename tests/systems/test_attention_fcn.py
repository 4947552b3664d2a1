"""Attention FCN: sizes, the attention's rule, pre-training, independence of padding, gradients, learning."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision.models import alexnet

from helpers import ROOT
from helpers.params import params
from helpers.spectrogram_folds import INPUT, TRAINING, fold_of, make, settings, spectrogram
from helpers.training import unlearned
from ser.encoders.demo import ALEXNET_CHANNELS, write_encoder
from ser.encoders.fetch import save_alexnet
from ser.errors import InputError
from ser.plan.load import load_plan
from ser.runs.contract import Context
from ser.systems import attention_fcn
from ser.systems.attention_fcn import Attention, AttentionFCN, Task, least_size, map_size, run, shapes, widths

PAPER = settings(
    attention_fcn,
    **TRAINING,
    **INPUT,
    backbone="torchvision",
    width=1.0,
    first_stride=4,
    input_norm=False,
    stage_norm="none",
    attention=True,
    attention_scale=0.3,
    head="linear",
    dropout=0.0,
    convolution_dropout=0.0,
)
IMAGE = {"channels": "image", "normalisation": "train_min_max"}
SMALL = replace(PAPER, width=0.1, stage_norm="batch", segment_seconds=1.5, segment_overlap=0.5)


@pytest.mark.parametrize(
    ("backbone", "sizes", "least"),
    [
        # both lines computed by hand for 200 bins: frames -> positions in time
        ("torchvision", {100: 2, 200: 5, 300: 8, 400: 11, 500: 14, 750: 22, 1000: 30}, 63),
        ("krizhevsky", {100: 2, 200: 5, 300: 8, 400: 11, 500: 14, 750: 22, 1000: 30}, 67),
    ],
)
def test_map_sizes(backbone, sizes, least):
    given = replace(PAPER, backbone=backbone)
    assert {frames: map_size(frames, shapes(given)) for frames in sizes} == sizes
    assert least_size(given) == least and map_size(least - 1, shapes(given)) == 0
    network = AttentionFCN(1, 200, 4, given).eval()
    x = torch.zeros(1, 1, 200, 300)
    frames = torch.tensor([300])
    for stage in network.stages:
        x, frames = stage(x, frames)
    assert x.shape == (1, 256, 5, 8) and frames.tolist() == [8]


def convolutions(widths: tuple[int, ...], channels: int) -> int:
    kernels = (11, 5, 3, 3, 3)
    inputs = (channels, *widths[:-1])
    return sum(k * k * i * o + o for k, i, o in zip(kernels, inputs, widths, strict=True))


@pytest.mark.parametrize(
    ("changes", "widths", "extra"),
    [
        ({}, (64, 192, 384, 256, 256), 256 * 256 + 256 + 256 + 256 * 4 + 4),
        ({"attention": False}, (64, 192, 384, 256, 256), 256 * 4 + 4),
        ({"backbone": "krizhevsky", "attention": False}, (96, 256, 384, 384, 256), 256 * 4 + 4),
        ({"head": "hidden", "attention": False}, (64, 192, 384, 256, 256), 256 * 256 + 256 + 256 * 4 + 4),
        ({"stage_norm": "batch", "attention": False}, (64, 192, 384, 256, 256), 2 * 1152 + 256 * 4 + 4),
        ({"stage_norm": "lrn", "attention": False}, (64, 192, 384, 256, 256), 256 * 4 + 4),
    ],
)
@pytest.mark.parametrize("channels", [1, 3])
def test_parameter_counts(changes, widths, extra, channels):
    network = AttentionFCN(channels, 200, 4, replace(PAPER, **changes))
    assert sum(p.numel() for p in network.parameters()) == convolutions(widths, channels) + extra


def test_trunk_of_three_channels_is_torchvisions():
    assert convolutions((64, 192, 384, 256, 256), 3) == 2_469_696  # torchvision's alexnet().features


def test_attention_by_hand():
    attention = Attention(2, scale=0.5)
    with torch.no_grad():
        attention.project.weight.copy_(torch.eye(2))
        attention.project.bias.zero_()
        attention.score.weight.copy_(torch.tensor([[2.0, 0.0]]))
    a = torch.tensor([[[1.0, 3.0], [-1.0, 5.0], [9.0, 9.0]]])
    e = 2 * np.tanh([1.0, -1.0])
    alpha = np.exp(0.5 * e) / np.exp(0.5 * e).sum()
    expected = alpha @ [[1.0, 3.0], [-1.0, 5.0]]
    torch.testing.assert_close(attention(a, torch.tensor([[True, True, False]])), torch.tensor(expected[None]).float())


def test_attention_scale_zero_is_the_plain_average():
    torch.manual_seed(0)
    with_attention = AttentionFCN(1, 72, 4, replace(PAPER, attention_scale=0.0)).eval()
    without = AttentionFCN(1, 72, 4, replace(PAPER, attention=False)).eval()
    without.load_state_dict({k: v for k, v in with_attention.state_dict().items() if not k.startswith("attention")})
    x, frames = torch.randn(2, 1, 72, 150), torch.tensor([150, 150])
    torch.testing.assert_close(with_attention(x, frames), without(x, frames))


@pytest.mark.parametrize("backbone", ["torchvision", "krizhevsky"])
@pytest.mark.parametrize("stage_norm", ["none", "lrn", "batch"])
@pytest.mark.parametrize("attention", [True, False])
def test_batched_equals_single(backbone, stage_norm, attention):
    torch.manual_seed(0)
    given = replace(PAPER, backbone=backbone, stage_norm=stage_norm, attention=attention, width=0.25)
    network = AttentionFCN(1, 72, 4, given)
    for parameter in network.parameters():
        parameter.data += 0.05 * torch.randn_like(parameter)  # biases too: they would leak from the padding
    lengths = torch.tensor([180, 67, 95, 131])
    x = torch.randn(4, 1, 72, 180)
    for row, length in zip(x, lengths, strict=True):
        row[..., length:] = 0
    network(x, lengths)  # batch norm gets running statistics
    network.eval()
    single = torch.cat([network(row[None, :, :, :n], n[None]) for row, n in zip(x, lengths, strict=True)])
    torch.testing.assert_close(network(x, lengths), single, atol=1e-5, rtol=1e-4)


def test_scores_do_not_depend_on_the_batch_size(tmp_path):
    fold = make(tmp_path)
    task = Task(fold, PAPER)
    network = AttentionFCN(1, 72, 4, PAPER).eval()
    segments = task.examples(fold.test, None)
    together = task.scores(task.forward(network, task.collate(segments, None)))
    alone = torch.cat([task.scores(task.forward(network, task.collate([s], None))) for s in segments])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-4)


def test_utterance_shorter_than_the_receptive_field_is_scored(tmp_path):
    rng = np.random.default_rng(0)
    arrays = {name: spectrogram(0, n, 72, rng) for name, n in (("train0", 100), ("train1", 30), ("test0", 5))}
    outcome = run(fold_of(tmp_path, arrays, {"train0": 0, "train1": 1, "test0": 0}), SMALL, Context(seed=1))
    assert outcome.scores.shape == (1, 4) and np.isfinite(outcome.scores).all()


def pretrained(tmp_path: Path, **changes) -> tuple:
    """A fold with the demo's AlexNet as its backbone, and the settings that fit it."""
    write_encoder("alexnet", tmp_path / "alexnet", seed=1)
    fold = replace(make(tmp_path), encoders={"backbone": tmp_path / "alexnet"})
    return fold, replace(SMALL, **IMAGE | {"width": 0.125} | changes)


def test_the_weights_give_torchvisions_features(tmp_path):
    torch.manual_seed(0)
    theirs = alexnet(weights=None).features.eval()
    save_alexnet({f"features.{name}": tensor for name, tensor in theirs.state_dict().items()}, tmp_path / "alexnet")
    fold = replace(make(tmp_path), encoders={"backbone": tmp_path / "alexnet"})
    network = Task(fold, replace(PAPER, **IMAGE)).network().eval()
    x, frames = torch.randn(2, 3, 224, 224), torch.tensor([224, 224])
    ours = x
    with torch.inference_mode():
        for stage in network.stages:
            ours, frames = stage(ours, frames)
        torch.testing.assert_close(ours, theirs(x))
    assert frames.tolist() == [6, 6]


def test_pretrained_and_random_rows_differ_in_the_convolutions_alone(tmp_path):
    fold, given = pretrained(tmp_path)
    torch.manual_seed(3)
    started = Task(fold, given).network().state_dict()
    torch.manual_seed(3)
    fresh = Task(replace(fold, encoders={}), given).network().state_dict()
    differ = {name for name in fresh if not torch.equal(fresh[name], started[name])}
    assert differ == {f"stages.{i}.convolution.{what}" for i in range(5) for what in ("weight", "bias")}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"channels": "static"}, "setting channels is static, but .*alexnet was trained on images: use image"),
        ({"normalisation": "train_bins"}, "channels image needs normalisation train_min_max, not train_bins"),
        ({"width": 0.25}, "alexnet: its convolutions are 8x3x11x11 .*, but the row's settings ask for 16x3x11x11"),
        ({"backbone": "krizhevsky"}, "alexnet: its convolutions are 8x3x11x11 .*, but the row's settings ask for 12x3"),
    ],
)
def test_weights_that_do_not_fit_the_settings_are_refused(tmp_path, changes, message):
    with pytest.raises(InputError, match=message):
        run(*pretrained(tmp_path, **changes), Context(seed=1))


def test_a_misspelt_or_wrong_encoder_is_never_random_weights(tmp_path):
    fold, given = pretrained(tmp_path)
    with pytest.raises(InputError, match="has one encoder, `backbone`, but the row names backbome"):
        run(replace(fold, encoders={"backbome": tmp_path / "alexnet"}), given, Context(seed=1))
    write_encoder("hubert_base", tmp_path / "hubert", seed=1)
    with pytest.raises(InputError, match="hubert: model type hubert, not alexnet"):
        run(replace(fold, encoders={"backbone": tmp_path / "hubert"}), given, Context(seed=1))


@pytest.mark.parametrize(
    "changes",
    [
        *({}, {"backbone": "krizhevsky", "stage_norm": "lrn"}, {"head": "hidden"}, {"channels": "deltas"}),
        *({"attention": False}, {"attention_scale": 1.0}, {"segment_seconds": 0.0}),
    ],
)
def test_gradients_reach_every_parameter(tmp_path, changes):
    fold, given = make(tmp_path), replace(SMALL, **changes)
    task = Task(fold, given)
    assert unlearned(task, task.network(), fold.train) == set()


def test_gradients_reach_every_parameter_that_was_pretrained(tmp_path):
    fold, given = pretrained(tmp_path)
    task = Task(fold, given)
    assert unlearned(task, task.network(), fold.train) == set()


@pytest.mark.parametrize("is_pretrained", [False, True])
def test_overfits_sixteen_utterances(tmp_path, is_pretrained):
    fold, given = pretrained(tmp_path) if is_pretrained else (make(tmp_path), SMALL)
    given = replace(given, epochs=25, learning_rate=0.01)
    outcome = run(replace(fold, dev=fold.train, test=fold.train), given, Context(seed=1))
    assert (outcome.scores.argmax(1) == fold.train.targets).mean() > 0.95
    assert outcome.facts["parameters"] == sum(
        array.size
        for name, array in outcome.model.items()
        if not any(word in name for word in ("running", "num_batches", "fitted"))
    )


def test_same_seed_same_bits(tmp_path):
    fold = make(tmp_path)
    given = replace(SMALL, masks=1, mask_seconds=0.2, mask_bins=8, tempo=0.1, mixup=0.3, dropout=0.2, average_decay=0.9)
    first, again, other = (run(fold, given, Context(seed=seed)) for seed in (1, 1, 2))
    assert first.scores.tobytes() == again.scores.tobytes() != other.scores.tobytes()
    assert first.history == again.history


def test_learns_from_a_last_batch_of_one(tmp_path):
    """As the code does: batch norm has all bins and frames of the one example, so it learns from it."""
    given = replace(SMALL, input_norm=True, last_batch="alone", batch_size=16, epochs=1)
    fold = make(tmp_path, per_part=(17, 0, 4))
    outcome = run(fold, given, Context(seed=1))
    assert np.isfinite(outcome.scores).all() and outcome.model["input_norm.num_batches_tracked"] == 2


def test_too_few_bins_are_named(tmp_path):
    with pytest.raises(InputError, match="the spectrogram has 40 bins, but backbone torchvision .* needs 63"):
        run(make(tmp_path, bins=40), PAPER, Context(seed=1))


def test_input_norm_by_hand():
    """Each channel has mean 0 and deviation 1 over all bins and frames of the batch, padding left out."""
    rng = np.random.default_rng(0)
    network = AttentionFCN(2, 72, 4, replace(PAPER, input_norm=True, width=0.1))
    lengths = [90, 70, 80]
    x = rng.normal(3, 2, (3, 2, 72, 90))
    for row, length in zip(x, lengths, strict=True):
        row[..., length:] = 0
    inputs: list[np.ndarray] = []
    network.stages[0].register_forward_pre_hook(lambda _, given: inputs.append(given[0].detach().numpy()))
    for is_training in (True, False):
        network.train(is_training)
        network(torch.from_numpy(x).float(), torch.tensor(lengths))
    expected = np.zeros((2, *x.shape))
    for channel in range(2):
        values = np.concatenate([row[channel, :, :n].ravel() for row, n in zip(x, lengths, strict=True)])
        running = 0.1 * values.mean(), 0.9 + 0.1 * values.var(ddof=1)
        for of, (mean, variance) in zip(expected, ((values.mean(), values.var()), running), strict=True):
            for row, given, n in zip(of, x, lengths, strict=True):
                row[channel, :, :n] = (given[channel, :, :n] - mean) / np.sqrt(variance + 1e-5)
    np.testing.assert_allclose(inputs, expected, atol=1e-4)


@pytest.mark.parametrize("scale", ["demo", "paper"])
def test_the_features_of_every_row_are_large_enough_for_its_network(scale):
    for group in load_plan(params(scale=scale, experiments={"attention_fcn": "all"}), ROOT).groups:
        spec, given = group.features["spectrogram"], attention_fcn.Settings(**group.settings)
        assert spec.get("n_mels", spec.get("n_bins")) >= least_size(given), group.name
        assert (given.channels == "image") and (given.normalisation == "train_min_max"), group.name
        if group.encoders and scale == "demo":
            assert widths(given) == ALEXNET_CHANNELS, group.name
