"""CA-MSER: sizes, AlexNet against torchvision's, its equations, gradients, learning."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import nn

from helpers import ROOT
from helpers.params import params
from helpers.segment_folds import PUBLISHED, frozen, make
from helpers.spectrogram_folds import TRAINING, settings
from helpers.training import unlearned
from ser.encoders.alexnet import alexnet_convolutions
from ser.encoders.demo import write_encoder
from ser.errors import InputError
from ser.plan.load import load_plan
from ser.runs.contract import Context
from ser.systems import ca_mser
from ser.systems.ca_mser import AlexNet, CaMser, Cepstra, Task, run

ALL = {"reads_spectrogram": True, "reads_cepstra": True, "reads_speech": True, "co_attention": True}
OWN = {"width": 0.125, "recurrent_width": 16, "recurrent_dropout": 0.5, "dropout": 0.1, "image_height": 128, **ALL}
GIVEN = settings(ca_mser, **TRAINING | PUBLISHED | OWN | {"segment_seconds": 1.0, "criterion": "WA+UA"})


@pytest.fixture(scope="module")
def fold(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fold")
    write_encoder("alexnet", folder / "alexnet", seed=1)
    fold = make(folder)
    return replace(fold, encoders=fold.encoders | {"backbone": folder / "alexnet"})


def test_sizes_are_the_published_ones():
    real = replace(GIVEN, width=1.0, recurrent_width=256, encoder_width=768)
    alexnet, cepstra = AlexNet(1.0), Cepstra(40, real)
    assert sum(p.numel() for p in alexnet.parameters()) == 2_469_696  # torchvision's alexnet().features
    network = CaMser((nn.Identity(), 149), (nn.Identity(), alexnet), (300, 40), 4, real)
    assert network.embed_image[1].in_features == 9216 and network.embed_cepstra[1].in_features == 153_600
    assert cepstra(torch.randn(2, 300, 40)).shape == (2, 153_600)
    batch = {"levels": torch.randn(2, 3, 256, 384), "cepstra": torch.randn(2, 300, 40)}
    assert network(batch | {"speech": torch.randn(2, 149, 768)}).shape == (2, 4)
    unused = torchvision.models.alexnet(num_classes=4).classifier  # the layers of an AlexNet that no output depends on
    assert sum(p.numel() for p in unused.parameters()) == 54_550_532


def linear(inputs: int, outputs: int = 128) -> int:
    return inputs * outputs + outputs


def lstm(inputs: int, width: int = 256) -> int:
    return 2 * 4 * width * (inputs + width + 2)


IMAGE = 2_469_696 + linear(9216)
CEPSTRA = lstm(40) + lstm(512) + linear(153_600)
SPEECH, ATTENTION = linear(768), linear(256, 149)


def classifier(views: int) -> int:
    return linear(128 * views) + linear(128) + linear(128, 4)


@pytest.mark.parametrize(
    ("reads", "co_attention", "parameters"),
    [
        (("cepstra",), False, CEPSTRA),
        (("spectrogram",), False, IMAGE),
        (("speech",), False, SPEECH),
        (("speech",), True, IMAGE + CEPSTRA + ATTENTION + SPEECH),
        (("cepstra", "speech"), False, CEPSTRA + SPEECH),
        (("cepstra", "speech"), True, IMAGE + CEPSTRA + ATTENTION + SPEECH),
        (("spectrogram", "speech"), False, IMAGE + SPEECH),
        (("spectrogram", "speech"), True, IMAGE + CEPSTRA + ATTENTION + SPEECH),
        (("spectrogram", "cepstra", "speech"), False, IMAGE + CEPSTRA + SPEECH),
        (("spectrogram", "cepstra", "speech"), True, IMAGE + CEPSTRA + ATTENTION + SPEECH),
    ],
)
def test_the_networks_of_the_ablation(reads, co_attention, parameters):
    """Their size, and that an output depends on exactly the views that the row names or its co-attention needs."""
    chosen = {f"reads_{view}": view in reads for view in ("spectrogram", "cepstra", "speech")}
    real = {"width": 1.0, "recurrent_width": 256, "encoder_width": 768, "dropout": 0.0, "recurrent_dropout": 0.0}
    given = replace(GIVEN, **real, **chosen, co_attention=co_attention)
    torch.manual_seed(0)
    network = CaMser(
        (nn.Identity(), 149) if given.reads_speech else None,
        (nn.Identity(), AlexNet(1.0)) if given.has_image else None,
        (300, 40) if given.has_cepstra else None,
        4,
        given,
    ).eval()
    assert sum(p.numel() for p in network.parameters()) == parameters + classifier(len(reads))
    shapes = {"levels": (2, 3, 256, 384), "cepstra": (2, 300, 40), "speech": (2, 149, 768)}
    batch = {name: torch.randn(shape) for name, shape in shapes.items()}
    with torch.no_grad():
        logits = network(batch)
        changed = {name for name, x in batch.items() if not torch.equal(network(batch | {name: x.flip(0)}), logits)}
    names = {"spectrogram": "levels", "cepstra": "cepstra", "speech": "speech"}
    assert changed == ({*names.values()} if co_attention else {names[view] for view in reads})


def test_without_co_attention_all_frames_weigh_the_same(fold):
    task = Task(fold, replace(GIVEN, reads_spectrogram=False, co_attention=False))
    network = task.network().eval()
    batch = task.collate(task.examples(fold.train, None)[:3], None)
    with torch.no_grad():
        cepstra = F.relu(network.embed_cepstra[1](network.cepstra(batch["cepstra"])))
        speech = F.relu(network.embed_speech[1](network.speech(batch["speech"]).mean(1)))
        torch.testing.assert_close(network(batch), network.classifier(torch.cat([cepstra, speech], 1)))


def test_a_row_needs_only_what_it_reads(fold):
    """The ablation's rows without speech name no encoder."""
    bare = replace(fold, encoders={}, stores={name: fold.stores[name] for name in ("audio", "mfcc")})
    given = replace(GIVEN, reads_spectrogram=False, reads_speech=False, co_attention=False, epochs=1)
    outcome = run(bare, given, Context(seed=1))
    assert outcome.scores.shape == (len(fold.test.targets), 4)
    bare = replace(fold, encoders={}, stores={name: fold.stores[name] for name in ("audio", "spectrogram")})
    task = Task(bare, replace(given, reads_spectrogram=True, reads_cepstra=False))
    batch = task.collate(task.examples(fold.train, None), None)
    assert set(batch) == {"levels", "target"} and task.network()(batch).shape == (len(batch["target"]), 4)


