"""Splits for other tools are read back the way each tool reads them: the same utterances, labels, folds and parts."""

import csv
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch.utils.data import random_split

from helpers import ROOT
from helpers.builders import iemocap_like
from helpers.split_cases import DRAWN, REPORTED, official
from ser.errors import InputError
from ser.exchange.export import Export, write_export
from ser.files import words
from ser.manifests.utterance import Utterance
from ser.plan.experiments import read_experiments
from ser.splits.make import make_split
from ser.splits.protocol import Protocol

Parts = dict[tuple[int, str], set[tuple[str, str]]]  # fold and part -> (path, label)


def export(name: str, utterances: list[Utterance] | None = None, **changes: Any) -> Export:
    """A protocol of experiments/, some of its keys replaced, on a small corpus like IEMOCAP."""
    experiment, protocol_name, selection = name.split("/")
    fields = {**read_experiments(ROOT)[experiment]["protocols"][protocol_name], **changes}
    for key in ("selections", "source", "note", "scales", "complete"):
        fields.pop(key, None)
    protocol = Protocol.from_mapping(fields)
    rows = utterances or iemocap_like(per_emotion=3)
    split = make_split(protocol, selection, rows)
    by_name = {row.utterance: row for row in rows}
    return Export(name, protocol, split, [by_name[utterance] for utterance in split.utterances])


def ours(of: Export, **names: str) -> Parts:
    """What the split says; `names`: the tool's word for each part."""
    return {
        (k, name): {(of.utterances[row].path, of.label(row)) for row in of.rows(k, part)}
        for k in of.folds
        for name, part in names.items()
    }


