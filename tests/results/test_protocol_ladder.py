"""The protocol ladder: gains that are exact on hand-made predictions, whatever the number of folds, or a reason."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from helpers.builders import group_of, protocol
from helpers.intervals import t_interval, t_interval_with_seeds
from helpers.runs import AsPlanned, write_run
from ser.manifests.utterance import Utterance
from ser.plan.groups import Group, Plan
from ser.plan.places import Places
from ser.results.protocol_ladder import COLUMNS, ladder_lines
from ser.runs.contract import Fold
from ser.sealed import write_sealed
from ser.splits.make import make_split
from ser.splits.protocol import Protocol
from ser.splits.split import Split
from ser.splits.write import write_split

Right = Mapping[int, list[int]]

FIELDS = {"corpus": "c", "labels": {"angry": ["angry"], "sad": ["sad"]}, "subset": "all", "aggregation": "pooled"}
SPEAKERS = {"kind": "leave_one_out", "group": "speaker", "number": 6}
NEXT = {"kind": "next_group"}
PROTOCOLS = {
    "p_random": protocol(
        **FIELDS,
        folds={"kind": "random_k_fold", "number": 4, "seed": 1},
        dev={"kind": "random", "fraction": 0.2, "seed": 1},
        leaks=["speakers", "sentences"],
    ),
    "p_speakers": protocol(**FIELDS, folds=SPEAKERS, dev=NEXT, leaks=["sentences"]),
    "p_texts": protocol(**FIELDS, folds={**SPEAKERS, "texts": 2}, dev=NEXT, leaks=[]),
}
STEPS = {
    "on_test": {
        "title": "On test",
        "suffix": "random",
        "selection": "test_selected",
        "against": {"on_dev": "the epoch", "speakers": "both"},
    },
    "on_dev": {"title": "On dev", "suffix": "random", "selection": "clean", "against": {"speakers": "the speakers"}},
    "speakers": {"title": "Speakers", "suffix": "speakers", "selection": "clean", "against": {"texts": "the texts"}},
    "texts": {"title": "Texts", "suffix": "texts", "selection": "clean"},
}
# How many of each speaker's eight utterances are right, for both seeds.
RIGHT: dict[str, Right] = {
    "on_test": {1: [8, 7, 8, 6, 8, 8], 2: [7, 7, 7, 7, 7, 7]},
    "on_dev": {1: [7, 7, 6, 6, 8, 5], 2: [7, 6, 7, 6, 7, 6]},
    "speakers": {1: [4, 5, 6, 3, 2, 5], 2: [4, 4, 4, 4, 4, 4]},
    "texts": {1: [3, 4, 5, 2, 1, 4], 2: [3, 3, 3, 3, 3, 3]},
}


def corpus() -> list[Utterance]:
    """Six speakers say two texts twice in both emotions."""
    return [
        Utterance(
            f"s{speaker}_{i}",
            "x.wav",
            speaker=f"s{speaker}",
            sentence="ab"[i // 4],
            emotion=("angry", "sad")[i % 2],
            sha256=f"{speaker}{i}",
        )
        for speaker in range(6)
        for i in range(8)
    ]


def said(split: Split, number: int, right: list[int]) -> np.ndarray:
    """Scores that are right for the first `right[s]` utterances of speaker s, and wrong for the others."""
    test = Fold.of(split, number, {}).test
    is_right = np.array([int(name[3:]) < right[int(name[1])] for name in test.utterances])
    classes = np.where(is_right, test.targets, 1 - test.targets)
    return np.log(np.where(classes[:, None] == np.arange(2), 0.9, 0.1))


def group_at(suffix: str, protocols: Mapping[str, Protocol], **changes: str) -> Group:
    """The group of a step."""
    name = f"p_{suffix}"
    return group_of(
        protocols[name], experiment="ladder", row="net", table="", protocol_name=name, seeds=(1, 2), **changes
    )


def lines(work: Path, protocols: Mapping[str, Protocol], **skipped: str) -> dict[tuple[str, str, str], dict[str, Any]]:
    """(step, against, metric) -> its line, for a folder with the runs of all steps but the `skipped` ones."""
    groups = []
    for name, step in STEPS.items():
        group = group_at(
            str(step["suffix"]),
            protocols,
            selection=str(step["selection"]),
            note="a note",
            skipped=skipped.get(name, ""),
        )
        groups.append(group)
        if group.skipped:
            continue
        split = make_split(group.protocol, group.selection, corpus())
        path = work / f"splits/ladder/{group.protocol_name}/{group.selection}"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_split(split, group.protocol, path.with_suffix(".csv"), path.with_suffix(".json"))
        for seed, fold in group.runs:
            write_run(
                work / f"runs/{group.name}/seed{seed}/fold{fold}",
                split,
                fold,
                seed,
                said(split, fold, RIGHT[name][seed]),
            )
    write_sealed(work / "manifests/c.json", {"unreadable": []})
    experiment = {"ladder": {"steps": STEPS, "protocols": {"p": list(STEPS)}}}
    plan = Plan("free", tuple(groups), {"ladder": experiment}, {})
    found = list(ladder_lines(plan, Places(str(work)), AsPlanned()))
    assert all(list(line) == COLUMNS for line in found)
    by_key = {(line["step"], line["against"], line["metric"]): line for line in found}
    assert len(by_key) == len(found)
    return by_key


def expected(step: str, minus: str = "") -> dict[str, str]:
    """WA, or its gain, as the counts give it: each speaker has eight utterances, so one counts as any other."""
    counts = np.array(list(RIGHT[step].values())) - (np.array(list(RIGHT[minus].values())) if minus else 0)
    of_speaker = counts / 8
    shares_models = "random" in {STEPS[name]["suffix"] for name in (step, minus or step)}
    low, high = t_interval_with_seeds(of_speaker) if shares_models else t_interval(of_speaker.mean(axis=0))
    high = high if minus else min(high, 1.0)
    values = of_speaker.mean(), low, high, of_speaker.mean(axis=1).std(ddof=1)
    names = (
        ("gain", "gain_ci_low", "gain_ci_high", "gain_seed_std")
        if minus
        else ("value", "ci_low", "ci_high", "seed_std")
    )
    return {name: f"{100 * value:z.2f}" for name, value in zip(names, values, strict=True)}


def test_gains_are_paired_over_speakers_and_seeds_whatever_the_number_of_folds(tmp_path: Path) -> None:
    found = lines(tmp_path, PROTOCOLS)
    assert {key[:2] for key in found} == {
        ("on_test", "on_dev"),
        ("on_test", "speakers"),
        ("on_dev", "speakers"),
        ("speakers", "texts"),
        ("texts", ""),
    }
    for (step, against, metric), line in found.items():
        assert (line["status"], line["aggregation"], line["note"]) == ("ok", "pooled", "a note")
        if metric == "WA":
            assert line.items() >= expected(step).items()
            if against:
                assert line.items() >= expected(step, against).items()
    # One right answer less of each speaker and seed: the interval has no width, though speakers and seeds differ.
    line = found["speakers", "texts", "WA"]
    assert [line[f"gain{end}"] for end in ("", "_ci_low", "_ci_high", "_seed_std")] == [
        "12.50",
        "12.50",
        "12.50",
        "0.00",
    ]
    assert found["texts", "", "WA"]["gain"] == ""


def test_a_line_says_what_the_step_trains_on_and_shares(tmp_path: Path) -> None:
    found = lines(tmp_path, PROTOCOLS)
    told = {step: line for (step, _, metric), line in found.items() if metric == "UA"}
    keys = ("protocol", "selection", "title", "n_folds", "n_train", "n_utterances", "n_speakers", "shared")
    assert {step: tuple(line[key] for key in keys) for step, line in told.items()} == {
        "on_test": ("p_random", "test_selected", "On test", 4, 36, 48, 6, "speakers, sentences with train"),
        "on_dev": ("p_random", "clean", "On dev", 4, 29, 48, 6, "speakers, sentences with train"),
        "speakers": ("p_speakers", "clean", "Speakers", 6, 32, 48, 6, "sentences with train"),
        "texts": ("p_texts", "clean", "Texts", 12, 16, 48, 6, ""),
    }
    assert told["on_dev"]["gains_by"] == "the speakers" and told["texts"]["gains_by"] == ""
    assert told["texts"]["folds"] == "12 x leave_one_out of speakers and 2 parts of the texts"
    assert told["on_dev"]["protocol_hash"] == PROTOCOLS["p_random"].digest("clean")


def test_steps_that_test_other_utterances_have_no_gain(tmp_path: Path) -> None:
    """Folds that are drawn anew test some utterances twice and others not at all."""
    drawn = replace(PROTOCOLS["p_random"].folds, kind="random", fraction=0.25)
    found = lines(tmp_path, PROTOCOLS | {"p_random": replace(PROTOCOLS["p_random"], folds=drawn)})
    line = found["on_dev", "speakers", "WA"]
    assert (line["status"], line["gain"], line["note"]) == (
        "ok",
        "",
        "a note; no gain: speakers tests other utterances",
    )
    assert found["on_test", "on_dev", "WA"]["gain"] and line["value"]


def test_a_step_that_is_not_computed_says_why_and_so_does_the_one_above(tmp_path: Path) -> None:
    found = lines(tmp_path, PROTOCOLS, speakers="no recordings")
    assert {line["status"] for (step, *_), line in found.items() if step == "speakers"} == {"skipped"}
    line = found["speakers", "texts", "UA"]
    assert (line["note"], line["value"], line["gain"]) == ("no recordings", "", "")
    line = found["on_dev", "speakers", "UA"]
    assert (line["status"], line["gain"]) == ("ok", "")
    assert line["note"] == "a note; no gain: speakers is skipped: no recordings"


def test_runs_of_other_settings_than_planned_are_refused(tmp_path: Path) -> None:
    class Changed(AsPlanned):
        def seeds(self, group: Group) -> dict[int, str]:
            return dict.fromkeys(group.seeds, "another plan")

    lines(tmp_path, PROTOCOLS)
    only = {"steps": {"texts": STEPS["texts"]}, "protocols": {"p": ["texts"]}}
    plan = Plan("free", (group_at("texts", PROTOCOLS),), {"ladder": {"ladder": only}}, {})
    with pytest.raises(Exception, match="made from other settings, code or recordings than planned"):
        list(ladder_lines(plan, Places(str(tmp_path)), Changed()))
