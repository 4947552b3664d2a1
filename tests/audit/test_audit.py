"""`ser audit`: a split random over utterances is seen through, a sound one passes with the project's own numbers."""

import json
import re
from html import escape
from pathlib import Path

import numpy as np
import pytest

from helpers.audits import audited, files, given, kinds, lines, reported, table, write
from helpers.builders import protocol
from ser.corpora.emodb import read_release
from ser.evaluations.evaluate import evaluate
from ser.manifests.utterance import Utterance
from ser.splits.make import make_split
from ser.splits.split import Split
from ser.splits.write import write_split


@pytest.fixture
def emodb(shared_data: Path, tmp_path: Path) -> tuple[Path, list[Utterance]]:
    """A manifest of the four classes that are complete, as anyone may write it."""
    wanted = ("angry", "happy", "sad", "neutral")
    rows = [row for row in read_release(shared_data / "emodb").utterances if row.emotion in wanted]
    cells = ((row.path, row.speaker, row.emotion, row.sentence) for row in rows)
    return table(tmp_path / "manifest.csv", ["path", "speaker", "emotion", "sentence"], cells), rows


def test_random_folds_over_real_recordings_are_seen_through(
    shared_data: Path, emodb: tuple[Path, list[Utterance]], tmp_path: Path
) -> None:
    """As EmoBox's folds of EmoDB: random over utterances, in its lists, with its names."""
    manifest, rows = emodb
    tested = np.random.default_rng(1).permutation(len(rows)) % 5 + 1
    for fold in range(1, 6):
        for part in ("train", "test"):
            some = [row for row, of in zip(rows, tested, strict=True) if (of == fold) == (part == "test")]
            path = tmp_path / f"emodb/fold_{fold}/emodb_{part}_fold_{fold}.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            entries = ({"key": f"emodb-{row.utterance}", "wav": f"downloads/emodb/{row.path}"} for row in some)
            path.write_text("".join(f"{json.dumps(entry)}\n" for entry in entries))
    code, report = reported("--manifest", manifest, "--split", tmp_path / "emodb", "--root", shared_data / "emodb")
    found = kinds(report)
    assert code == 1 and found.keys() == {"speakers", "sentences"}
    assert found["speakers"]["number"] == 10 and found["speakers"]["folds"] == ["1", "2", "3", "4", "5"]
    assert found["sentences"]["examples"] == ["a01", "a02", "a04", "a05", "a07"]
    told = "test shares 10 texts with train in all 5 folds, which concerns 100 % of what is tested"
    assert found["sentences"]["text"] == told
    assert report["not_checked"] == ["whether test shares sessions: the manifest has no `session`"]
    assert report["manifest"]["recordings_told_apart_by"] == "their decoded samples"


def test_speakers_and_texts_apart_on_real_recordings_are_sound(
    shared_data: Path, emodb: tuple[Path, list[Utterance]], tmp_path: Path
) -> None:
    manifest, rows = emodb
    fields = {"corpus": "emodb", "labels": {name: [name] for name in sorted({row.emotion for row in rows})}}
    folds = {"kind": "leave_one_out", "group": "speaker", "number": 10, "texts": 2}
    made = protocol(**fields, subset="all", folds=folds, dev={"kind": "next_group"}, leaks=[])
    write_split(make_split(made, "clean", rows), made, tmp_path / "s.csv", tmp_path / "s.json")
    code, report = reported("--manifest", manifest, "--split", tmp_path / "s.csv", "--root", shared_data / "emodb")
    assert (code, report["findings"]) == (0, []) and report["split"]["folds"] == 20


def test_the_same_recording_under_another_name_is_found(
    shared_data: Path, emodb: tuple[Path, list[Utterance]], tmp_path: Path
) -> None:
    import soundfile

    manifest, rows = emodb
    for row in rows[:40]:
        (tmp_path / "wav").mkdir(exist_ok=True)
        (tmp_path / row.path).write_bytes((shared_data / "emodb" / row.path).read_bytes())
    samples, rate = soundfile.read(tmp_path / rows[0].path, dtype="int16")
    soundfile.write(tmp_path / "wav/copy.flac", samples, rate)  # other bytes, the same samples
    some = [*lines(manifest)[:40], {"path": "wav/copy.flac", "speaker": "99", "emotion": "happy", "sentence": ""}]
    write(manifest, some)
    parts = ((row["path"], "train" if number < 40 else "test") for number, row in enumerate(some))
    split = table(tmp_path / "split.csv", ["path", "part"], parts)
    code, report = reported("--manifest", manifest, "--split", split)
    assert code == 1 and kinds(report).keys() == {"audio"}
    assert kinds(report)["audio"]["text"].startswith("test shares 1 recording with train in the only fold")
    assert kinds(report)["audio"]["examples"] == ["wav/copy"]


