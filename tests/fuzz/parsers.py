"""Every parser of what users and other programs write: a valid input, and how a user's command reads it."""

import io
import json
import os
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import yaml
from pyarrow import parquet

from helpers.builders import iemocap_like, protocol
from helpers.params import params
from helpers.plans import write_experiment, write_project
from helpers.training import SETTINGS, Task, fold
from helpers.wavs import write_wav
from ser.audit.audit import audit
from ser.audit.page import page
from ser.encoders.checkpoint import checkpoint_files, model_type, open_checkpoint
from ser.encoders.demo import write_encoder
from ser.encoders.published import check_form
from ser.features.packing import write_store
from ser.features.store import Store
from ser.manifests.build import survey
from ser.manifests.tree import record_tree, scan, tree_digest
from ser.manifests.utterance import read_manifest, write_manifest
from ser.outputs import write_model, write_table
from ser.plan.load import load_plan, read_params
from ser.prediction.exported import CONFIG, FORMAT, read_export, sealed
from ser.runs.contract import Context
from ser.runs.epochs import read_epochs
from ser.runs.given import Given
from ser.runs.history import read_history
from ser.runs.predictions import read_predictions
from ser.sealed import hashes_of, read_sealed, write_sealed
from ser.splits.make import make_split
from ser.splits.split import read_split
from ser.splits.write import write_split
from ser.training.loop import fit

CORPORA = {
    "iemocap": "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt",
    "msp_podcast": "Labels/labels_consensus.csv",
    "crema_d": "VideoDemographics.csv",
    "own": "own.csv",
}
LABELS = {
    "iemocap": "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\n\n"
    "[6.2901 - 8.2357]\tSes01F_impro01_F000\tneu\t[2.5000, 2.5000, 2.5000]\nC-E2:\tNeutral;\t()\n",
    "msp_podcast": "FileName,EmoClass,EmoAct,EmoVal,EmoDom,SpkrID,Gender,Split_Set\n"
    "MSP-PODCAST_0001_0008.wav,N,4.2,3.8,4.0,Unknown,Male,Train\n"
    "MSP-PODCAST_test3_0001.wav,,,,,,,Test3\n",
    "crema_d": "ActorID,Age,Sex,Race,Ethnicity\n1001,51,Male,Caucasian,Not Hispanic\n",
    "own": "path,speaker,emotion,start,end,arousal\na.wav,1,sad,0.01,0.02,3.5\nb.wav,2,happy,,,\n",
}
AUDIO = {
    "iemocap": "Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F000.wav",
    "msp_podcast": "Audios/MSP-PODCAST_0001_0008.wav",
    "crema_d": "AudioWAV/1001_DFA_ANG_XX.wav",
    "own": "a.wav",
}
NAMES = {
    "crema_d": ("AudioWAV", b"1001_DFA_ANG_XX.wav"),
    "ravdess": ("Actor_01", b"03-01-05-01-02-01-12.wav"),
    "emodb": ("wav", b"03a01Fa.wav"),
    "casia": ("wangzhe/neutral", b"239.wav"),
}


@dataclass(frozen=True)
class Parser:
    """`valid` is the content of an input that is read without a fault; `read` puts any content there and reads it.

    `cost`: how many of the others' examples one of its examples takes as long as.
    """

    valid: bytes
    read: Callable[[bytes], Any]
    cost: int = 1


def parsers(folder: Path) -> dict[str, Callable[[], Parser]]:
    """By name, what makes each parser's files in `folder`."""
    found: dict[str, Callable[[], Parser]] = {f"{name} labels": _labels(folder, name) for name in LABELS}
    found |= {f"{name} file names": _names(folder, name) for name in NAMES}
    files = {"own.parquet": _parquet, "params.yaml": _params, "experiment": _experiment, "split": _split}
    files |= {"resealed split": _resealed, "manifest": _manifest, "tree record": _tree, "predictions": _predictions}
    files |= {"history": _history, "test epochs": _epochs, "evaluation": _evaluation, "store": _store, "state": _state}
    files |= {name: _checkpoint(name) for name in ("config.json", "preprocessor_config.json", "model.safetensors")}
    files |= {"model.safetensors.index.json": _index, "given predictions": _given, "exported row": _export}
    files |= {f"audited {file}": _audited(file) for file in ("m.csv", "s.csv", "fold_1/x_test_fold_1.jsonl", "p.csv")}
    files |= {"audformat header": _audformat} if find_spec("audformat") else {}
    return found | {name: (lambda make=make: make(folder)) for name, make in files.items()}


