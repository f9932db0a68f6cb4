"""What an editor offers to do about findings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from ..core.diagnostic import Diagnostic, Edit
from ..core.naming import RuleNames
from ..core.source import Span
from .diagnose import ignoring


class Action(Struct, frozen=True):
    """Edits that do away with a finding. ``preferred`` marks what is safe to do without a look."""

    title: str
    finding: Diagnostic
    edits: tuple[Edit, ...]
    preferred: bool


def actions(findings: Sequence[Diagnostic], within: Span, names: RuleNames) -> list[Action]:
    """The fixes for findings in a span, and comments that silence them; fixes come first."""
    near = [one for one in findings if _meets(one.place.span, within)]
    return [*_fixes(near), *_ignores(near, names)]


def has_safe_fix(findings: Sequence[Diagnostic]) -> bool:
    """Whether there is something that all safe fixes together would do."""
    return any(one.fix is not None and one.fix.safe for one in findings)


def _meets(span: Span, within: Span) -> bool:
    return span.start <= within.end and within.start <= span.end


def _fixes(near: Sequence[Diagnostic]) -> Iterator[Action]:
    for one in near:
        if one.fix is not None:
            title = one.fix.title if one.fix.safe else f"{one.fix.title} (unsafe: look at it)"
            yield Action(title, one, one.fix.edits, one.fix.safe)


def _ignores(near: Sequence[Diagnostic], names: RuleNames) -> Iterator[Action]:
    told = set()
    for one in near:
        edit = ignoring(one, names)
        if edit is not None and (one.rule, edit) not in told:
            told.add((one.rule, edit))
            title = f"Ignore {one.rule} ({one.name}) here, with a comment"
            yield Action(title, one, (edit,), preferred=False)
