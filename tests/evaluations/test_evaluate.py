"""Evaluation: from runs, written as the training script writes them, to numbers over folds and seeds."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import f1_score

from helpers import ROOT
from helpers.builders import iemocap_like, protocol
from helpers.runs import scores_of, write_run, write_runs
from helpers.split_cases import DRAWN, SESSIONS
from ser.errors import InputError
from ser.evaluations import metrics
from ser.evaluations.differences import Difference
from ser.evaluations.evaluate import evaluate, numbers
from ser.evaluations.intervals import Clusters, Sums
from ser.manifests.utterance import Utterance
from ser.outputs import write_json
from ser.runs.auxiliary import Auxiliary
from ser.runs.contract import Fold
from ser.splits.make import make_split
from ser.splits.split import Split
from ser.splits.write import write_split


def test_values_of_folds_seeds_and_all_predictions(tmp_path: Path, split: Split) -> None:
    found = evaluate([split], write_runs(tmp_path, split, (1, 2, 3)))
    matrices = np.array(
        [
            [
                metrics.confusion_matrix(
                    Fold.of(split, k, {}).test.targets, scores_of(split, k, seed).argmax(axis=1), 4
                )
                for k in range(1, 6)
            ]
            for seed in (1, 2, 3)
        ]
    )
    for name, function in {"WA": metrics.wa, "UA": metrics.ua, "macro_f1": metrics.macro_f1}.items():
        fold_means, pooled = function(matrices).mean(axis=1), function(matrices.sum(axis=1))
        for aggregation, values in {"fold_mean": fold_means, "pooled": pooled}.items():
            numbers = found["results"][""][aggregation][name]
            assert numbers["value"] == pytest.approx(values.mean(), abs=1e-12)
            assert numbers["seed_std"] == pytest.approx(values.std(ddof=1), abs=1e-12)
            assert numbers["ci_low"] < numbers["value"] < numbers["ci_high"]
            assert (numbers["n_seeds"], numbers["n_folds"], numbers["n_utterances"]) == (3, 5, 95)
            assert (numbers["n_speakers"], numbers["n_clusters"], numbers["ci_df"]) == (10, 5, 4)
            assert numbers["ci_method"] == "jackknife over sessions"
            each = ", ".join(f"{100 * value:.2f}" for value in function(matrices).mean(axis=0))
            assert numbers["notes"] == [f"5 sessions: {each}; an interval of so few is 1.4 times as wide"]
        assert abs(fold_means.mean() - pooled.mean()) > 1e-4
    for i, seed in enumerate((1, 2, 3)):
        np.testing.assert_array_equal(found["confusion"][""][str(seed)], matrices[i].sum(axis=0))
    run = found["runs"][7]
    assert (run["seed"], run["fold"]) == (2, 3)
    assert run["metrics"][""]["UA"] == pytest.approx(float(metrics.ua(matrices[1, 2])))
    assert (found["protocol_hash"], found["data_hash"]) == (split.protocol_hash, split.data_hash)
    assert (found["selection"], found["trained_by"]) == ("clean", "c0de")


def test_one_seed_has_no_spread_and_the_order_of_folders_is_nothing(tmp_path: Path, split: Split) -> None:
    folders = write_runs(tmp_path, split, (1,))
    found = evaluate([split], folders)
    assert found["results"][""]["pooled"]["UA"]["seed_std"] is None
    write_json(tmp_path / "a.json", found)
    write_json(tmp_path / "b.json", evaluate([split], folders[::-1]))
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def test_a_fold_without_a_class_has_no_fold_mean_of_ua(tmp_path: Path) -> None:
    rows = [row for row in iemocap_like() if row.session != "Ses02" or row.emotion != "sad"]
    split = make_split(protocol(**SESSIONS), "clean", rows)
    found = evaluate([split], write_runs(tmp_path, split, (1,)))
    fold_mean, pooled = found["results"][""]["fold_mean"], found["results"][""]["pooled"]
    assert np.isnan(fold_mean["UA"]["value"])
    assert fold_mean["UA"]["ci_low"] is None
    assert fold_mean["UA"]["notes"] == ["UA is undefined: the test part lacks sad in fold 2"]
    assert fold_mean["WA"]["value"] > 0
    assert pooled["UA"]["value"] > 0
    assert "no sad in the test part of fold 2" in found["notes"]
    write_json(tmp_path / "e.json", found)
    assert json.loads((tmp_path / "e.json").read_text())["results"][""]["fold_mean"]["UA"]["value"] is None


def test_what_is_undefined_with_another_seed_only_is_found() -> None:
    """Each seed may have folds of its own."""
    whole, lacks = np.eye(2, dtype=int)[None], np.array([[[1, 0], [0, 0]]])
    seeds = [
        [Sums(np.array([fold]), found[fold]) for fold in range(3)] for found in ([whole] * 3, [whole, lacks, whole])
    ]
    clusters = Clusters(np.arange(3), "speaker", False)
    found = numbers(Difference(metrics.class_metrics, seeds, (), clusters), {})
    assert found["UA"]["notes"] == ["UA is undefined in fold 2: the test part lacks a class, or does not vary"]
    assert found["WA"]["notes"][0].startswith("3 speakers: 100.00")


def test_declared_leaks_stand_beside_the_numbers(tmp_path: Path) -> None:
    split = make_split(protocol(), "clean", iemocap_like())
    found = evaluate([split], write_runs(tmp_path, split, (1,)))
    assert found["leaks"]["sessions"]["number"] == 5
    assert "test shares sessions with train and dev, as declared" in found["notes"]


def test_two_speakers_have_no_interval(tmp_path: Path) -> None:
    rows = [row for row in iemocap_like() if row.session == "Ses01"]
    folds = {"kind": "leave_one_out", "group": "speaker", "number": 2}
    split = make_split(protocol(folds=folds), "last_epoch", rows)
    numbers = evaluate([split], write_runs(tmp_path, split, (1,)))["results"][""]["pooled"]["WA"]
    assert (numbers["ci_low"], numbers["ci_high"]) == (None, None)
    assert numbers["notes"] == ["no interval: 2 speakers"]


def attribute_split(selection: str, seed: int | None = None) -> Split:
    generator = np.random.default_rng(0)
    rows = [
        Utterance(
            f"{part}_{i:02}",
            "x.wav",
            speaker="unknown" if i % 5 == 0 else f"{part}_{i % 4}",
            session=f"{part}_podcast{i % 3}",
            emotion="other",
            arousal=float(np.round(generator.uniform(1, 7), 3)),
            valence=float(np.round(generator.uniform(1, 7), 3)),
            sha256=f"{part}{i}",
            partition=part,
        )
        for part in ("train", "dev", "test1", "test2")
        for i in range(30)
    ]
    folds = {"kind": "official", "train": ["train"], "dev": ["dev"], "test": ["test1", "test2"], "also_report": ["dev"]}
    dev: dict[str, Any] = {"kind": "official"}
    if seed:
        folds, dev = {**DRAWN["folds"]}, DRAWN["dev"] | {"per_emotion": 9}
    fields = {"labels": None, "targets": ["valence", "arousal"], "scale": [1, 7], "subset": "all", "leaks": []}
    fields["leaks"] = DRAWN["leaks"] if seed else []
    return make_split(protocol(**fields, folds=folds, dev=dev), selection, rows, seed)


def test_each_seed_is_scored_on_the_rest_of_its_own_draw(tmp_path: Path) -> None:
    splits = {seed: attribute_split("clean", seed) for seed in (1, 2, 3)}
    said, targets, folders = {}, {}, []
    for seed, split in splits.items():
        targets[seed] = Fold.of(split, 1, {}).test.targets
        said[seed] = targets[seed] + np.random.default_rng(seed).normal(0, 1, targets[seed].shape)
        folders.append(write_run(tmp_path / f"seed{seed}", split, 1, seed, said[seed]))
    found = evaluate([*splits.values()], folders)
    numbers = found["results"]["dev"]["pooled"]["ccc_valence"]
    each = [metrics.ccc(targets[seed][:21, 0], said[seed][:21, 0]) for seed in splits]
    assert (numbers["value"], numbers["seed_std"]) == pytest.approx((np.mean(each), np.std(each, ddof=1)), abs=1e-7)
    assert (numbers["n_seeds"], numbers["n_utterances"]) == (3, 21)
    tested = {
        speaker for split in splits.values() for row in split.scored(1, "dev") if (speaker := split.speakers[row])
    }
    assert numbers["n_speakers"] == len(tested - {"unknown"})
    average = found["results"]["dev"]["pooled"]["ccc_average"]["value"]
    arousal = found["results"]["dev"]["pooled"]["ccc_arousal"]["value"]
    assert average == pytest.approx((numbers["value"] + arousal) / 2, abs=1e-12)
    assert found["data_hash"] not in {split.data_hash for split in splits.values()}
    with pytest.raises(InputError, match="different data_hash"):  # a run of another seed's draw
        evaluate([splits[1], replace(splits[2], data_hash="other"), splits[3]], folders)
    with pytest.raises(InputError, match="no split of iemocap for seed 3"):
        evaluate([splits[1], splits[2]], folders)


@pytest.mark.parametrize("selection", ["clean", "test_selected"])
def test_attributes_are_scored_by_ccc_over_the_whole_of_each_reported_part(tmp_path: Path, selection: str) -> None:
    split = attribute_split(selection)
    targets = Fold.of(split, 1, {}).test.targets
    said = targets + np.random.default_rng(1).normal(0, 1, (90, 2))
    found = evaluate([split], [write_run(tmp_path / "fold1", split, 1, 1, said)])
    assert list(found["results"]) == ["test1", "test2", "dev"]
    assert found["confusion"] == {}
    in_file = {"dev": slice(0, 30), "test1": slice(30, 60), "test2": slice(60, 90)}  # by the utterances' names
    for part, rows in in_file.items():
        expected = metrics.ccc(targets[rows].T, said[rows].T)
        for aggregation in ("fold_mean", "pooled"):  # there is one fold
            numbers = found["results"][part][aggregation]["ccc_arousal"]
            assert numbers["value"] == pytest.approx(expected[1], abs=1e-7)
            assert (numbers["n_utterances"], numbers["n_speakers"]) == (30, 4)
        assert found["runs"][0]["metrics"][part]["ccc_valence"] == pytest.approx(expected[0], abs=1e-7)
    # Unknown speakers are resampled by podcast: the intervals are as if each podcast's were one speaker.
    named = replace(
        split,
        speakers=tuple(
            f"unknown/{session}" if speaker == "unknown" else speaker
            for speaker, session in zip(split.speakers, split.sessions, strict=True)
        ),
    )
    again = evaluate([named], [tmp_path / "fold1"])["results"]["test2"]["pooled"]["ccc_arousal"]
    assert again["n_speakers"] == 7
    numbers = found["results"]["test2"]["pooled"]["ccc_arousal"]
    for limit in ("ci_low", "ci_high"):
        assert again[limit] == numbers[limit]
    assert numbers["ci_low"] < numbers["value"] < numbers["ci_high"]


def test_what_is_classified_besides_has_metrics_of_its_own(tmp_path: Path) -> None:
    """Two seeds, and regions that not every part and run has; the attributes' numbers are as without them."""
    split = attribute_split("clean")
    part, generator = Fold.of(split, 1, {}).test, np.random.default_rng(1)
    said = [part.targets + generator.normal(0, 1, (90, 2)) for _ in range(2)]
    targets, predicted = generator.integers(9, size=90), [generator.integers(12, size=90) for _ in range(2)]
    predicted = [np.where(generator.random(90) < 0.4, targets, other) for other in predicted]
    predicted[1][7] = 30  # only here, and only in one seed
    folders, without = (
        [
            write_run(tmp_path / f"{auxiliary}{i}", split, 1, i + 1, said[i], given if auxiliary else None)
            for i, given in enumerate(Auxiliary("region", targets, of_seed) for of_seed in predicted)
        ]
        for auxiliary in (True, False)
    )
    found, plain = evaluate([split], folders), evaluate([split], without)
    for name, rows in {"dev": slice(0, 30), "test1": slice(30, 60), "test2": slice(60, 90)}.items():
        each = {
            "region_WA": [np.mean(targets[rows] == of_seed[rows]) for of_seed in predicted],
            "region_macro_f1": [f1_score(targets[rows], of_seed[rows], average="macro") for of_seed in predicted],
        }
        for aggregation in ("fold_mean", "pooled"):
            numbers = found["results"][name][aggregation]
            assert list(numbers) == ["ccc_valence", "ccc_arousal", "ccc_average", "region_WA", "region_macro_f1"]
            for metric, values in each.items():
                of_metric = numbers.pop(metric)
                assert of_metric["value"] == pytest.approx(np.mean(values), abs=1e-12)
                assert of_metric["seed_std"] == pytest.approx(np.std(values, ddof=1), abs=1e-12)
                assert of_metric["ci_low"] < of_metric["value"] < of_metric["ci_high"]
                assert (of_metric["n_seeds"], of_metric["n_utterances"], of_metric["n_speakers"]) == (2, 30, 4)
            assert numbers == plain["results"][name][aggregation]
        for run, of_plain, wa, f1 in zip(found["runs"], plain["runs"], *each.values(), strict=True):
            assert run["metrics"][name] == of_plain["metrics"][name] | {
                "region_WA": pytest.approx(wa, abs=1e-12),
                "region_macro_f1": pytest.approx(f1, abs=1e-12),
            }
    assert found["confusion"] == {}


