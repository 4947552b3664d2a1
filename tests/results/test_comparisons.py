"""Comparisons of rows: exact on hand-made predictions, or a reason why there is none."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from helpers.builders import group_of, protocol
from helpers.gap_cases import BY_SPEAKER, EIGHT, FIELDS, corpus, said
from helpers.intervals import t_interval
from helpers.runs import AsPlanned, write_run
from helpers.split_cases import DRAWN
from ser.evaluations.metrics import ccc
from ser.manifests.utterance import Utterance
from ser.plan.families import families
from ser.plan.groups import Group, Plan
from ser.plan.places import Places
from ser.results.comparisons import COLUMNS, comparison_lines
from ser.runs.contract import Fold
from ser.sealed import write_sealed
from ser.splits.make import make_split
from ser.splits.protocol import Protocol
from ser.splits.write import write_split

MADE = protocol(**FIELDS | BY_SPEAKER | {"aggregation": "pooled"})
# Row -> how many of each speaker's ten utterances are right, for each seed.
RIGHT: dict[str, list[list[int]]] = {
    "headline": [EIGHT, EIGHT[::-1]],
    "better": [[min(10, n + gain) for n, gain in zip(EIGHT, (3, 1, 2, 0, 2, 3, 1, 2), strict=True)]] * 2,
    "alike": [[5, 9, 3, 6, 8, 6, 7, 1], EIGHT[::-1]],
}


def groups(made: Protocol, rows: Sequence[str], **changes: Any) -> list[Group]:
    return [group_of(made, row=row, seeds=(1, 2), **changes) for row in rows]


def plan(found: list[Group], claims: bool = True, **rows: Mapping[str, Any]) -> Plan:
    experiment = {"claims": [{}] if claims else [], "rows": {group.row: rows.get(group.row, {}) for group in found}}
    return Plan("paper", tuple(found), {"paper": experiment}, {})


def write(work: Path, group: Group, utterances: Sequence[Utterance], right: Sequence[Sequence[int]]) -> None:
    split = make_split(group.protocol, group.selection, list(utterances))
    path = work / f"splits/paper/p/{group.selection}"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_split(split, group.protocol, path.with_suffix(".csv"), path.with_suffix(".json"))
    write_sealed(work / "manifests/c.json", {"unreadable": []})
    for seed, fold in group.runs:
        folder = work / f"runs/{group.name}/seed{seed}/fold{fold}"
        write_run(folder, split, fold, seed, said(split, fold, right[seed - 1][fold - 1]))


def lines(work: Path, of: Plan) -> dict[tuple[str, str, str], dict[str, Any]]:
    """(row, against, metric) -> its line."""
    found = list(comparison_lines(of, Places(str(work)), AsPlanned()))
    assert all(list(line) == COLUMNS for line in found)
    by_key = {(line["row"], line["against"], line["metric"]): line for line in found}
    assert len(by_key) == len(found)
    return by_key


def flips(differences: np.ndarray) -> np.ndarray:
    """The mean of differences [n] under each of the 2^n changes of signs."""
    signs = 1 - 2 * (np.arange(2 ** len(differences))[:, None] >> np.arange(len(differences)) & 1)
    return (signs * differences).mean(axis=1)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    for group in groups(MADE, list(RIGHT)):
        write(tmp_path, group, corpus(), RIGHT[group.row])
    return tmp_path


def test_rows_are_compared_with_the_papers_first(work: Path) -> None:
    """Each speaker has ten utterances, so WA is a mean over speakers."""
    found = lines(work, plan(groups(MADE, list(RIGHT))))
    assert {key[:2] for key in found} == {("better", "headline"), ("alike", "headline")}
    per_speaker = {row: 10 * np.mean(seeds, axis=0) for row, seeds in RIGHT.items()}
    gains = {row: per_speaker[row] - per_speaker["headline"] for row in ("better", "alike")}
    of_swaps = {row: np.abs(flips(gain)) for row, gain in gains.items()}
    scaled = np.array([values / np.sqrt(np.mean(values**2)) for values in of_swaps.values()])
    largest = scaled.max(axis=0)
    for own, (row, gain) in zip(scaled, gains.items(), strict=True):
        line, (low, high) = found[row, "headline", "WA"], t_interval(gain)
        values = per_speaker[row].mean(), per_speaker["headline"].mean(), gain.mean(), low, high
        names = ("value", "value_against", "difference", "ci_low", "ci_high")
        assert [line[name] for name in names] == [f"{value:.2f}" for value in values]
        assert [line[name] for name in ("ci_method", "n_clusters", "ci_df")] == ["jackknife over speakers", 8, "7"]
        assert (line["test"], line["family"]) == ("all 256 exchanges of speakers", 2)
        assert line["p"] == f"{np.mean(own >= own[0] - 1e-9):.4f}"
        assert line["p_family"] == f"{np.mean(largest >= own[0] - 1e-9):.4f}"
        assert (line["status"], line["note"], line["n_seeds"], line["n_speakers"]) == ("ok", "", 2, 8)
        assert line["code_version"] == line["code_version_against"] == "c0de" and line["data_hash"]


def test_rows_with_other_seeds_are_compared_over_those_that_both_have(work: Path) -> None:
    headline, better, alike = groups(MADE, list(RIGHT))
    found = lines(work, plan([headline, replace(better, seeds=(2,)), alike]))
    line = found["better", "headline", "WA"]
    gain = 10 * np.subtract(RIGHT["better"][1], RIGHT["headline"][1]).mean()
    assert (line["difference"], line["n_seeds"], line["status"]) == (f"{gain:.2f}", 1, "ok")
    assert line["note"] == "over seeds 2, which both rows have" and line["p"]
    assert found["alike", "headline", "WA"]["note"] == "" and found["alike", "headline", "WA"]["n_seeds"] == 2


def test_where_nothing_is_claimed_every_pair_is_compared(work: Path) -> None:
    rows = groups(MADE, list(RIGHT))
    found = lines(work, plan(rows, claims=False))
    assert {key[:2] for key in found} == {("headline", "better"), ("headline", "alike"), ("better", "alike")}
    assert {line["family"] for line in found.values()} == {3}
    backwards = lines(work, plan(rows))
    for metric in ("WA", "UA", "macro_f1"):
        there, back = found["headline", "better", metric], backwards["better", "headline", metric]
        assert float(there["difference"]) == -float(back["difference"]) and there["p"] == back["p"]


def test_a_row_without_randomness_is_compared_with_every_seed(work: Path) -> None:
    headline, better, _ = groups(MADE, list(RIGHT))
    one = group_of(MADE, row="better", seeds=(1,))
    found = lines(work, plan([headline, one], better={"deterministic": True}))["better", "headline", "WA"]
    again = lines(work, plan([headline, better]))["better", "headline", "WA"]  # has the same predictions in both seeds
    assert {key for key in COLUMNS if found[key] != again[key]} == set()


def test_only_seeds_that_both_have_are_compared(work: Path) -> None:
    (headline,) = groups(MADE, ["headline"])
    one = group_of(MADE, row="better", seeds=(2,))
    found = lines(work, plan([headline, one]))["better", "headline", "WA"]
    assert (found["n_seeds"], found["value_against"]) == (1, f"{10 * np.mean(EIGHT):.2f}")
    other = group_of(MADE, row="alike", seeds=(1,))
    found = lines(work, plan([one, other]))["alike", "better", "WA"]
    assert (found["status"], found["note"]) == ("skipped", "the rows have no seed in common")


def test_what_is_not_computed_is_in_no_comparison_but_for_the_headline(work: Path) -> None:
    headline, better, alike = groups(MADE, list(RIGHT))
    gone = group_of(MADE, row="headline", skipped="no checkpoint")
    found = lines(work, plan([gone, better, alike]))
    assert {(line["status"], line["note"]) for line in found.values()} == {
        ("skipped", "headline is skipped: no checkpoint")
    }
    assert len(found) == 6 and {line["difference"] for line in found.values()} == {""}
    without = plan([headline, better, group_of(MADE, row="alike", skipped="no checkpoint")])
    assert [pair for family in families(without) for pair in family.comparisons] == [(better, headline)]
    assert list(families(plan([headline]))) == []


def test_five_sessions_have_an_interval_and_no_test(tmp_path: Path) -> None:
    folds = {"kind": "leave_one_out", "group": "session", "number": 5}
    made = protocol(**FIELDS | {"folds": folds, "dev": {"kind": "next_group"}, "aggregation": "pooled"})
    utterances = [replace(row, session=str(int(row.speaker[1:]) // 2)) for row in corpus(10)]
    rows = groups(made, ["headline", "better"])
    for group, right in zip(rows, ([10, 12, 9, 11, 8], [12, 13, 12, 11, 12]), strict=True):
        write(tmp_path, group, utterances, [right, right])
    line = lines(tmp_path, plan(rows))["better", "headline", "WA"]
    low, high = t_interval(np.array([2, 1, 3, 0, 4]) / 20 * 100)
    assert [line["ci_low"], line["ci_high"], line["ci_method"]] == [
        *(f"{limit:.2f}" for limit in (low, high)),
        "jackknife over sessions",
    ]
    assert [line[name] for name in ("test", "p", "family", "p_family")] == [""] * 4
    assert line["note"] == "no test: exchanges of 5 sessions have no p below 0.062"


def official() -> tuple[Protocol, list[Utterance]]:
    """One fold, in which four speakers are tested."""
    folds = {"kind": "official", "train": ["train"], "dev": ["dev"], "test": ["test1"]}
    made = protocol(**FIELDS | {"folds": folds, "dev": {"kind": "official"}, "aggregation": "pooled"})
    utterances = [
        Utterance(
            f"{part}{s}_{i}",
            "x.wav",
            speaker=f"{part}{s}",
            partition=part,
            emotion=("angry", "sad")[i % 2],
            sha256=f"{part}{s}{i}",
        )
        for part in ("train", "dev", "test1")
        for s in range(4)
        for i in range(4)
    ]
    return made, utterances


def test_official_parts_are_compared_over_speakers_and_seeds_or_not_at_all(tmp_path: Path) -> None:
    made, utterances = official()
    seeds = (1, 2, 3, 4, 5)
    rows = [group_of(made, row=row, seeds=seeds) for row in ("headline", "better")]
    for group, right in zip(rows, ([9, 10, 9, 11, 10], [11, 13, 12, 12, 13]), strict=True):
        write(tmp_path, group, utterances, [[n] for n in right])
    line = lines(tmp_path, plan(rows))["better", "headline", "WA"]
    assert (line["folds"], line["status"], line["test"], line["family"]) == ("official: test1", "ok", "t", 1)
    assert line["ci_method"] == "jackknife over speakers and seeds" and 3 < float(line["ci_df"]) < 7
    assert line["p"] == line["p_family"] != ""
    inside = float(line["ci_low"]) <= 0 <= float(line["ci_high"])
    assert inside == (float(line["p"]) > 0.05)
    few = [group_of(made, row=row, seeds=(1, 2)) for row in ("headline", "better")]
    line = lines(tmp_path, plan(few))["better", "headline", "WA"]
    assert (line["status"], line["test"], line["note"]) == ("ok", "", "no test: 2 of at least 5 seeds")
    alone = [group_of(made, row=row, seeds=(1,)) for row in ("headline", "better")]
    line = lines(tmp_path, plan(alone))["better", "headline", "WA"]
    assert (line["status"], line["difference"]) == ("skipped", "")
    assert line["note"] == "one seed: another training of the same row may differ as much"


def test_each_seed_is_compared_on_what_its_own_draw_leaves(tmp_path: Path) -> None:
    """Both rows have the draw of the seed, so their differences are paired."""
    fields = {**DRAWN, "corpus": "c", "targets": ["valence"], "aggregation": "pooled", "leaks": ["dev_speakers"]}
    fields["dev"] = fields["dev"] | {"per_emotion": 3}
    generator = np.random.default_rng(0)
    utterances = [
        Utterance(
            f"{part}{s}_{i}",
            "x.wav",
            speaker=f"{part}{s}",
            session=f"{part}{s}_{i}",
            partition=part,
            emotion=("angry", "sad")[i % 2],
            valence=float(np.round(generator.uniform(1, 7), 3)),
            sha256=f"{part}{s}{i}",
        )
        for part in ("train", "dev", "test1")
        for s in range(6)
        for i in range(8)
    ]
    made = protocol(**fields)
    rows = [group_of(made, row=row, seeds=(1, 2, 3)) for row in ("headline", "better")]
    expected: dict[str, list[float]] = {row.row: [] for row in rows}
    tested = []
    write_sealed(tmp_path / "manifests/c.json", {"unreadable": []})
    for seed in (1, 2, 3):
        split = make_split(made, "clean", utterances, seed)
        path = tmp_path / f"splits/{rows[0].split(seed)}"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_split(split, made, path.with_suffix(".csv"), path.with_suffix(".json"))
        targets, of_dev = Fold.of(split, 1, {}).test.targets, np.isin(split.scored(1), split.scored(1, "dev"))
        tested.append(frozenset(split.scored(1, "dev")))
        for row, noise in zip(rows, (2, 1), strict=True):
            scores = targets + noise * generator.normal(size=targets.shape)
            write_run(tmp_path / f"runs/{row.name}/seed{seed}/fold1", split, 1, seed, scores)
            expected[row.row].append(ccc(targets[of_dev, 0], np.float32(scores[of_dev, 0])))
    assert len({*tested}) == 3
    found = comparison_lines(plan(rows), Places(str(tmp_path)), AsPlanned())
    of_dev = next(line for line in found if line["folds"] == "official: dev")
    assert of_dev["status"] == "ok" and of_dev["ci_method"] == "jackknife over speakers and seeds"
    better, headline = (float(np.mean(expected[row])) for row in ("better", "headline"))
    numbers = [of_dev[key] for key in ("value", "value_against", "difference")]
    assert [float(number) for number in numbers] == pytest.approx([better, headline, better - headline], abs=1e-4)
