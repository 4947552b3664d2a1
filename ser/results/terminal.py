"""Tables for a terminal, with colours; in a pipe plain, one line for each row, and no value is cut."""

import sys
from collections.abc import Iterable, Sequence

_WIDE = 100_000  # columns of a pipe


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]], right: int = 0) -> None:
    """Print `rows` below `columns`; the last `right` of these hold numbers."""
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    is_terminal = sys.stdout.isatty()
    table = Table(box=box.SIMPLE_HEAD if is_terminal else None, pad_edge=False, padding=(0, 2, 0, 0))
    for number, name in enumerate(columns):
        table.add_column(
            name,
            justify="right" if number >= len(columns) - right else "left",
            overflow="fold",
            no_wrap=not is_terminal,
        )
    for row in rows:
        table.add_row(*map(escape, row))
    Console(width=None if is_terminal else _WIDE, highlight=is_terminal).print(table)
