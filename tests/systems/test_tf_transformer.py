"""Time-Frequency Transformer: tokens, stages, independence of padding, gradients, learning."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from helpers.spectrogram_folds import INPUT, TRAINING, make, settings
from helpers.training import unlearned
from ser.errors import InputError
from ser.runs.contract import Context
from ser.systems import tf_transformer
from ser.systems.tf_transformer import Task, TimeFrequencyTransformer, run, sinusoids

SMALL = settings(
    tf_transformer,
    **TRAINING,
    **INPUT | {"segment_seconds": 1.5, "segment_overlap": 0.5},
    tokens="patch",
    stem="linear",
    patch_frames=8,
    patch_bins=16,
    time=True,
    frequency=True,
    joint=True,
    fusion="sum",
    depth=1,
    joint_depth=1,
    width=16,
    heads=2,
    feedforward=32,
    dropout=0.0,
    pooling="mean",
)
VARIANTS = [
    {},
    {"stem": "convolution"},
    {"fusion": "concat", "pooling": "attention"},
    {"fusion": "cross_attention", "pooling": "cls"},
    {"tokens": "whole", "patch_bins": 5, "patch_frames": 7},
    {"tokens": "whole", "fusion": "concat", "pooling": "cls"},
    {"tokens": "whole", "fusion": "cross_attention"},
    {"frequency": False},
    {"time": False, "pooling": "attention"},
    {"joint": False},
    {"time": False, "frequency": False},
    {"time": False, "joint": False},
    {"frequency": False, "joint": False},
    {"tokens": "whole", "patch_frames": 1, "patch_bins": 1, "fusion": "concat"},
]
BINS, FRAMES = 72, 150


def network(**changes) -> TimeFrequencyTransformer:
    torch.manual_seed(0)
    return TimeFrequencyTransformer(1, BINS, FRAMES, 4, replace(SMALL, **changes))


def layer(width: int, feedforward: int) -> int:
    return 4 * width * width + 4 * width + 2 * width * feedforward + feedforward + width + 4 * width


@pytest.mark.parametrize(
    ("changes", "stem", "extra"),
    [
        ({}, 8 * 16 * 16 + 16, 0),
        # 16 x 8 cells: four convolutions to 4, 8, 12, 16 channels, no bias, two numbers of batch norm a channel
        ({"stem": "convolution"}, 9 * (4 + 32 + 96 + 192) + 2 * 40, 0),
        ({"tokens": "whole", "patch_bins": 9}, 72 * 8 * 16 + 16 + 9 * 152 * 16 + 16, 3 * 16),
        ({"pooling": "cls"}, 8 * 16 * 16 + 16, 16),
        ({"pooling": "attention"}, 8 * 16 * 16 + 16, 17),
        ({"fusion": "cross_attention"}, 8 * 16 * 16 + 16, 4 * 16 * 16 + 4 * 16),
    ],
)
def test_parameter_counts(changes, stem, extra):
    # 72 bins are 5 bands of 16, or 8 of 9
    stages = 3 * (layer(16, 32) + 2 * 16)
    expected = stem + 5 * 16 + stages + extra + 16 * 4 + 4
    assert sum(p.numel() for p in network(**changes).parameters()) == expected


def test_deeper_stages_have_their_own_depths():
    more = sum(p.numel() for p in network(depth=3, joint_depth=2).parameters())
    assert more - sum(p.numel() for p in network().parameters()) == (2 + 2 + 1) * layer(16, 32)


@pytest.mark.parametrize("changes", VARIANTS)
def test_batched_equals_single(changes):
    made = network(**changes)
    for parameter in made.parameters():
        parameter.data += 0.05 * torch.randn_like(parameter)
    lengths = torch.tensor([150, 1, 83, 128])
    x = torch.randn(4, 1, BINS, 150)
    for row, length in zip(x, lengths, strict=True):
        row[..., length:] = 0
    made(x, lengths)  # batch norm gets running statistics
    for training in (True, False) if changes.get("stem") != "convolution" else (False,):
        made.train(training)  # in evaluation torch takes another path through its encoder
        with torch.inference_mode():
            single = torch.cat([made(row[None, :, :, :n], n[None]) for row, n in zip(x, lengths, strict=True)])
            torch.testing.assert_close(made(x, lengths), single, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("changes", VARIANTS)
def test_gradients_reach_every_parameter(tmp_path, changes):
    fold = make(tmp_path)
    task = Task(fold, replace(SMALL, **changes))
    assert unlearned(task, task.network(), fold.train) == set()


def receives(changes: dict, change_frame: int, change_band: int) -> np.ndarray:
    """Which cells [F', T'] of a branch's output change when one cell of the input does."""
    made = network(patch_bins=12, **changes).eval()
    x = torch.randn(1, 1, 72, 144)
    y = x.clone()
    y[0, 0, change_band * 12 : change_band * 12 + 12, change_frame * 8 : change_frame * 8 + 8] += 1
    frames = torch.tensor([144])
    with torch.no_grad():
        branch = 1 if changes["time"] else 2
        moved = (made._grid(x, frames)[branch] - made._grid(y, frames)[branch]).abs().sum(-1) > 1e-7
    return moved.view(6, 18).numpy()


