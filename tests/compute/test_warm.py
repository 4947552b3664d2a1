"""Jobs that are forked by a process which has their libraries loaded: to a user they are like any other."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from helpers import ROOT
from helpers.project import PATIENCE
from ser.compute.warm import LIBRARIES, listening

JOB = [sys.executable, ROOT / "workflow_scripts/_job.py"]
NAME = f"test-{os.getpid()}.1"
ADDRESS = f"\0ser-{NAME}"
Run = Callable[..., subprocess.Popen[str]]


@contextmanager
def serving(folder: Path, **environment: str) -> Iterator[tuple[psutil.Process, psutil.Process]]:
    """What serves, and its build, which ends with the test."""
    with psutil.Popen(["sleep", "1000"]) as build:
        with listening(NAME) as listener:
            program = [sys.executable, "-P", ROOT / "ser/compute/warm.py", str(listener.fileno()), str(build.pid)]
            files = [listener.fileno()]
            process = psutil.Popen(program, cwd=folder, env=os.environ | environment, pass_fds=files)
        with process:
            yield process, build
            build.kill()
            process.wait(60)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[psutil.Process]:
    with serving(tmp_path) as (process, _):
        yield process


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Start a script, given as its text, as a rule does."""

    def start(text: str, *arguments: str, libraries: str = "numpy", **environment: str) -> subprocess.Popen[str]:
        (tmp_path / "script.py").write_text(text)
        return subprocess.Popen(
            [*JOB, "costs/job.tsv", libraries, "script.py", *arguments],
            cwd=tmp_path,
            env={**os.environ, "SER_WARM": NAME.removesuffix(".1"), "OMP_NUM_THREADS": "1", **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


def until(is_so: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


ABOUT = """
import os, sys
print(sys.argv, os.getcwd(), os.environ["OWN"], sys.path[0], __name__, len(os.listdir("/proc/self/task")))
print(sorted({name.partition(".")[0] for name in sys.modules} & {"ser", "torch", "numpy"}))
print("said", file=sys.stderr)
"""


def test_a_job_has_what_it_was_given_and_its_libraries(tmp_path: Path, server: psutil.Process, run: Run) -> None:
    out, err = run(ABOUT, "a", "b c", OWN="mine").communicate()
    first, modules = out.splitlines()
    assert first == f"['script.py', 'a', 'b c'] {tmp_path} mine {tmp_path} __main__ 1"
    assert (modules, err) == ("['numpy']", "said\n")
    out, _ = run(ABOUT, OWN="", libraries="torch").communicate()
    assert out.splitlines()[1] == "['numpy', 'torch']" and out.splitlines()[0].endswith(" 1")  # no thread is forked


def test_without_such_a_process_a_job_is_the_same(tmp_path: Path, run: Run) -> None:
    script = run(ABOUT, "a", OWN="mine")
    out, err = script.communicate()
    assert out.splitlines()[0] == f"['script.py', 'a'] {tmp_path} mine {tmp_path} __main__ 1"
    assert (err, script.returncode) == ("said\n", 0)


def measured(folder: Path) -> dict[str, float]:
    names, values = (folder / "costs/job.tsv").read_text().splitlines()
    return dict(zip(names.split("\t"), map(float, values.split("\t")), strict=True))


@pytest.mark.parametrize("is_warm", [True, False], ids=["warm", "cold"])
def test_what_a_job_took_is_known(tmp_path: Path, is_warm: bool, run: Run, request: pytest.FixtureRequest) -> None:
    if is_warm:
        request.getfixturevalue("server")
    text = "import time; x = bytearray(200_000_000); t = time.process_time()\nwhile time.process_time() < t + 0.5: pass"
    script = run(text)
    script.communicate()
    found = measured(tmp_path)
    assert 0.5 <= found["cpu_time"] <= found["s"] + 1 and 200 < found["max_rss"] < 500


@pytest.mark.parametrize("is_warm", [True, False], ids=["warm", "cold"])
@pytest.mark.parametrize(
    ("text", "status", "said"),
    [
        ("raise SystemExit(7)", 7, ""),
        ("raise SystemExit", 0, ""),
        ("raise SystemExit('why')", 1, "why\n"),
        ("raise ValueError('why')", 1, "ValueError: why\n"),
        ("import atexit, sys; atexit.register(lambda: sys.stderr.write('last'))", 0, "last"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL, ""),
    ],
    ids=["status", "no status", "message", "exception", "at the end", "killed"],
)
def test_a_job_ends_as_its_script_does(
    is_warm: bool, text: str, status: int, said: str, run: Run, request: pytest.FixtureRequest
) -> None:
    if is_warm:
        request.getfixturevalue("server")
    script = run(text)
    _, err = script.communicate()
    assert script.returncode == status and err.endswith(said)


WAITS = """
import pathlib, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored if it was in whoever started the tests
signal.signal(signal.SIGHUP, signal.SIG_DFL)
pathlib.Path("began").touch()
try:
    time.sleep(1000)
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 5), (signal.SIGINT, 130), (signal.SIGHUP, -1)])
def test_signals_reach_the_job(
    tmp_path: Path, server: psutil.Process, number: signal.Signals, status: int, run: Run
) -> None:
    script = run(WAITS)
    until((tmp_path / "began").exists)
    script.send_signal(number)
    assert script.wait(60) == status
    assert not server.children()


def test_a_job_that_nobody_waits_for_ends(tmp_path: Path, server: psutil.Process, run: Run) -> None:
    script, other = run(WAITS), run(WAITS)
    until(lambda: len(server.children()) == 2)
    script.kill()
    script.wait()
    until(lambda: len(server.children()) == 1)
    assert other.poll() is None and server.is_running()
    other.kill()


def test_jobs_end_with_the_process_that_forked_them(tmp_path: Path, server: psutil.Process, run: Run) -> None:
    script = run(WAITS)
    until((tmp_path / "began").exists)
    (job,) = server.children()
    server.kill()
    assert script.wait(60) == -signal.SIGKILL
    until(lambda: not job.is_running() or job.status() == psutil.STATUS_ZOMBIE)
    (tmp_path / "began").unlink()
    cold = run(WAITS)
    until((tmp_path / "began").exists)  # the next job does without
    cold.kill()


def test_it_ends_with_the_build(tmp_path: Path, run: Run) -> None:
    with serving(tmp_path) as (server, build):
        script = run(WAITS)
        until((tmp_path / "began").exists)
        build.kill()
        assert server.wait(60) == 0 and script.wait(60) == -signal.SIGKILL


def test_nothing_is_forked_beside_another_thread(tmp_path: Path, run: Run) -> None:
    """Its locks would be held in the job for ever."""
    (tmp_path / "filelock.py").write_text(
        "import threading; threading.Thread(target=threading.Event().wait, daemon=True).start()"
    )
    with serving(tmp_path, PYTHONPATH=str(tmp_path)) as (server, _):
        for number in (signal.SIGTERM, signal.SIGINT):
            script = run(WAITS)
            until((tmp_path / "began").exists)
            script.send_signal(number)
            assert script.wait(60) == {signal.SIGTERM: 5, signal.SIGINT: 130}[number]
            (tmp_path / "began").unlink()
        out, _ = run("import os; print(os.getppid())").communicate()
        assert int(out) == os.getpid() and server.poll() is None


def test_many_at_once_and_one_that_says_nothing(tmp_path: Path, server: psutil.Process, run: Run) -> None:
    """A large request, too: a job may have thousands of arguments."""
    with socket.socket(socket.AF_UNIX) as silent:
        silent.connect(ADDRESS)
        scripts = [run("import sys; print(len(sys.argv))", *["x" * 100] * 1000) for _ in range(12)]
        assert {script.communicate()[0] for script in scripts} == {"1001\n"}
    assert run("").wait() == 0 and server.is_running()


ASKS = """
import os, socket, sys
os.setuid(int(sys.argv[1]))
connection = socket.socket(socket.AF_UNIX)
connection.connect(sys.argv[2].replace("@", chr(0)))
connection.settimeout(1)
try:
    print(connection.recv(1))
except TimeoutError:
    print("waits")
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be another user")
def test_other_users_are_not_served(server: psutil.Process) -> None:
    for user, said in ((0, "waits\n"), (65534, "b''\n")):
        command = [sys.executable, "-c", ASKS, str(user), ADDRESS.replace("\0", "@")]
        assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == said


def test_libraries_are_there() -> None:
    """A name that a new version of a library lacks would be passed over in silence."""
    names = [name for modules in LIBRARIES.values() for name in modules]
    subprocess.run([sys.executable, "-c", f"import {', '.join(names)}"], check=True)
