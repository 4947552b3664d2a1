"""Rule train: runs of one group and seed, with metrics, predictions, history and model of each fold; of several groups
in one process, whose options follow each other with `--and` between them.
"""

import argparse
import importlib
import json
import platform
import shutil
import sys
from dataclasses import asdict
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

from _main import be_alone_with, job_parser, script
from ser.compute.gpu import gpu_slots
from ser.compute.machine import machine
from ser.encoders.checkpoint import check_checkpoint
from ser.errors import InputError
from ser.features.store import open_store
from ser.outputs import write_model, write_table
from ser.plan.code import code_digest, code_hashes, code_of, git_commit, reaches, uses_training_loop
from ser.runs.contract import Context, Fold
from ser.runs.epochs import write_epochs
from ser.runs.files import KEPT, MODEL, TEST_EPOCHS
from ser.runs.given_files import given_digest
from ser.runs.predictions import write_predictions
from ser.sealed import Inputs, hashes_of, read_sealed, write_sealed, wrong_files
from ser.splits.split import open_split

# What may change a run's digits besides its settings, data and code.
LIBRARIES = ("numpy", "scipy", "scikit-learn", "torch")


def main() -> None:
    parser = job_parser(__doc__)
    parser.add_argument("--system", required=True, help="name of a file in ser/systems")
    parser.add_argument("--settings", required=True, type=json.loads, help="JSON object")
    parser.add_argument("--split", required=True, type=Path, help="split file (.json)")
    parser.add_argument(
        "--store", nargs="*", default=[], metavar="NAME=PATH", help="the features that the system reads"
    )
    parser.add_argument(
        "--encoder", nargs="*", default=[], metavar="NAME=DIR", help="checkpoints that it trains further"
    )
    parser.add_argument("--auxiliary", default="", help="what it classifies besides the labels")
    parser.add_argument("--given", type=Path, help="folder of what other code predicted, a file per fold")
    parser.add_argument(
        "--score-test-each-epoch", action="store_true", help="for the honest gap; nothing chooses by it"
    )
    parser.add_argument("--folds", required=True, nargs="+", type=int)
    parser.add_argument("--seed", required=True, type=int)
    parser.add_argument("--group", default="", help="experiment/row/protocol/selection, kept in metrics.json")
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    parser.add_argument("--gpu-slots", nargs=2, default=[0, 1], type=int, metavar=("WANTED", "PER_GPU"))
    parser.add_argument("--threads", default=1, type=int)
    parser.add_argument("--states", type=Path, help="folder for the states of unfinished runs")
    parser.add_argument("--output-dir", required=True, type=Path, help="folder for fold<k>/ of each fold")
    words = sys.argv[1:]
    ends = [i for i, word in enumerate(words) if word == "--and"]
    starts = [0, *(end + 1 for end in ends)]
    groups = [parser.parse_args(words[i:j]) for i, j in zip(starts, [*ends, len(words)], strict=True)]
    waited = be_alone_with(*(args.output_dir / f"fold{number}" for args in groups for number in args.folds))
    with gpu_slots(*groups[0].gpu_slots if groups[0].device != "cpu" else (0, 1)):
        for args in groups:
            _train(args, waited)
    for args in groups:  # only now: a job that is killed in its last run keeps what the others learned
        if args.states:
            shutil.rmtree(args.states, ignore_errors=True)


