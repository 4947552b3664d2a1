"""Fetch what was computed elsewhere: DVC's files, the runs into MLflow; Snakemake is told that all is up to date."""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from _main import script
from _plan import planned
from _plots_page import write_plots_page
from _versions import NOT_THERE, Version, benchmarks, commits, wanted
from ser.errors import InputError
from ser.plan.load import OWN
from ser.plan.places import Places
from ser.plan.validation import read_yaml
from ser.sealed import Order

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
    write_plots_page()
    params = read_yaml(Path("params.yaml"))
    outside = {*(corpus["root"] for corpus in params["corpora"].values()), *params["encoders"].values()}
    # Before the pull, as Snakemake is told after it that all is up to date; what is made here, the pull will replace.
    if changed := [path for path in _changes(lambda path: True) if not path.startswith(("work/", "results/"))]:
        print(f"{', '.join(changed)}: not what dvc.lock was made with")
        return _fetch_what_is_planned()
    _call(["dvc", "pull"], "`dvc pull` failed: what it fetched is kept, and `make restore` continues with the rest")
    if changed := _changes(lambda path: path in outside):
        raise InputError(f"{', '.join(changed)}: not what dvc.lock was made with: run `make restore` again")
    _call([*TRACK, "--failure", Places.of(params["scale"]).untracked], "the runs could not be read")
    _call(TOUCH, "Snakemake could not be told that the files are up to date")
    Path("dvc.lock").touch()  # everything that was touched is in the cache (check_disk_space.py)
    print("restored: neither `dvc repro` nor `snakemake` has anything to do")


def _fetch_what_is_planned() -> None:
    """What is planned now and has a version, of this commit or of one that is merged into it."""
    _, plan, places, made_from = planned(argparse.ArgumentParser(description=__doc__))
    missing, besides, fetched = wanted(made_from.orders()), benchmarks(plan, places), 0
    for commit in commits():
        try:
            found = _fetch(Version(commit), missing, besides)
        except NOT_THERE as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise InputError(
                f"{commit}: what was computed for it cannot be fetched ({reason}): name its remote (`dvc remote add`), "
                "and whoever computed it must `dvc push`; or compute it: `dvc repro`"
            ) from None
        missing = {path: order for path, order in missing.items() if path not in found}
        fetched += len(found)
    print(f"fetched what is as planned: {fetched} of {fetched + len(missing)} artifacts; `dvc repro` makes the rest")


def _fetch(version: Version, missing: Mapping[str, Order], besides: Mapping[str, str]) -> Collection[str]:
    """Fetch what a version has of `missing`; returns the describing files of it."""
    found = version.found(missing, besides)
    if files := [file for files in found.values() for file in files]:
        # Snakemake's records are of what was there before; it complains about files of which it has none.
        subprocess.run([BIN / "snakemake", "--cleanup-metadata", *files], capture_output=True)
    for path, files in found.items():
        version.fetch(path, files)
    return found


def _changes(may_miss: Callable[[str], bool]) -> list[str]:
    """What differs from dvc.lock, except files that are not there and need not be."""
    status = json.loads(_call(["dvc", "status", "--json"], "`dvc status` failed", capture=True))
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
