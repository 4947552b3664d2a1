"""A stage of dvc.yaml: one target of the Snakefile, into the folders that are the stage's `outs`."""

import argparse
import subprocess
import sys
from pathlib import Path

from _main import script
from _plots_page import write_plots_page
from check_disk_space import check_disk_space
from ser.plan.validation import read_yaml


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stage", help="its name in dvc.yaml")
    parser.add_argument("--target", required=True, help="a target of the Snakefile")
    args = parser.parse_args()

    outs = _outs(args.stage)
    folders = [path for path in outs if not path.suffix]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    snakemake = Path(sys.executable).with_name("snakemake")
    done = subprocess.run([snakemake, "--cores", "all", "--", args.target])
    if done.returncode:
        raise SystemExit(done.returncode)
    for folder in folders:
        if not any(folder.iterdir()):  # at this scale, or in this plan, nothing goes there; DVC wants a file
            (folder / ".keep").touch()
    check_disk_space(outs)
    write_plots_page()


def _outs(stage: str) -> list[Path]:
    scale = read_yaml(Path("params.yaml"))["scale"]
    outs = read_yaml(Path("dvc.yaml"))["stages"][stage]["outs"]
    return [Path(name.replace("${scale}", scale)) for out in outs for name in out]


if __name__ == "__main__":
    script(main)
