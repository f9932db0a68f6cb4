"""docs/cli.md names every command and every option."""

from __future__ import annotations

import click
import pytest

from caffelint.cli import cli
from cli_page import cli_page, command_section

ROOT = click.Context(cli, info_name="caffelint")
COMMANDS = cli.list_commands(ROOT)


@pytest.fixture(scope="module")
def page() -> str:
    return cli_page()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_named(page: str, name: str) -> None:
    section = page.split(f"## caffelint {name}\n")[1].split("\n## ")[0]
    command = cli.get_command(ROOT, name)
    assert command is not None
    assert section.count("\n| `--") == sum(isinstance(one, click.Option) for one in command.params)
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert f"`{parameter.opts[0]}" in section
            assert parameter.help, parameter.name


def test_a_small_command() -> None:
    @click.command()
    @click.argument("words", nargs=-1)
    @click.option("--how", type=click.Choice(("a", "b")), help="A | B.")
    @click.option("--secret", hidden=True)
    def small() -> None:
        """Do something.

        \b
        And more.
        """

    assert command_section(small, click.Context(small, ROOT, "small")) == (
        "## caffelint small\n\n```\ncaffelint small [OPTIONS] [WORDS]...\n```\n\n"
        "Do something.\n\nAnd more.\n\n"
        "| option | meaning |\n| --- | --- |\n| `--how [a, b]` | A \\| B. |\n"
    )
