"""The classical baseline: its decisions are SVC's, its normaliser knows only the training part."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from helpers.builders import fold, part
from ser.errors import InputError
from ser.features.packing import write_store
from ser.features.store import Store
from ser.runs.contract import Context, Fold
from ser.systems import functionals_svm
from ser.systems.functionals_svm import Settings

RBF = Settings(C=1.0, gamma="auto", kernel="rbf", class_weights="none")
CONTEXT = Context(seed=1)


def problem(n_classes: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Vectors [300, 8] of unequal scale, as the store keeps them, and classes of unequal size."""
    weights = np.arange(1, n_classes + 1) / np.arange(1, n_classes + 1).sum()
    vectors, targets = make_classification(
        300, 8, n_informative=6, n_classes=n_classes, weights=weights, flip_y=0.1, class_sep=0.6, random_state=seed
    )
    return (vectors * 10.0 ** np.arange(-3, 5)).astype(np.float32), targets


def split(tmp_path: Path, n_classes: int, seed: int = 0) -> tuple[Fold, tuple, tuple]:
    vectors, targets = problem(n_classes, seed)
    train, test = (vectors[:150], targets[:150]), (vectors[150:], targets[150:])
    return fold(tmp_path, train, test, labels=tuple("abcdef"[:n_classes])), train, test


@pytest.mark.parametrize("n_classes", [2, 3, 6])
@pytest.mark.parametrize(
    "settings",
    [
        RBF,
        replace(RBF, gamma="scale"),
        replace(RBF, kernel="linear", C=0.1),
        replace(RBF, class_weights="balanced"),
    ],
)
def test_the_highest_score_is_the_prediction_of_scikit_learns_pipeline(
    tmp_path: Path, n_classes: int, settings: Settings
) -> None:
    given, train, test = split(tmp_path, n_classes)
    outcome = functionals_svm.run(given, settings, CONTEXT)
    weight = None if settings.class_weights == "none" else "balanced"
    svc = SVC(C=settings.C, gamma=settings.gamma, kernel=settings.kernel, class_weight=weight, break_ties=True)
    pipeline = make_pipeline(StandardScaler(), svc).fit(*train)
    np.testing.assert_array_equal(outcome.scores.argmax(axis=1), pipeline.predict(test[0]))
    np.testing.assert_allclose(np.exp(outcome.scores).sum(axis=1), 1)
    assert (outcome.scores.argmax(axis=1) == test[1]).mean() > 1.3 / n_classes


def test_settings_change_the_scores(tmp_path: Path) -> None:
    given, *_ = split(tmp_path, 3)
    changed = [replace(RBF, C=3.0), replace(RBF, gamma="scale", C=2.0), replace(RBF, kernel="linear")]
    changed += [replace(RBF, class_weights="balanced")]
    base = functionals_svm.run(given, RBF, CONTEXT).scores
    assert all(np.abs(functionals_svm.run(given, s, CONTEXT).scores - base).max() > 0.01 for s in changed)


def test_the_normaliser_is_fitted_on_the_training_part_only(tmp_path: Path) -> None:
    vectors, targets = problem(3)
    train, test = (vectors[:150], targets[:150]), (vectors[150:], targets[150:])
    clean = functionals_svm.run(fold(tmp_path, train, test), RBF, CONTEXT)
    huge = (np.concatenate([test[0], np.full((50, 8), 1e9)]), np.concatenate([test[1], np.zeros(50, int)]))
    disturbed = functionals_svm.run(fold(tmp_path, train, huge), RBF, CONTEXT)
    np.testing.assert_array_equal(disturbed.scores[:150], clean.scores)
    for name, array in clean.model.items():
        np.testing.assert_array_equal(disturbed.model[name], array)
    np.testing.assert_allclose(clean.model["scaler_mean"], train[0].mean(axis=0, dtype=np.float64))
    np.testing.assert_allclose(clean.model["scaler_scale"], train[0].std(axis=0, dtype=np.float64))


