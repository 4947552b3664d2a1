"""A process that has loaded what jobs import, and forks them: a small build spends a third of its time on that.

It serves one build on one machine, and ends with it. A job that it forks has the arguments, environment, folder and
open files of the process that asked for it by `run`, which passes signals on and ends as the job does; where that
process is killed, or this one, so is the job. Nothing of `ser` is loaded before a job begins: it runs the code that is
in the folder by then.
"""

import atexit
import ctypes
import gc
import importlib
import json
import os
import runpy
import selectors
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

# What can be loaded for a job, each with those before it.
LIBRARIES: Mapping[str, tuple[str, ...]] = {
    "numpy": ("numpy", "scipy.special", "jsonschema", "threadpoolctl", "filelock"),
    # torch.use_deterministic_algorithms takes its compiler's settings, and with them all of the compiler
    "torch": ("torch._inductor.config", "torch.optim.swa_utils", "torchaudio", "safetensors.torch", "scipy.fft"),
    "transformers": ("transformers.models.hubert.modeling_hubert", "transformers.models.wav2vec2"),
}
_PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_LENGTH = struct.Struct("!I")  # of a request
_END = struct.Struct("!idq")  # of a job: exit status, processor seconds, peak memory
_CREDENTIALS = struct.Struct("3i")  # process, user, group
_BEGUN = b"!"
_PATIENCE = 10  # seconds for a request to arrive that has begun to
_PR_SET_PDEATHSIG = 1
# What Snakemake sets for each job.
_THREADS = [f"{name}_NUM_THREADS" for name in ("OMP", "GOTO", "OPENBLAS", "MKL", "NUMEXPR")]
_THREADS += ["VECLIB_MAXIMUM_THREADS"]
Used = tuple[float, int]  # processor seconds, KiB of memory at its peak


def start(name: str, threads: Iterable[int]) -> None:
    """Start such processes for this one's jobs, which are to use so many `threads`: libraries read that when they are
    loaded. None if `name` is empty, or on a system that cannot watch processes (Linux before 5.3).
    """
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError):
        return
    for number in threads if name else ():
        # Listens at once: a job that came before the process could answer would import all by itself.
        with suppress(OSError), listening(f"{name}.{number}") as listener:
            subprocess.Popen(
                [sys.executable, "-P", __file__, str(listener.fileno()), str(os.getpid())],
                pass_fds=[listener.fileno()],
                env=os.environ | dict.fromkeys(_THREADS, str(number)),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                process_group=0,  # Ctrl-C is passed on by those who wait
            )


