"""Write a tiny random encoder checkpoint in the form of a published one."""

from pathlib import Path

from _main import be_alone_with, job_parser, script
from ser.encoders.checkpoint import DESCRIPTION, checkpoint_files
from ser.encoders.demo import write_encoder
from ser.encoders.published import NAMES
from ser.plan.code import code_digest, code_of
from ser.sealed import Inputs, hashes_of, write_sealed


def main() -> None:
    parser = job_parser(__doc__)
    parser.add_argument("--encoder", required=True, help=", ".join(NAMES))
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--output-dir", type=Path, required=True)
    options = parser.parse_args()
    be_alone_with(options.output_dir)
    folder = options.output_dir
    provenance = Inputs(options.order).provenance(code_digest(code_of("workflow_scripts/demo_encoder.py")))
    write_encoder(options.encoder, folder, options.seed)
    facts = {"encoder": options.encoder, "seed": options.seed, **provenance.facts}
    write_sealed(folder / DESCRIPTION, {**facts, "sha256": hashes_of(checkpoint_files(folder), folder)})


if __name__ == "__main__":
    script(main)
