"""`ser results`: the table for a terminal."""

from typing import Annotated, Any

from typer import Option

EXAMPLE = "ser results --experiment mfhca --metric UA"


def command(
    experiment: Annotated[str | None, Option(help="only this one")] = None,
    row: Annotated[str | None, Option(help="only rows of this name")] = None,
    protocol: Annotated[str | None, Option(help="only this one")] = None,
    metric: Annotated[str | None, Option(help="only this one")] = None,
    skipped: Annotated[bool, Option("--skipped", help="also lines without a value")] = False,
    as_json: Annotated[bool, Option("--json", help="as JSON, every column")] = False,
) -> None:
    """Print results/table.csv or, where it is not there yet or older, what is finished (results/partial.csv).

    Values, intervals and claims are in per cent but for ccc; (reported): other code made the row's predictions; *: the
    averaging that the protocol itself uses.
    docs/table.md has every column.
    """
    import sys
    from pathlib import Path

    from ser.errors import InputError, did_you_mean
    from ser.plan.places import PARTIAL, TABLE
    from ser.results.lines import read_lines

    there = [name for name in (PARTIAL, TABLE) if Path(name).is_file()]
    path = max(there, key=lambda name: (Path(name).stat().st_mtime_ns, name), default=None)  # the later one
    if path is None:
        raise InputError(f"{TABLE}: no such file: build it (make table), or see what is finished (make partial)")
    chosen = list(read_lines(Path(path)))
    asked = {"experiment": experiment, "row": row, "protocol": protocol, "metric": metric}
    for what, name in asked.items():
        known = sorted({_cell(line, what) for line in chosen})
        if name is not None and name not in known:
            raise InputError(f"{path}: no line has {what} {name!r}: {did_you_mean(name, known)}")
        chosen = [line for line in chosen if name in (None, _cell(line, what))]
    shown = [line for line in chosen if skipped or line["value"]]
    if as_json:
        from ser.outputs import json_text

        print(json_text([{"protocol": _cell(line, "protocol"), **line} for line in shown]), end="")
        return
    if path == PARTIAL:
        print(f"{PARTIAL}: what is finished so far; ser status says what is left", file=sys.stderr)
    own = _own_averaging()
    _print(shown, own)
    if any(_is_own(line, own) for line in shown):
        print("*: the averaging that the protocol itself uses, the number to quote", file=sys.stderr)
    if partial := sum(line["status"] == "partial" for line in shown):
        print(f"{partial} lines are marked partial: --json has the note that says why, ser trace more", file=sys.stderr)
    if left_out := len(chosen) - len(shown):
        print(f"{left_out} lines without a value are left out (--skipped shows them)", file=sys.stderr)


def _cell(line: Any, what: str) -> str:
    """A column or, from the run group, the protocol."""
    from ser.results.lines import protocol_of

    return str(protocol_of(line) if what == "protocol" else line[what])


def _own_averaging() -> dict[tuple[str, str], str]:
    """(experiment, protocol) -> its averaging; nothing outside a project, or where an experiment file is broken."""
    from pathlib import Path

    from ser.errors import InputError
    from ser.plan.experiments import read_experiments

    try:
        experiments = read_experiments(Path())
    except InputError:
        return {}
    return {
        (experiment, name): protocol["aggregation"]
        for experiment, content in experiments.items()
        for name, protocol in content["protocols"].items()
    }


def _is_own(line: Any, own: dict[tuple[str, str], str]) -> bool:
    return own.get((line["experiment"], _cell(line, "protocol"))) == str(line["aggregation"])


def _print(lines: list[Any], own: dict[tuple[str, str], str]) -> None:
    from ser.plan.reported import NOT_VERIFIED
    from ser.results.terminal import print_table

    for experiment in dict.fromkeys(line["experiment"] for line in lines):
        rows = [
            [
                line["row"] + (" (reported)" if line["note"].startswith(NOT_VERIFIED) else ""),
                *(_cell(line, name) for name in ("protocol", "selection")),
                f"{line['metric']} {line['aggregation']}" + ("*" if _is_own(line, own) else ""),
                (line["value"] or line["status"])
                + (f" ({line['ci_low']} to {line['ci_high']})" if line["ci_low"] else "")
                + (", partial" if line["status"] == "partial" and line["value"] else ""),
                line["claim"],
                line["verdict"],
            ]
            for line in lines
            if line["experiment"] == experiment
        ]
        print(f"{experiment}, scale {lines[0]['scale']}")
        print_table(["row", "protocol", "selection", "metric", "value (interval)", "claim", "verdict"], rows)
        print()
