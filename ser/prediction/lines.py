"""Predictions as lines of CSV or JSON, and what is said with them."""

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from ser.manifests.audio_files import UnreadableAudio
from ser.prediction.predictor import Predictor
from ser.prediction.recordings import Piece, remark
from ser.prediction.trained import Trained

Line = dict[str, Any]


def columns(trained: Trained) -> list[str]:
    """Those of a line: `p_<class>` are probabilities; attributes have their names."""
    values = [*trained.labels] if trained.scale else ["label", *(f"p_{label}" for label in trained.labels)]
    return ["file", "start", "end", "status", *values, "note", "model"]


def predicted(
    predictor: Predictor, found: Iterator[Piece], draw: Callable[[str, float, np.ndarray, str], object] | None = None
) -> Iterator[Line]:
    """The line of each piece; `status` is ok, or error where `note` says why there is no prediction. `draw` is called
    with file, start, samples and a title of each that has one.
    """
    trained = predictor.trained
    heard = trained.about["heard"]["seconds"]
    for piece in found:
        line: Line = dict.fromkeys(columns(trained), "")
        line |= {"file": piece.path, "start": round(piece.start, 3), "end": round(piece.end, 3), "model": trained.tag}
        if piece.samples is None:
            yield line | {"status": "error", "note": piece.fault}
            continue
        try:
            made = predictor.prediction(predictor.scores(piece.samples))
        except UnreadableAudio as error:
            yield line | {"status": "error", "note": error.reason}
            continue
        if trained.scale:
            line |= made.values
        else:
            line |= {"label": made.label, **{f"p_{label}": value for label, value in made.values.items()}}
        if draw:
            said = made.label or ", ".join(f"{name} {value:.2f}" for name, value in made.values.items())
            draw(piece.path, piece.start, piece.samples, f"{Path(piece.path).name}: {said}")
        yield line | {"status": "ok", "note": remark(piece.samples, heard)}


def write_lines(lines: Iterator[Line], names: Sequence[str], file: IO[str], as_json: bool) -> Iterator[Line]:
    """Write each line as soon as it is there, and pass it on. Numbers have 9 significant digits, as in predictions.csv;
    in JSON what a line does not have is null.
    """
    writer = csv.writer(file, lineterminator="\n")
    if not as_json:
        writer.writerow(names)
    for line in lines:
        values = [float(f"{value:.9g}") if isinstance(value, float) else value for value in line.values()]
        if as_json:
            strict = {name: None if value == "" else value for name, value in zip(line, values, strict=True)}
            file.write(json.dumps(strict, ensure_ascii=False) + "\n")
        else:
            writer.writerow([f"{value:.9g}" if isinstance(value, float) else value for value in values])
        file.flush()
        yield line
