"""Decode a corpus once: from manifest and audio files to one store of 16 kHz mono samples."""

from pathlib import Path

from _main import be_alone_with, job_parser, script
from ser.features.audio import write_audio
from ser.manifests.utterance import read_manifest
from ser.plan.code import code_digest, code_of
from ser.progress import progress
from ser.sealed import Inputs


def main() -> None:
    parser = job_parser(__doc__)
    parser.add_argument("--manifest", required=True, type=Path, help="CSV; its report is beside it")
    parser.add_argument("--root", required=True, type=Path, help="what the manifest's paths are relative to")
    parser.add_argument("--output", required=True, type=Path, help="audio store (.safetensors)")
    args = parser.parse_args()
    be_alone_with(args.output)

    inputs = Inputs(args.order)
    inputs.read(args.manifest.with_suffix(".json"))
    provenance = inputs.provenance(code_digest(code_of("workflow_scripts/audio.py")))
    utterances = read_manifest(args.manifest)
    with progress(len(utterances), f"audio of {args.manifest.stem}", "utterances") as meter:
        write_audio(args.output, utterances, args.root, provenance, lambda names: meter.update(len(names)))


if __name__ == "__main__":
    script(main)
