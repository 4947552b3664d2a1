"""Rule track: import finished runs into MLflow, which only shows them: the truth is in work/. See docs/tracking.md.

Can be called by hand at any time, also during a build. What is already there, unchanged, is left alone.
"""

import argparse
import os
import sqlite3
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from contextlib import closing
from multiprocessing import get_context, parent_process
from pathlib import Path
from urllib.parse import urlsplit

from _main import be_alone_with, script
from _plan import planned
from ser.compute.clone import clone_name
from ser.outputs import write_json
from ser.plan.groups import Plan
from ser.plan.places import CLONE, Places
from ser.tracking.records import tracked

DEFAULT = "sqlite:///mlflow.db"  # MLflow's own default: `mlflow ui`, typed here, shows the same
SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",  # by default MLflow waits minutes for a server that is gone
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # two lines for each run
    "MLFLOW_LOGGING_LEVEL": "CRITICAL",  # one line says what went wrong, instead of a traceback
}
NEW_ONE = "move it away: everything it shows is in work/, and goes into a new one"


class NotTracked(Exception):
    """Why the store cannot be used, in one line."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--failure", type=Path, help="file for why nothing could be tracked; the exit code is then 0")
    args, plan, places, made_from = planned(parser)
    uri = os.environ.get("MLFLOW_TRACKING_URI") or DEFAULT
    be_alone_with(places.tracked, shown(uri))  # one import at a time: a second one waits, then finds everything done
    found: dict[str, str] = {}
    try:
        result = _track(uri, plan, places)
    except NotTracked as error:
        line = f"not tracked in MLflow: {error}. Nothing computed is lost: `make track` imports it"
        if not args.failure:
            print(f"error: {line}", file=sys.stderr)
            raise SystemExit(1) from None
        print(line, file=sys.stderr)
        args.failure.write_text(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {error}\n", encoding="utf-8")
        found = {"failed": str(error)}
    else:
        print(f"MLflow, {shown(uri)}: {', '.join(f'{number} runs {what}' for what, number in result.items())}")
    write_json(Path(places.tracked), {"made_from": made_from.result("track"), **found})


def shown(uri: str) -> str:
    """An SQLite database's file, or a server's address without the password in it."""
    if uri.startswith("sqlite:///"):
        return uri.removeprefix("sqlite:///")
    parts = urlsplit(uri)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _track(uri: str, plan: Plan, places: Places) -> dict[str, int]:
    os.environ.update({name: os.environ.get(name, value) for name, value in SETTINGS.items()})
    is_new = _check(uri)
    # Late: MLflow takes seconds to import, and the processes that draw do without it.
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    from _mlflow import Importer, make_database

    titles = {name: experiment["title"] for name, experiment in plan.experiments.items()}
    drawers = ProcessPoolExecutor(min(2, os.cpu_count() or 1), get_context("spawn"), _end_with_parent)
    try:
        with tempfile.TemporaryDirectory() as staging, drawers as pool:
            if is_new:
                make_database(Path(shown(uri)))
            return Importer(uri, titles, pool, Path(staging)).import_all(tracked(plan, places, clone_name(Path(CLONE))))
    except (MlflowException, SQLAlchemyError, OSError, ImportError, BrokenExecutor) as error:
        said = str(getattr(error, "orig", None) or error).strip() or type(error).__name__
        advice = f": {NEW_ONE}" if "malformed" in said else ""
        raise NotTracked(f"{shown(uri)}: {said.splitlines()[0][:300]}{advice}") from None


def _end_with_parent() -> None:
    """In a process that draws, which would otherwise wait forever once the import is killed."""

    def watch() -> None:
        parent_process().join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _check(uri: str) -> bool:
    """Whether the store is a database that is not there yet.

    Raises NotTracked within seconds where MLflow itself would try for minutes.
    """
    if uri.startswith(("http://", "https://")):
        try:
            urllib.request.urlopen(urllib.request.Request(shown(uri), method="HEAD"), timeout=5).close()
        except urllib.error.HTTPError:
            pass  # it answers; MLflow will say what it does not like
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            raise NotTracked(
                f"{shown(uri)}: no answer ({reason}): start the server, or correct MLFLOW_TRACKING_URI"
            ) from None
    elif uri.startswith("sqlite:///"):
        if not Path(shown(uri)).exists():
            return True
        try:
            with closing(sqlite3.connect(shown(uri), timeout=5, isolation_level=None)) as database:
                database.execute("BEGIN IMMEDIATE")
                database.execute("SELECT count(*) FROM sqlite_master").fetchone()
                database.execute("ROLLBACK")
        except sqlite3.Error as error:
            is_locked = "locked" in str(error)
            advice = "another program is writing to it: try again when it has finished" if is_locked else NEW_ONE
            raise NotTracked(f"{shown(uri)}: {error}: {advice}") from None
    return False


if __name__ == "__main__":
    script(main)