def test_confusions_of_each_part_add_up_to_all_predictions(tmp_path: Path) -> None:
    rows = [
        Utterance(f"{part}{i}", "x.wav", speaker=f"{part}{i % 3}", emotion=("sad", "angry")[i % 2], partition=part)
        for part, number in (("train", 6), ("dev", 6), ("test1", 12), ("test2", 8))
        for i in range(number)
    ]
    folds = {"kind": "official", "train": ["train"], "dev": ["dev"], "test": ["test1", "test2"]}
    fields = {"labels": {"angry": ["angry"], "sad": ["sad"]}, "subset": "all", "leaks": []}
    split = make_split(protocol(**fields, folds=folds, dev={"kind": "official"}), "clean", rows)
    scores = np.log(np.random.default_rng(0).dirichlet([1, 1], 20))
    found = evaluate([split], [write_run(tmp_path / "fold1", split, 1, 1, scores)])
    assert list(found["confusion"]) == ["test1", "test2"]
    targets, predicted = Fold.of(split, 1, {}).test.targets, scores.argmax(axis=1)
    for part, rows_of in (("test1", slice(0, 12)), ("test2", slice(12, 20))):
        expected = metrics.confusion_matrix(targets[rows_of], predicted[rows_of], 2)
        np.testing.assert_array_equal(found["confusion"][part]["1"], expected)
        assert found["results"][part]["pooled"]["WA"]["value"] == np.trace(expected) / expected.sum()


def test_the_script_writes_strict_json_and_one_line_on_bad_input(tmp_path: Path, split: Split) -> None:
    folders = write_runs(tmp_path, split, (1, 2))
    write_split(split, protocol(**SESSIONS), tmp_path / "s.csv", tmp_path / "s.json")
    script = [sys.executable, "workflow_scripts/evaluate.py", "--split", str(tmp_path / "s.json")]
    script += ["--output", str(tmp_path / "e.json"), "--runs"]
    subprocess.run([*script, *map(str, folders)], cwd=ROOT, check=True, capture_output=True)
    found = json.loads((tmp_path / "e.json").read_text(), parse_constant=pytest.fail)
    expected = evaluate([split], folders)
    assert found["results"] == expected["results"]
    result = subprocess.run([*script, *map(str, folders[1:])], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 2
    assert result.stderr == "error: runs missing: seed 1 fold 1: make them, or leave their seed out\n"


def test_starts_without_heavy_imports() -> None:
    script = (
        "import sys; import ser.evaluations.evaluate;"
        "print({'scipy.stats', 'sklearn', 'pandas', 'torch'} & set(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert result.stdout.strip() == "set()"