def _reader(path: Path, read: Callable[[Path], Any]) -> Callable[[bytes], Any]:
    path.parent.mkdir(parents=True, exist_ok=True)

    def write_and_read(content: bytes) -> Any:
        path.write_bytes(content)
        return read(path)

    return write_and_read


def _labels(folder: Path, name: str) -> Callable[[], Parser]:
    def make() -> Parser:
        write_wav(folder / AUDIO[name])
        table = folder / CORPORA[name]
        manifest = table if name == "own" else None
        return Parser(LABELS[name].encode(), _reader(table, lambda _: survey(name, folder, manifest)))

    return make


def _names(folder: Path, name: str) -> Callable[[], Parser]:
    where, valid = NAMES[name]

    def read(file_name: bytes) -> Any:
        shutil.rmtree(folder / "root", ignore_errors=True)
        inside = folder / "root" / where
        inside.mkdir(parents=True)
        content = write_wav(inside / os.fsdecode(valid)).read_bytes()
        file_name = file_name.replace(b"\0", b"").replace(b"/", b"")[:255]
        if file_name not in (b"", b".", b".."):
            with open(os.fsencode(inside) + b"/" + file_name, "wb") as file:  # noqa: PTH123 (a name in bytes)
                file.write(content)
        return survey(name, folder / "root")

    return lambda: Parser(valid, read)


def _parquet(folder: Path) -> Parser:
    write_wav(folder / "a.wav")
    memory = io.BytesIO()
    parquet.write_table(pyarrow.table({"path": ["a.wav"], "speaker": ["1"], "emotion": ["sad"]}), memory)
    return Parser(memory.getvalue(), _reader(folder / "own.parquet", lambda path: survey("own", folder, path)))


def _audformat(folder: Path) -> Parser:
    import audformat

    write_wav(folder / "a.wav")
    database = audformat.Database("t")
    database.splits["train"] = audformat.Split("train")
    database["files"] = audformat.Table(audformat.filewise_index(["a.wav"]), split_id="train")
    for column, value in (("emotion", "sad"), ("speaker", "1")):
        database.schemes[column] = audformat.Scheme("str", labels=[value])
        database["files"][column] = audformat.Column(scheme_id=column)
        database["files"][column].set([value])
    database.save(str(folder), storage_format="csv")
    path = folder / "db.yaml"
    return Parser(path.read_bytes(), _reader(path, lambda path: survey("own", folder, path)), cost=4)


def _params(folder: Path) -> Parser:
    valid = yaml.safe_dump(params(), sort_keys=False).encode()
    write_experiment(write_project(folder))
    return Parser(valid, _reader(folder / "params.yaml", lambda _: load_plan(read_params(folder), folder)), cost=4)


def _experiment(folder: Path) -> Parser:
    path = write_experiment(write_project(folder))
    return Parser(path.read_bytes(), _reader(path, lambda _: load_plan(params(), folder)), cost=4)


def _split(folder: Path) -> Parser:
    path = folder / "s.json"
    write_split(make_split(protocol(), "clean", iemocap_like()), protocol(), folder / "s.csv", path)
    return Parser(path.read_bytes(), _reader(path, read_split))


def _resealed(folder: Path) -> Parser:
    """A split whose seal fits, with another value in one place, drawn by the content."""
    parser, path = _split(folder), folder / "s.json"
    whole = json.loads(parser.valid)

    def read(content: bytes) -> Any:
        facts, draw = json.loads(parser.valid), random.Random(content)
        place, key = facts, draw.choice(sorted(whole))
        while isinstance(place[key], dict) and place[key] and draw.random() < 0.7:
            place, key = place[key], draw.choice(sorted(place[key]))
        if content != parser.valid:
            place[key] = draw.choice([None, True, -1, 10**30, 1e300, "", "x", "\0", [], [[]], {}, {"a": None}])
        write_sealed(path, facts)
        return read_split(path)

    return Parser(parser.valid, read)


def _manifest(folder: Path) -> Parser:
    path = folder / "m.csv"
    write_manifest(path, iemocap_like())
    return Parser(path.read_bytes(), _reader(path, read_manifest))


def _tree(folder: Path) -> Parser:
    root, path = folder / "root", folder / "tree.json"
    write_wav(root / "a.wav")
    record_tree(root, scan(root), "digest", path)
    return Parser(path.read_bytes(), _reader(path, lambda path: tree_digest(root, path)))


def _predictions(folder: Path) -> Parser:
    valid = b"utterance,speaker,target,predicted,score_a,score_b\nu1,s1,a,b,-1.5,-0.25\nu2,s1,b,b,-2,-0.1\n"
    return Parser(valid, _reader(folder / "predictions.csv", lambda path: read_predictions(path, ("a", "b"), True)))


