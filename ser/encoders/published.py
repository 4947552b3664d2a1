"""The checkpoints that rows name: how each published one is built, so that a wrong folder is noticed, and what it was
trained on, so that no row is tested on what its encoder has heard without saying so.

Read while the workflow is parsed: nothing heavy is imported.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ser.encoders.checkpoint import ALEXNET, read_config
from ser.errors import InputError


@dataclass(frozen=True)
class Form:
    """How a published checkpoint is built: front end normalised per group or per layer, and its preprocessor."""

    architecture: str
    front_end: str
    do_normalize: bool
    return_attention_mask: bool


# Front ends: config.json of each checkpoint, as quoted in checkpoints fine-tuned from it. Preprocessors:
# wavlm-base from its commit f7a1291, wav2vec2-base and wav2vec2-large from the latter's discussion 1,
# hubert-large from its ls960-ft sibling. Where only a file's size is on record it was compared with the sizes of
# the possible contents: hubert-base-ls960 has 213 bytes (one `false`), wavlm-large 214 and wav2vec2-large-lv60 158
# (none). hubert-base's `false` is taken to be the mask, as transformers advises for group-normalised front ends;
# wavlm-base-plus (edited on the day of f7a1291) is taken to be as wavlm-base.
ENCODERS: dict[str, Form] = {
    "hubert_base": Form("Hubert", "group", True, False),  # facebook/hubert-base-ls960
    "hubert_large": Form("Hubert", "layer", True, True),  # facebook/hubert-large-ll60k
    "wavlm_base": Form("WavLM", "group", False, True),  # microsoft/wavlm-base
    "wavlm_base_plus": Form("WavLM", "group", False, True),  # microsoft/wavlm-base-plus
    "wavlm_large": Form("WavLM", "layer", True, True),  # microsoft/wavlm-large
    "wav2vec2_base": Form("Wav2Vec2", "group", True, False),  # facebook/wav2vec2-base
    "wav2vec2_base_960h": Form("Wav2Vec2", "group", True, False),  # facebook/wav2vec2-base-960h
    # facebook/wav2vec2-large-lv60, SUPERB's "large"; facebook/wav2vec2-large itself is group-normalised.
    "wav2vec2_large": Form("Wav2Vec2", "layer", True, True),
    # From no publication: for rows that show what a system learns without pre-training.
    "hubert_tiny": Form("Hubert", "group", True, False),
    "wav2vec2_tiny": Form("Wav2Vec2", "group", True, False),
}
NAMES = (*ENCODERS, ALEXNET)
# Nobody publishes these: if params.yaml names no folder, they are made here, at any scale.
MADE_HERE = tuple(name for name in ENCODERS if name.endswith("_tiny"))

# Where the publishers say what they trained on.
_HUBERT = "facebookresearch/fairseq, examples/hubert/README.md at 3e8d15b"
_WAVLM = "microsoft/unilm, wavlm/README.md at 0ac3e16"
_WAV2VEC2 = "facebookresearch/fairseq, examples/wav2vec/README.md at 00bc279"
# Encoder -> every corpus that it was trained on, in pre-training or after it -> the source that says so. Corpora are
# spelt as in params.yaml. None: not known here. A checkpoint of your own has its line here, under its name in
# params.yaml.
TRAINED_ON: dict[str, Mapping[str, str] | None] = {
    "hubert_base": {"librispeech": _HUBERT},
    "hubert_large": {"libri_light": _HUBERT},
    "wavlm_base": {"librispeech": _WAVLM},
    "wavlm_base_plus": dict.fromkeys(("libri_light", "gigaspeech", "voxpopuli"), _WAVLM),
    "wavlm_large": dict.fromkeys(("libri_light", "gigaspeech", "voxpopuli"), _WAVLM),
    "wav2vec2_base": {"librispeech": _WAV2VEC2},
    "wav2vec2_base_960h": {"librispeech": _WAV2VEC2},
    "wav2vec2_large": {"libri_light": _WAV2VEC2},
    "hubert_tiny": {},
    "wav2vec2_tiny": {},
    ALEXNET: {"imagenet": "torchvision, IMAGENET1K_V1"},
}


def heard(encoder: str, corpus: str) -> str:
    """The source that says that an encoder was trained on a corpus; "" if it was not, or if that is not known here."""
    return (TRAINED_ON.get(encoder) or {}).get(corpus, "")


def check_form(encoder: str, folder: Path) -> None:
    """Raise InputError if the checkpoint in `folder` is not built like the published one of that name."""
    if form := ENCODERS.get(encoder):
        config = read_config(folder)
        found = f"{config.get('model_type')} with a front end normalised per {config.get('feat_extract_norm', 'group')}"
        wanted = f"{form.architecture.lower()} with a front end normalised per {form.front_end}"
        if found != wanted:
            raise InputError(f"{folder}: this is {found}, but {encoder} is {wanted}: name another folder")