def test_alexnet_is_torchvisions():
    torch.manual_seed(0)
    theirs, ours = torchvision.models.alexnet().eval(), AlexNet(1.0).eval()
    layers = [layer for layer in theirs.features if isinstance(layer, nn.Conv2d)]
    ours.start_from([(layer.weight, layer.bias) for layer in layers])
    image = torch.randn(2, 3, 256, 384)
    expected = theirs.avgpool(theirs.features(image)).flatten(1)
    torch.testing.assert_close(ours(image), expected)


def test_weights_come_from_the_backbone(fold):
    weights = alexnet_convolutions(fold.encoders["backbone"], (8, 24, 48, 32, 32))
    assert torch.equal(Task(fold, GIVEN).network().alexnet[0].weight, weights[0][0])
    without = replace(fold, encoders={"encoder": fold.encoders["encoder"]})
    assert not torch.equal(Task(without, GIVEN).network().alexnet[0].weight, weights[0][0])
    with pytest.raises(InputError, match="its convolutions are 8x3x11x11"):
        Task(fold, replace(GIVEN, width=0.25)).network()


def test_the_forward_pass_by_hand(fold):
    task = Task(fold, GIVEN)
    network = task.network().eval()
    batch = task.collate(task.examples(fold.train, None)[:3], None)
    with torch.no_grad():
        states = network.speech(batch["speech"])
        view = lambda layers, x: F.relu(layers[1](x))  # noqa: E731
        image = view(network.embed_image, network.alexnet(network.image(batch["levels"])))
        normed = batch["cepstra"] / batch["cepstra"].square().sum(2, keepdim=True).sqrt().clamp_min(1e-12)
        hidden = network.cepstra.second(network.cepstra.first(normed)[0])[0]
        cepstra = view(network.embed_cepstra, hidden.reshape(3, -1))
        weights = F.relu(network.attend[1](torch.cat([image, cepstra], 1)))
        assert (weights > 0).any() and (weights == 0).any()
        speech = view(network.embed_speech, torch.einsum("bl,bld->bd", weights, states))
        expected = network.classifier(torch.cat([image, cepstra, speech], 1))
        torch.testing.assert_close(network(batch), expected)
        louder = network(batch | {"cepstra": 3 * batch["cepstra"]})
        torch.testing.assert_close(louder, expected, atol=1e-5, rtol=1e-4)


