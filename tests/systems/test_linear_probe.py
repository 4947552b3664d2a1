"""The SUPERB emotion recipe: the same vector as the recipe's order gives, sizes, learning."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from helpers.spectrogram_folds import TRAINING
from helpers.training import unlearned
from ser.errors import InputError
from ser.features.packing import write_store
from ser.features.store import Store
from ser.runs.contract import Context, Fold, Part
from ser.systems.linear_probe import LinearProbe, Settings, Task, run

SETTINGS = Settings(**TRAINING | {"epochs": 12, "optimiser": "adam", "learning_rate": 0.01}, projection=16)


def fold(folder: Path, shape: tuple[int, ...] = (3, 8), dtype: str = "float32", frames: int = 40) -> Fold:
    """Class k is an offset in dimension k of layer 1, under noise that is larger in the other layers."""
    rng = np.random.default_rng(0)
    names = [f"{part}{i}" for part, n in (("train", 40), ("dev", 12), ("test", 12)) for i in range(n)]
    kinds = {name: int(name.strip("traindevs")) % 4 for name in names}
    arrays = {}
    for name in names:
        x = rng.normal(0, 1, (int(rng.integers(1, frames + 1)), *shape))
        signal = x[:, 1] if len(shape) == 2 else x
        signal *= 0.3
        signal[:, kinds[name]] += 1
        arrays[name] = x.astype(dtype)
    path = folder / "states.safetensors"
    write_store(path, names, lambda chosen: [arrays[n] for n in chosen], key="k", metadata={})

    def part(prefix: str) -> Part:
        chosen = tuple(name for name in names if name.startswith(prefix))
        return Part(chosen, ("s",) * len(chosen), np.array([kinds[name] for name in chosen], dtype=np.int64))

    return Fold(0, ("a", "b", "c", "d"), part("train"), part("dev"), part("test"), {"states": Store(path)})


def test_mean_first_gives_the_recipes_logits(tmp_path):
    torch.manual_seed(0)
    given = fold(tmp_path)
    task, network = Task(given, SETTINGS), LinearProbe(3, 8, 4, SETTINGS)
    network.layer_weights.data = torch.randn(3)
    logits = network(task.collate(task.examples(given.test, None), None)["states"])
    for row, name in zip(logits, given.test.utterances, strict=True):
        states = torch.from_numpy(given.stores["states"][name].copy())  # [frames, layers, dim]
        weighted = (states * network.layer_weights.softmax(0)[:, None]).sum(1)
        frames = network.project(weighted)  # the recipe: weight, project every frame, mean over time, classify
        torch.testing.assert_close(row, network.classifier(frames.mean(0)), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(("shape", "layers"), [((3, 8), 3), ((8,), 1)])
def test_parameter_count(tmp_path, shape, layers):
    outcome = run(fold(tmp_path, shape), SETTINGS, Context(seed=1))
    assert outcome.facts["parameters"] == layers + 8 * 16 + 16 + 16 * 4 + 4


def test_layers_start_alike_and_the_useful_one_gains(tmp_path):
    given = fold(tmp_path)
    assert Task(given, SETTINGS).network().layer_weights.softmax(0).tolist() == pytest.approx([1 / 3] * 3)
    weights = run(given, SETTINGS, Context(seed=1)).model["layer_weights"]
    assert weights.argmax() == 1


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("shape", [(3, 8), (8,)])
def test_learns(tmp_path, shape, dtype):
    given = fold(tmp_path, shape, dtype)
    outcome = run(given, SETTINGS, Context(seed=1))
    assert (outcome.scores.argmax(1) == given.test.targets).mean() > 0.9
    np.testing.assert_allclose(np.exp(outcome.scores).sum(1), 1, atol=1e-6)


def test_overfits_sixteen_utterances(tmp_path):
    """States without any signal: the probe can only have learnt them by heart."""
    names = tuple(f"train{i}" for i in range(16))
    rng = np.random.default_rng(0)
    arrays = {name: rng.normal(size=(5, 3, 32)).astype(np.float32) for name in names}
    write_store(tmp_path / "s.safetensors", names, lambda chosen: [arrays[n] for n in chosen], key="k", metadata={})
    part = Part(names, ("s",) * 16, np.arange(16) % 4)
    given = Fold(0, ("a", "b", "c", "d"), part, part, part, {"states": Store(tmp_path / "s.safetensors")})
    outcome = run(given, replace(SETTINGS, epochs=60), Context(seed=1))
    assert (outcome.scores.argmax(1) == part.targets).mean() > 0.95


def test_gradients_reach_every_parameter(tmp_path):
    task = Task(fold(tmp_path), SETTINGS)
    assert unlearned(task, task.network(), fold(tmp_path).train) == set()


def test_pooled_store_gives_the_same_as_its_frames(tmp_path):
    frames = fold(tmp_path)
    store = frames.stores["states"]
    path = tmp_path / "pooled.safetensors"
    means = {name: store[name].mean(0, keepdims=True) for name in store}
    write_store(path, list(means), lambda names: [means[n] for n in names], key="k", metadata={})
    pooled = Fold(0, frames.labels, frames.train, frames.dev, frames.test, {"states": Store(path)})
    first, second = (run(given, SETTINGS, Context(seed=1)) for given in (frames, pooled))
    np.testing.assert_array_equal(first.scores, second.scores)


def test_bad_stores_are_named(tmp_path):
    given = fold(tmp_path)
    with pytest.raises(InputError, match="no store `states`"):
        run(Fold(0, given.labels, given.train, given.dev, given.test, {}), SETTINGS, Context(seed=1))
    path = tmp_path / "odd.safetensors"
    write_store(path, ["x"], lambda names: [np.zeros((2, 1, 2, 3))], key="k", metadata={})
    with pytest.raises(InputError, match=r"frames of shape \(1, 2, 3\)"):
        run(
            Fold(0, given.labels, given.train, given.dev, given.test, {"states": Store(path)}),
            SETTINGS,
            Context(seed=1),
        )
