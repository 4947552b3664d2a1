"""Write a synthetic corpus as its official release tree, and a list of its files."""

from pathlib import Path

from _main import be_alone_with, job_parser, script
from ser.corpora.demo.write import layout_of, write_demo
from ser.plan.code import code_digest, code_of
from ser.sealed import Inputs


def main() -> None:
    parser = job_parser(__doc__)
    parser.add_argument("--corpus", required=True, help="iemocap, casia or msp_podcast")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--utterances", type=int, help="how many (default: the corpus's demo size)")
    parser.add_argument("--output-dir", type=Path, required=True)
    parser.add_argument("--listing", type=Path, required=True, help="JSON file list to write")
    options = parser.parse_args()
    be_alone_with(options.listing)
    code = code_of("workflow_scripts/demo_corpus.py", layout_of(options.corpus).__name__)
    provenance = Inputs(options.order).provenance(code_digest(code))
    write_demo(options.corpus, options.output_dir, options.listing, options.seed, options.utterances, provenance)


if __name__ == "__main__":
    script(main)