def listening(name: str) -> socket.socket:
    """What `Server` is given: those who ask for `name` wait there until it answers."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(_address(name))
    listener.listen(1024)
    return listener


def run(libraries: str, arguments: list[str], name: str = "") -> tuple[int, Used] | None:
    """Run a script, `arguments[0]`, in a process that has `libraries` (a key of LIBRARIES) loaded: its exit status,
    below 0 where a signal ended it, and what it used. None if there is no such process, under `name` in place of that
    for this build's jobs.
    """
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(_address(name or f"{os.environ['SER_WARM']}.{os.environ['OMP_NUM_THREADS']}"))
        except (KeyError, OSError):
            return None
        if not _is_ours(connection):
            return None

        def pass_on(number: int, _: Any) -> None:
            with suppress(OSError):
                connection.send(bytes([number]))

        before = {number: signal.signal(number, pass_on) for number in _PASSED_ON}
        request = {"libraries": libraries, "arguments": arguments, "environment": {**os.environ}}
        text = json.dumps(request | {"folder": str(Path.cwd())}).encode()
        begun, end = b"", b""
        with suppress(ConnectionError):
            socket.send_fds(connection, [_LENGTH.pack(len(text))], [0, 1, 2])
            connection.sendall(text)
            begun = connection.recv(len(_BEGUN))
            end = _received(connection, _END.size)
    if not begun:
        for number, handler in before.items():
            signal.signal(number, handler)
        return None
    if not end:  # whoever served was killed
        return -signal.SIGKILL, (0.0, 0)
    status, *used = _END.unpack(end)
    return status, tuple(used)


class Server:
    """Serves those of this user who ask the socket `listener`, until the process `build` ends."""

    def __init__(self, listener: int, build: int) -> None:
        self._listener = socket.socket(fileno=listener)
        self._selector = selectors.DefaultSelector()
        self._build = os.pidfd_open(build)
        self._jobs: dict[int, socket.socket] = {}  # by the descriptors of their processes
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        self._selector.register(self._build, selectors.EVENT_READ, lambda: os._exit(0))

    def serve(self) -> list[str]:
        """Return in each job, with its script and arguments."""
        while True:
            for key, _ in self._selector.select():
                arguments: list[str] | None = key.data()
                if arguments:
                    return arguments

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        if not _is_ours(connection):
            connection.close()
            return
        self._selector.register(connection, selectors.EVENT_READ, lambda: self._begin(connection))

    def _begin(self, connection: socket.socket) -> list[str] | None:
        self._selector.unregister(connection)
        connection.settimeout(_PATIENCE)
        try:
            length, files, _, _ = socket.recv_fds(connection, _LENGTH.size, 3)
            request = json.loads(_received(connection, *_LENGTH.unpack(length)))
        except (OSError, ValueError, struct.error):  # whoever asked was killed
            connection.close()
            return None
        connection.settimeout(None)
        _load(request["libraries"])
        gc.freeze()  # or a job's first collection would copy all pages
        server, process = os.getpid(), os.fork() if _may_fork() else -1
        if process == 0:
            connection.close()
            self._close()
            return _become(request, files, server)
        for file in files:
            os.close(file)
        if process < 0:
            connection.close()
            return None
        with suppress(OSError):
            connection.sendall(_BEGUN)
        job = os.pidfd_open(process)
        self._jobs[job] = connection
        self._selector.register(connection, selectors.EVENT_READ, lambda: self._pass_on(job))
        self._selector.register(job, selectors.EVENT_READ, lambda: self._end(job, process))
        return None

    def _pass_on(self, job: int) -> None:
        """A signal to a job, or its end where nobody waits for it any more."""
        if job in self._jobs:
            word = self._jobs[job].recv(1)
            signal.pidfd_send_signal(job, word[0] if word else signal.SIGKILL)
            if not word:
                self._selector.unregister(self._jobs[job])

    def _end(self, job: int, process: int) -> None:
        _, status, usage = os.wait4(process, 0)
        connection = self._jobs.pop(job)
        for file in (job, connection):
            with suppress(KeyError):
                self._selector.unregister(file)
        with suppress(OSError):
            used = usage.ru_utime + usage.ru_stime, usage.ru_maxrss
            connection.sendall(_END.pack(os.waitstatus_to_exitcode(status), *used))
        connection.close()
        os.close(job)

    def _close(self) -> None:
        """What is of no concern to a job."""
        self._selector.close()
        for connection in (self._listener, *self._jobs.values()):
            connection.close()
        for process in (self._build, *self._jobs):
            os.close(process)


def _address(name: str) -> str:
    """An abstract one: a file would outlive its process, and keep the folder from being copied."""
    return f"\0ser-{name}"


def _is_ours(connection: socket.socket) -> bool:
    """Whether the other side belongs to the same user: an abstract address is open to all."""
    _, user, _ = _CREDENTIALS.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    return bool(user == os.getuid())


def _load(libraries: str) -> None:
    for name, modules in LIBRARIES.items():
        for module in modules:
            with suppress(ImportError):  # the job will say so
                importlib.import_module(module)
        if name == libraries:
            return


def _may_fork() -> bool:
    """Whether a fork is as good as a new process: other threads are not in it, and CUDA does not work in it."""
    torch = sys.modules.get("torch")
    return len([*Path("/proc/self/task").iterdir()]) == 1 and not (torch and torch.cuda.is_initialized())


def _become(request: Mapping[str, Any], files: list[int], server: int) -> list[str]:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != server:
        os._exit(1)
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    arguments: list[str] = request["arguments"]
    return arguments


def _received(connection: socket.socket, size: int) -> bytes:
    """So many bytes, or fewer if there are no more."""
    found = bytearray()
    while len(found) < size and (part := connection.recv(min(size - len(found), 1 << 20))):
        found += part
    return bytes(found)


def _main() -> None:
    """Serve; in each job, run its script, and end without the slow end of an interpreter that has so much loaded."""
    status = 1
    atexit.register(lambda: _leave(status))  # the first to be registered is the last to be called
    sys.argv = Server(*map(int, sys.argv[1:])).serve()
    sys.path.insert(0, str(Path(sys.argv[0]).resolve().parent))
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
        raise


def _leave(status: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    _main()
