"""Pictures: what they say, and that a reused figure keeps nothing of the previous picture."""

import re
from pathlib import Path

import numpy as np
import pytest

from ser.outputs import write_table
from ser.runs.history import read_history
from ser.tracking.pictures import _confusion_figure, _curves_figure, draw_confusion, draw_curves

LABELS = ("angry", "sad", "calm")


def history(*dev: float, name: str = "dev_UA") -> dict[str, np.ndarray]:
    loss = np.linspace(1.0, 0.5, len(dev))
    return {"epoch": np.arange(1.0, len(dev) + 1), "train_loss": loss, name: np.array(dev)}


def texts(path: Path) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", path.read_text())


def test_a_confusion_matrix_has_counts_shares_of_rows_and_labels(tmp_path: Path) -> None:
    draw_confusion(tmp_path / "c.svg", [[3, 1, 0], [0, 0, 0], [0, 2, 6]], LABELS, "fair/full")
    found = texts(tmp_path / "c.svg")
    cells = [text for text in found if text.strip("0123456789 %") == ""]
    assert cells == ["3", "75 %", "1", "25 %", "0", "0", "0", "0", "0", "2", "25 %", "6", "75 %"]
    assert [text for text in found if text in LABELS] == [*LABELS, *LABELS]
    assert {"fair/full", "predicted", "reference"} <= set(found)


def test_the_mean_is_over_the_runs_that_reached_an_epoch(tmp_path: Path) -> None:
    draw_curves(tmp_path / "c.svg", [history(0.2, 0.5), history(0.4, 0.9, 0.1)], "x")
    drawn = (tmp_path / "c.svg").read_text()
    lines = re.findall(r'<path d="(M[^"z]*)"[^>]*stroke: #ff7f0e', drawn)
    short, long, mean = ([float(y) for y in re.findall(r"[ML] [\d.]+ ([\d.]+)", line)] for line in lines)
    assert [len(short), len(long), len(mean)] == [2, 3, 3]
    assert {"epoch", "training loss", "UA of the dev part"} <= set(texts(tmp_path / "c.svg"))
    assert mean == pytest.approx([(short[0] + long[0]) / 2, (short[1] + long[1]) / 2, long[2]], abs=1e-4)


def test_the_same_data_gives_the_same_bytes_whatever_was_drawn_before(tmp_path: Path) -> None:
    _confusion_figure.cache_clear()  # the first of a process
    _curves_figure.cache_clear()
    first, other = [[5, 1, 0], [1, 4, 1], [0, 0, 9]], [[0, 0, 8], [7, 0, 0], [0, 6, 0]]
    for name, matrix in (("a", first), ("b", other), ("c", first)):
        draw_confusion(tmp_path / f"{name}.svg", matrix, LABELS, name if name == "b" else "a")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "c.svg").read_bytes() != (tmp_path / "b.svg").read_bytes()
    runs = {"d": history(0.2, 0.3), "e": history(*np.linspace(0, 1, 40), name="dev_CCC"), "f": history(0.2, 0.3)}
    for name, run in runs.items():
        draw_curves(tmp_path / f"{name}.svg", [run], "x")
    assert (tmp_path / "d.svg").read_bytes() == (tmp_path / "f.svg").read_bytes()
    assert "CCC of the dev part" in texts(tmp_path / "e.svg")


def test_without_a_dev_part_there_is_the_loss_alone(tmp_path: Path) -> None:
    run = history(0.1, 0.2, 0.3)
    del run["dev_UA"]
    draw_curves(tmp_path / "c.svg", [run], "last_epoch")
    assert "no dev part" in texts(tmp_path / "c.svg")


def test_a_history_is_read_as_it_was_written(tmp_path: Path) -> None:
    rows = [{"epoch": 1, "train_loss": 1 / 3, "dev_UA": 0.25}, {"epoch": 2, "train_loss": 0.1, "dev_UA": 0.5}]
    write_table(tmp_path / "history.csv", rows)
    found = read_history(tmp_path / "history.csv")
    assert {name: values.tolist() for name, values in found.items()} == {
        "epoch": [1, 2],
        "train_loss": [1 / 3, 0.1],
        "dev_UA": [0.25, 0.5],
    }
    write_table(tmp_path / "empty.csv", [])
    assert read_history(tmp_path / "empty.csv") == {}