def test_the_train_part_alone_is_looked_at(tmp_path: Path) -> None:
    given, *_ = split(tmp_path, 3)
    with_dev = replace(given, dev=part("dev", [0, 1, 2]))  # not in the store: touching it would fail
    np.testing.assert_array_equal(
        functionals_svm.run(with_dev, RBF, CONTEXT).scores, functionals_svm.run(given, RBF, CONTEXT).scores
    )


def test_the_model_is_enough_to_decide(tmp_path: Path) -> None:
    given, _, test = split(tmp_path, 3)
    outcome = functionals_svm.run(given, RBF, CONTEXT)
    model = outcome.model
    x = (test[0].astype(np.float64) - model["scaler_mean"]) / model["scaler_scale"]
    kernel = np.exp(-model["gamma"] * ((x[:, None] - model["support_vectors"]) ** 2).sum(axis=-1))
    of_class = np.repeat(np.arange(3), model["n_support"])
    votes, pair = np.zeros((len(x), 3)), 0
    for i in range(3):
        for j in range(i + 1, 3):
            weights = np.where(of_class == i, model["dual_coef"][j - 1], 0)
            weights = weights + np.where(of_class == j, model["dual_coef"][i], 0)
            first = kernel @ weights + model["intercept"][pair] > 0
            votes[first, i] += 1
            votes[~first, j] += 1
            pair += 1
    decided = np.sort(votes, axis=1)[:, -1] > np.sort(votes, axis=1)[:, -2]
    assert decided.mean() > 0.9
    np.testing.assert_array_equal(votes.argmax(axis=1)[decided], outcome.scores.argmax(axis=1)[decided])


def test_overfits_sixteen_utterances(tmp_path: Path) -> None:
    """Vectors without any signal, scored on themselves: 16 points in 32 dimensions can always be told apart."""
    vectors, targets = np.random.default_rng(0).normal(size=(16, 32)), np.arange(16) % 3
    given = fold(tmp_path, (vectors, targets), (vectors, targets))
    outcome = functionals_svm.run(given, replace(RBF, C=100.0), CONTEXT)
    assert (outcome.scores.argmax(axis=1) == targets).mean() > 0.95


def test_a_class_that_training_lacks_is_never_predicted(tmp_path: Path) -> None:
    vectors, targets = problem(3)
    kept = targets[:150] != 1
    given = fold(tmp_path, (vectors[:150][kept], targets[:150][kept]), (vectors[150:], targets[150:]))
    scores = functionals_svm.run(given, RBF, CONTEXT).scores
    assert np.isneginf(scores[:, 1]).all()
    assert np.isfinite(scores[:, [0, 2]]).all()
    assert set(scores.argmax(axis=1)) == {0, 2}


def test_refuses_attributes_one_class_and_several_frames(tmp_path: Path) -> None:
    given, *_ = split(tmp_path, 3)
    attributes = replace(given, train=replace(given.train, targets=np.zeros((150, 2), np.float32)))
    with pytest.raises(InputError, match="targets are attributes"):
        functionals_svm.run(attributes, RBF, CONTEXT)
    with pytest.raises(InputError, match="fold 1: functionals_svm needs two classes"):
        functionals_svm.run(fold(tmp_path, (np.zeros((2, 2)), [1, 1]), (np.zeros((1, 2)), [0])), RBF, CONTEXT)
    path = tmp_path / "frames.safetensors"
    names = [*given.train.utterances, *given.test.utterances]
    write_store(path, names, lambda shard: [np.ones((3, 2), np.float32) for _ in shard], key="k", metadata={})
    with pytest.raises(InputError, match="one frame per utterance, but train0 has 3"):
        functionals_svm.run(replace(given, stores={"functionals": Store(path)}), RBF, CONTEXT)
    with pytest.raises(InputError, match="name one in the row's features"):
        functionals_svm.run(replace(given, stores={}), RBF, CONTEXT)
