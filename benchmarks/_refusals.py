"""A plugin of pytest that notes each line by which the project refuses something: `-p _refusals`.

A line is noted when it is read, as a user or a test reads it: what the project raises and catches itself is none.

A test's notes go to a file of its process in the folder `SER_REFUSALS`, one JSON object a line: the test, how it ended,
the refusals that it saw, raised in its process or said by a process that it started, what it recorded as a property
(`tried` and `refused` of a parser's random input) and, if it failed, the last lines of why: those of random input name
the example, which depends on the modules that are loaded and may not be drawn again.
"""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ser.errors import InputError

FOLDER = "SER_REFUSALS"
SAID = re.compile(r"^(?:\w*Error: |\S+: )*error: (.+)$", re.MULTILINE)
# Folders of one test, and addresses: what differs from start to start, or belongs in no document.
TEMPORARY = re.compile(r"/[\w./-]*pytest-of-\w+/pytest-\d+/(?:popen-gw\d+/)?[^/\s:'\"]+|/tmp/tmp\w+")
ADDRESS = re.compile(r"https?://[^\s:]+(:\d+)?")

LINES = 30  # of a failure that are kept

_seen: list[str] = []
_outcomes: list[str] = []
_why: list[str] = []
_write, _communicate = InputError.__str__, subprocess.Popen.communicate


def _noted(self: InputError) -> str:
    line = _write(self)
    _seen.append(line)
    return line


def _listened(self: subprocess.Popen, *arguments: Any, **named: Any) -> tuple[Any, Any]:
    texts = _communicate(self, *arguments, **named)
    for text in texts:
        _seen.extend(SAID.findall(text if isinstance(text, str) else (text or b"").decode(errors="replace")))
    return texts


def pytest_configure() -> None:
    InputError.__str__, subprocess.Popen.communicate = _noted, _listened  # type: ignore[method-assign]


def pytest_collection_finish() -> None:
    _seen.clear()  # what modules did when they were imported belongs to no test


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = yield
    _outcomes.append(report.outcome)
    _why.extend(report.longreprtext.splitlines()[-LINES:] if report.failed else ())
    if call.when == "teardown":  # before, the test may be another user, or at the end of its disk
        outcome = next((outcome for outcome in _outcomes if outcome != "passed"), "passed")
        lines = list(dict.fromkeys(ADDRESS.sub("ADDRESS", TEMPORARY.sub("DIR", line)) for line in _seen))
        note = {"test": item.nodeid, "outcome": outcome, "lines": lines, "why": [*_why], **dict(report.user_properties)}
        with Path(os.environ[FOLDER], f"{os.getpid()}.jsonl").open("a") as file:
            file.write(json.dumps(note) + "\n")
        _seen.clear()
        _outcomes.clear()
        _why.clear()
    return report
