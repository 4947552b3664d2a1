"""Makes the page's examples: what trained networks attend to in utterances of their test parts."""

import importlib
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
import soundfile

from ser.features.store import Store, open_store
from ser.plan.groups import Group
from ser.plan.project import Project
from ser.plan.shown import FOLD, shown, terms, unheard
from ser.prediction.explain import HOP, attention, picture
from ser.prediction.predictor import Predictor
from ser.prediction.project import trained_row
from ser.report.example import Example
from ser.runs.files import MODEL
from ser.runs.predictions import Predictions, read_predictions
from ser.sealed import Inputs, described_file, read_sealed
from ser.waveforms import RATE

LONGEST = 4.0  # seconds: at most 30 kB of MP3
_SIZE, _DPI = (4.2, 3.4), 160  # inches, dots per inch: its text can be read where it is 390 pixels wide
_WEBP = {"quality": 60}
_MP3 = {"compression_level": 0.5, "bitrate_mode": "VARIABLE"}
_FLAT = 1.05  # of an even share: a peak below it is none


def examples(project: Project, inputs: Inputs) -> tuple[list[Example], dict[str, str]]:
    """The examples of `shown` groups, by the model of `FOLD` and the first seed, and by its name why a system has none.

    Of a group's test part they are the utterance that was predicted best and the one that was predicted worst; of
    several, such as those whose class is right, the one of middle length. Raises InputError for artifacts that are not
    as they were written or ordered.
    """
    found: list[Example] = []
    without = {
        system: f"recordings of {', '.join(corpora)} may not be passed on"
        for system, corpora in unheard(project.plan, project.params).items()
    }
    for group in shown(project.plan, project.params):
        of_group = _of_group(project, group, inputs)
        if isinstance(of_group, str):
            without[group.system] = of_group
        else:
            found += of_group
    return found, without


def clip(samples: np.ndarray) -> bytes:
    """The int16 `samples` as MP3, which all browsers play, and which is the same bytes each time (Ogg's are not)."""
    file = BytesIO()
    soundfile.write(file, samples, RATE, format="MP3", subtype="MPEG_LAYER_III", **_MP3)
    return file.getvalue()


def chosen(predictions: Predictions, lengths: Sequence[int]) -> list[int]:
    """The places of the examples among the predicted utterances, of `lengths` in samples; none if all are too long."""
    p = predictions
    errors = p.predicted != p.targets if p.targets.ndim == 1 else np.abs(p.predicted - p.targets).mean(axis=1)
    short = [i for i, length in enumerate(lengths) if length <= LONGEST * RATE]
    found = []
    for error in sorted({extreme(errors[i] for i in short) for extreme in (min, max) if short}):
        alike = sorted((lengths[i], p.utterances[i], i) for i in short if errors[i] == error)
        found.append(alike[len(alike) // 2][-1])
    return found


def _of_group(project: Project, group: Group, inputs: Inputs) -> list[Example] | str:
    """Its examples, or why it has none."""
    seed, places = group.seeds[0], project.places
    run = Path(places.metrics(group.name, seed, FOLD))
    facts = read_sealed(run)
    inputs.note(run, facts["made_from"], facts["seal"])
    if not (run.parent / MODEL).is_file():
        return f"{group.name}: the weights of its runs were not kept (compute.keep_models)"
    trained = trained_row(project, group.name, FOLD, seed)
    predictions = read_predictions(
        described_file(run, facts, "predictions.csv"), trained.labels, are_classes=trained.scale is None
    )
    audio = open_store(Path(places.audio(group.corpus)), inputs)
    places_of = chosen(predictions, [len(audio[utterance]) for utterance in predictions.utterances])
    if not places_of:
        return f"{group.name}: no utterance of its test part is shorter than {LONGEST:g} s"
    predictor, found = Predictor(trained), []
    for i in places_of:
        weights = attention(predictor, audio[predictions.utterances[i]])
        if weights is None:
            return f"{group.name}: its settings leave no attention"
        found.append(_example(project, group, audio, predictions, i, weights))
    return found


def _example(
    project: Project, group: Group, audio: Store, predictions: Predictions, i: int, weights: np.ndarray
) -> Example:
    utterance, labels = predictions.utterances[i], group.protocol.labels
    samples, peak = audio[utterance], int(weights.argmax())
    most = f"the largest, {weights[peak]:.1f}, is at {peak * HOP / RATE:.2f} s"
    said, predicted = (_words(of[i], labels) for of in (predictions.targets, predictions.predicted))
    title = importlib.import_module(f"ser.corpora.{group.corpus}").TITLE
    if project.plan.scale == "demo":
        heard = f"Synthetic speech in the layout of {title}, at scale demo: it says nothing about any paper."
    else:
        heard = f"Recording, here as MP3: {title}, {terms(group.corpus, project.params)}."
    return Example(
        title=f"{group.system}, {utterance}: {said}; predicted: {predicted}",
        caption=(
            f"What {group.system} attends to (bottom) in {utterance} ({len(samples) / RATE:.1f} s; {said}; predicted: "
            f"{predicted}), below its waveform and spectrogram. 1 is an even share; "
            f"{most if weights[peak] > _FLAT else 'nothing has much more'}. Protocol {group.protocol_name}, "
            f"fold {FOLD}, seed {group.seeds[0]}, scale {project.plan.scale}. {heard}"
        ),
        group=group.name,
        image=picture(samples, weights, size=_SIZE, dpi=_DPI, form="webp", options=_WEBP),
        image_type="image/webp",
        audio=clip(samples),
        audio_type="audio/mpeg",
    )


def _words(target: np.ndarray, labels: Sequence[str]) -> str:
    if np.ndim(target) == 0:
        return labels[int(target)]
    return ", ".join(f"{label} {value:.2f}" for label, value in zip(labels, target, strict=True))
