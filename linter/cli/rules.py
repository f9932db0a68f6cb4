"""``caffelint explain`` and ``caffelint rules``: what the rules are, and whether they work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from . import options


@click.command()
@click.argument("words", nargs=-1, required=True, shell_complete=options.rule_words)
def explain(words: tuple[str, ...]) -> None:
    """Tell what a rule is about, and why; or which rules know what you see.

    WORDS are the id or the name of a rule, what the loss shows (87.3365, nan), or a part of what
    Caffe prints.
    """
    from ..explain import page

    rule = " ".join(words)
    every = _all_rules()
    for one in every:
        if rule.upper() == one.id or rule == one.name:
            click.echo(page(one), nl=False)
            return
    if seen := _seen(rule, every):
        click.echo(seen, nl=False)
        return
    from ..core.alike import closest

    known = [name for one in every for name in (one.id, one.name)]
    match = closest(rule, known)
    meant = f"; did you mean {match}?" if match else ""
    raise click.UsageError(f"there is no rule {rule}{meant} (caffelint rules lists them)")


def _seen(text: str, every: list[Any]) -> str:
    """The symptoms that ``text`` names, else the rules for a message of Caffe; or nothing."""
    from ..explain import printed_page, symptom_page
    from ..resources import load_symptoms

    symptoms = load_symptoms()
    language: Any = "en" if text.isascii() else "zh"
    pages = (symptom_page(one, every, symptoms, language) for one in symptoms.matching(text))
    return "\n".join(pages) or printed_page(text, every)


@click.command()
@click.argument("files", nargs=-1, type=options.FILE)
@click.option("--test", is_flag=True, help="Try the examples of the rules in FILES.")
@click.pass_context
def rules(ctx: click.Context, /, files: tuple[Path, ...], test: bool) -> None:
    """List all rules, with those of the config; or try the examples of rule files.

    Exit status 1 means that a rule does not do what its examples say.
    """
    if test != bool(files):
        raise click.UsageError("--test and FILES go together")
    if test:
        ctx.exit(1 if sum(not _test_rule(path) for path in files) else 0)
    for one in _all_rules():
        click.echo(f"{one.id}  {one.severity:<7}  {one.name}: {one.summary}")


def _all_rules() -> list[Any]:
    """The rules that ship with caffelint, and those of the config of the working directory."""
    from ..config import Configs, own_rules
    from ..resources import load_rules

    own = own_rules(Configs().run)
    return [*load_rules().whole_rules, *(own.whole_rules if own is not None else ())]


def _test_rule(path: Path) -> bool:
    """Try a rule's examples, and say what is wrong."""
    from ..engine.rule import RuleError
    from ..examples import failures_of_file
    from ..report.safe import printable

    try:
        rule, failed = failures_of_file(path)
    except RuleError as error:
        click.echo(printable(str(error)))
        return False
    for reason in failed:
        for line in f"{path}: {reason}".split("\n"):
            click.echo(printable(line))
    if not failed:
        click.echo(f"{path}: all {len(rule.examples)} examples of {rule.id} hold")
    return not failed
