"""Programs of Python that are forked from a process that has loaded what they import (warm.py).

_warm.py serve NAME SOCKET BUILD
_warm.py run NAME PROGRAM ARGUMENT ...
"""

import importlib.util
import os
import signal
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Not imported from `ser`: a copy of the project, in which they run, has a `ser` of its own.
spec = importlib.util.spec_from_file_location("warm", ROOT / "ser/compute/warm.py")
warm = importlib.util.module_from_spec(spec)
spec.loader.exec_module(warm)

# By the name of the process; jobs ask for theirs by how many threads they have.
LIBRARIES = {
    "1": warm.LIBRARIES | {"numpy": (*warm.LIBRARIES["numpy"], "soundfile", "sklearn.preprocessing", "sklearn.svm")},
    "snakemake": {"snakemake": ("snakemake.cli", "snakemake.report.html_reporter", "jsonschema")},
    "mlflow": {"mlflow": ("mlflow", "mlflow.store.tracking.dbmodels.models", "numpy", "jsonschema")},
}


def run(name: str, command: list[str]) -> None:
    found = warm.run(name, command, f"{Path(os.environ['SER_TESTS']).name}.{name}")
    if found is None:
        os.execv(sys.executable, [sys.executable, *command])
    status, _ = found
    if status < 0:
        if status != -signal.SIGKILL:
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    sys.exit(status)


if __name__ == "__main__":
    what, name = sys.argv.pop(1), sys.argv.pop(1)
    if what == "run":
        run(name, sys.argv[1:])
    warm.LIBRARIES = LIBRARIES[name]
    warm._main()
