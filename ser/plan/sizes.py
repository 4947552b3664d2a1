"""How much a run computes on: utterances of a corpus and of a fold's parts, segments, epochs, and their size."""

import importlib
import re
from collections.abc import Mapping
from functools import cache
from math import ceil
from typing import Any

from ser.files import words
from ser.plan.groups import Group

OWN = (10_000, 5.0)  # utterances and mean seconds of one's own corpus: a job that needs more is tried again with more
EMODB_4 = 127 + 79 + 71 + 62  # EmoDB's utterances of the four classes that some protocols use
# Release 2.0's own parts are not known here: those of 1.11 in per cent. Every turn counts, whatever its emotion.
MSP_PARTS = {"train": 0.554, "dev": 0.131, "test1": 0.202, "test2": 0.098}
STOPS = 2  # times its patience that a run is expected to last: its best epoch comes after as many epochs


@cache
def corpus_size(corpus: str) -> tuple[int, float]:
    """Utterances of the largest release and their mean seconds, as the corpus's loader says them; OWN without one."""
    if corpus not in words("corpora"):
        return OWN
    loader = importlib.import_module(f"ser.corpora.{corpus}")
    n = max((release.total for release in loader.PUBLISHED), default=OWN[0])
    return n, getattr(loader, "MEAN_SECONDS", OWN[1])


def parts(group: Group) -> tuple[float, float, float]:
    """Utterances of one fold that train, that are scored each epoch to choose one, and that are tested."""
    n, k = corpus_size(group.corpus)[0], group.protocol.n_folds
    if group.corpus == "msp_podcast":
        tests = MSP_PARTS["test1"] + MSP_PARTS["test2"]
        dev = n * (MSP_PARTS["dev"] if group.selection == "clean" else tests)
        if group.protocol.dev.kind == "drawn":
            kept = {*(group.protocol.emotions or ())} - {*group.protocol.train_only}
            dev = group.protocol.dev.per_emotion * len(kept)
        return n * MSP_PARTS["train"], dev, n * (tests + MSP_PARTS["dev"])
    if number := re.match(r"iemocap_(\d+)", group.protocol_name):
        n = int(number[1])
    if group.corpus == "emodb" and len(group.protocol.labels) == 4:
        n = EMODB_4
    tested = float(group.protocol.folds.fraction or 1 / k)
    return n * (1 - tested), n * tested, n * tested


def expected_epochs(group: Group) -> int:
    """Epochs after which a run is expected to stop."""
    epochs, patience = group.settings["epochs"], group.settings["patience"]
    return int(min(epochs, STOPS * patience) if patience else epochs)


def segments(group: Group) -> float:
    """Segments of an utterance in evaluation, where overlapping ones are scored that were not measured as such."""
    seconds, overlap = (group.settings.get(name, 0) for name in ("segment_seconds", "segment_overlap"))
    if not seconds or "segment_overlap" not in group.settings:
        return 1.0
    whole = corpus_size(group.corpus)[1]
    return float(max(1, ceil((whole - seconds) / (seconds * (1 - overlap))) + 1))


def cells(settings: Mapping[str, Any], features: Mapping[str, Mapping[str, Any]], seconds: float) -> float:
    """How large the map is that an example of `seconds` makes: bins x frames, times the network's width squared, as
    most operations are products of channels; 0 where no feature is a spectrogram of ours.
    """
    spec = next((spec for spec in features.values() if "hop_ms" in spec and bins(spec)), None)
    if spec is None:
        return 0.0
    length = spec.get("seconds") or settings.get("segment_seconds") or seconds
    return float(bins(spec) * length * 1000 / spec["hop_ms"] * settings["width"] ** 2)


def bins(spec: Mapping[str, Any]) -> int:
    """The numbers in a frame of a spectrogram; 0 if it is none."""
    return int(spec.get("n_mfcc") or spec.get("n_mels") or spec.get("n_bins") or 0)
