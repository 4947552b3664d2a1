"""Finished runs as the workflow leaves them, without training: for the tests and the benchmark of tracking."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from builders import iemocap_like
from conftest import ROOT

from ser.evaluation import evaluate
from ser.files import sha256_of
from ser.outputs import write_json, write_table
from ser.plan import Group, Plan, load
from ser.predictions import write_predictions
from ser.splits import Split, write
from ser.splitting import make


def tracked_project(
    folder: Path, experiments: Mapping[str, Any], seeds: Sequence[int] = (1, 2), epochs: int = 3, per_emotion: int = 1
) -> Plan:
    """A folder like the project's in which all groups on (simulated) IEMOCAP are finished; `folder` must not exist."""
    folder.mkdir(parents=True)
    for name in ("ser", "experiments", "schemas"):
        (folder / name).symlink_to(ROOT / name)
    params = yaml.safe_load((ROOT / "params.yaml").read_text()) | {"experiments": dict(experiments)}
    params["scales"]["demo"] |= {"corpora": ["iemocap"], "seeds": list(seeds)}
    (folder / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    plan = load(params, folder)
    work, rows = folder / "work/demo", iemocap_like(per_emotion)
    for group in plan.live:
        split = make(group.protocol, group.selection, rows)
        write(split, work / f"{group.split}.csv", work / f"{group.split}.json")
        folders = [
            finish_run(work, group, split, seed, fold, epochs)
            for seed in group.seeds
            for fold in range(1, group.protocol.n_folds + 1)
        ]
        write_json(work / f"evaluations/{group.name}.json", evaluate(split, folders))
    return plan


def finish_run(work: Path, group: Group, split: Split, seed: int, fold: int, epochs: int, code: str = "c0de") -> Path:
    """The files of one run, and of the job that made it."""
    folder = work / f"runs/{group.name}/seed{seed}/fold{fold}"
    generator = np.random.default_rng([seed, fold])
    part = split.fold(fold, {})
    write_predictions(
        folder / "predictions.csv", part, generator.normal(size=(len(part.test.utterances), len(part.labels)))
    )
    values = generator.random((epochs, 4)).tolist()
    names = ("train_loss", "learning_rate", "dev_loss", "dev_WA", "dev_UA")
    history = [{"epoch": i + 1, **dict(zip(names, [*row, row[-1]], strict=True))} for i, row in enumerate(values)]
    write_table(folder / "history.csv", history)
    identity = {
        "system": group.system,
        "settings": dict(group.settings),
        "selection": group.selection,
        "seed": seed,
        "fold": fold,
        "protocol_hash": split.protocol_hash,
        "data_hash": split.data_hash,
        "features": {},
        "encoders": {},
        "code_version": code,
        "device": "cpu",
        "versions": {"torch": "2.11.0"},
        "threads": 1,
    }
    known = {"group": group.name, "gpu": "", "git_commit": "0123abcd-dirty", "key": f"{code}-{seed}-{fold}"}
    facts = {"facts": {"best_epoch": epochs}, "sha256": {"predictions.csv": sha256_of(folder / "predictions.csv")}}
    write_json(folder / "metrics.json", identity | known | facts)
    write_table(work / f"benchmarks/train/{group.name}/seed{seed}.tsv", [{"s\tmax_rss": "20.5\t700.25"}])
    return folder
