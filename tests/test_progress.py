import io
import re
import time

from ser.progress import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_log_file_gets_whole_lines_at_start_now_and_then_and_at_the_end():
    stream = io.StringIO()
    with progress(50, "log_mel of emodb", "files", stream=stream, seconds=0.1) as meter:
        for _ in range(50):
            time.sleep(0.01)
            meter.update(1)
    lines = stream.getvalue().splitlines(keepends=True)
    form = r"log_mel of emodb: \d+/50 files \(\d+ %\), .*files/s, \d\d:\d\d gone, [\d:?]+ left\n"
    assert all(re.fullmatch(form, line) for line in lines), lines
    assert lines[-1].startswith("log_mel of emodb: 50/50 files (100 %)")
    assert 4 <= len(lines) <= 8  # not one for each of the 50 steps


def test_iterates():
    stream = io.StringIO()
    assert list(progress(iter("abc"), "letters", stream=stream)) == ["a", "b", "c"]
    assert "3/? items" in stream.getvalue() and "\r" not in stream.getvalue()
    assert list(progress("abc", "letters", stream=stream)) == ["a", "b", "c"]
    assert stream.getvalue().splitlines()[-1].startswith("letters: 3/3 items (100 %)")


def test_terminal_gets_a_bar_that_is_redrawn():
    stream = Terminal()
    for _ in progress(range(3), "files", stream=stream):
        pass
    assert stream.getvalue().count("\r") >= 2 and "3/3" in stream.getvalue()


def test_goes_to_stderr(capsys):
    list(progress([1], "one"))
    out, err = capsys.readouterr()
    assert out == "" and "1/1" in err
