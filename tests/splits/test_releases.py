"""Every protocol of every experiment on manifests in the shape of the real releases."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from helpers import ROOT, releases
from helpers.runs import write_run
from ser.corpora import casia, crema_d, emodb, ravdess
from ser.errors import InputError
from ser.evaluations.evaluate import evaluate
from ser.evaluations.gather import gather
from ser.manifests.reading import release_of
from ser.plan.experiments import read_experiments
from ser.results.honest_gap import Side, gaps
from ser.splits.make import make_split
from ser.splits.protocol import Protocol
from ser.splits.split import Split

CORPORA = {
    "casia": releases.casia,
    "crema_d": releases.crema_d,
    "emodb": releases.emodb,
    "iemocap": releases.iemocap,
    "msp_podcast": releases.msp_podcast,
    "ravdess": releases.ravdess,
}
utterances = cache(lambda corpus: CORPORA[corpus]())
# What protocols of IEMOCAP are named after; of the 2,659, those of 2 s or less are left out.
SUBSETS = ("5531", "4490", "2943", "2280")


@cache
def protocols() -> dict[str, tuple[Protocol, list[str]]]:
    """Protocol -> what it says at scale paper, and its selection rules."""
    found = {}
    for experiment, content in read_experiments(ROOT).items():
        for name, fields in content["protocols"].items():
            beside = ("selections", "source", "note", "complete", "scales")
            protocol = Protocol.from_mapping({key: value for key, value in fields.items() if key not in beside})
            found[f"{experiment}/{name}"] = protocol, fields["selections"]
    return found


def split_of(name: str) -> Split:
    """The split of a protocol under `clean`."""
    protocol, _ = protocols()[name]
    return make_split(protocol, "clean", utterances(protocol.corpus), seed=1)


def lacking(split: Split, part: str) -> dict[str, list[int]]:
    """Class -> the folds whose part has none of it."""
    found = {}
    for label, name in enumerate(split.labels):
        of_class = split.targets == label
        if folds := [k for k in range(1, split.n_folds + 1) if not of_class[split.rows(k, part)].any()]:
            found[name] = folds
    return found


@pytest.mark.parametrize("corpus", CORPORA)
def test_leaks_are_those_that_are_declared_and_every_class_is_learnt(corpus: str) -> None:
    found: dict[str, set[str]] = {}
    for name, (protocol, selections) in protocols().items():
        for selection in selections if protocol.corpus == corpus else []:
            seed = 1 if protocol.is_drawn(selection) else None
            split = make_split(protocol, selection, utterances(corpus), seed)
            found.setdefault(name, set()).update(kind.removeprefix("dev_") for kind in split.leaks)
            assert not any("not found" in note for note in split.notes), name
            assert protocol.targets or lacking(split, "train") == {}, name
            if (size := name.partition("/iemocap_")[2].split("_")[0]) in SUBSETS:
                assert len(split.utterances) == int(size)
    assert found == {name: {kind.removeprefix("dev_") for kind in protocols()[name][0].leaks} for name in found}


@pytest.mark.parametrize("release", [casia, crema_d, emodb, ravdess])
def test_these_shapes_are_whole_releases(release: Any) -> None:
    rows = utterances(release.NAME)
    published = release_of(release.PUBLISHED, len(rows))
    assert (published.total, published.speakers) == (len(rows), len({row.speaker for row in rows}))
    assert published.tables and all(table.found(rows) == table.counts for table in published.tables)


# Speaker 08, the second, is never disgusted; of half the texts, more speakers lack an emotion.
# Ses02F, the third, improvises nothing angry, and chooses the epoch of the fourth and of the first session.
@pytest.mark.parametrize(
    ("name", "tested", "chosen_on"),
    [
        ("light_sernet/emodb_7_speakers", {"disgusted": [2]}, {"disgusted": [1]}),
        ("ladder/emodb_7_speakers", {"disgusted": [2]}, {"disgusted": [1]}),
        ("ladder/emodb_4_texts", {"happy": [11], "sad": [17]}, {"happy": [10], "sad": [16]}),
        (
            "ladder/emodb_7_texts",
            {"disgusted": [1, 3, 4, 7, 9], "fearful": [5]},
            {"disgusted": [1, 2, 6, 8, 20], "fearful": [4]},
        ),
        ("tf_transformer/iemocap_2280_speakers", {"angry": [3]}, {"angry": [4]}),
        ("fair/iemocap_2280", {}, {"angry": [1]}),
    ],
)
def test_folds_that_lack_a_class_are_made_and_named(
    name: str, tested: dict[str, list[int]], chosen_on: dict[str, list[int]]
) -> None:
    split = split_of(name)
    assert (lacking(split, "test"), lacking(split, "dev")) == (tested, chosen_on)
    for part, found in (("test", tested), ("dev", chosen_on)):
        for label, folds in found.items():
            assert f"no {label} in the {part} part of fold {', '.join(map(str, folds))}" in split.notes
    assert sum(note.startswith("no ") for note in split.notes) == len(tested) + len(chosen_on)


def test_where_a_fold_lacks_a_class_ua_is_of_all_predictions(tmp_path: Path) -> None:
    """So is its gap; the mean over folds is told to be undefined."""
    protocol, _ = protocols()["light_sernet/emodb_7_speakers"]
    sides = []
    for seed, selection in enumerate(("test_selected", "clean")):
        split = make_split(protocol, selection, utterances("emodb"))
        guesses = np.random.default_rng(seed).normal(size=(len(split.utterances), len(split.labels)))
        folders = [write_run(tmp_path / f"{selection}{k}", split, k, 1, guesses[split.scored(k)]) for k in range(1, 11)]
        sides.append(Side(selection, [split], gather([split], folders)))
    for found in (evaluate([split], folders)["results"][""], gaps(*sides)[""]):
        pooled, fold_mean = found["pooled"]["UA"], found["fold_mean"]["UA"]
        assert pooled["ci_low"] < pooled["value"] < pooled["ci_high"] and not pooled["notes"]
        assert np.isnan(fold_mean["value"]) and not np.isnan(found["fold_mean"]["WA"]["value"])
        assert "UA is undefined: the test part lacks" in fold_mean["notes"][0]


def test_the_draw_of_a_release_with_few_fearful_turns() -> None:
    """EmoBox's list has 130 of them in Development."""
    rows, refused = releases.msp_podcast(fearful=130), []
    for name, (protocol, _) in protocols().items():
        if protocol.dev.kind == "drawn":
            with pytest.raises(
                InputError, match="300 utterances of fearful are to be drawn from part dev, which has 130"
            ):
                make_split(protocol, "clean", rows, seed=1)
            refused.append(name)
    assert refused == ["emosphere_ser/in_house", "emosphere_ser/in_house_with_x"]


def test_the_full_release_of_casia_has_the_same_splits_but_larger() -> None:
    rows = releases.casia(range(1, 401))
    assert (len(rows), release_of(casia.PUBLISHED, len(rows))) == (9_600, None)  # its counts are not those of the part
    for name in ("fair/casia", "ladder/casia_random", "ladder/casia_texts"):
        protocol, _ = protocols()[name]
        split = make_split(protocol, "clean", rows)
        assert len(split.utterances) == 9_600 and split.leaks.keys() == {*protocol.leaks}, name
