"""Every derived number once more, from the predictions on the disk: evaluations, table, gap, ladder and charts."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from ser.errors import InputError
from ser.evaluations.evaluate import evaluate
from ser.outputs import json_text, write_json, write_table
from ser.plan.groups import Plan
from ser.plan.made_from import MadeFrom
from ser.plan.places import COMPARISONS, HONEST_GAP, METRICS, PLOTS, PROTOCOL_LADDER, TABLE, Places
from ser.results import charts, comparisons, honest_gap, protocol_ladder, table
from ser.results.lines import read_lines
from ser.sealed import read_sealed
from ser.splits.split import read_split
from ser.verification.artifacts import Check

# What an evaluation says beside the numbers, which the artifacts' check is about.
_ABOUT = ("made_from", "code_version", "inputs", "seal")


def check_evaluations(
    plan: Plan, places: Places, made_from: MadeFrom, progress: Callable[[float], object] | None = None
) -> Check:
    """Each group's evaluation, computed again from its runs' predictions. `progress` gets the number of groups done."""
    found = Check("evaluations", "all metrics, intervals and confusion matrices, computed again from the predictions")
    for group in plan.live:
        path = Path(places.evaluation(group.name))
        try:
            folders = [Path(places.run(group.name, *run)) for run in group.runs]
            splits = [read_split(places.split(name)) for name in group.splits]
            again = evaluate(splits, folders, made_from.seeds(group))
            if _numbers(again) != _numbers(read_sealed(path)):
                found.problems.append(f"{path}: not what its runs' predictions give: remove it and build again")
        except InputError as error:
            found.problems.append(str(error))
        found.checked += 1
        if progress:
            progress(1)
    return found


def check_results(plan: Plan, places: Places, made_from: MadeFrom) -> Check:
    """The files of results/, written again elsewhere from the evaluations and runs, byte by byte."""
    found = Check(
        "results", "table, gap, ladder and charts, written again from evaluations and predictions, byte by byte"
    )
    with tempfile.TemporaryDirectory() as folder:
        try:
            for name in _written(plan, places, made_from, Path(folder)):
                found.checked += 1
                if not Path(name).is_file():
                    found.problems.append(f"{name}: no such file: build again")
                elif Path(name).read_bytes() != Path(folder, name).read_bytes():
                    found.problems.append(f"{name}: not what the evaluations and predictions give: build again")
            for name in sorted(_drawn(Path()) - _drawn(Path(folder))):
                found.problems.append(f"{name}: belongs to no row that is planned: build again")
        except InputError as error:
            found.problems.append(str(error))
    return found


def _drawn(folder: Path) -> set[str]:
    """The files in `folder` of which there is one for each group or chart."""
    files = [*(folder / PLOTS).rglob("*.csv"), *(folder / METRICS).rglob("*.json")]
    return {path.relative_to(folder).as_posix() for path in files}


def _numbers(evaluation: dict[str, object]) -> str:
    return json_text({name: value for name, value in evaluation.items() if name not in _ABOUT})


def _written(plan: Plan, places: Places, made_from: MadeFrom, folder: Path) -> Iterator[str]:
    """Writes each file of results/ into `folder`; its name."""
    for name, lines, columns in (
        (TABLE, table.table_lines, table.COLUMNS),
        (HONEST_GAP, honest_gap.gap_lines, honest_gap.COLUMNS),
        (PROTOCOL_LADDER, protocol_ladder.ladder_lines, protocol_ladder.COLUMNS),
        (COMPARISONS, comparisons.comparison_lines, comparisons.COLUMNS),
    ):
        write_table(folder / name, list(lines(plan, places, made_from)), columns)
        yield name
    texts = read_lines(folder / TABLE)
    for name, (rows, header) in charts.chart_files(plan, places, texts).items():
        write_table(folder / name, rows, header)
        yield name
    for name, values in charts.metrics_files(plan, texts).items():
        write_json(folder / name, values)
        yield name
