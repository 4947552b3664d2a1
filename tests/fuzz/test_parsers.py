"""Thousands of damaged inputs for every parser: each is read, or refused in one line.

`SER_FUZZ_EXAMPLES=3000 pytest tests/fuzz` looks longer, and with `SER_FUZZ_SEED=2` elsewhere. hypothesis also draws
constants of the modules that are loaded, so `pytest tests/fuzz` tries other examples than the whole suite; those of the
suite come again with `pytest tests -k "what_is_damaged and NAME"`.
"""

import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from fuzz.parsers import parsers
from ser.errors import UNPRINTABLE, InputError

EXAMPLES = int(os.environ.get("SER_FUZZ_EXAMPLES", "20"))
SEED = int(os.environ.get("SER_FUZZ_SEED", "0"))
MOST_SECONDS = 60  # of the processor, for one example: a thousand times what it takes
MOST_GB = 2  # more than before the first example
NASTY = [
    *(b"", b"\0", b"\n", b"\r", b"\r\n", b'"', b",", b" ", b"\t", b"-", b"_", b".", b"/", b"..", b"../", b"\\", b":"),
    *(
        b"\xff",
        b"\xed\xa0\x80",
        "\u2028".encode(),
        "\u0663".encode(),
        b"nan",
        b"inf",
        b"-1",
        b"1e999",
        b"1e39",
        b"9" * 5000,
    ),
    *(
        b"null",
        b"true",
        b"[]",
        b"{}",
        b'{"a": 1}',
        b"[" * 5000,
        b"{a: " * 500,
        b"&a [*a]",
        b"<<: ",
        b"? ",
        b"!!int ",
        b"*",
    ),
    *(b"A" * 140_000, b" - " * 3000, b"_test3" * 3000, b"a,a," * 3000, b".bin", b"\x00" * 8, b"\xff" * 8),
]
PIECES = st.one_of(st.sampled_from(NASTY), st.binary(max_size=8))
EDITS = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 40), PIECES), min_size=1, max_size=4)
CONTENTS = st.one_of(EDITS, EDITS, EDITS, st.binary(max_size=200))

_written: list[str] | None = None


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if _written is not None and event == "open" and isinstance(arguments[0], str | bytes):
        path, mode, flags = arguments
        if (flags or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) or set(str(mode)) & set("wax+"):
            _written.append(os.fsdecode(path))


sys.addaudithook(_watch)


def damaged(valid: bytes, edits: Any) -> bytes:
    """`valid` with some places replaced, or what was drawn itself."""
    if isinstance(edits, bytes):
        return edits
    content = valid
    for where, length, piece in edits:
        place = int(where * len(content))
        content = content[:place] + piece + content[place + length :]
    return content


@pytest.mark.parametrize("name", sorted(parsers(Path())))
def test_what_is_damaged_is_read_or_refused_in_one_line(
    name: str, tmp_path: Path, record_property: Callable[[str, Any], None]
) -> None:
    global _written
    folder = tmp_path / "inside"
    folder.mkdir()
    parser = parsers(folder)[name]()
    parser.read(parser.valid)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tried = refused = 0

    @seed(SEED)
    @settings(
        max_examples=max(2, EXAMPLES // parser.cost),
        deadline=None,
        database=None,
        derandomize=not SEED,
        suppress_health_check=list(HealthCheck),
    )
    @given(CONTENTS)
    def look(edits: Any) -> None:
        nonlocal tried, refused
        global _written
        tried += 1
        _written, start = [], time.process_time()
        try:
            parser.read(damaged(parser.valid, edits))
        except InputError as error:
            refused += 1
            text = str(error)
            assert len(text.splitlines()) == 1 and not UNPRINTABLE.search(text) and len(text) < 9_000, text
        finally:
            written, _written = _written, None
        assert time.process_time() - start < MOST_SECONDS
        # Python keeps what it compiles when a module is first needed
        own = (path for path in written if "__pycache__" not in path)
        outside = {path for path in own if not Path(path).resolve().is_relative_to(folder.resolve())}
        assert outside <= {os.devnull}, outside

    look()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MOST_GB << 20
    for key, value in (("parser", name), ("tried", tried), ("refused", refused)):
        record_property(key, value)  # for `make faults`
