"""The command line: options in, exit status out. Everything else is done elsewhere.

Exit status: 0 nothing at or above ``--fail-on``; 1 findings; 2 the run itself failed. Each command
has a module here, which is imported when the command is asked for; the modules themselves import
what does the work inside functions, so that help and mistakes in the options come at once.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module

import click

from .. import __version__

_MODULES = {
    "check": "check",
    "data": "data",
    "dialects": "dialects",
    "explain": "rules",
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

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        first = next((arg for arg in args if not arg.startswith("-") or arg == "-"), None)
        own_options = {"--help", "-h", "--version"}
        if args and first not in _MODULES and not own_options.intersection(args[:1]):
            args = ["check", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="caffelint")
def cli() -> None:
    """Find what will make Caffe abort, or the net fail to learn, before training starts.

    `caffelint PATH...` is short for `caffelint check PATH...`.
    """


def main() -> None:
    """Run the command line; errors of the run itself end in one line and exit status 2."""
    try:
        sys.exit(cli(standalone_mode=False))
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except BrokenPipeError:
        # The reader went away (| head). Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:  # whatever it is, the user gets one line
        if "CAFFELINT_TRACEBACK" in os.environ:
            raise
        ours = type(error).__module__.startswith("caffelint") or isinstance(error, OSError)
        what = "" if ours else f"internal error: {type(error).__name__}: "
        more = "" if ours else " (CAFFELINT_TRACEBACK=1 shows where)"
        click.echo(f"caffelint: {what}{error}{more}", err=True)
        sys.exit(2)