def test_on_a_sound_split_nothing_is_found_and_the_numbers_are_the_projects(sound: tuple[Path, Split]) -> None:
    folder, split = sound
    predictions = given(folder, split)
    own = evaluate([split], [*(folder / "runs").glob("seed*/fold*")])["results"][""]
    claimed = f"UA={100 * own['pooled']['UA']['value']:.1f}"
    code, report = reported(*files(folder), "--predictions", predictions, "--claimed", claimed)
    assert (code, report["findings"]) == (0, [])
    found = report["numbers"]
    assert found["clusters"] == "session" and found["labels"] == ["angry", "happy", "neutral", "sad"]
    for average, metrics in own.items():
        for metric, of in metrics.items():
            again = found["averages"][average][metric]
            for name in ("value", "ci_low", "ci_high", "seed_std", "n_clusters", "n_utterances", "n_seeds"):
                assert again[name] == pytest.approx(of[name], rel=1e-12), (average, metric, name)
    assert "pooled" in found["claims"][0]["agrees_with"]
    code, said = audited(*files(folder), "--predictions", predictions, "--claimed", "UA=12.3")
    assert code == 1 and re.search(r"WRONG  UA is claimed to be 12.3; the predictions give \d+\.\d\d \(mean of", said)


@pytest.mark.parametrize("form", ["long", "fold alone", "one table of predictions"])
def test_the_same_in_other_forms(sound: tuple[Path, Split], form: str) -> None:
    folder, split = sound
    predictions = given(folder, split) / "seed1"
    numbers = reported(*files(folder), "--predictions", predictions)[1]["numbers"]
    wide = lines(folder / "split.csv")
    if form == "long":
        cells = ((r["utterance"], f"fold{k}"[4:], r[f"fold{k}"], r["target"]) for r in wide for k in range(1, 6))
        table(folder / "other.csv", ["utterance", "fold", "split", "label"], cells)
    elif form == "fold alone":
        tests = [(r, next(k for k in range(1, 6) if r[f"fold{k}"] == "test")) for r in wide]
        table(
            folder / "other.csv", ["utterance", "fold", "label"], ((r["utterance"], k, r["target"]) for r, k in tests)
        )
    else:
        write(folder / "other.csv", wide)
        rows = [row for fold in range(1, 6) for row in lines(predictions / f"fold{fold}.csv")]
        predictions = write(folder / "all.csv", [{k: row[k] for k in ("utterance", "predicted")} for row in rows])
    code, report = reported(*files(folder, "other.csv"), "--predictions", predictions)
    assert code == 0 and report["numbers"] == numbers
    no_dev = any(note.startswith("no dev part") for note in report["notes"])
    assert no_dev == (form == "fold alone")


def test_claims_need_predictions_and_a_metric(sound: tuple[Path, Split]) -> None:
    folder, split = sound
    code, said = audited(*files(folder), "--claimed", "UA=70")
    assert code == 2 and said == "--claimed: nothing to compare it with: give --predictions, too"
    predictions = given(folder, split)
    code, said = audited(*files(folder), "--predictions", predictions, "--claimed", "UAR=70")
    assert code == 2 and said == "--claimed UAR: no such metric here: did you mean 'UA'?"
    code, said = audited(*files(folder), "--predictions", predictions, "--claimed", "UA:70")
    assert code == 2 and said == "--claimed UA:70: not a metric and its value: write UA=71.2"


def test_the_report_is_one_page_that_needs_nothing_else(sound: tuple[Path, Split], tmp_path: Path) -> None:
    folder, split = sound
    rows = lines(folder / "split.csv")
    write(folder / "<b>.csv", [*rows, rows[0] | {"utterance": "<script>alert(1)</script>"}])
    output = tmp_path / "report"
    options = [
        *files(folder, "<b>.csv"),
        "--predictions",
        given(folder, split),
        "--claimed",
        "WA=1",
        "--output",
        output,
    ]
    code, said = audited(*options)
    assert code == 1 and {path.name for path in output.iterdir()} == {"audit.txt", "audit.json", "audit.html"}
    assert (output / "audit.txt").read_text() == said
    report, page = json.loads((output / "audit.json").read_text()), (output / "audit.html").read_text()
    assert all(escape(finding["text"]) in page for finding in report["findings"]) and len(report["findings"]) == 2
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert not re.search(r"<script|<b>|https?://|src=|href=|@import|url\(", page)
    assert report["split"]["sha256"] in page and report["manifest"]["sha256"] in page


def test_folds_keep_their_names(sound: tuple[Path, Split], tmp_path: Path) -> None:
    """Counted from 0, as many do: the files of predictions are named as the split names its folds."""
    folder, split = sound
    predictions = given(folder, split)
    numbers = reported(*files(folder), "--predictions", predictions)[1]["numbers"]
    for seed in (1, 2):
        for fold in range(1, 6):
            (predictions / f"seed{seed}/fold{fold}.csv").rename(predictions / f"seed{seed}/fold{fold - 1}.csv")
    rows = lines(folder / "split.csv")
    named = [
        {"utterance": row["utterance"], "label": row["target"], "fold": str(fold), "part": row[f"fold{fold + 1}"]}
        for row in rows
        for fold in range(5)
    ]
    code, report = reported(*files(folder, write(folder / "other.csv", named).name), "--predictions", predictions)
    assert code == 0 and report["numbers"]["averages"] == numbers["averages"]
    assert [of["fold"] for of in report["numbers"]["folds"]] == ["0", "1", "2", "3", "4"]
