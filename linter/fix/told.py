"""What people are told of fixes: a unified diff that ``patch`` takes, and a list in words."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import diff_bytes, unified_diff

from ..core.diagnostic import Diagnostic
from .apply import Fixed, Outcome


def listing(outcome: Outcome, *, every: bool) -> Iterator[str]:
    """How many fixes were made; ``every`` single one, if asked for; and those that were not, with
    the reason.
    """
    changed = outcome.changed.values()
    for one in changed:
        for made in one.made if every else ():
            assert made.fix is not None
            yield f"{_where(one, made)}: {made.fix.title} [{made.rule} {made.name}]"
    for one in outcome.files.values():
        for dropped, reason in one.dropped:
            yield f"{_where(one, dropped)}: {reason} [{dropped.rule} {dropped.name}]"
    number = sum(len(one.made) for one in changed)
    yield f"{_count(number, 'fix', 'fixes')} in {_count(len(changed), 'file', 'files')}"


def _where(file: Fixed, found: Diagnostic) -> str:
    line = found.place.source.locate(found.place.span.start).line
    layer = f', layer "{found.layer}"' if found.layer else ""
    return f"{file.name}:{line}{layer}"


def _count(number: int, one: str, more: str) -> str:
    return f"{number} {one if number == 1 else more}"


def unified(file: Fixed) -> bytes:
    """The changes of one file, byte for byte."""
    name = file.name.encode("utf-8", "surrogateescape")
    lines = diff_bytes(
        unified_diff, _lines(file.old), _lines(file.new), b"a/" + name, b"b/" + name, lineterm=b"\n"
    )
    return b"".join(
        line if line.endswith(b"\n") else line + b"\n\\ No newline at end of file\n"
        for line in lines
    )


def _lines(content: bytes) -> list[bytes]:
    """The lines with their ends; only a line feed ends one, as for ``patch``."""
    lines = content.split(b"\n")
    return [line + b"\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])
