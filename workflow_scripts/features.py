"""Compute one feature of a corpus, or a part of it: from audio store to feature store; or join its parts."""

import argparse
import json
from pathlib import Path

from _main import be_alone_with, job_parser, script
from ser.compute.gpu import gpu_slots
from ser.encoders.checkpoint import check_checkpoint
from ser.errors import InputError
from ser.features.extraction import join_parts, write_feature
from ser.features.spec import open_extractor, validate_spec
from ser.features.store import open_store
from ser.plan.code import code_digest, code_of
from ser.progress import progress
from ser.sealed import Inputs
from ser.waveforms import RATE


def main() -> None:
    parser = job_parser(__doc__)
    parser.add_argument("--audio", required=True, type=Path, help="audio store (.safetensors)")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--spec", help='settings, JSON: {"kind": ...}')
    what.add_argument("--join", nargs="+", type=Path, metavar="PART", help="compute nothing: join these parts")
    parser.add_argument("--encoder-dir", type=Path, help="checkpoint folder, for kind encoder")
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"], help="for kind encoder")
    parser.add_argument("--gpu-slots", nargs=2, default=[0, 1], type=int, metavar=("WANTED", "PER_GPU"))
    parser.add_argument("--part", nargs=2, default=(1, 1), type=int, metavar=("K", "N"), help="only part K of N")
    parser.add_argument("--output", required=True, type=Path, help="feature store (.safetensors)")
    args = parser.parse_args()
    be_alone_with(args.output)
    if args.join:
        join_parts(args.output, open_store(args.audio, Inputs(args.order)), args.join, args.order.made_from)
        return
    with gpu_slots(*args.gpu_slots if args.device != "cpu" else (0, 1)):
        _compute(args)


def _compute(args: argparse.Namespace) -> None:
    spec = validate_spec(_parsed(args.spec), "--spec")
    inputs = Inputs(args.order)
    audio = open_store(args.audio, inputs)
    checkpoint = check_checkpoint(args.encoder_dir, inputs) if args.encoder_dir else ""
    provenance = inputs.provenance(
        code_digest(code_of("workflow_scripts/features.py", f"ser.features.kinds.{spec['kind']}"))
    )
    extractor = open_extractor(spec, encoder_dir=args.encoder_dir, checkpoint=checkpoint, device=args.device)
    part, parts = args.part
    title = f"{spec['kind']} of {args.audio.stem}" + (f", part {part} of {parts}" if parts > 1 else "")
    with progress(round(audio.lengths.sum() / RATE / parts), title, "seconds") as meter:
        write_feature(args.output, audio, spec, extractor, provenance, meter.update, (part, parts))


def _parsed(text: str) -> dict:
    try:
        spec = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"--spec: not JSON ({error}): {text!r}") from None
    if not isinstance(spec, dict):
        raise InputError(f'--spec: {text!r} is not an object like {{"kind": "log_mel"}}')
    return spec


if __name__ == "__main__":
    script(main)
