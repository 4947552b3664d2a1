"""`ser predict`: a trained row on recordings of your own."""

import sys
from pathlib import Path
from typing import Annotated

from typer import Argument, Exit, Option

EXAMPLE = "ser predict fair/attention_fcn/emodb_4 recordings/ > predictions.csv"


def command(
    row: Annotated[str, Argument(help="experiment/row/protocol/selection, or a part of it; or a DIR of ser export")],
    files: Annotated[list[str] | None, Argument(help="audio files, folders of them, or - for paths on stdin")] = None,
    fold: Annotated[int | None, Option(help="the model of this fold alone, not the mean of all")] = None,
    seed: Annotated[int | None, Option(help="the models of this seed, not of the first")] = None,
    window: Annotated[
        float | None,
        Option(
            min=0, help="longest piece, in seconds; 0: any", show_default="the longest utterance of the row's corpus"
        ),
    ] = None,
    as_json: Annotated[bool, Option("--json", help="JSON lines in place of CSV")] = False,
    output: Annotated[Path | None, Option(help="write there, and what --about prints beside it (.about.json)")] = None,
    explain: Annotated[
        Path | None, Option(metavar="DIR", help="draw there what the network attends to, a PNG for each piece")
    ] = None,
    about: Annotated[bool, Option("--about", help="print what the row predicts, scored and on what, as JSON")] = False,
) -> None:
    """Predict emotions of audio files: per piece its label and probabilities, or attributes in their units.

    Exit status 0: all were predicted. 1: some could not be; their lines say why.
    """
    from itertools import chain

    from ser.errors import InputError
    from ser.files import atomic_file
    from ser.outputs import json_text, write_text
    from ser.prediction.find import trained
    from ser.prediction.lines import columns, predicted, write_lines
    from ser.prediction.predictor import Predictor
    from ser.prediction.recordings import files_of, pieces
    from ser.prediction.trained import spoken

    found = trained(row, fold, seed)
    if about:
        print(json_text(found.about), end="")
        return
    if not files:
        raise InputError("no FILES: name audio files or folders, or - to read their paths from stdin")
    names = (name for file in files for name in (filter(None, map(str.rstrip, sys.stdin)) if file == "-" else [file]))
    first = next(names, None)
    if first is None:
        raise InputError("-: no paths on stdin: one in each line, as `find DIR -name '*.wav'` prints them")
    print(*spoken(found), sep="\n", file=sys.stderr)
    predictor = Predictor(found)
    longest = found.about["heard"]["seconds"][-1] if window is None else window
    draw = None
    if explain:
        from ser.prediction.explain import Explainer

        draw = Explainer(predictor, explain)

    def say(line: str) -> None:
        print(line, file=sys.stderr)

    lines = predicted(predictor, pieces(files_of(chain([first], names), say), longest), draw)
    failed = 0

    def write(file: object) -> None:
        nonlocal failed
        for line in write_lines(lines, columns(found), file, as_json):  # type: ignore[arg-type]
            if line["status"] != "ok":
                failed += 1
                print(f"{line['file']}: {line['note']}", file=sys.stderr)

    if output is None:
        write(sys.stdout)
    else:
        with atomic_file(output) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
            write(file)
        write_text(output.with_name(f"{output.name}.about.json"), json_text(found.about))
    raise Exit(1 if failed else 0)