def test_time_stage_looks_along_rows_and_frequency_stage_along_columns():
    row, column = np.zeros((6, 18), bool), np.zeros((6, 18), bool)
    row[2], column[:, 7] = True, True
    np.testing.assert_array_equal(receives({"time": True, "frequency": False}, 7, 2), row)
    np.testing.assert_array_equal(receives({"time": False, "frequency": True}, 7, 2), column)


def test_order_in_time_matters():
    made = network().eval()
    x = torch.randn(1, 1, BINS, 144)
    turned = x.view(1, 1, BINS, 18, 8).flip(3).reshape(x.shape)
    frames = torch.tensor([144])
    assert not torch.allclose(made(x, frames), made(turned, frames), atol=1e-4)


def test_sinusoids():
    table = sinusoids(5, 4, torch.zeros(1))
    torch.testing.assert_close(table[3], torch.tensor([math.sin(3), math.cos(3), math.sin(0.03), math.cos(0.03)]))


@pytest.mark.parametrize("changes", [{}, {"stem": "convolution"}, {"tokens": "whole", "fusion": "concat"}])
def test_overfits_sixteen_utterances(tmp_path, changes):
    fold = make(tmp_path)
    given = replace(SMALL, epochs=40, learning_rate=0.005, **changes)
    outcome = run(replace(fold, dev=fold.train, test=fold.train), given, Context(seed=1))
    assert (outcome.scores.argmax(1) == fold.train.targets).mean() > 0.95


def test_whole_utterances_of_any_length(tmp_path):
    outcome = run(make(tmp_path), replace(SMALL, segment_seconds=0.0), Context(seed=1))
    assert outcome.scores.shape == (8, 4)
    np.testing.assert_allclose(np.exp(outcome.scores).sum(1), 1, atol=1e-6)


def test_same_seed_same_bits(tmp_path):
    fold = make(tmp_path)
    given = replace(SMALL, stem="convolution", masks=1, mask_seconds=0.2, tempo=0.1, dropout=0.2, average_decay=0.9)
    first, again, other = (run(fold, given, Context(seed=seed)) for seed in (1, 1, 2))
    assert first.scores.tobytes() == again.scores.tobytes() != other.scores.tobytes()
    assert first.history == again.history


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"time": False, "frequency": False, "joint": False}, "at least one stage"),
        ({"width": 15, "heads": 3}, "width is 15"),
        ({"heads": 3}, "multiple of heads"),
        ({"pooling": "cls", "joint": False}, "pooling cls needs joint"),
        ({"tokens": "whole", "segment_seconds": 0.0}, "segment_seconds above 0"),
        ({"tokens": "whole", "stem": "convolution"}, "it needs tokens patch"),
        ({"stem": "convolution", "patch_bins": 12}, r"powers of 2, not \(12, 8\)"),
    ],
)
def test_settings_that_do_not_fit_are_named(tmp_path, changes, words):
    with pytest.raises(InputError, match=words):
        run(make(tmp_path), replace(SMALL, **changes), Context(seed=1))