def test_cepstra_are_those_of_the_segment_with_zeros_behind(fold):
    task = Task(fold, replace(GIVEN, segment_seconds=0.25))
    part = replace(fold.train, utterances=fold.train.utterances[:1], targets=fold.train.targets[:1])
    found = task.collate(task.examples(part, None), None)["cepstra"].flatten(0, 1)
    expected = torch.from_numpy(fold.stores["mfcc"]["train0"].copy())
    assert len(found) % 25 == 0 and len(found) > len(expected)
    assert torch.equal(found[: len(expected)], expected) and not found[len(expected) :].any()


@pytest.mark.parametrize("is_frozen", [False, True])
def test_gradients_reach_every_parameter(fold, tmp_path, is_frozen):
    if is_frozen:
        fold = frozen(fold, tmp_path / "states", segment_seconds=1.0)
    task = Task(fold, GIVEN)
    torch.manual_seed(1)
    network = task.network().eval()  # nothing is dropped
    without = unlearned(task, network, fold.train)
    assert without == (set() if is_frozen else {"speech.model.masked_spec_embed"})  # learns only from masked input


def test_a_segment_without_sound_does_no_harm(fold):
    task = Task(fold, GIVEN)
    batch = task.collate(task.examples(fold.train, None), None)
    silent = {name: torch.zeros_like(x) for name, x in batch.items()}
    network = task.network()
    task.loss(task.forward(network, silent), silent, 0).backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in network.parameters())


def test_overfits_sixteen_utterances(fold):
    given = replace(GIVEN, epochs=40, learning_rate=0.001, dropout=0.0, recurrent_dropout=0.0, gradient_clip=0.0)
    outcome = run(replace(fold, test=fold.train), given, Context(seed=1))
    assert (outcome.scores.argmax(1) == fold.train.targets).mean() > 0.95


def test_what_is_missing_is_named(fold):
    with pytest.raises(InputError, match="no store `mfcc`"):
        Task(replace(fold, stores={k: s for k, s in fold.stores.items() if k != "mfcc"}), GIVEN)
    with pytest.raises(InputError, match="co_attention is true, but reads_speech is false"):
        Task(fold, replace(GIVEN, reads_speech=False))
    with pytest.raises(InputError, match="all false: one must be true"):
        Task(fold, replace(GIVEN, **dict.fromkeys(ALL, False)))
    with pytest.raises(InputError, match="either `encoder` among"):
        Task(replace(fold, encoders={}), GIVEN).network()
    with pytest.raises(InputError, match="image of 62 x 31; each side needs at least 63"):
        Task(fold, replace(GIVEN, image_height=62)).network()


@pytest.mark.parametrize(("experiment", "batch_size", "patience"), [("ca_mser", 64, 8), ("mfhca", 32, 20)])
def test_published_training_is_that_of_each_ones_own_script(experiment, batch_size, patience):
    groups = load_plan(params(scale="paper", experiments={experiment: ["full"]}), ROOT).groups
    script = {
        "optimiser": "adamw",
        "learning_rate": 1e-5,
        "weight_decay": 0.01,
        "schedule": "constant",
        "epochs": 100,
        "batch_size": batch_size,
        "gradient_clip": 0.0,
        "patience": patience,
        "class_weights": "none",
        "label_smoothing": 0.0,
        "average_decay": 0.0,
        "precision": "float32",
        "criterion": "WA+UA",
    }
    for group in groups:
        assert {name: group.settings[name] for name in script} == script
        assert {group.sources[name] for name in script} == {"code"}
        assert set(group.sources.values()) <= {"code", "paper"}
