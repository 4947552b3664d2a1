"""Write a synthetic corpus as its official release tree, and a list of its files."""

import argparse
from pathlib import Path

from _main import script
from ser.corpora.demo.write import write_demo


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", required=True, help="iemocap, casia or msp_podcast")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--utterances", type=int, help="how many (default: the corpus's demo size)")
    parser.add_argument("--output-dir", type=Path, required=True)
    parser.add_argument("--listing", type=Path, required=True, help="JSON file list to write")
    options = parser.parse_args()
    write_demo(options.corpus, options.output_dir, options.listing, options.seed, options.utterances)


if __name__ == "__main__":
    script(main)
