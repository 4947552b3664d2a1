"""The command `ser`: the files of `ser/commands/`."""

import importlib
import io
import pkgutil
import sys

import typer

from ser import commands
from ser.errors import InputError, in_one_line, one_line

_INTERRUPTED = 130  # exit status

# Help in plain text: typer would import rich for it, which takes longer than all else that help needs.
app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"max_content_width": 120},
)


@app.callback()
def _commands() -> None:
    """Speech emotion recognition: tools that accompany the pipeline.

    Exit status 0: all is well. 1: something was found wrong. 2: bad input, in one line on stderr. docs/cli.md has every
    command with an example.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names of files need not be UTF-8


def _add(name: str) -> None:
    module = importlib.import_module(f"ser.commands.{name}")
    epilog, about = f"Example: {module.EXAMPLE}", str(module.__doc__).partition(": ")[2].partition("\n")[0]
    if hasattr(module, "command"):
        app.command(name, epilog=epilog, short_help=about)(module.command)
        return
    group = typer.Typer(no_args_is_help=True, help=about, epilog=epilog, rich_markup_mode=None)
    for word, function in module.COMMANDS.items():
        group.command(word)(function)
    app.add_typer(group, name=name)


for _module in pkgutil.iter_modules(commands.__path__):
    _add(_module.name)


def main() -> None:
    """Run the command line; bad input, or what the machine lacks, becomes one line on stderr and exit status 2, Ctrl-C
    one with 130.
    """
    try:
        with in_one_line("`ser`"):
            status = app(standalone_mode=False)
    except (InputError, typer.TyperException) as error:
        print(_line(error), file=sys.stderr)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        status = _INTERRUPTED
    if status == _INTERRUPTED:  # what typer makes of Ctrl-C
        print("interrupted", file=sys.stderr)
    raise SystemExit(status)


def _line(error: Exception) -> str:
    """Words that are no command, with where its options are; or, where there were none, the help itself."""
    if isinstance(error, InputError):
        return f"error: {error}"
    message = error.format_message() if hasattr(error, "format_message") else str(error)
    if message.startswith("Usage:"):
        return str(message)
    context = getattr(error, "ctx", None)
    message = message[:1].lower() + message[1:].rstrip(".").replace("Value error, ", "")
    return f"error: {one_line(message)} ({context.command_path if context else 'ser'} --help)"
