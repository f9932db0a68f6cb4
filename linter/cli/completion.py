"""``caffelint completion``, and what the shell is told on Tab."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem, get_completion_class

from . import COMPLETE_VARIABLE

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print what makes a shell complete commands, options, rules, dialects and files.

    In bash: `eval "$(caffelint completion bash)"`; in zsh the same with zsh; in fish:
    `caffelint completion fish | source`.
    """
    made = get_completion_class(shell)
    assert made is not None
    click.echo(made(ctx.find_root().command, {}, "caffelint", COMPLETE_VARIABLE).source())


def first_words(
    commands: list[CompletionItem], ctx: click.Context, incomplete: str
) -> list[CompletionItem]:
    """What may stand first: a command, or what ``check`` takes, since its name may be left out."""
    if incomplete.startswith("-"):
        from .check import check

        known = {one.value for one in commands}
        its = check.shell_complete(click.Context(check, parent=ctx), incomplete)
        return commands + [one for one in its if one.value not in known]
    # Shells that are told of a command do not look for files on their own.
    files = _files(incomplete) if commands else [CompletionItem(incomplete, type="file")]
    return commands + files


def _files(incomplete: str) -> list[CompletionItem]:
    """Nets and solvers of the working directory."""
    from ..walk import looks_like_prototxt

    names = sorted(one.name for one in Path().iterdir() if looks_like_prototxt(one.name))
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def rule_words(incomplete: str) -> list[CompletionItem]:
    """Ids and names of rules, and topics."""
    from ..core.naming import TOPICS
    from ..resources import load_rules

    rules = load_rules().rules
    told = {one.text.name: one.text.summary for one in rules}
    told |= {one.text.id: one.text.summary for one in rules}
    told |= {topic: f"all rules {start}" for start, topic in TOPICS.items()}
    return _starting(told.items(), incomplete)


def dialect_words(incomplete: str) -> list[CompletionItem]:
    """Names of dialects."""
    from ..resources import load_dialects

    known = load_dialects()
    return _starting(((name, known.title(name)) for name in known.names), incomplete)


def _starting(words: Iterable[tuple[str, Any]], incomplete: str) -> list[CompletionItem]:
    return [
        CompletionItem(word, help=str(told))
        for word, told in words
        if word.lower().startswith(incomplete.lower())
    ]
