"""How long a user waits for one line of the table: functionals and SVM on EmoDB, leave-one-speaker-out.

    python benchmarks/functionals_svm.py --emodb DIR [--repeats 3]

Prints, per repeat and as medians, the seconds of three calls of `snakemake results/table.csv` in a fresh copy of the
project: from nothing computed, after one changed setting (C), and with nothing to do. For comparison: nkululeko 1.14
took 28 s and 10 s for the first two on 339 files of this corpus (2 cores), autrainer 0.10 took 22 s for the second.
"""

import argparse
import tempfile
import time
from pathlib import Path
from statistics import median

import _paths  # noqa: F401 (puts the tests and scripts where Python looks)
from helpers.project import Project, copy_project


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
        entries = {"experiments": {"fair": ["functionals_svm"]}, "corpora": {"emodb": {"root": str(emodb)}}}
        project = copy_project(Path(folder) / "project", scale="free", **entries)
        seconds = {"from nothing": build(project)}
        fair = project.folder / "experiments" / "fair.yaml"
        fair.write_text(fair.read_text().replace("C: 1.0", "C: 2.0"))
        seconds["one changed setting"] = build(project)
        seconds["nothing to do"] = build(project)
        return seconds


def build(project: Project) -> float:
    start = time.monotonic()
    project.build()
    return time.monotonic() - start


if __name__ == "__main__":
    main()
