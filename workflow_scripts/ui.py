"""`make ui`: import the finished runs into MLflow, then show its web page on this machine only."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from _main import script
from track import DEFAULT, SETTINGS, shown

HOST = "127.0.0.1"
# Job execution would start processes that nothing here uses.
QUIET = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "PYTHONWARNINGS": "ignore"}


def main() -> None:
    if subprocess.run([sys.executable, Path(__file__).with_name("track.py")]).returncode:
        raise SystemExit(1)  # it has said why
    uri = os.environ.get("MLFLOW_TRACKING_URI") or DEFAULT
    if uri.startswith(("http://", "https://")):
        print(f"MLflow: {shown(uri)}")
        return
    port = _free_port(5000)
    mlflow = [Path(sys.executable).with_name("mlflow"), "server", "--app-name", "ser", "--backend-store-uri", uri]
    place = ["--host", HOST, "--port", str(port), "--workers", "1", "--uvicorn-opts", "--log-level warning"]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # so that the server ends too
    server = subprocess.Popen([*mlflow, *place], env={**SETTINGS, **QUIET, **os.environ})
    try:
        if _answers(f"http://{HOST}:{port}/health", server):
            print(f"MLflow: http://{HOST}:{port}/ser (Ctrl-C here ends it)", flush=True)
        raise SystemExit(server.wait())
    except KeyboardInterrupt:
        pass
    finally:
        server.terminate()
        server.wait()


def _free_port(wanted: int) -> int:
    """`wanted` or, if that is taken, any free port."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return probe.getsockname()[1]
    raise OSError(f"no free port on {HOST}")


def _answers(address: str, server: subprocess.Popen) -> bool:
    """Wait until the server answers; False if it ends instead."""
    while server.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return True
        except OSError:
            time.sleep(0.2)
    return False


if __name__ == "__main__":
    script(main)
