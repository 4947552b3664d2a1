"""Light-SERNet: shapes at every stage, size, the network by hand, losses, learning."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from helpers import ROOT
from helpers.params import params
from helpers.spectrogram_folds import TRAINING, settings
from helpers.training import unlearned
from ser.errors import InputError
from ser.features.packing import write_store
from ser.features.store import Store
from ser.plan.load import load_plan
from ser.runs.contract import Context, Fold, Part
from ser.systems import light_sernet
from ser.systems.light_sernet import LightSERNet, Task, layer, run

PAPER = settings(
    light_sernet,
    **TRAINING | {"schedule": "constant", "optimiser": "adam", "weight_decay": 2e-6, "gradient_clip": 0.0},
    decay_from=50,
    decay_every=20,
    decay_factor=float(np.exp(-0.15)),
    width=1.0,
    focal_gamma=0.0,
    dropout=0.3,
)
SMALL = replace(PAPER, width=0.125, dropout=0.0)


def fold(folder: Path, lengths: tuple[int, ...] = (60,) * 24) -> Fold:
    """16, 4 and 4 images of four kinds, which differ in the coefficient that swings and in how fast it does."""
    rng, names = np.random.default_rng(0), [f"{part}{i}" for part, n in PARTS.items() for i in range(n)]
    arrays = {}
    for name, frames in zip(names, lengths, strict=True):
        kind = int(name.strip("traindevs")) % 4
        arrays[name] = rng.normal(0, 1, (frames, 40)).astype(np.float32)
        arrays[name][:, 5 + 15 * (kind % 2)] += 6 * np.sign(np.sin(np.arange(frames) / (2 + 6 * (kind // 2))))
    path = folder / "mfcc.safetensors"
    metadata = {"feature": json.dumps({"kind": "clip_mfcc"})}
    write_store(path, names, lambda some: [arrays[name] for name in some], key="k", metadata=metadata)

    def part(prefix: str) -> Part:
        n = PARTS[prefix]
        return Part(tuple(f"{prefix}{i}" for i in range(n)), ("s",) * n, np.arange(n) % 4)

    return Fold(1, ("a", "b", "c", "d"), part("train"), part("dev"), part("test"), {"mfcc": Store(path)})


PARTS = {"train": 16, "dev": 4, "test": 4}


@pytest.mark.parametrize(
    ("frames", "sizes"),
    [
        # [T, F, channels] after the paths and each layer, halves rounded up
        (434, [(217, 20, 96), (109, 10, 64), (55, 5, 96), (28, 5, 128), (14, 5, 160), (14, 5, 320)]),
        (184, [(92, 20, 96), (46, 10, 64), (23, 5, 96), (12, 5, 128), (6, 5, 160), (6, 5, 320)]),
    ],
)
def test_shapes_at_every_stage(frames, sizes):
    network = LightSERNet(4, PAPER).eval()
    image = torch.zeros(2, 1, frames, 40)
    maps = [torch.cat([path(image) for path in network.paths], dim=1)]
    for stage in network.body:
        maps.append(stage(maps[-1]))
    assert [(*x.shape[2:], x.shape[1]) for x in maps] == sizes
    assert network(image).shape == (2, 4)


@pytest.mark.parametrize("classes", [4, 7])
def test_parameters(classes):
    kernels = 32 * (11 * 1 + 1 * 9 + 3 * 3) + 9 * (96 * 64 + 64 * 96 + 96 * 128 + 128 * 160) + 160 * 320
    norms = 2 * (3 * 32 + 64 + 96 + 128 + 160 + 320)
    expected = kernels + norms + 320 * classes + classes
    assert expected == {4: 460_644, 7: 461_607}[classes]
    assert sum(p.numel() for p in LightSERNet(classes, PAPER).parameters()) == expected


@pytest.mark.parametrize(("frames", "published"), [(184, 322e6), (434, 760e6)])
def test_operations_are_those_published(frames, published):
    """Multiplications and additions of the convolutions; the rest (norms, pooling) is 1 % of the published number."""
    network = LightSERNet(4, PAPER).eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(torch.zeros(1, 1, frames, 40))
    assert 0.98 * published < counter.get_total_flops() < published


def test_a_layer_by_hand():
    """An odd number of frames: the last pool averages the one row that is there."""
    made = layer(1, 1, (3, 1), (2, 1)).eval()
    with torch.no_grad():
        made[0].weight.copy_(torch.tensor([1.0, 10.0, 100.0]).view(1, 1, 3, 1))
    x = torch.tensor([1.0, 2.0, 3.0]).view(1, 1, 3, 1)
    expected = torch.tensor([(210 + 321) / 2, 32.0]) / np.sqrt(1 + 1e-5)  # of batch norm at its start
    torch.testing.assert_close(made(x).flatten(), expected)


def test_an_image_is_the_stored_one_and_nothing_is_random(tmp_path):
    given = fold(tmp_path)
    task = Task(given, PAPER)
    examples = task.examples(given.train, np.random.default_rng(0))
    batch = task.collate(examples[:3], np.random.default_rng(0))
    assert batch["mfcc"].shape == (3, 1, 60, 40) and batch["target"].tolist() == [0, 1, 2]
    np.testing.assert_array_equal(batch["mfcc"][2, 0], given.stores["mfcc"]["train2"])


def test_gradients_reach_every_parameter(tmp_path):
    given = fold(tmp_path)
    task = Task(given, replace(PAPER, focal_gamma=2.0))
    assert unlearned(task, task.network(), given.train) == set()


@pytest.mark.parametrize("focal_gamma", [0.0, 2.0])
def test_overfits_sixteen_utterances(tmp_path, focal_gamma):
    given = fold(tmp_path)
    hard = replace(SMALL, focal_gamma=focal_gamma, epochs=30, learning_rate=0.01)
    outcome = run(replace(given, dev=given.train, test=given.train), hard, Context(seed=1))
    assert (outcome.scores.argmax(1) == given.train.targets).mean() > 0.95
    np.testing.assert_allclose(np.exp(outcome.scores).sum(1), 1, atol=1e-5)


def test_same_seed_same_bits(tmp_path):
    given = fold(tmp_path)
    first, again, other = (run(given, replace(SMALL, dropout=0.3), Context(seed=seed)) for seed in (1, 1, 2))
    assert first.scores.tobytes() == again.scores.tobytes() != other.scores.tobytes()


def test_the_learning_rate_falls_in_steps(tmp_path):
    outcome = run(fold(tmp_path), replace(SMALL, epochs=6, decay_from=2, decay_every=3), Context(seed=1))
    rates = [row["learning_rate"] / SMALL.learning_rate for row in outcome.history]
    np.testing.assert_allclose(rates, np.exp([0, 0, -0.15, -0.15, -0.15, -0.3]))


@pytest.mark.parametrize(
    ("lengths", "store", "message"),
    [
        ((60,) * 23 + (61,), "mfcc", "utterances have 60 to 61 frames: use kind clip_mfcc"),
        ((60,) * 24, "spectrogram", "no store `mfcc`: the row needs a feature of kind clip_mfcc"),
    ],
)
def test_a_wrong_feature_is_refused(tmp_path, lengths, store, message):
    given = fold(tmp_path, lengths)
    with pytest.raises(InputError, match=message):
        run(replace(given, stores={store: given.stores["mfcc"]}), SMALL, Context(seed=1))


def test_published_settings_but_for_the_demo():
    """Every claim is about a row with the published network, schedule and clip length."""
    plan = load_plan(params(scale="paper", experiments={"light_sernet": "all"}), ROOT)
    claimed = {(claim["row"], claim["protocol"]) for claim in plan.experiments["light_sernet"]["claims"]}
    groups = [group for group in plan.groups if (group.row, group.protocol_name) in claimed]
    assert len({(group.row, group.protocol_name) for group in groups}) == len(claimed) == 10
    for group in groups:
        given = light_sernet.Settings(**group.settings)
        assert (given.width, given.epochs, given.batch_size, given.learning_rate) == (1.0, 300, 32, 1e-4)
        assert (given.focal_gamma > 0) == group.row.startswith("focal")
        assert group.features["mfcc"]["seconds"] == float(group.row[-2])
        assert group.protocol.folds.kind == "random" and group.protocol.n_folds == 10


def test_the_copy_without_three_whole_classes_is_planned_for_four(shared_data: Path):
    corpora = {"emodb": {"root": str(shared_data / "emodb")}}
    groups = load_plan(params(scale="free", experiments={"light_sernet": ["ce_3s"]}, corpora=corpora), ROOT).groups
    skipped = {group.protocol_name: group.skipped for group in groups if group.corpus == "emodb"}
    incomplete = (
        "recordings incomplete: bored 63 of 81, disgusted 1 of 46, fearful 1 of 69: complete corpora.emodb.root"
    )
    assert skipped == {
        "emodb_7": incomplete,
        "emodb_7_speakers": incomplete,
        "emodb_4": "",
        "emodb_4_speakers": "",
    }
