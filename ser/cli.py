"""The command `ser`: the files of `ser/commands/`."""

import importlib
import sys

import typer

from ser.errors import InputError, in_one_line
from ser.files import words

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)


@app.callback()
def _commands() -> None:
    """Speech emotion recognition: tools that accompany the pipeline.

    Exit status 0: all is well. 1: something was found wrong. 2: bad input, in one line on stderr.
    """


def _add(name: str) -> None:
    module = importlib.import_module(f"ser.commands.{name}")
    epilog = f"Example: {module.EXAMPLE}"
    if hasattr(module, "command"):
        app.command(name, epilog=epilog)(module.command)
        return
    group = typer.Typer(no_args_is_help=True, help=module.__doc__, epilog=epilog)
    for word, function in module.COMMANDS.items():
        group.command(word)(function)
    app.add_typer(group, name=name)


for _name in words("commands"):
    _add(_name)


def main() -> None:
    """Run the command line; bad input, or what the machine lacks, becomes one line on stderr and exit status 2."""
    try:
        with in_one_line("`ser`"):
            app()
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None
