"""Attention FCN as the code that we cite has it: trunk, features, training; and what scale `free` has instead."""

import numpy as np
import scipy.signal
import torch
from torch import nn
from torchvision.models import alexnet

from helpers import ROOT
from helpers.params import params
from helpers.spectrogram_folds import INPUT, TRAINING, settings
from ser.features.spec import open_extractor, validate_spec
from ser.plan.groups import Group
from ser.plan.load import load_plan
from ser.systems import attention_fcn
from ser.systems.attention_fcn import AttentionFCN

CODE = settings(
    attention_fcn,
    **TRAINING,
    **INPUT,
    backbone="torchvision",
    width=1.0,
    first_stride=4,
    input_norm=True,
    stage_norm="batch",
    attention=True,
    attention_scale=0.3,
    head="hidden",
    dropout=0.2,
    convolution_dropout=0.0,
)


def test_the_trunk_is_that_of_the_code():
    """torchvision's convolutions with batch normalisation of the input and after each of them, as the facts have it."""
    torch.manual_seed(0)
    ours = AttentionFCN(3, 200, 4, CODE)
    layers: list[nn.Module] = [nn.BatchNorm2d(3)]
    for layer in alexnet(weights=None).features:
        layers.append(layer)
        if isinstance(layer, nn.Conv2d):
            layers.append(nn.BatchNorm2d(layer.out_channels))
    theirs = nn.Sequential(*layers)
    ours.start_from([(layer.weight, layer.bias) for layer in layers if isinstance(layer, nn.Conv2d)])
    of_stages = sum(p.numel() for p in (*ours.stages.parameters(), *ours.input_norm.parameters()))
    assert of_stages == sum(p.numel() for p in theirs.parameters()) == 2_469_696 + 2 * (3 + 1152)
    x, frames = torch.randn(4, 3, 200, 300) * 5 + 1, torch.tensor([300] * 4)
    for is_training in (True, False):
        ours.train(is_training)
        theirs.train(is_training)
        found, length = ours.input_norm(x, torch.ones(4, 300, dtype=torch.bool)), frames
        for stage in ours.stages:
            found, length = stage(found, length)
        torch.testing.assert_close(found, theirs(x), atol=1e-4, rtol=1e-4)


def group(scale: str, experiment: str, row: str) -> Group:
    groups = load_plan(params(scale=scale, experiments={experiment: [row]}), ROOT).groups
    return next(group for group in groups if group.row == row)


def test_published_features_are_the_codes():
    """Read from the facts with scipy: pre-emphasis of 0.97, 40 ms in 800 points, reflection, dB below the maximum."""
    rng = np.random.default_rng(1)
    x = (rng.normal(0, 0.1, 9_000) * np.linspace(0.01, 1, 9_000)).astype(np.float32)
    found = open_extractor(group("paper", "attention_fcn", "full").features["spectrogram"]).compute([x])[0]
    signal = np.pad(scipy.signal.lfilter([1, -0.97], [1], x.astype(np.float64)), 400, mode="reflect")
    window = np.pad(scipy.signal.get_window("hamming", 640), 80)
    frames = np.array([signal[start : start + 800] * window for start in range(0, 9_001, 160)])
    level = 20 * np.log10(np.maximum(np.abs(np.fft.rfft(frames)), 1e-5))
    assert found.shape == (57, 200)
    np.testing.assert_allclose(found, np.maximum(level - level.max(), -80)[:, :200], atol=5e-3)


def test_published_training_is_that_of_the_fold_script():
    published = group("paper", "attention_fcn", "full")
    script = {
        "optimiser": "adamw",
        "learning_rate": 1e-4,
        "weight_decay": 0.01,
        "schedule": "constant",
        "epochs": 200,
        "batch_size": 32,
        "dropout": 0.2,
        "gradient_clip": 0.0,
        "class_weights": "none",
        "mixup": 0.0,
        "criterion": "WA",
        "input_norm": True,
    }
    assert {name: published.settings[name] for name in script} == script
    assert {published.sources[name] for name in script} == {"code"}


FREE = {
    "accumulation": 1,
    "attention": True,
    "attention_scale": 0.3,
    "average_decay": 0.98,
    "backbone": "torchvision",
    "batch_size": 32,
    "bucketing": 0,
    "channels": "static",
    "class_weights": "balanced",
    "convolution_dropout": 0.0,
    "criterion": "UA",
    "dropout": 0.2,
    "epochs": 5,
    "first_stride": 4,
    "gain": 0.0,
    "gradient_clip": 5.0,
    "head": "linear",
    "input_norm": False,
    "label_smoothing": 0.0,
    "last_batch": "joined",
    "learning_rate": 0.001,
    "mask_bins": 16,
    "mask_seconds": 0.5,
    "masks": 1,
    "micro_batch": 0,
    "mixup": 0.3,
    "normalisation": "train_bins",
    "optimiser": "adamw",
    "patience": 0,
    "precision": "float32",
    "schedule": "one_cycle",
    "segment_overlap": 0.5,
    "segment_seconds": 3.0,
    "stage_norm": "batch",
    "steps_per_epoch": 72,
    "tempo": 0.2,
    "warp": 0.1,
    "weight_decay": 0.01,
    "width": 0.5,
}


def test_the_row_at_scale_free_keeps_its_settings():
    """Its values in docs/results.md were computed with these."""
    free = group("free", "fair", "attention_fcn")
    log_mel = {"kind": "log_mel", "n_mels": 64, "reference": "utterance_max"}
    assert free.features == {"spectrogram": validate_spec(log_mel)}
    assert free.features["spectrogram"]["pre_emphasis"] == 0 and free.features["spectrogram"]["edges"] == "silence"
    assert free.settings == FREE
