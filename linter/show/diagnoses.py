"""What happened in a run, for people: each diagnosis with its evidence, causes and remedy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from textwrap import wrap
from typing import Protocol

from ..core.diagnostic import Place, Severity
from ..engine.diagnosis import Diagnosis, FoundCause

_WIDTH = 100
_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "blue"}

MOST_CAUSES = 4
"""Beyond the first few, causes are guesses."""


class Paint(Protocol):
    """Colours a text, or leaves it as it is."""

    def __call__(  # noqa: D102 - as the class says
        self, text: str, *, fg: str | None = None, bold: bool | None = None, dim: bool | None = None
    ) -> str: ...


def plain(text: str, **_style: object) -> str:
    """No colours."""
    return text


def text(
    diagnoses: Sequence[Diagnosis], safe: Callable[[str], str], paint: Paint = plain
) -> list[str]:
    """A block of lines for each diagnosis; ``safe`` makes texts of the log fit to print."""
    return ["\n".join(_block(one, safe, paint)) + "\n" for one in diagnoses]


def _block(one: Diagnosis, safe: Callable[[str], str], paint: Paint) -> Iterator[str]:
    found = one.diagnostic
    severity = paint(found.severity.word, fg=_COLOURS[found.severity], bold=True)
    rule = paint(f"[{found.rule} {found.name}]", dim=True)
    # The message begins the line, so that it is one line however wide: editors jump by it.
    yield f"{safe(_where(found.place))}: {severity}: {safe(found.message)} {rule}"
    if one.evidence:
        yield from _item("shown by: ", safe("; ".join(one.evidence)))
    causes = one.causes[:MOST_CAUSES]
    for number, cause in enumerate(causes, 1):
        yield from _cause(number, len(causes), cause, safe)
    if not causes and one.otherwise:
        yield from _item("look at: ", safe(one.otherwise))
    if found.hint:
        yield from _item("do: ", safe(found.hint))
    if found.confidence != "certain":
        yield from _item("sure: ", found.confidence)


def _cause(number: int, count: int, cause: FoundCause, safe: Callable[[str], str]) -> Iterator[str]:
    head = "cause: " if count == 1 else f"cause {number}: "
    if cause.finding is None:
        yield from _item(head, safe(cause.words))
        return
    finding = cause.finding
    more = f" (and {cause.more} more like it)" if cause.more else ""
    words = f"{_where(finding.place)}: {finding.message}{more} [{finding.rule} {finding.name}]"
    yield from _item(head, safe(words))
    if finding.hint:
        yield from _item(" " * (len(head) - 1) + " ", safe(f"-> {finding.hint}"))


def _item(head: str, words: str) -> list[str]:
    """Words behind a head; further lines stand below the first word."""
    indent = " " * (2 + len(head))
    return wrap(
        words,
        _WIDTH,
        initial_indent=f"  {head}",
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _where(place: Place) -> str:
    line, column = place.source.locate(place.span.start)
    return f"{place.source.name}:{line}:{column}"
