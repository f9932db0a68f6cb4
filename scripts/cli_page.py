"""The reference of the command line, from the commands themselves: docs/cli.md."""

from __future__ import annotations

import inspect
import re

import click

from caffelint.cli import cli

_HEAD = """\
# Command line

Made from the commands themselves: what `caffelint COMMAND --help` says. `caffelint PATHS...` is
short for `caffelint check PATHS...`.

## Exit status

| status | meaning |
| --- | --- |
| 0 | nothing found at or above `--fail-on`; other commands: done |
| 1 | findings (`check`, `log`, `data`), or a rule that fails its examples (`rules --test`) |
| 2 | the run itself failed: wrong options, a config with a mistake, a file that cannot be read |
| 130 | ended by Ctrl-C |

## Completion

```sh
eval "$(caffelint completion bash)"          # in ~/.bashrc
eval "$(caffelint completion zsh)"           # in ~/.zshrc, behind compinit
caffelint completion fish | source           # in ~/.config/fish/config.fish
```

Completed are commands, options and their values, rules by id, name and topic, dialects, and files.
"""


def cli_page() -> str:
    """All commands with their arguments and options."""
    root = click.Context(cli, info_name="caffelint")
    parts = [_HEAD]
    for name in cli.list_commands(root):
        command = cli.get_command(root, name)
        assert command is not None
        parts.append(command_section(command, click.Context(command, root, name)))
    return "\n".join(parts)


def command_section(command: click.Command, ctx: click.Context) -> str:
    """One command: how it is called, what it does, its options."""
    usage = " ".join(command.collect_usage_pieces(ctx))
    lines = [f"## caffelint {ctx.info_name}", "", "```", f"{ctx.command_path} {usage}", "```", ""]
    lines += [_plain(command.help or ""), ""]
    options = [one for one in command.params if isinstance(one, click.Option) and not one.hidden]
    if options:
        lines += ["| option | meaning |", "| --- | --- |"]
        lines += [_row(option, ctx) for option in options] + [""]
    return "\n".join(lines)


def _plain(text: str) -> str:
    """A help text as markdown, without click's own marks."""
    return re.sub(r"\n{3,}", "\n\n", inspect.cleandoc(text).replace("\b\n", "")).strip()


def _row(option: click.Option, ctx: click.Context) -> str:
    record = option.get_help_record(ctx)
    assert record is not None
    names, told = (" ".join(part.split()) for part in record)
    escaped = "\\|"
    return f"| `{names.replace('|', ', ')}` | {told.replace('|', escaped)} |"
