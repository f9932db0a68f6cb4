"""What a run reports: diagnostics, complete and frozen when they are made."""

from __future__ import annotations

from enum import IntEnum
from typing import Literal

from msgspec import Struct

from .source import Source, Span


class Severity(IntEnum):
    """How bad a finding is; ordered, so that ``max`` over a run decides the exit status."""

    INFO = 1
    """Worth knowing; a reasonable person may have meant it."""
    WARNING = 2
    """It runs, and it is likely to cost the user a training run."""
    ERROR = 3
    """Caffe aborts on it, or the net cannot learn with it."""

    @property
    def word(self) -> str:
        """The name as users read and write it: ``info``, ``warning`` or ``error``."""
        return self.name.lower()


Tag = Literal["", "unnecessary", "deprecated", "not-in-editors"]
"""What a finding is marked with: it is about text without effect, about an old form, or it is worth
saying of a finished file only."""


class Place(Struct, frozen=True):
    """A span in a source."""

    source: Source
    span: Span


class Related(Struct, frozen=True):
    """A second place that explains or repeats a diagnostic."""

    place: Place
    message: str


class Edit(Struct, frozen=True):
    """Replace ``span`` by ``text``: an empty span inserts, an empty text deletes."""

    span: Span
    text: str


class Fix(Struct, frozen=True):
    """Edits in the diagnostic's own file that mend it.

    ``safe`` means that net, weights and schedule stay what the author meant.
    """

    title: str
    edits: tuple[Edit, ...]
    safe: bool


class Diagnostic(Struct, frozen=True):
    """One finding.

    ``layer`` is the layer's name or empty; ``phases`` the phases (``TRAIN``, ``TEST``) in which it
    holds, empty where the finding has nothing to do with phases; ``context`` says in words which
    training context was assumed and why, empty where it does not matter. ``tag`` lets editors show
    what has no effect, or is an old way to write something, in a manner of its own.
    """

    rule: str
    name: str
    severity: Severity
    confidence: str
    message: str
    hint: str
    place: Place
    layer: str = ""
    phases: tuple[str, ...] = ()
    context: str = ""
    related: tuple[Related, ...] = ()
    fix: Fix | None = None
    tag: Tag = ""

    @property
    def sort_key(self) -> tuple[str, int, int, str, str]:
        """Order of reports: by file, then position, then rule and message."""
        span = self.place.span
        return (self.place.source.name, span.start, span.end, self.rule, self.message)


class RuleText(Struct, frozen=True):
    """A rule's words for people: what a report or a documentation page says of it.

    ``why`` is markdown; ``sources`` are Caffe files with lines, or addresses of public threads.
    """

    id: str
    name: str
    severity: Severity
    confidence: str
    summary: str
    why: str
    hint: str
    sources: tuple[str, ...]


class Suppressed(Struct, frozen=True):
    """A finding that is not reported because the user has said so.

    ``kind`` is ``inSource`` for a comment in the file and ``external`` for a baseline, ``reason``
    what the comment says.
    """

    diagnostic: Diagnostic
    kind: Literal["inSource", "external"]
    reason: str = ""


class Report(Struct, frozen=True):
    """All that a reporter is given: diagnostics in report order, the rules' texts by id, the
    names of the files that were looked at, and the findings that the user does not want to see.
    """

    diagnostics: tuple[Diagnostic, ...]
    rules: dict[str, RuleText]
    files: tuple[str, ...]
    suppressed: tuple[Suppressed, ...] = ()
