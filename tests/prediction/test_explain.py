"""What a network attends to: the weights that its vector is made with, where they belong in time."""

from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from helpers.predictable import learn
from ser.errors import InputError
from ser.prediction.explain import Explainer, attention
from ser.prediction.predictor import Predictor
from ser.systems import area_attention, attention_fcn, emosphere_ser

HAVE_ONE = ("attention_fcn/full", "area_attention/vtlp_3x3", "mfhca/full", "ca_mser/full", "emosphere_ser/full")


@pytest.mark.parametrize("row", HAVE_ONE)
def test_each_piece_is_drawn(tmp_path: Path, row: str) -> None:
    learned = learn(tmp_path, row)
    predictor = Predictor(learned.trained)
    samples = next(iter(learned.sounds.values()))
    weights = attention(predictor, samples)
    assert weights is not None and len(weights) == 1 + len(samples) // 160 and (weights >= 0).all()
    draw = Explainer(predictor, tmp_path / "out")
    paths = [draw("a/b.wav", 1.5, samples, "b.wav"), draw("c/b.wav", 1.5, samples, "b.wav")]
    assert [path.name for path in paths] == ["b-1.5s.png", "b-1.5s-2.png"]
    assert matplotlib.image.imread(paths[0]).shape == (500, 900, 4)


def test_what_has_none_says_so(tmp_path: Path) -> None:
    for row in ("fair/functionals_svm", "tf_transformer/full"):
        with pytest.raises(InputError, match="--explain: .* has no attention to draw"):
            Explainer(Predictor(learn(tmp_path, row).trained), tmp_path / "out")
    learned = learn(tmp_path, "attention_fcn/no_attention", 2)
    draw = Explainer(Predictor(learned.trained), tmp_path / "out")
    with pytest.raises(InputError, match="attention_fcn/no_attention/.* has no attention: leave --explain out"):
        draw("a.wav", 0, next(iter(learned.sounds.values())), "a.wav")


def parts(learned) -> tuple[Predictor, torch.nn.Module, dict[str, torch.Tensor]]:
    predictor = Predictor(learned.trained)
    samples = np.tile(next(iter(learned.sounds.values())), 5)  # seconds: several columns of each map
    fold = predictor.fold(predictor.stores(samples))
    ((task, network),) = predictor.tasks(fold)
    return predictor, network, task.collate(task.examples(fold.test, None), None)


def test_attention_fcn_weighs_the_positions_of_its_map(tmp_path: Path) -> None:
    """They make its vector; without energies all columns weigh the same."""
    _, network, batch = parts(learn(tmp_path, "attention_fcn/full"))
    with torch.no_grad():
        network.attention.scale = 30.0  # so that weights differ
        weights = attention_fcn.attention(network, batch)
        assert weights.sum(dim=1).numpy() == pytest.approx(np.ones(len(weights)), abs=1e-6)
        assert weights.max() > 1.5 * weights.min()
        network.attention.score.weight.zero_()
        even = attention_fcn.attention(network, batch)
    assert weights.shape[1] > 3
    torch.testing.assert_close(even, torch.full_like(even, 1 / weights.shape[1]))


def test_area_attention_shares_what_its_vector_is_made_of(tmp_path: Path) -> None:
    """Columns' shares add up to 1, and with areas of one cell they are those of ordinary attention."""
    _, network, batch = parts(learn(tmp_path, "area_attention/vtlp_3x3"))
    with torch.inference_mode():
        shares = area_attention.attention(network, batch).sum(dim=1).numpy()
    assert shares == pytest.approx(np.ones(len(shares)), abs=1e-5)
    network.attention.sizes = [(1, 1)]
    with torch.inference_mode():
        x = network.body(torch.cat([network.of_frequency(batch["mel"]), network.of_time(batch["mel"])], dim=2))
        cells = x.flatten(2).mT
        shares = (cells @ cells.mT / x.shape[1] ** 0.5).softmax(dim=2).mean(dim=1)
        ordinary = shares.unflatten(1, x.shape[2:]).sum(dim=1)
        torch.testing.assert_close(area_attention.attention(network, batch), ordinary)


def test_style_pooling_attends_within_the_utterance(tmp_path: Path) -> None:
    _, network, batch = parts(learn(tmp_path, "emosphere_ser/full"))
    longer = {"waveform": F.pad(batch["waveform"], (0, 3200)), "samples": batch["samples"]}
    with torch.inference_mode():
        alone, padded = (emosphere_ser.attention(network, some) for some in (batch, longer))
    assert alone.sum(dim=1).numpy() == pytest.approx(np.ones(len(alone)), abs=1e-5)
    assert padded[:, alone.shape[1] :].abs().sum() == 0
    torch.testing.assert_close(padded[:, : alone.shape[1]], alone, rtol=1e-3, atol=1e-5)
