"""Markdown of tables, and the list of all numbers."""

from collections.abc import Sequence

from ser.figures.spec import SYNTHETIC, WORDS
from ser.paper.numbers import VARIANTS, Number
from ser.paper.tables import Table


def table_text(table: Table, scale: str) -> str:
    """A table in the form that GitHub and pandoc read, below its caption."""
    rule = ["---:" if column.kind == "number" else "---" for column in table.columns]
    lines = [_row([column.title for column in table.columns]), _row(rule), *map(_row, table.rows)]
    mark = [f"*{SYNTHETIC}*", ""] if scale == "demo" else []
    notes = [line for note in table.notes for line in ("", _escaped(note))]
    return "\n".join([table.caption, "", *mark, *lines, *notes]) + "\n"


def numbers_text(found: Sequence[Number], scale: str) -> str:
    """The list of the macros' names and values."""
    lines = [
        "# Numbers",
        "",
        "`\\ser{name}` prints the value, `\\serlow`, `\\serhigh`, `\\serci` the 95 % interval, `\\serclaim` a claim, "
        f"`\\serstd` the standard deviation over seeds, `\\serp` the p of a comparison. {WORDS[scale]}",
        "",
        _row(["name", *VARIANTS]),
        _row(["---", *["---:"] * len(VARIANTS)]),
        *(_row([f"`{number.name}`", *(number.values.get(key, "") for key in VARIANTS)]) for number in found),
    ]
    return "\n".join(lines) + "\n"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(_escaped(cell) for cell in cells) + " |"


def _escaped(cell: str) -> str:
    """Only what would end a cell, or start emphasis in the midst of a name."""
    if cell.startswith("`"):
        return cell
    return " ".join(cell.split()).replace("\\", "\\\\").replace("|", "\\|").replace("_", "\\_").replace("*", "\\*")
