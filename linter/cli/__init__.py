"""The command line: options in, exit status out. Everything else is done elsewhere.

Exit status: 0 nothing at or above ``--fail-on``; 1 findings; 2 the run itself failed. Each command
has a module here, which is imported when the command is asked for; the modules themselves import
what does the work inside functions, so that help and mistakes in the options come at once.
"""

from __future__ import annotations

import atexit
import gc
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, NoReturn

import click

from .. import __version__

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_MODULES = {
    "check": "check",
    "completion": "completion",
    "data": "data",
    "dialects": "dialects",
    "explain": "rules",
    "init": "init",
    "log": "log",
    "lsp": "lsp",
    "rules": "rules",
    "show": "show",
    "upgrade": "upgrade",
}
"""The module of each command, in the order of the help."""


class _Commands(click.Group):
    """``caffelint PATH…`` means ``caffelint check PATH…``."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(_MODULES)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _MODULES:
            return None
        command = getattr(import_module(f".{_MODULES[cmd_name]}", __name__), cmd_name)
        assert isinstance(command, click.Command)
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Commands, and what ``check`` takes."""
        from .completion import first_words

        return first_words(super().shell_complete(ctx, incomplete), ctx, incomplete)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        first = next((arg for arg in args if not arg.startswith("-") or arg == "-"), None)
        own_options = {"--help", "-h", "--version"}
        if args and first not in _MODULES and not own_options.intersection(args[:1]):
            args = ["check", *args]
        return super().parse_args(ctx, args)


EXIT_STATUS = (
    "Exit status: 0 nothing at or above --fail-on (warning), 1 findings, 2 the run itself failed: "
    "wrong options, a config with a mistake, a file that cannot be read; 130 Ctrl-C."
)


COMPLETE_VARIABLE = "_CAFFELINT_COMPLETE"
"""By this variable a shell asks for completions."""


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=EXIT_STATUS,
)
@click.version_option(__version__, prog_name="caffelint")
def cli() -> None:
    """Find what will make Caffe abort, or the net fail to learn, before training starts.

    `caffelint PATH...` is short for `caffelint check PATH...`.
    """


_RARELY = 100_000
"""So many new objects until the garbage collector looks for cycles; a start makes fewer."""


def program() -> NoReturn:
    """``main`` as a process of its own, which ends at once: to take all modules apart takes Python
    longer than many a run.
    """
    gc.set_threshold(_RARELY)
    status = main()
    atexit._run_exitfuncs()  # noqa: SLF001 - what Python itself would run
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _open_streams() -> None:
    """Put something in the place of standard streams that were closed at the start (``>&-``)."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode))


def main() -> int:
    """Run the command line and give the exit status; errors of the run itself are one line, and
    2.
    """
    _open_streams()
    try:
        status = int(cli(standalone_mode=False, complete_var=COMPLETE_VARIABLE) or 0)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader went away (| head). Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except click.ClickException as error:
        error.show()
        return 2
    except (click.Abort, KeyboardInterrupt):
        return 130
    except Exception as error:  # whatever it is, the user gets one line
        if "CAFFELINT_TRACEBACK" in os.environ:
            raise
        from .options import error_line

        click.echo(error_line(error), err=True)
        return 2
    return status
