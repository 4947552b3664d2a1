"""The usual ways with a frozen encoder, each a program of its own: extraction.py and frozen.py run it.

    single      EmoBox, nkululeko: a loop over the files, one at a time, a `.npy` for each
    padded      SUPERB: files in random order in batches, padded to the longest, a `.npy` for each
    recomputed  s3prl: a linear probe whose every step runs the encoder on its batch

All in float32, on as many threads as torch takes by itself.
"""

import argparse
import random
from pathlib import Path

import numpy as np
import soundfile
import torch
import transformers
from torch import Tensor, nn

BATCH = 32


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("how", choices=["single", "padded", "recomputed"])
    parser.add_argument("--checkpoint", required=True, type=Path)
    parser.add_argument("--files", required=True, nargs="+", type=Path)
    parser.add_argument("--output", required=True, type=Path)
    parser.add_argument("--epochs", default=1, type=int)
    parser.add_argument("--held-out", default=0, type=int, help="files at the end of the list that do not train")
    args = parser.parse_args()
    random.seed(1)
    torch.manual_seed(1)
    transformers.logging.disable_progress_bar()
    encoder = Encoder(args.checkpoint)
    args.output.mkdir(parents=True, exist_ok=True)
    if args.how == "single":
        for path in args.files:
            np.save(args.output / f"{path.stem}.npy", encoder([path])[0].numpy())
    elif args.how == "padded":
        files = random.sample(args.files, len(args.files))
        for start in range(0, len(files), BATCH):
            batch = files[start : start + BATCH]
            for path, states in zip(batch, encoder(batch), strict=True):
                np.save(args.output / f"{path.stem}.npy", states.numpy())
    else:
        train(encoder, args)


class Encoder:
    """Files -> [layers, width] of each: the states of all layers, averaged over time."""

    def __init__(self, checkpoint: Path) -> None:
        self.read = transformers.AutoFeatureExtractor.from_pretrained(checkpoint)
        self.model = transformers.AutoModel.from_pretrained(checkpoint).eval()

    @torch.no_grad()
    def __call__(self, paths: list[Path]) -> list[Tensor]:
        waves = [soundfile.read(path, dtype="float32")[0] for path in paths]
        inputs = self.read(waves, sampling_rate=16_000, padding=True, return_tensors="pt")
        states = torch.stack(self.model(**inputs, output_hidden_states=True).hidden_states, dim=1)
        frames = self.model._get_feat_extract_output_lengths(torch.tensor([len(wave) for wave in waves]))
        return [of[:, :n].mean(dim=1) for of, n in zip(states, frames, strict=True)]


def train(encoder: Encoder, args: argparse.Namespace) -> None:
    """Batches of 4, their gradients added up to 32; the held-out files are scored after each epoch."""
    layers, width = encoder.model.config.num_hidden_layers + 1, encoder.model.config.hidden_size
    weights = nn.Parameter(torch.zeros(layers))
    head = nn.Sequential(nn.Linear(width, 256), nn.Linear(256, 2))
    optimiser = torch.optim.Adam([weights, *head.parameters()], 1e-4)
    labels = {path: number % 2 for number, path in enumerate(args.files)}
    training, held_out = args.files[: len(args.files) - args.held_out], args.files[len(args.files) - args.held_out :]

    def loss(batch: list[Path]) -> Tensor:
        states = torch.stack(encoder(batch))
        logits = head(torch.einsum("l,bld->bd", weights.softmax(0), states))
        return nn.functional.cross_entropy(logits, torch.tensor([labels[path] for path in batch]))

    for _ in range(args.epochs):
        files = random.sample(training, len(training))
        for start in range(0, len(files), 32):
            optimiser.zero_grad()
            step = files[start : start + 32]
            for i in range(0, len(step), 4):
                (loss(step[i : i + 4]) / 8).backward()
            optimiser.step()
        with torch.no_grad():
            for i in range(0, len(held_out), 4):
                loss(held_out[i : i + 4])
    torch.save(head.state_dict(), args.output / "head.pt")


if __name__ == "__main__":
    main()
