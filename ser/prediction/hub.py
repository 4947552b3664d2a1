"""A linear probe on all frozen layers of a speech encoder as what it also is: one of transformers' classifiers.

Their `...ForSequenceClassification` with `use_weighted_layer_sum` weighs the layers, projects, averages over time and
classifies; here the average comes first, which gives the same vector. The folder then opens with
`AutoModelForAudioClassification.from_pretrained` as well, and the encoder's weights are in it once.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from ser.encoders.checkpoint import model_type, open_checkpoint, read_config
from ser.errors import InputError
from ser.prediction.predictor import Predictor
from ser.prediction.trained import Model, Trained
from ser.waveforms import RATE, waveform

TOLERANCE = 1e-5
WEIGHTS = "model.safetensors"
# Ours -> theirs.
_NAMES = {
    "layer_weights": "layer_weights",
    "project.weight": "projector.weight",
    "project.bias": "projector.bias",
    "classifier.weight": "classifier.weight",
    "classifier.bias": "classifier.bias",
}
_CLASSES = {
    "hubert": "HubertForSequenceClassification",
    "wav2vec2": "Wav2Vec2ForSequenceClassification",
    "wavlm": "WavLMForSequenceClassification",
}
# What their preprocessing and arithmetic know; the rest of the feature's settings makes no difference.
_KNOWN = {"layer": "all", "precision": "float32", "dtype": "float32", "pre_emphasis": 0.0, "segment_seconds": 0.0}


def obstacle(trained: Trained) -> str:
    """Why transformers has no model like this row; "" if it has."""
    if trained.system != "linear_probe":
        return "transformers has no such network"
    spec = trained.features["states"]
    if differing := [name for name, value in _KNOWN.items() if spec[name] != value]:
        return f"its states have {', '.join(f'{name} {spec[name]}' for name in differing)}"
    if len(trained.models) > 1:
        return "it is one model, and this row has one per fold: choose one with --fold"
    folder = trained.checkpoints[spec["encoder"]]
    if (kind := model_type(folder)) not in _CLASSES:
        return f"its encoder is a {kind}"
    if read_config(folder).get("do_stable_layer_norm"):
        return "its encoder ends with a norm, which transformers leaves out of the weighted sum"
    return ""


def write_hub(trained: Trained, folder: Path) -> Trained:
    """Write config.json, preprocessor_config.json and the weights of a row without an `obstacle`; the row as it is
    there. Raises InputError where its scores differ from ours by more than `TOLERANCE`.
    """
    import torch
    import transformers

    name = trained.features["states"]["encoder"]
    source = trained.checkpoints[name]
    encoder, preprocess = open_checkpoint(source)
    learned = Predictor(trained).models[0]
    config = encoder.config
    config.update(
        {
            "use_weighted_layer_sum": True,
            "classifier_proj_size": trained.settings["projection"],
            "id2label": dict(enumerate(trained.labels)),
            "label2id": {label: number for number, label in enumerate(trained.labels)},
        }
    )
    model = getattr(transformers, _CLASSES[config.model_type])(config).eval()
    model.base_model.load_state_dict(encoder.state_dict())
    head = {theirs: torch.from_numpy(learned[ours]) for ours, theirs in _NAMES.items()}
    if model.load_state_dict(head, strict=False).unexpected_keys:
        raise InputError(f"{source}: transformers' classifier has no such head: export without transformers")
    model.save_pretrained(folder)
    (folder / WEIGHTS).chmod((folder / "config.json").stat().st_mode)  # else only its owner could read it
    preprocess.save_pretrained(folder)
    made = Model(trained.models[0].seed, trained.models[0].fold, folder / WEIGHTS, _NAMES)
    exported = replace(trained, models=(made,), checkpoints={name: folder})
    worst = difference(exported, folder)
    if not worst <= TOLERANCE:
        raise InputError(
            f"{folder}: transformers' scores differ from ours by {worst:.2g}: report this, with its version"
        )
    return exported


def difference(trained: Trained, folder: Path) -> float:
    """The largest difference between log-probabilities by transformers and by us, of a second and a half of noise."""
    import torch
    from transformers import AutoFeatureExtractor, AutoModelForAudioClassification

    samples = np.random.default_rng(0).normal(0, 1000, 3 * RATE // 2).astype(np.int16)
    model = AutoModelForAudioClassification.from_pretrained(folder, local_files_only=True, use_safetensors=True)
    preprocess = AutoFeatureExtractor.from_pretrained(folder, local_files_only=True)
    inputs = preprocess(waveform(samples), sampling_rate=RATE, return_tensors="pt")
    with torch.inference_mode():
        theirs = model.eval()(inputs["input_values"]).logits.log_softmax(dim=1).numpy()
    return float(np.abs(theirs - Predictor(trained).scores(samples)).max())