def _given(folder: Path) -> Parser:
    valid = b"utterance,predicted,score_a,score_b\nu1,b,-1.5,-0.25\nu2,b,-2,-0.1\n"
    return Parser(valid, _reader(folder / "fold1.csv", lambda path: Given.read(path, ("a", "b"), True)))


def _audited(name: str) -> Callable[[Path], Parser]:
    valid = {
        "m.csv": "path,speaker,emotion,start\n" + "".join(f"{k}.wav,{k % 3},{'ab'[k % 2]},0.5\n" for k in range(6)),
        "s.csv": "path,fold,part\n" + "".join(f"{k}.wav,1,{'train' if k < 4 else 'test'}\n" for k in range(6)),
        "p.csv": "path,fold,seed,predicted\n4.wav,1,1,a\n5.wav,1,1,a\n",
        "fold_1/x_test_fold_1.jsonl": '{"wav": "4.wav", "emo": "a"}\n{"wav": "5.wav", "emo": "b"}\n',
    }

    def make(folder: Path) -> Parser:
        for file, content in valid.items():
            (folder / file).parent.mkdir(exist_ok=True)
            (folder / file).write_text(content.replace(".wav,", ":0.5-,") if file == "p.csv" else content)
        split = folder if "fold_1" in name else folder / "s.csv"
        predictions = None if "fold_1" in name else folder / "p.csv"
        read = _reader(folder / name, lambda _: page(audit(folder / "m.csv", split, predictions)))
        return Parser((folder / name).read_bytes(), read)

    return make


def _history(folder: Path) -> Parser:
    path = folder / "history.csv"
    write_table(path, [{"epoch": 1, "loss": 1.5, "dev_UA": 0.5}])
    return Parser(path.read_bytes(), _reader(path, read_history))


def _epochs(folder: Path) -> Parser:
    path = folder / "test_epochs.safetensors"
    write_model(path, {"scores": np.zeros((2, 3, 4), np.float32)})
    return Parser(path.read_bytes(), _reader(path, read_epochs))


def _evaluation(folder: Path) -> Parser:
    path = folder / "e.json"
    write_sealed(path, {"made_from": "x", "sha256": {}, "results": {"": {"pooled": {"UA": {"value": 0.5}}}}})
    return Parser(path.read_bytes(), _reader(path, read_sealed))


def _store(folder: Path) -> Parser:
    path = folder / "s.safetensors"
    write_store(path, ["a", "b"], lambda names: [np.ones((3, 2), "<f4") for _ in names], key="k", metadata={})
    return Parser(path.read_bytes(), _reader(path, lambda path: Store(path).check()))


def _state(folder: Path) -> Parser:
    settings, context = replace(SETTINGS, epochs=1), Context(seed=1, key="k", directory=folder)
    fit(Task(), fold(), settings, context)
    path = folder / "state.safetensors"
    return Parser(path.read_bytes(), _reader(path, lambda _: fit(Task(), fold(), settings, context)), cost=10)


def _export(folder: Path) -> Parser:
    write_model(folder / "m.safetensors", {"scores": np.zeros(2)})
    model = {"seed": 1, "fold": 1, "path": "m.safetensors", "names": {}}
    entries = {"format": FORMAT, "name": "a/b/c/clean", "system": "majority", "settings": {}, "labels": ["a", "b"]}
    entries |= {"scale": None, "features": {}, "encoders": {}, "checkpoints": {}, "models": [model], "about": {}}
    entries["sha256"] = hashes_of([folder / "m.safetensors"], folder)
    valid = json.dumps({"ser": sealed(entries)}).encode()
    return Parser(valid, _reader(folder / CONFIG, lambda path: read_export(path.parent)))


def _checkpoint(name: str) -> Callable[[Path], Parser]:
    def make(folder: Path) -> Parser:
        write_encoder("hubert_tiny", folder / "encoder", seed=1)
        path = folder / "encoder" / name

        def read(path: Path) -> Any:
            checkpoint_files(path.parent), model_type(path.parent), check_form("hubert_tiny", path.parent)
            return open_checkpoint(path.parent)

        return Parser(path.read_bytes(), _reader(path, read), cost=20)

    return make


def _index(folder: Path) -> Parser:
    write_encoder("hubert_tiny", folder, seed=1)
    (folder / "model.safetensors").rename(folder / "model-00001.safetensors")
    valid = json.dumps({"metadata": {}, "weight_map": {"a": "model-00001.safetensors"}}).encode()
    return Parser(valid, _reader(folder / "model.safetensors.index.json", lambda _: checkpoint_files(folder)))
