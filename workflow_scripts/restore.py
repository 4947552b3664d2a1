"""Fetch what was computed elsewhere: DVC's files, the runs into MLflow; Snakemake is told that all is up to date."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from _main import script
from ser.errors import InputError
from ser.plan.load import OWN
from ser.plan.places import Places
from ser.plan.validation import read_yaml

BIN = Path(sys.executable).parent
# As in rule track: a tracking server that is down stops nothing.
TRACK = ["python", "workflow_scripts/track.py"]
# Copied files have the times of their copies, in no useful order: Snakemake is told that all is up to date. Its limits
# are for jobs that do something.
MANY = ["--cores", "1000", "--resources", "gpu_slots=1000000"]
TOUCH = ["python", "-m", "ser.compute.patches", "--forceall", "--quiet", "all", *MANY, "--", "all"]


def main() -> None:
    if not Path("dvc.lock").is_file():
        raise InputError("dvc.lock: no such file: whoever computed the results must run `dvc repro` and commit it")
    if Path(OWN).is_file():
        raise InputError(f"{OWN}: DVC keeps the versions of params.yaml only: move this file away, then restore")
    params = read_yaml(Path("params.yaml"))
    outside = {*(corpus["root"] for corpus in params["corpora"].values()), *params["encoders"].values()}
    _refuse_changes(lambda path: True)  # before the pull: without its own records Snakemake cannot tell what changed
    _call(["dvc", "pull"], "`dvc pull` failed: what it fetched is kept, and `make restore` continues with the rest")
    _refuse_changes(lambda path: path in outside)
    _call([*TRACK, "--failure", Places.of(params["scale"]).untracked], "the runs could not be read")
    _call(TOUCH, "Snakemake could not be told that the files are up to date")
    Path("dvc.lock").touch()  # everything that was touched is in the cache (check_disk_space.py)
    print("restored: neither `dvc repro` nor `snakemake` has anything to do")


def _refuse_changes(may_miss: Callable[[str], bool]) -> None:
    """Raise InputError for what differs from dvc.lock, except files that are not there and need not be."""
    status = json.loads(_call(["dvc", "status", "--json"], "`dvc status` failed", capture=True))
    if changed := _changed(status, may_miss):
        raise InputError(
            f"{', '.join(changed)}: not what dvc.lock was made with: go back to that commit, "
            f"or run `dvc repro`, which computes what the change affects"
        )


def _changed(status: dict[str, list], may_miss: Callable[[str], bool]) -> list[str]:
    found = set()
    for changes in status.values():
        for change in changes:
            if isinstance(change, str):  # "changed command", "always changed"
                found.add(f"dvc.yaml ({change})")
                continue
            for files in change.values():
                found |= {
                    path
                    for path, state in files.items()
                    if not (state in ("deleted", "not in cache") and may_miss(path))
                }
    return sorted(found)


def _call(command: list[str], failed: str, capture: bool = False) -> str:
    result = subprocess.run([BIN / command[0], *command[1:]], stdout=subprocess.PIPE if capture else None, text=True)
    if result.returncode:
        raise InputError(f"{failed} (exit status {result.returncode})")
    return result.stdout or ""


if __name__ == "__main__":
    script(main)
