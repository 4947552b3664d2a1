"""How long a user waits for one line of the table: functionals and SVM on EmoDB, leave-one-speaker-out.

    python benchmarks/functionals_svm.py --emodb DIR [--repeats 3]

Prints, per repeat and as medians, the seconds of three calls of `snakemake results/table.csv` in a fresh copy of the
project: from nothing computed, after one changed setting (C), and with nothing to do. For scale: nkululeko 1.14 took
28 s and 10 s for the first two on 339 files of this corpus (2 cores), autrainer 0.10 took 22 s for the second.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import yaml

ROOT = Path(__file__).resolve().parent.parent
PARTS = ["Snakefile", "params.yaml", "rules", "schemas", "experiments", "profiles", "ser", "workflow_scripts"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--emodb", required=True, type=Path)
    parser.add_argument("--repeats", default=3, type=int)
    args = parser.parse_args()
    rows = [one(args.emodb.resolve()) for _ in range(args.repeats)]
    for name in rows[0]:
        seconds = [row[name] for row in rows]
        print(f"{name:20} {median(seconds):5.1f} s   ({', '.join(f'{s:.1f}' for s in seconds)})")


def one(emodb: Path) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        for part in PARTS:
            copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
            copy(ROOT / part, project / part)
        params = yaml.safe_load((project / "params.yaml").read_text())
        params |= {"scale": "free", "experiments": {"fair": ["functionals_svm"]}}
        params["corpora"]["emodb"]["root"] = str(emodb)
        (project / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
        seconds = {"from nothing": build(project)}
        fair = project / "experiments" / "fair.yaml"
        fair.write_text(fair.read_text().replace("C: 1.0", "C: 2.0"))
        seconds["one changed setting"] = build(project)
        seconds["nothing to do"] = build(project)
        return seconds


def build(project: Path) -> float:
    start = time.monotonic()
    command = [Path(sys.executable).with_name("snakemake"), "--cores", "2", "--", "results/table.csv"]
    subprocess.run(command, cwd=project, check=True, capture_output=True)
    return time.monotonic() - start


if __name__ == "__main__":
    main()