def read_csv(folder: Path) -> Parts:
    found: Parts = {}
    with (folder / "split.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            for column in [name for name in row if re.fullmatch(r"fold\d+", name)]:
                found.setdefault((int(column[4:]), row[column]), set()).add((row["path"], row["label"]))
    return found


def read_s3prl(folder: Path) -> Parts:
    """IEMOCAPDataset: `meta_data` in order, labels by number; DownstreamExpert: the file of Session<k> for fold<k>."""
    found: Parts = {}
    for session in folder.glob("meta_data/Session*"):
        for part in ("train", "test"):
            data = json.loads((session / f"{part}_meta_data.json").read_text())
            words_of = {number: label for label, number in data["labels"].items()}
            items = [(item["path"], words_of[data["labels"][item["label"]]]) for item in data["meta_data"]]
            assert len({*items}) == len(items) and all(item["speaker"] for item in data["meta_data"])
            found[int(session.name.removeprefix("Session")), part] = {*items}
    return found


def s3prl_draw(folder: Path, fold: int) -> tuple[set[str], set[str]]:
    """The training and dev part that DownstreamExpert draws from the training file, with valid_ratio 0.2."""
    data = json.loads((folder / f"meta_data/Session{fold}/train_meta_data.json").read_text())["meta_data"]
    n_train = int((1 - 0.2) * len(data))
    torch.manual_seed(0)
    train, dev = random_split(range(len(data)), [n_train, len(data) - n_train])
    return {data[i]["path"] for i in train}, {data[i]["path"] for i in dev}


def filled(value: Any, replacements: dict[str, str]) -> Any:
    """As SpeechBrain's load_data_json fills in every text."""
    if isinstance(value, dict):
        return {key: filled(item, replacements) for key, item in value.items()}
    return value.format_map(replacements) if isinstance(value, str) else value


def read_speechbrain(folder: Path) -> Parts:
    found: Parts = {}
    for file in folder.glob("fold_*/*.json"):
        entries = filled(json.loads(file.read_text()), {"data_root": "/data/my corpus"})
        assert all("id" not in entry and entry["length"] > 0 for entry in entries.values())  # it refuses a key `id`
        wavs = [(entry["wav"], entry["emo"]) for entry in entries.values()]
        found[int(file.parent.name[5:]), file.stem] = {
            ((wav if isinstance(wav, str) else wav["file"]).removeprefix("/data/my corpus/"), emo) for wav, emo in wavs
        }
    return found


def read_emobox(folder: Path) -> Parts:
    """EmoDataset.prepare_data: the lines of a fold's files, labels by label_map.json."""
    found: Parts = {}
    label_map = json.loads((folder / "data/iemocap/label_map.json").read_text())
    for k in range(1, 99):
        for part in ("train", "valid", "test"):
            file = folder / f"data/iemocap/fold_{k}/iemocap_{part}_fold_{k}.jsonl"
            if file.is_file():
                rows = [json.loads(line) for line in file.read_text().splitlines()]
                assert json.loads(file.with_suffix(".json").read_text()) == {row["key"]: row for row in rows}
                assert all(row["type"] == "raw" and float(row["length"]) > 0 and row["channel"] for row in rows)
                found[k, part] = {
                    (row["wav"].removeprefix("downloads/iemocap/"), label_map[row["emo"]]) for row in rows
                }
    return found


def read_hf(folder: Path) -> Parts:
    """As load_dataset finds them: configurations in the README's header, a JSON object in each line."""
    _, header, _ = (folder / "README.md").read_text().split("---\n", 2)
    found: Parts = {}
    for config in yaml.safe_load(header)["configs"]:
        for part in config["data_files"]:
            rows = [json.loads(line) for line in (folder / part["path"]).read_text().splitlines()]
            assert len({tuple(row) for row in rows}) == 1  # the same columns in the same order
            number = int(config["config_name"].removeprefix("fold_"))
            found[number, part["split"]] = {(row["file_name"], row["label"]) for row in rows}
    return found


DEV = {"train": "train", "test": "test"}
READERS: dict[str, tuple[Callable[[Path], Parts], dict[str, str]]] = {
    "csv": (read_csv, {**DEV, "dev": "dev"}),
    "s3prl": (read_s3prl, DEV),
    "speechbrain": (read_speechbrain, {**DEV, "valid": "dev"}),
    "emobox": (read_emobox, {**DEV, "valid": "dev"}),
    "hf": (read_hf, {**DEV, "validation": "dev"}),
}


def test_every_format_has_a_reader() -> None:
    assert words("exchange/formats") == sorted(READERS)


@pytest.mark.parametrize("to", READERS)
@pytest.mark.parametrize("name", ["fair/iemocap_5531/clean", "mfhca/iemocap_5531_speakers/clean"])
def test_a_split_reads_back_as_it_is(tmp_path: Path, to: str, name: str) -> None:
    of = export(name)
    write_export(of, to, tmp_path / "out")
    read, parts = READERS[to]
    assert {key: value for key, value in read(tmp_path / "out").items() if key[1]} == ours(of, **parts)
    facts = json.loads((tmp_path / "out/ser.json").read_text())
    assert facts["data_hash"] == of.split.data_hash and facts["protocol"] == name


def test_a_split_for_s3prl_has_five_sessions_and_its_own_draw_is_our_dev_part(tmp_path: Path) -> None:
    of = export("superb_er/iemocap_5531_sessions/clean")
    said = write_export(of, "s3prl", tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out/meta_data").iterdir()) == [f"Session{k}" for k in range(1, 6)]
    data = json.loads((tmp_path / "out/meta_data/Session1/train_meta_data.json").read_text())
    assert data.keys() == {"labels", "meta_data"} and data["meta_data"][0].keys() == {"path", "label", "speaker"}
    assert data["labels"] == {"neutral": 0, "happy": 1, "sad": 2, "angry": 3}
    paths = {key: {path for path, _ in value} for key, value in ours(of, train="train", dev="dev").items()}
    for k in of.folds:
        assert s3prl_draw(tmp_path / "out", k) == (paths[k, "train"], paths[k, "dev"])
    assert not list((tmp_path / "out").rglob("dev_*")) and any("to the file" in line for line in said)


def test_a_dev_part_that_s3prl_cannot_draw_lies_beside(tmp_path: Path) -> None:
    of = export("fair/iemocap_5531/clean")
    said = write_export(of, "s3prl", tmp_path / "out")
    for k in of.folds:
        dev = json.loads((tmp_path / f"out/meta_data/Session{k}/dev_meta_data.json").read_text())["meta_data"]
        assert {(item["path"], item["label"]) for item in dev} == ours(of, dev="dev")[k, "dev"]
    assert any("S3PRL has no dev file" in line for line in said)


def test_stretches_of_files_are_said_or_refused(tmp_path: Path) -> None:
    rows = [replace(row, start=1.5, end=2.5) for row in iemocap_like(per_emotion=3)]
    of = export("fair/iemocap_5531/clean", rows)
    for to in ("csv", "speechbrain", "emobox", "hf"):
        write_export(of, to, tmp_path / to)
    entry = next(iter(json.loads((tmp_path / "speechbrain/fold_1/test.json").read_text()).values()))
    assert (entry["wav"]["start"], entry["wav"]["stop"], entry["length"]) == (24_000, 40_000, 1.0)
    line = json.loads((tmp_path / "emobox/data/iemocap/fold_1/iemocap_test_fold_1.jsonl").read_text().split("\n")[0])
    assert (line["start_time"], line["end_time"]) == (1.5, 2.5)
    line = json.loads((tmp_path / "hf/fold_1/test.jsonl").read_text().split("\n")[0])
    assert (line["start"], line["end"]) == (1.5, 2.5)
    with pytest.raises(InputError, match="s3prl: reads whole files"):
        write_export(of, "s3prl", tmp_path / "s3prl")
    assert not (tmp_path / "s3prl").exists()


def test_braces_in_a_file_name_survive_speechbrain(tmp_path: Path) -> None:
    rows = [replace(row, path=f"{{take}}/{row.path}") for row in iemocap_like(per_emotion=3)]
    of = export("fair/iemocap_5531/clean", rows)
    write_export(of, "speechbrain", tmp_path / "out")
    assert read_speechbrain(tmp_path / "out") == ours(of, train="train", valid="dev", test="test")


def attributes() -> Export:
    protocol = Protocol.from_mapping({**{k: v for k, v in DRAWN.items() if v is not None}, "aggregation": "pooled"})
    split = make_split(protocol, "clean", official(), seed=1)
    by_name = {row.utterance: replace(row, sample_rate=16_000, num_samples=1) for row in official()}
    return Export("one/msp/clean", protocol, split, [by_name[name] for name in split.utterances])


@pytest.mark.parametrize("to", ["s3prl", "speechbrain", "emobox"])
def test_attributes_are_refused_by_tools_that_have_classes(tmp_path: Path, to: str) -> None:
    with pytest.raises(InputError, match=f"one/msp/clean: {to}: has classes.*arousal, valence: use csv or hf"):
        write_export(attributes(), to, tmp_path / "out")


def test_attributes_are_written_as_they_are(tmp_path: Path) -> None:
    of = attributes()
    write_export(of, "hf", tmp_path / "hf")
    write_export(of, "csv", tmp_path / "csv")
    rows = [json.loads(line) for line in (tmp_path / "hf/fold_1/train.jsonl").read_text().splitlines()]
    assert {(row["arousal"], row["valence"]) for row in rows} == {(1.0, 7.5), (2.0, 7.5)}
    with (tmp_path / "csv/split.csv").open(newline="") as file:
        found = {row["utterance"]: row for row in csv.DictReader(file)}
    assert {name for name, row in found.items() if row["fold1"] == "dev"} == {
        of.split.utterances[row] for row in of.split.rows(1, "dev")
    }
    assert all(float(row["arousal"]) in (1.0, 2.0) for row in found.values())


def test_official_parts_that_are_reported_apart_are_told(tmp_path: Path) -> None:
    protocol = Protocol.from_mapping({**REPORTED, "aggregation": "pooled"})
    split = make_split(protocol, "test_selected", official())
    by_name = {row.utterance: replace(row, sample_rate=16_000, num_samples=1) for row in official()}
    of = Export("one/msp/test_selected", protocol, split, [by_name[name] for name in split.utterances])
    said = write_export(of, "emobox", tmp_path / "emobox")
    assert any(line.startswith("4 utterances are scored besides the test part") for line in said)
    assert any(line.startswith("numbers are reported for test1, test2, dev apart") for line in said)
    write_export(of, "csv", tmp_path / "csv")
    with (tmp_path / "csv/split.csv").open(newline="") as file:
        parts = {row["utterance"]: (row["fold1"], row["partition"]) for row in csv.DictReader(file)}
    assert parts["dev_angry_1"] == ("reported", "dev") and parts["test2_sad_2"] == ("test", "test2")


def test_a_split_that_chooses_on_test_has_no_dev_file(tmp_path: Path) -> None:
    of = export("superb_er/iemocap_5531_sessions/test_selected")
    with pytest.raises(InputError, match="speechbrain: chooses its epoch on a valid part"):
        write_export(of, "speechbrain", tmp_path / "out")
    assert any("no dev part" in line for line in write_export(of, "emobox", tmp_path / "emobox"))
    assert {part for _, part in read_emobox(tmp_path / "emobox")} == {"train", "test"}


def test_files_of_several_rates_are_refused_for_s3prl(tmp_path: Path) -> None:
    first, *others = iemocap_like(per_emotion=3)
    of = export("fair/iemocap_5531/clean", [replace(first, sample_rate=8_000), *others])
    with pytest.raises(InputError, match=r"by the rate of the first, and these have \[8000, 16000\] Hz"):
        write_export(of, "s3prl", tmp_path / "out")


def test_nothing_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(InputError, match="is there already"):
        write_export(export("fair/iemocap_5531/clean"), "csv", tmp_path / "out")