def _train(args: argparse.Namespace, waited: bool) -> None:
    """All folds; `waited`: for another process, whose runs are kept if they are these."""
    system = importlib.import_module(f"ser.systems.{args.system}")
    settings = system.Settings(**args.settings)
    inputs = Inputs(args.order)
    split = open_split(args.split, inputs)
    stores = {name: open_store(path, inputs) for name, path in _named(args.store).items()}
    encoders = _named(args.encoder)
    checkpoints = {name: check_checkpoint(folder, inputs) for name, folder in encoders.items()}
    if args.given:
        inputs.note(args.given, digest := given_digest(args.given), digest, "leave its files as they are")
    code = code_of("workflow_scripts/train.py", f"ser.systems.{args.system}")
    provenance = inputs.provenance(code_digest(code))
    device = _device(args.device, args.system)
    identity = {
        "system": args.system,
        "settings": asdict(settings),
        "selection": split.selection,
        "seed": args.seed,
        "protocol_hash": split.protocol_hash,
        "data_hash": split.data_hash,
        "features": {name: store.metadata["key"] for name, store in stores.items()},
        "encoders": checkpoints,
        "code_version": provenance.code_version,
        "device": device,
        "machine": machine(device, uses_training_loop(args.system)),
        "versions": {name: version(name) for name in _libraries(code)},
        "threads": args.threads,
        **({"given": digest} if args.given else {}),
    }
    known = {
        "group": args.group,
        **provenance.facts,
        "git_commit": git_commit(),
        "python": platform.python_version(),
        "code": code_hashes(code),
    }
    for number in args.folds:
        of_fold = identity | {"fold": number}
        of_fold["key"] = sha256(json.dumps(of_fold, sort_keys=True).encode()).hexdigest()
        folder = args.output_dir / f"fold{number}"
        if waited and _is_there(folder, {"key": of_fold["key"], **provenance.facts}):
            print(f"{folder}: the other process has finished this run: it is kept", flush=True)
            continue
        chooses = not getattr(system, "CHOOSES_NOTHING", False)
        fold = Fold.of(split, number, stores, encoders, chooses, args.given)
        _one(system, settings, fold, of_fold, known, args)


def _is_there(folder: Path, facts: dict) -> bool:
    """Whether a folder holds a whole run with these `facts`."""
    path = folder / "metrics.json"
    try:
        found = read_sealed(path)
    except InputError:
        return False
    return all(found.get(name) == fact for name, fact in facts.items()) and not wrong_files(path, found)


def _libraries(code: tuple[str, ...]) -> tuple[str, ...]:
    return (*LIBRARIES, *(("transformers",) if reaches(code, "ser.encoders.speech") else ()))


def _named(items: list[str]) -> dict[str, Path]:
    """The NAME=PATH arguments of the command line."""
    return {name: Path(path) for name, _, path in (item.partition("=") for item in items)}


def _device(wanted: str, system: str) -> str:
    """`auto` is for torch to decide, whose import is slow."""
    if not uses_training_loop(system):
        return "cpu"
    if wanted != "auto":
        return wanted
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _one(system: object, settings: object, fold: Fold, identity: dict, known: dict, args: argparse.Namespace) -> None:
    context = Context(
        seed=args.seed,
        key=identity["key"],
        directory=args.states / f"fold{fold.number}" if args.states else None,
        device=identity["device"],
        threads=args.threads,
        machine=identity["machine"],
        score_test_each_epoch=args.score_test_each_epoch,
    )
    outcome = system.run(fold, settings, context)
    if outcome.scores.shape != (len(fold.test.utterances), len(fold.labels)):
        raise InputError(f"ser/systems/{args.system}.py: scores have shape {outcome.scores.shape}")
    if args.score_test_each_epoch and outcome.test_epochs is None:
        raise InputError(
            f"ser/systems/{args.system}.py: no scores after each epoch: return what `fit` returned of them"
        )
    besides = outcome.auxiliary.name if outcome.auxiliary else ""
    if besides != args.auxiliary:
        raise InputError(
            f"ser/systems/{args.system}.py: classifies {besides or 'nothing'} besides the labels, "
            f"{args.auxiliary or 'nothing'} by its AUXILIARY: correct one of them"
        )
    folder = args.output_dir / f"fold{fold.number}"
    write_model(folder / MODEL, outcome.model)
    write_table(folder / "history.csv", outcome.history)
    write_predictions(folder / "predictions.csv", fold, outcome.scores, outcome.auxiliary, outcome.predicted)
    write_epochs(folder / TEST_EPOCHS, fold, outcome.test_epochs)
    write_sealed(
        folder / "metrics.json",
        {
            **identity,
            **known,
            "trained_on": fold.trained_on,
            "facts": outcome.facts,
            "sha256": hashes_of((folder / name for name in (*KEPT, MODEL)), folder),
        },
    )
    print(f"{args.group} seed {args.seed} fold {fold.number}: {outcome.facts}", flush=True)


if __name__ == "__main__":
    script(main)
