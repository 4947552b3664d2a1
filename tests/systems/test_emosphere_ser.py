"""EmoSphere-SER: layers and their sizes, masks, losses, regions and their weights, gradients, learning."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from helpers.spectrogram_folds import TRAINING, settings
from ser.encoders.demo import write_encoder
from ser.errors import InputError
from ser.evaluations import metrics
from ser.features.store import Store, write_store
from ser.runs.contract import Context, Fold, Outcome, Part
from ser.systems import emosphere_ser
from ser.systems.emosphere_ser import StatisticsPooling, StylePooling, Task, ccc, head, region_weight, run
from ser.training.state import State
from ser.training.step import Step

WIDTH, LABELS = 48, ("arousal", "dominance", "valence")
SMALL = settings(
    emosphere_ser,
    **TRAINING
    | {"criterion": "CCC", "class_weights": "balanced", "batch_size": 16, "schedule": "constant", "gradient_clip": 0.0},
    seconds=12.0,
    encoder_width=WIDTH,
    pooling="style",
    attention_heads=2,
    pooling_dropout=0.1,
    head_dropout=0.5,
    padding="leaks",
    regions="octants",
    region_loss="decaying",
    region_epochs=5,
    region_floor=0.01,
)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("encoder") / "wavlm_large"
    write_encoder("wavlm_large", folder, seed=1)
    return folder


@pytest.fixture(scope="module")
def fold(tmp_path_factory, encoder) -> Fold:
    """Tones of 0.3 to 0.6 s: arousal goes with loudness, valence with pitch, dominance with how long they are."""
    rng = np.random.default_rng(0)
    arrays, targets = {}, {}
    for name in [f"{part}{i}" for part, n in (("train", 16), ("dev", 6), ("test", 6)) for i in range(n)]:
        loud, high, long = rng.uniform(0, 1, 3)
        seconds = np.arange(int(16_000 * (0.3 + 0.3 * long))) / 16_000
        tone = 300 * 10 ** (1.5 * loud) * np.sin(2 * np.pi * 200 * 8**high * seconds)
        arrays[name] = (tone + rng.normal(0, 30, len(tone))).round().astype(np.int16)
        targets[name] = 1 + 6 * np.array([loud, long, high])
    path = tmp_path_factory.mktemp("audio") / "audio.safetensors"
    write_store(path, list(arrays), lambda names: [arrays[n] for n in names], key="k", metadata={})

    def part(prefix: str) -> Part:
        chosen = tuple(name for name in arrays if name.startswith(prefix))
        return Part(chosen, ("s",) * len(chosen), np.array([targets[name] for name in chosen], np.float32))

    stores = {"audio": Store(path)}
    return Fold(1, LABELS, part("train"), part("dev"), part("test"), stores, {"encoder": encoder}, (1.0, 7.0))


def with_targets(fold: Fold, targets: list[list[float]]) -> Fold:
    names = fold.train.utterances[: len(targets)]
    return replace(fold, train=Part(names, ("s",) * len(names), np.array(targets, np.float32)))


def parameters(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_published_sizes():
    assert parameters(StylePooling(1024, 2, 0.1)) == 28_322_816
    assert parameters(head(1024, 1024, 3, 0.5)) == 1_054_723
    assert parameters(head(1024, 1024, 8, 0.5)) == 1_059_848
    assert StatisticsPooling(1024).outputs == 2048
    assert parameters(StatisticsPooling(1024)) == 1024 * 1024 + 1024 + 1024 + 1


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
        assert single.std(0).min() > 1e-3  # or else equal outputs would prove nothing


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


def test_waveforms_are_normalised_then_padded(fold):
    task = Task(fold, SMALL)
    whole = np.concatenate([fold.stores["audio"][name] for name in fold.train.utterances]) / 32768
    np.testing.assert_allclose([task.mean, task.scale], [whole.mean(), whole.std() + 1e-6], rtol=1e-6)
    batch = task.collate(task.examples(fold.train, None), None)
    longest = max(len(fold.stores["audio"][name]) for name in fold.train.utterances)
    assert batch["waveform"].shape == (16, longest)
    for row, n, name in zip(batch["waveform"], batch["samples"], fold.train.utterances, strict=True):
        expected = (fold.stores["audio"][name] / 32768 - whole.mean()) / (whole.std() + 1e-6)
        np.testing.assert_allclose(row[:n], expected, atol=1e-5)
        assert len(expected) == n and not row[n:].any()


def test_statistics_are_those_of_whole_utterances_and_the_start_is_kept(fold):
    task = Task(fold, replace(SMALL, seconds=0.1))
    assert (task.mean, task.scale) == (Task(fold, SMALL).mean, Task(fold, SMALL).scale)
    assert {len(segment) for segment in task.examples(fold.test, None)} == {1600}
    batch = task.collate(task.examples(fold.test, None)[:1], None)
    start = fold.stores["audio"][fold.test.utterances[0]][:1600] / 32768
    np.testing.assert_allclose(batch["waveform"][0], (start - task.mean) / task.scale, atol=1e-5)
    # nothing longer than the longest training utterance is read
    shorter = replace(fold, train=replace(fold.train, utterances=fold.train.utterances[:1], targets=np.ones((1, 3))))
    longest = len(fold.stores["audio"][fold.train.utterances[0]])
    assert max(len(segment) for segment in Task(shorter, SMALL).examples(fold.train, None)) == longest


def test_targets_and_scores_are_on_the_scale(fold):
    given = with_targets(fold, [[1, 7, 4], [2.5, 4, 5.5]])
    task = Task(given, SMALL)
    batch = task.collate(task.examples(given.train, None), None)
    assert batch["target"].tolist() == [[0, 1, 0.5], [0.25, 0.5, 0.75]]
    outputs = torch.cat([torch.tensor([[-0.1, 0.25, 1.2]]), torch.zeros(1, 8)], dim=1)
    torch.testing.assert_close(task.scores(outputs), torch.tensor([[1.0, 2.5, 7.0]]))


def test_regions_go_by_the_attributes_names(fold):
    # low arousal, high dominance, low valence: signs (-, -, +) of arousal, valence, dominance are octant III
    given = with_targets(fold, [[2, 6, 2], [4, 4, 4], [6, 2, 6]])
    task = Task(given, SMALL)
    assert task.collate(task.examples(given.train, None), None)["region"].tolist() == [2, 0, 4]
    turned = replace(with_targets(fold, [[2, 6, 2]]), labels=("dominance", "arousal", "valence"))
    task = Task(turned, SMALL)
    assert task.collate(task.examples(turned.train, None), None)["region"].tolist() == [7]


def test_region_weights_are_counted_on_the_training_part(fold):
    task = Task(with_targets(fold, [[6, 6, 6], [6, 6, 6], [6, 6, 6], [2, 6, 2]]), SMALL)
    expected = torch.zeros(8)
    expected[0], expected[2] = 4 / (8 * 3), 4 / 8
    torch.testing.assert_close(task.weights, expected)
    assert len(Task(fold, replace(SMALL, regions="grid_60")).weights) == 19


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
    assert none.network()(batch["waveform"], batch["samples"]).shape == (16, 3)  # and no head for regions
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
    batch = task.collate(task.examples(fold.train, None), None)
    task.loss(task.forward(network, batch), batch, 0).backward()
    without = {name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0}
    assert without == {name for name, _ in network.named_parameters() if "feature_extractor" in name} != set()


def test_micro_batches_give_the_whole_batchs_gradient(fold):
    task = Task(fold, SMALL)
    network = task.network().eval()  # no dropout; the steps below do not change the mode
    batch = task.collate(task.examples(fold.train, None), None)

    def gradients(micro: int) -> dict[str, torch.Tensor]:
        optimiser = torch.optim.SGD(network.parameters(), lr=0.0)
        state = State(network, optimiser, None, torch.amp.GradScaler("cpu", enabled=False), micro, is_cached=True)
        Step(task, state, "float32", 0.0, "cpu")([batch], 1)
        return {name: p.grad.clone() for name, p in network.named_parameters() if p.grad is not None}

    whole = gradients(0)
    for name, gradient in gradients(5).items():
        torch.testing.assert_close(gradient, whole[name], atol=1e-6, rtol=1e-3)
    # a loss per micro-batch, as published, is another
    apart = task.loss(task.forward(network, batch)[:5], {name: tensor[:5] for name, tensor in batch.items()}, 0)
    assert not torch.isclose(apart, task.loss(task.forward(network, batch), batch, 0), rtol=0.01)


@pytest.mark.parametrize("changes", [{}, {"pooling": "statistics", "region_loss": "none"}])
def test_overfits_sixteen_utterances(fold, tmp_path, changes):
    without = {"apply_spec_augment": False, "layerdrop": 0.0} | dict.fromkeys(
        ["activation_dropout", "attention_dropout", "feat_proj_dropout", "hidden_dropout"], 0.0
    )
    shutil.copytree(fold.encoders["encoder"], tmp_path / "encoder")
    config = tmp_path / "encoder" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | without))
    given = replace(
        SMALL, pooling_dropout=0.0, head_dropout=0.0, epochs=60, learning_rate=0.003, schedule="one_cycle", **changes
    )
    same = replace(fold, dev=fold.train, test=fold.train, encoders={"encoder": tmp_path / "encoder"})
    outcome = run(same, given, Context(seed=1))
    assert metrics.ccc(fold.train.targets.T, outcome.scores.T).min() > 0.95
    assert outcome.model["waveform_statistics"].shape == (2,)


def test_same_seed_same_bits(fold):
    first, again, other = (run(fold, SMALL, Context(seed=seed)) for seed in (1, 1, 2))
    assert first.scores.tobytes() == again.scores.tobytes() != other.scores.tobytes()
    assert first.scores.min() >= 1 and first.scores.max() <= 7


@pytest.mark.parametrize("pooling", ["style", "statistics"])
def test_trains_in_the_published_precision(fold, pooling):
    def trained(precision: str, epochs: int) -> Outcome:
        given = replace(SMALL, pooling=pooling, precision=precision, epochs=epochs, learning_rate=1e-5)
        return run(replace(fold, dev=Part((), (), fold.dev.targets[:0])), given, Context(seed=1))

    exact, half, longer = trained("float32", 1), trained("float16", 1), trained("float16", 3)
    np.testing.assert_allclose(half.scores, exact.scores, atol=0.02)
    assert half.history[0]["train_loss"] == pytest.approx(exact.history[0]["train_loss"], rel=0.01)
    # steps are taken: the scaled gradients do not overflow
    assert all((half.model[name] != longer.model[name]).any() for name in ("heads.0.5.weight", "heads.1.1.weight"))


def test_an_utterance_shorter_than_a_frame_is_lengthened(fold, tmp_path):
    arrays = {"a": np.arange(100, dtype=np.int16), "b": np.arange(3000, dtype=np.int16)}
    write_store(tmp_path / "s", list(arrays), lambda names: [arrays[n] for n in names], key="k", metadata={})
    part = Part(("a", "b"), ("s", "s"), np.array([[2, 3, 4], [5, 6, 7]], np.float32))
    short = replace(fold, train=part, stores={"audio": Store(tmp_path / "s")})
    task = Task(short, SMALL)
    network = task.network().eval()
    segments = task.examples(part, None)
    with torch.inference_mode():
        alone = task.forward(network, task.collate(segments[:1], None))
        torch.testing.assert_close(task.forward(network, task.collate(segments, None))[:1], alone, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"encoder_width": 1024}, "its states are 48 wide, but setting encoder_width is 1024"),
        ({"attention_heads": 5}, r"encoder_width is 48; it must be a multiple of attention_heads \(5\)"),
        ({"attention_heads": 0}, "attention_heads is 0; it must be at least 1"),
        ({"region_epochs": 0}, "region_epochs is 0; it must be at least 1"),
        ({"seconds": 0.0}, "seconds is 0.0; it must be at least 0.025"),
        ({"criterion": "UA"}, "criterion is UA"),
    ],
)
def test_settings_that_do_not_fit_are_named(fold, changes, words):
    with pytest.raises(InputError, match=words) as error:
        run(fold, replace(SMALL, **changes), Context(seed=1))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"stores": {}}, "no audio: the row needs `audio` under features"),
        ({"encoders": {}}, "no encoder: the row needs `encoder` under encoders"),
        ({"scale": None, "labels": ("angry", "sad")}, "targets are angry, sad; emosphere_ser needs"),
        ({"labels": ("arousal", "valence")}, "targets are arousal, valence; emosphere_ser needs"),
        ({"train": Part((), (), np.zeros((0, 3), np.float32))}, "the train part has no utterances"),
    ],
)
def test_folds_that_do_not_fit_are_named(fold, changes, words):
    with pytest.raises(InputError, match=words):
        run(replace(fold, **changes), SMALL, Context(seed=1))
