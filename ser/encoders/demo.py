"""Demo encoders: tiny random checkpoints, in the form of the published ones, so that all code runs without them.

Each has what decides how an encoder must be read: its architecture, the normalisation of its front end, real
kernels and strides (320 samples a frame: 48,000 samples give 149 frames) and the published preprocessor settings.
`config.json` says `"ser_demo": true`, so that what is computed with one can be told from a result. `alexnet` is a
narrow AlexNet with random weights too.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from ser.errors import InputError
from ser.features.encoder_files import ALEXNET, read_config
from ser.folders import replaced


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
    # Of no publication: for rows that say what a system learns without pre-training.
    "hubert_tiny": Form("Hubert", "group", True, False),
    "wav2vec2_tiny": Form("Wav2Vec2", "group", True, False),
}
# An eighth of torchvision's 64, 192, 384, 256, 256: what setting width 0.125 of the demo rows makes of them.
ALEXNET_CHANNELS = (8, 24, 48, 32, 32)
NAMES = (*ENCODERS, ALEXNET)
# Nobody publishes these: where params.yaml names no folder they are made here, at any scale.
MADE_HERE = tuple(name for name in ENCODERS if name.endswith("_tiny"))


def check_form(encoder: str, folder: Path) -> None:
    """Raises InputError where the checkpoint in `folder` is not built as the published one of that name."""
    if form := ENCODERS.get(encoder):
        config = read_config(folder)
        found = f"{config.get('model_type')} with a front end normalised per {config.get('feat_extract_norm', 'group')}"
        wanted = f"{form.architecture.lower()} with a front end normalised per {form.front_end}"
        if found != wanted:
            raise InputError(f"{folder}: this is {found}, and {encoder} is {wanted}: name another folder")


def write(encoder: str, directory: Path, seed: int) -> None:
    """Write config.json, model.safetensors and, but for `alexnet`, preprocessor_config.json into `directory`,
    replacing what is there.

    Same encoder, seed and library versions, same bytes. Raises InputError for an unknown encoder.
    """
    if encoder not in NAMES:
        raise InputError(f"no demo encoder {encoder!r}: use one of {', '.join(NAMES)}")
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if encoder == ALEXNET:
            _write_alexnet(directory)
        else:
            _write_speech_encoder(ENCODERS[encoder], directory)


def _write_alexnet(directory: Path) -> None:
    from torch import nn

    from ser.imagenet import KERNELS, PLACES, save_alexnet

    inputs = (3, *ALEXNET_CHANNELS[:-1])
    state = {}
    for place, i, o, kernel in zip(PLACES, inputs, ALEXNET_CHANNELS, KERNELS, strict=True):
        layer = nn.Conv2d(i, o, kernel)
        state |= {f"features.{place}.{name}": tensor for name, tensor in layer.state_dict().items()}
    save_alexnet(state, directory, ser_demo=True)


def _write_speech_encoder(form: Form, directory: Path) -> None:
    import transformers

    large = form.front_end == "layer"
    config = getattr(transformers, f"{form.architecture}Config")(
        hidden_size=48 if large else 32,
        num_hidden_layers=4 if large else 3,
        num_attention_heads=4,
        intermediate_size=64,
        initializer_range=0.1,  # at the usual 0.02 the layers of so narrow a network would all say the same
        conv_dim=(32,) * 7,
        conv_bias=large and form.architecture != "WavLM",
        feat_extract_norm=form.front_end,
        do_stable_layer_norm=large,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=4,
        ser_demo=True,
    )
    preprocessor = transformers.Wav2Vec2FeatureExtractor(
        do_normalize=form.do_normalize, return_attention_mask=form.return_attention_mask
    )
    model = getattr(transformers, f"{form.architecture}Model")(config)
    with replaced(directory) as folder:
        model.save_pretrained(folder)
        preprocessor.save_pretrained(folder)
        # safetensors lets nobody but the owner read its file; a cluster's jobs may run as others.
        shutil.copymode(folder / "config.json", folder / "model.safetensors")
