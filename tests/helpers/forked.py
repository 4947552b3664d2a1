"""A script in a process of its own, forked with the libraries of jobs loaded: signals reach it as they do a program."""

import multiprocessing
import os
import runpy
import signal
import sys
from pathlib import Path

from ser.compute.warm import LIBRARIES


class Forked:
    """Runs `script` in `folder`; what it says goes to the file `log`. The methods are those of subprocess.Popen."""

    def __init__(self, script: Path, arguments: list[str], folder: Path, log: Path) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([*LIBRARIES["numpy"], *LIBRARIES["torch"]])
        log.write_bytes(b"")
        self._process = context.Process(target=_run, args=(script, arguments, folder, log), daemon=True)
        self._process.start()

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self) -> int | None:
        self._process.join()
        return self._process.exitcode

    def send_signal(self, number: signal.Signals) -> None:
        os.kill(self._process.pid, number)

    def kill(self) -> None:
        self._process.kill()


def _run(script: Path, arguments: list[str], folder: Path, log: Path) -> None:
    with log.open("ab") as file:
        for number in (1, 2):
            os.dup2(file.fileno(), number)
    os.chdir(folder)
    sys.argv = [str(script), *arguments]
    sys.path.insert(0, str(script.parent))
    runpy.run_path(str(script), run_name="__main__")
