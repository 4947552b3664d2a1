"""Write a tiny random encoder checkpoint in the form of a published one."""

import argparse
from pathlib import Path

from _main import script
from ser.encoders.demo import write_encoder
from ser.encoders.published import NAMES


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--encoder", required=True, help=", ".join(NAMES))
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--output-dir", type=Path, required=True)
    options = parser.parse_args()
    write_encoder(options.encoder, options.output_dir, options.seed)


if __name__ == "__main__":
    script(main)
