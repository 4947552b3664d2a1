"""Processes that all tests of a session share, from which Snakemake, the jobs of its builds and imports into MLflow are
forked.

Of the 2 seconds of processor time that a start of Snakemake takes, 1.3 are imports; MLflow takes 3, and a build in
which a network trains 4 to load torch. All are the same each time, and there are hundreds. What is forked runs the code
of its own folder, as ser/compute/warm.py says. Builds whose processes are killed or measured are started without these,
as are those on a cluster; an empty SER_TESTS in the environment, which is otherwise their folder, turns all of it off.
"""

import atexit
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from helpers import ROOT
from ser.compute.warm import listening

BIN = Path(sys.executable).parent
_JOB = ROOT / "workflow_scripts/_job.py"
_WARM = Path(__file__).with_name("_warm.py")
_OWN = ("PYTHONPATH", "SNAKEMAKE_PROFILE", "SER_WARM")  # of the user's environment: what is forked may not know them
_SET = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
# A process with a second thread forks nothing.
_SET |= {"JE_ARROW_MALLOC_CONF": "background_thread:false", "MLFLOW_DISABLE_TELEMETRY": "true"}


def start() -> None:
    """Start them; they end with this process, and load nothing until they are asked."""
    folder = Path(tempfile.mkdtemp(prefix="ser-tests-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["SER_TESTS"] = str(folder)
    _write_environment(folder)
    for name in ("1", "snakemake", "mlflow"):
        with listening(f"{folder.name}.{name}") as listener:
            subprocess.Popen(
                [sys.executable, "-P", _WARM, "serve", name, str(listener.fileno()), str(os.getpid())],
                pass_fds=[listener.fileno()],
                env={name: value for name, value in os.environ.items() if name not in _OWN} | _SET,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                process_group=0,
            )


def _write_environment(folder: Path) -> None:
    """A virtual environment that is this one but for `snakemake`: for what calls it by itself, such as `dvc repro`."""
    for path in (*BIN.iterdir(), *BIN.parent.glob("lib*"), BIN.parent / "pyvenv.cfg"):
        link = folder / path.relative_to(BIN.parent)
        link.parent.mkdir(exist_ok=True)
        link.symlink_to(path)
    command = shlex.join([*_run("snakemake"), str(BIN / "snakemake")])
    (folder / BIN.name / "snakemake").unlink()
    (folder / BIN.name / "snakemake").write_text(f'#!/bin/sh\nexec {command} "$@"\n')
    (folder / BIN.name / "snakemake").chmod(0o755)


def programs() -> Path:
    """The folder of `snakemake`, `dvc`, `python` and others."""
    return Path(os.environ["SER_TESTS"]) / BIN.name if os.environ.get("SER_TESTS") else BIN


def snakemake(*arguments: str) -> list[str]:
    """The command that is `snakemake` with these arguments."""
    return [*(_run("snakemake") if _is_shared() else []), str(BIN / "snakemake"), *arguments]


def tracking(program: Path, *arguments: str) -> list[str]:
    """The command that runs a program that imports MLflow."""
    return [*(_run("mlflow") if os.environ.get("SER_TESTS") else [sys.executable]), str(program), *arguments]


def script(libraries: str, cost: Path, program: Path, *arguments: str) -> list[str]:
    """The command that runs a program as rules do, with `libraries` (ser/compute/warm.py) loaded."""
    job = [str(_JOB), str(cost), libraries] if os.environ.get("SER_TESTS") else []
    return [sys.executable, *job, str(program), *arguments]


def for_jobs() -> dict[str, str]:
    """The environment in which a build's jobs are forked from the session's process."""
    return {"SER_WARM": Path(os.environ["SER_TESTS"]).name} if _is_shared() and "SER_WARM" not in os.environ else {}


def _is_shared() -> bool:
    """On a cluster each process is a start of its own: what is forked here would be outside of what Slurm limits."""
    return bool(os.environ.get("SER_TESTS")) and "SNAKEMAKE_PROFILE" not in os.environ


def _run(name: str) -> list[str]:
    return [sys.executable, str(_WARM), "run", name]
