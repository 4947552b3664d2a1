"""Demo encoders: tiny random checkpoints, in the form of the published ones, so that all code runs without them.

Each has what determines how an encoder must be read: its architecture, the normalisation of its front end, real
kernels and strides (320 samples a frame: 48,000 samples give 149 frames) and the published preprocessor settings.
`config.json` says `"ser_demo": true`, so that what is computed with one can be told from a result. `alexnet` is a
narrow AlexNet, also with random weights.
"""

import shutil
from pathlib import Path

from ser.encoders.checkpoint import ALEXNET
from ser.encoders.published import ENCODERS, MADE_HERE, NAMES, Form
from ser.errors import InputError
from ser.files import atomic_folder

# An eighth of torchvision's 64, 192, 384, 256, 256: what the demo rows make of them with setting width 0.125.
ALEXNET_CHANNELS = (8, 24, 48, 32, 32)


def write_encoder(encoder: str, directory: Path, seed: int) -> None:
    """Write config.json, model.safetensors and, except for `alexnet`, preprocessor_config.json into `directory`,
    replacing what is there.

    The same encoder, seed, library versions and kind of machine give the same bytes. Raises InputError for an unknown
    encoder.
    """
    if encoder not in NAMES:
        raise InputError(f"no demo encoder {encoder!r}: use one of {', '.join(NAMES)}")
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if encoder == ALEXNET:
            _write_alexnet(directory)
        else:
            _write_speech_encoder(ENCODERS[encoder], directory, 32 if encoder in MADE_HERE else 16)


def _write_alexnet(directory: Path) -> None:
    from torch import Tensor, nn

    from ser.encoders.alexnet import KERNELS, PLACES
    from ser.encoders.fetch import save_alexnet

    inputs = (3, *ALEXNET_CHANNELS[:-1])
    state: dict[str, Tensor] = {}
    for place, i, o, kernel in zip(PLACES, inputs, ALEXNET_CHANNELS, KERNELS, strict=True):
        layer = nn.Conv2d(i, o, kernel)
        state |= {f"features.{place}.{name}": tensor for name, tensor in layer.state_dict().items()}
    save_alexnet(state, directory, ser_demo=True)


def _write_speech_encoder(form: Form, directory: Path, channels: int) -> None:
    """`channels` of the front end: those of MADE_HERE are in published results, the others are to be quick."""
    import transformers

    large = form.front_end == "layer"
    config = getattr(transformers, f"{form.architecture}Config")(
        hidden_size=48 if large else 32,
        num_hidden_layers=4 if large else 3,
        num_attention_heads=4,
        intermediate_size=64,
        initializer_range=0.1,  # at the usual 0.02 the layers of so narrow a network would hardly differ
        conv_dim=(channels,) * 7,
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
    with atomic_folder(directory) as folder:
        model.save_pretrained(folder)
        preprocessor.save_pretrained(folder)
        # safetensors lets only the owner read its file
        shutil.copymode(folder / "config.json", folder / "model.safetensors")
