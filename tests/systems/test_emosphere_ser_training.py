"""EmoSphere-SER in training: what its task makes of waveforms and targets, learning, precision, refusals."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from helpers.emosphere_folds import SMALL, make_fold, with_targets
from ser.errors import InputError
from ser.evaluations import metrics
from ser.features.packing import write_store
from ser.features.store import Store
from ser.runs.contract import Context, Fold, Outcome, Part
from ser.systems.emosphere_ser import Task, run
from ser.training.loop import predict
from ser.training.state import State
from ser.training.step import Step


@pytest.fixture(scope="module")
def fold(tmp_path_factory) -> Fold:
    return make_fold(tmp_path_factory.mktemp("fold"))


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
    # utterances to be scored may be longer than those of the training part
    shorter = replace(fold, train=replace(fold.train, utterances=fold.train.utterances[:1], targets=np.ones((1, 3))))
    lengths = [len(segment) for segment in Task(shorter, SMALL).examples(fold.test, None)]
    assert lengths == [len(fold.stores["audio"][name]) for name in fold.test.utterances]


def test_targets_and_scores_are_on_the_scale(fold):
    given = with_targets(fold, [[1, 7, 4], [2.5, 4, 5.5]])
    task = Task(given, SMALL)
    batch = task.collate(task.examples(given.train, None), None)
    assert batch["target"].tolist() == [[0, 1, 0.5], [0.25, 0.5, 0.75]]
    outputs = torch.cat([torch.tensor([[-0.1, 0.25, 1.2]]), torch.zeros(1, 8)], dim=1)
    scores = torch.cat([torch.tensor([[1.0, 2.5, 7.0]]), torch.zeros(1, 8)], dim=1)
    torch.testing.assert_close(task.scores(outputs), scores)


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


def test_the_auxiliary_task_may_be_the_emotion(fold):
    emotions = tuple("angry" if i % 4 else "sad" for i in range(16))
    given = replace(fold, train=replace(fold.train, emotions=emotions), test=replace(fold.test, emotions=("new",) * 6))
    given = replace(given, dev=replace(given.dev, emotions=("sad",) * 6))
    task = Task(given, replace(SMALL, auxiliary="emotion"))
    assert task.collate(task.examples(given.train, None), None)["region"].tolist() == [
        int(i % 4 == 0) for i in range(16)
    ]
    assert task.weights.tolist() == pytest.approx([16 / (2 * 12), 16 / (2 * 4)])
    assert task.network().heads[1][-1].out_features == 2
    outcome = run(given, replace(SMALL, auxiliary="emotion"), Context(seed=1))
    assert outcome.scores.shape == (6, 3) and outcome.auxiliary is None
    with pytest.raises(InputError, match="fewer than two emotions in the training part: use auxiliary: regions"):
        Task(fold, replace(SMALL, auxiliary="emotion"))


def test_micro_batches_give_the_whole_batchs_gradient(fold):
    torch.manual_seed(0)
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
    # a loss per micro-batch, as published, is a different one
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
    assert outcome.model["fitted.waveform_statistics"].shape == (2,)


def test_same_seed_same_bits(fold):
    first, again, other = (run(fold, SMALL, Context(seed=seed)) for seed in (1, 1, 2))
    assert first.scores.tobytes() == again.scores.tobytes() != other.scores.tobytes()
    assert first.scores.min() >= 1 and first.scores.max() <= 7


def test_regions_of_the_test_part_are_predicted_beside_the_attributes(fold):
    """Octants of (arousal, valence, dominance); the protocol's order is arousal, dominance, valence."""
    targets = np.array([[6, 6, 6], [2, 6, 6], [2, 6, 2], [6, 2, 6], [2, 2, 2], [4, 4, 4]], np.float32)
    outcome = run(replace(fold, test=replace(fold.test, targets=targets)), SMALL, Context(seed=1))
    assert outcome.auxiliary.name == "region"
    assert outcome.auxiliary.targets.tolist() == [0, 1, 2, 4, 6, 0]
    cells = run(fold, replace(SMALL, regions="cells_45", region_loss="constant", epochs=1), Context(seed=1)).auxiliary
    azimuth, polar = (  # of (arousal, valence, dominance) around 4
        np.degrees(np.arctan2(*(fold.test.targets[:, [2, 0]] - 4).T)) % 360,
        np.degrees(np.arccos((fold.test.targets[:, 1] - 4) / np.linalg.norm(fold.test.targets - 4, axis=1))),
    )
    assert cells.targets.tolist() == (polar // 45 * 8 + azimuth // 45).astype(int).tolist()
    assert {*cells.predicted} <= {*range(32)}
    assert run(fold, replace(SMALL, region_loss="none", epochs=1), Context(seed=1)).auxiliary is None


@pytest.mark.parametrize(
    "changes", [{}, {"micro_batch": 5}, {"precision": "float16"}, {"accumulation": 2, "batch_size": 8}]
)
def test_the_region_head_is_left_alone_once_its_loss_has_ended(fold, changes):
    """Not even weight decay and old momentum move it; what the attributes need learns on."""

    def trained(epochs: int, **more: object) -> dict[str, np.ndarray]:
        of_steps = {"optimiser": "adamw", "weight_decay": 0.5, "learning_rate": 1e-3, "steps_per_epoch": 0}
        settings = replace(SMALL, region_epochs=1, epochs=epochs, **of_steps | changes | more)
        return run(replace(fold, dev=Part((), (), fold.dev.targets[:0])), settings, Context(seed=1)).model

    ended, later, on = trained(1), trained(3), trained(3, region_loss="constant")
    of_head = [name for name in ended if name.startswith("heads.1.")]
    assert len(of_head) == 6 and all((ended[name] == later[name]).all() for name in of_head)
    assert all((ended[name] != on[name]).any() for name in of_head)
    assert all((ended[name] != later[name]).any() for name in ("heads.0.5.weight", "pooling.last.weight"))


@pytest.mark.parametrize("pooling", ["style", "statistics"])
def test_trains_in_the_published_precision(fold, pooling):
    def trained(precision: str, epochs: int) -> Outcome:
        given = replace(SMALL, pooling=pooling, precision=precision, epochs=epochs, learning_rate=1e-5)
        return run(replace(fold, dev=Part((), (), fold.dev.targets[:0])), given, Context(seed=1))

    exact, half, longer = trained("float32", 1), trained("float16", 1), trained("float16", 3)
    np.testing.assert_allclose(half.scores, exact.scores, atol=0.05)
    assert half.history[0]["train_loss"] == pytest.approx(exact.history[0]["train_loss"], rel=0.01)
    # what is learnt in float16 is scored in float32
    task, settings = Task(fold, SMALL), replace(SMALL, pooling=pooling)
    network = Task(fold, settings).network()
    network.load_state_dict({name: torch.from_numpy(array) for name, array in half.model.items() if "stat" not in name})
    again = predict(task, network, fold.test, settings, "cpu")
    assert again.shape == (6, 11) and again[:, :3].tobytes() == half.scores.tobytes()
    assert (again[:, 3:].argmax(axis=1) == half.auxiliary.predicted).all()
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
