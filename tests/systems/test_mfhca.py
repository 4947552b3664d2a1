"""MFHCA: sizes, its equations, gradients, learning, its ablations."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from helpers import ROOT
from helpers.params import params
from helpers.segment_folds import PUBLISHED, fold_of, frozen, make, sound
from helpers.spectrogram_folds import TRAINING, settings
from helpers.training import unlearned
from ser.errors import InputError
from ser.plan.load import load_plan
from ser.runs.contract import Context
from ser.systems import mfhca
from ser.systems.mfhca import (
    MFHCA,
    Block,
    CoordinateAttention,
    HierarchicalCoAttention,
    MultiSpatialFusion,
    Task,
    run,
)

OWN = {"multi_spatial_fusion": True, "co_attention": True, "co_attention_rows": 4, "dropout": 0.1}
GIVEN = settings(mfhca, **TRAINING | PUBLISHED | OWN | {"segment_seconds": 1.0, "criterion": "WA+UA"})


@pytest.fixture(scope="module")
def fold(tmp_path_factory):
    return make(tmp_path_factory.mktemp("fold"))


def parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_multi_spatial_fusion_has_the_published_size():
    fusion = MultiSpatialFusion().eval()
    assert parameters(fusion) == 119_592
    sizes = []
    for module in (fusion.tall, fusion.long, *fusion.layers):
        module.register_forward_hook(lambda _, __, output: sizes.append(tuple(output.shape[1:])))
    assert fusion(torch.randn(1, 3, 256, 384)).shape == (1, 288)
    assert sizes[:3] == [(8, 255, 383), (8, 255, 383), (16, 128, 192)]
    assert sizes[3:] == [(16, 128, 192), *[(32, 128, 192)] * 2, *[(48, 128, 192)] * 2, (48, 2, 3), (288,)]
    assert fusion(torch.randn(1, 3, 256, 600)).shape == (1, 288)  # log-Mel


def test_all_but_the_encoder_has_the_published_size_without_its_dead_layer():
    real = replace(GIVEN, encoder_width=768, co_attention_rows=24)
    network = MFHCA(nn.Identity(), 149, nn.Identity(), 4, real)
    dead = 256 * 149 + 149
    assert parameters(network) + dead == 4_718_582  # 4.72 M
    assert parameters(network.co_attention.recurrent) == 3_545_088  # 3.55 M
    batch = {"levels": torch.randn(2, 3, 256, 384), "speech": torch.randn(2, 149, 768)}
    assert network(batch).shape == (2, 4)


def test_coordinate_attention_weighs_rows_and_columns():
    torch.manual_seed(0)
    attention, x = CoordinateAttention(16).eval(), torch.randn(1, 16, 20, 30)
    weights = attention(x) / x
    rows, columns = (layer.bias.detach().sigmoid() for layer in (attention.rows, attention.columns))
    assert ((weights > 0) & (weights < 1)).all()
    # a product of one number per row and one per column
    ratio = weights[..., 1:, :] / weights[..., :-1, :]
    torch.testing.assert_close(ratio, ratio[..., :1].expand_as(ratio), rtol=1e-3, atol=1e-3)
    with torch.no_grad():
        attention.squeeze[0].weight.zero_()
        attention.squeeze[0].bias.zero_()
    torch.testing.assert_close(attention(x), x * (rows * columns)[:, None, None])


def test_a_block_adds_its_input_twice_and_a_coarse_context():
    torch.manual_seed(0)
    block, x = Block(16).eval(), torch.randn(2, 16, 32, 48)
    with torch.no_grad():
        block.second[1].weight.zero_()
        context = block.wide(x)
        assert context.shape == (2, 16, 2, 3)
        expected = (2 * x + context.repeat_interleave(16, 2).repeat_interleave(16, 3)).relu()
        torch.testing.assert_close(block(x), expected)
        block.wide[2].weight.zero_()
        block.second[1].weight.fill_(1)
        attended = F.relu(block.first[1](block.first[0](block.attention(x))))
        expected = (2 * x + block.second(attended)).relu()
        torch.testing.assert_close(block(x), expected)


def test_co_attention_by_hand():
    torch.manual_seed(0)
    module = HierarchicalCoAttention(32, 4, 0.1).eval()
    states, weights = torch.randn(3, 49, 32), torch.rand(3, 49)
    with torch.no_grad():
        context = module.recurrent(states)[0]
        q = torch.einsum("bl,bld->bd", weights, context).reshape(3, 4, 8)
        coarse = F.adaptive_avg_pool2d(states[:, None], (8, 4))[:, 0]
        product = torch.einsum("bir,brj->bij", coarse, q).reshape(3, 64)
        expected = F.relu(module.embed[1](module.mix(product)))
        torch.testing.assert_close(module(states, weights), expected)


ROWS = {
    "full": {},
    "without_mf": {"multi_spatial_fusion": False},
    "without_hca": {"co_attention": False},
}


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("is_frozen", [False, True])
def test_gradients_reach_every_parameter(fold, tmp_path, row, is_frozen):
    if is_frozen:
        fold = frozen(fold, tmp_path / "states", segment_seconds=1.0)
    if row == "without_mf":
        fold = replace(fold, stores={name: s for name, s in fold.stores.items() if name != "spectrogram"})
    task = Task(fold, replace(GIVEN, **ROWS[row]))
    torch.manual_seed(1)
    network = task.network().eval()  # nothing is dropped
    without = unlearned(task, network, fold.train)
    assert without <= {"speech.model.masked_spec_embed"}  # learns only from masked input
    assert bool(without) != is_frozen


def test_without_hca_the_classifier_sees_the_mean_of_the_states(fold):
    task = Task(fold, replace(GIVEN, co_attention=False))
    network = task.network().eval()
    network.speech = nn.Identity()
    batch = task.collate(task.examples(fold.train, None)[:3], None) | {"speech": torch.randn(3, 49, 32)}
    shuffled = batch | {"speech": batch["speech"][:, torch.randperm(49)]}
    torch.testing.assert_close(network(batch), network(shuffled))


def test_without_mf_nothing_but_speech_is_heard(fold):
    task = Task(fold, replace(GIVEN, multi_spatial_fusion=False))
    network = task.network().eval()
    batch = task.collate(task.examples(fold.train, None)[:3], None)
    assert torch.equal(network(batch), network({"speech": batch["speech"]}))


def test_a_segment_without_audio_does_no_harm(fold, tmp_path):
    rng = np.random.default_rng(0)
    sounds = {f"train{i}": sound(i, 16_000, rng) for i in range(4)}  # exactly a segment: the second has no audio
    silent = replace(fold_of(tmp_path, sounds, {name: i for i, name in enumerate(sounds)}), encoders=fold.encoders)
    task = Task(silent, GIVEN)
    network = task.network()
    batch = task.collate(task.examples(silent.train, None), None)
    assert (batch["speech"].abs().sum(1) == 0).tolist() == [False, True] * 4
    task.loss(task.forward(network, batch), batch, 0).backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in network.parameters())
    assert task.forward(network.eval(), batch).isfinite().all()


def test_overfits_sixteen_utterances(fold):
    given = replace(GIVEN, epochs=40, learning_rate=0.001, dropout=0.0, gradient_clip=0.0)
    outcome = run(replace(fold, test=fold.train), given, Context(seed=1))
    assert (outcome.scores.argmax(1) == fold.train.targets).mean() > 0.95


def test_same_seed_same_bits(fold):
    given = replace(GIVEN, epochs=1, steps_per_epoch=2, micro_batch=4)
    first, again, other = (run(fold, given, Context(seed=seed)) for seed in (1, 1, 2))
    assert first.scores.tobytes() == again.scores.tobytes() != other.scores.tobytes()


def test_settings_that_cannot_be_are_named(fold):
    cases = {
        "multi_spatial_fusion and co_attention are both false": {"multi_spatial_fusion": False, "co_attention": False},
        r"co_attention_rows is 5: it must divide encoder_width \(32\)": {"co_attention_rows": 5},
        "image_height is 24.*an image of 24 x 12; each side needs at least 32": {"image_height": 24},
        "its states are 32 wide, but setting encoder_width is 768": {"encoder_width": 768},
    }
    for message, changes in cases.items():
        with pytest.raises(InputError, match=message):
            Task(fold, replace(GIVEN, **changes)).network()


def test_learns_from_a_last_batch_of_one(tmp_path):
    """As the code does: batch norm has all pixels of the one segment, so it learns from it."""
    outcomes = {
        last: run(
            make(tmp_path, per_part=(17, 0, 4)),
            replace(GIVEN, segment_count="samples", batch_size=16, epochs=1, last_batch=last),
            Context(seed=1),
        )
        for last in ("alone", "joined")
    }
    counts = [name for name in outcomes["alone"].model if name.endswith("num_batches_tracked")]
    assert counts and np.isfinite(outcomes["alone"].scores).all()
    for last, batches in (("alone", 2), ("joined", 1)):
        assert {int(outcomes[last].model[name]) for name in counts} == {batches}


@pytest.mark.parametrize("experiment", ["attention_fcn", "ca_mser", "mfhca", "superb_er"])
def test_published_codes_train_on_a_last_batch_of_one(experiment):
    """None of them sets DataLoader's `drop_last`."""
    groups = load_plan(params(scale="paper", experiments={experiment: "all"}), ROOT).groups
    assert {(group.settings["last_batch"], group.sources["last_batch"]) for group in groups} == {("alone", "code")}
