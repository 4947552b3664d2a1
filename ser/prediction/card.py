"""The model card of an exported row: README.md as the Hugging Face hub reads it."""

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from ser.encoders.checkpoint import ALEXNET
from ser.prediction.trained import Trained

# The terms of corpora as far as they are known here; of others, ask their owners.
LICENCES = {
    "emodb": "free to download; version 2.0 on Zenodo is CC BY 4.0",
    "ravdess": "CC BY-NC-SA 4.0 (zenodo.org/record/1188976): not for commercial use",
    "crema_d": "ODbL 1.0, its contents DbCL 1.0",
    "iemocap": "by a signed release form, for research (sail.usc.edu/iemocap)",
    "msp_podcast": "by an academic licence that an institution signs (lab-msp.com)",
}
_LANGUAGES = {"emodb": "de", "casia": "zh"} | dict.fromkeys(("ravdess", "crema_d", "iemocap", "msp_podcast"), "en")


def card(trained: Trained, is_hub: bool, has_onnx: bool) -> str:
    """The text of README.md, which begins with YAML; `is_hub`: transformers alone opens it, too."""
    about = trained.about
    head: dict[str, Any] = {
        "library_name": "transformers" if is_hub else "ser",
        "pipeline_tag": "audio-classification",
        "tags": ["speech-emotion-recognition", trained.system, *(["onnx"] if has_onnx else [])],
        "license": "other",
        "license_name": f"terms-of-{about['corpus'].replace('_', '-')}",
    }
    if language := _LANGUAGES.get(about["corpus"]):
        head["language"] = [language]
    results = [_result(about, number) for number in about["scored"]]
    if results:
        head["model-index"] = [{"name": trained.name, "results": results}]
    front = yaml.safe_dump(head, sort_keys=False, allow_unicode=True)
    return "\n".join(["---", front + "---", "", *_body(trained, is_hub, has_onnx), ""])


def _result(about: Mapping[str, Any], number: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "task": {"type": "audio-classification", "name": "speech emotion recognition"},
        "dataset": {"type": about["corpus"], "name": f"{about['corpus']}, protocol {about['protocol_hash']}"},
        "metrics": [{"type": number["metric"], "value": float(number["text"]["value"] or "nan")}],
    }


def _body(trained: Trained, is_hub: bool, has_onnx: bool) -> Iterator[str]:
    about = trained.about
    kind = f"attributes on the scale {about['unit']}" if trained.scale else "probabilities of classes"
    yield from (f"# {trained.name}", "", *(f"**Beware: {warning}.**\n" for warning in about["warnings"]))
    yield f"{about['title']}. Predicts {kind} from speech at 16 kHz: {', '.join(trained.labels)}."
    models = ", ".join(f"seed {model.seed} fold {model.fold}" for model in trained.models)
    are = "One model" if len(trained.models) == 1 else f"{len(trained.models)} models, whose predictions are averaged"
    yield f"\n{are}: {models}."
    yield from ("\n## How to use it\n", "```python", "import ser  # the extra `predict` of the package", "")
    yield from ('model = ser.load("DIR")', 'model.predict("speech.wav").values', "```")
    if is_hub:
        yield '\nOr `transformers.AutoModelForAudioClassification.from_pretrained("DIR")`.'
    if has_onnx:
        yield "\n`*.onnx` are the networks from their input tensors on; config.json has their names and shapes."
    yield from ("\n## What it scored\n", *_numbers(about))
    if about["scored"] and len(trained.models) < about["n_folds"]:
        yield f"\nOf all {about['n_folds']} folds, each tested by its own model: no score of what is here alone."
    yield from ("\n## Protocol\n", f"Hash `{about['protocol_hash']}`, data `{about['data_hash']}`:", "", "```yaml")
    yield yaml.safe_dump(about["protocol"], sort_keys=False, allow_unicode=True) + "```"
    shared = f"Test and training share {', '.join(about['leaks'])}. " if about["leaks"] else ""
    yield f"\n{shared}Selection rule: `{about['selection']}`."
    yield from ("", *(f"- {note}" for note in about["notes"]))
    terms = LICENCES.get(about["corpus"], "ask its owner for its terms")
    yield from ("\n## Trained on\n", f"- {about['corpus']}: {terms}")
    for name, facts in about["encoders"].items():
        heard = ", ".join(facts["trained_on"] or ()) or ("nothing" if facts["trained_on"] == [] else "not known here")
        yield f"- encoder {name}: {'random weights' if facts['random'] else f'trained on {heard}'}"
    more = " AlexNet's: see torchvision." if ALEXNET in about["encoders"] else ""
    yield "\n## Licence\n\nThe code is under the MIT licence. The weights come from the recordings and encoders above"
    yield f"and are bound by their terms.{more}"
    low, middle, high = about["heard"]["seconds"]
    yield "\n## Limits and intended use\n"
    yield "- For research on speech emotion recognition. Not for decisions about people."
    yield f"- It knows one corpus, {about['corpus']}, whose utterances last {low:.1f} to {high:.1f} s (median"
    yield f"  {middle:.1f} s). Its numbers say nothing about other languages, rooms, microphones and ways to speak."
    yield "- It names one of its labels for everything it is given, music and noise included."
    if len(trained.models) > 1:
        yield "- What is averaged here was scored one by one, each fold by the model that had not heard it."


def _numbers(about: Mapping[str, Any]) -> Iterator[str]:
    if not about["scored"]:
        yield "Not evaluated."
        return
    yield from ("| metric | value | 95 % interval | utterances | speakers | part |", "|---|---|---|---|---|---|")
    for number in about["scored"]:
        text = number["text"]
        interval = f"{text['ci_low']} to {text['ci_high']}" if text["ci_low"] else "none"
        counts = f"{number['n_utterances']} | {number['n_speakers']} | {number['part'] or 'all that is tested'}"
        yield f"| {number['metric']} ({number['aggregation']}) | {text['value']} | {interval} | {counts} |"
