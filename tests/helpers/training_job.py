"""A training job by hand, in a folder of its own: a linear probe on random vectors, two folds of a seed."""

import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from helpers import ROOT
from helpers.builders import iemocap_like, protocol
from helpers.forked import Forked
from helpers.split_cases import SESSIONS
from helpers.training import SETTINGS
from ser.features.packing import write_store
from ser.splits.make import make_split
from ser.splits.write import write_split

FILES = {"history.csv", "metrics.json", "model.safetensors", "predictions.csv", "test_epochs.safetensors"}


class TrainingJob:
    """train.py as its rule calls it; `settings` replace those of the helpers."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.folder, self.seconds, self.scores_epochs = folder, 0.0, True
        utterances, of_sessions = iemocap_like(), protocol(**SESSIONS)
        split = make_split(of_sessions, "clean", utterances)
        write_split(split, of_sessions, folder / "split.csv", folder / "split.json")
        vectors = np.random.default_rng(0).normal(size=(len(utterances), 1, 64)).astype(np.float32)
        of_name = dict(zip([utterance.utterance for utterance in utterances], vectors, strict=True))
        write_store(
            folder / "states", list(of_name), lambda names: [of_name[name] for name in names], key="k", metadata={}
        )
        self.settings = asdict(SETTINGS) | {"criterion": "UA", "projection": 64} | settings

    def options(self, output: str, **settings: Any) -> list[str]:
        """Those for runs below `output`; `scores_epochs` says whether the test part is scored after each epoch."""
        return [
            *("--system", "linear_probe", "--settings", json.dumps(self.settings | settings), "--group", "a group"),
            *("--split", "split.json", "--store", "states=states", "--seed", "1", "--folds", "1", "2"),
            *("--device", "cpu", "--states", f"{output}/states", "--output-dir", output),
            *(["--score-test-each-epoch"] if self.scores_epochs else []),
        ]

    def start(self, output: str, log: str, *more: str, **settings: Any) -> Forked:
        """Begin to write the runs below `output`; `more` options follow, and what is said goes to `log`."""
        script, options = ROOT / "workflow_scripts/train.py", [*self.options(output, **settings), *more]
        return Forked(script, options, self.folder, self.folder / log)

    def make(self, output: str, log: str, **settings: Any) -> dict[str, bytes]:
        """The files of a run that nobody disturbs; `seconds` is then how long it took from its first line on."""
        process = self.start(output, log, **settings)
        wait_until(lambda: self.said(log) != "" or process.poll() is not None)
        begun = time.monotonic()
        assert process.wait() == 0, self.said(log)
        self.seconds = time.monotonic() - begun
        return self.files(output)

    def said(self, log: str) -> str:
        """What a job has said until now."""
        return (self.folder / log).read_text(encoding="utf-8")

    def files(self, output: str) -> dict[str, bytes]:
        """Every file below `output`: nothing else may be there."""
        paths = [path for path in (self.folder / output).rglob("*") if path.is_file()]
        return {os.path.relpath(path, self.folder / output): path.read_bytes() for path in sorted(paths)}


def wait_until(happens: Callable[[], bool], seconds: float = 600.0) -> None:
    """Raises TimeoutError if it does not happen; a busy machine takes its time."""
    end = time.monotonic() + seconds
    while not happens():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.01)
