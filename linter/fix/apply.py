"""Fixes into texts: pass by pass, until nothing is left to fix.

In each pass the fixes that do not touch each other are made, in the order of the text; the next
pass sees what they made of it. A fix that would leave more in a text that Caffe refuses than there
was is dropped. Nothing is written here but by ``write``, and only whole files.
"""

from __future__ import annotations

import os
from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from msgspec import Struct, field

from ..core.diagnostic import Diagnostic, Edit, Report
from ..core.files import replace_file
from ..core.source import Source, Span

MOST_PASSES = 10

Check = Callable[[Mapping[Path, bytes]], Report]
"""Checks all files anew, some of them with other content than on disk."""

CountFaults = Callable[[str, bytes], int]
"""In how many places Caffe refuses to read a text of this name."""


_Key = tuple[str, str, str, str]


class WriteError(Exception):
    """Fixed files that could not be written; the others were."""


class Fixed(Struct):
    """What became of one file. ``made`` are the findings whose fixes were made, in the order they
    were; ``dropped`` those whose fixes were not, or not again, each with the reason.
    """

    name: str
    old: bytes
    new: bytes
    made: list[Diagnostic] = field(default_factory=list)
    dropped: list[tuple[Diagnostic, str]] = field(default_factory=list)
    _before: Counter[_Key] = field(default_factory=Counter)
    """How often what was fixed in the pass before was found then."""

    def ready(self, found: Sequence[Diagnostic]) -> list[Diagnostic]:
        """Findings to fix: without those for which it was tried and did not do."""
        counts = Counter(map(_key, found))
        refused = {_what(one) for one, _ in self.dropped}
        for one in found:
            if _what(one) not in refused and 0 < self._before[_key(one)] <= counts[_key(one)]:
                self.dropped.append((one, "its fix does not mend it"))
                refused.add(_what(one))
        return [one for one in found if _what(one) not in refused]

    def take(self, found: Sequence[Diagnostic], chosen: Sequence[Diagnostic], new: bytes) -> None:
        """Remember what a pass has found and made."""
        counts = Counter(map(_key, found))
        self._before = Counter({key: counts[key] for key in map(_key, chosen)})
        self.made += chosen
        self.new = new


class Outcome(Struct):
    """The fixed files by their real paths, and the report on what they are now."""

    files: dict[Path, Fixed]
    report: Report

    @property
    def changed(self) -> dict[Path, Fixed]:
        """Those that are not as they were."""
        return {path: one for path, one in self.files.items() if one.old != one.new}


def fix_all(check: Check, count_faults: CountFaults, unsafe: bool) -> Outcome:
    """Check, fix and check again until there is nothing to fix.

    ``unsafe`` makes all fixes, not only safe ones.
    """
    files: dict[Path, Fixed] = {}
    report = check({})
    for _ in range(MOST_PASSES):
        again = False
        for path, found in _fixable(report, unsafe).items():
            source = found[0].place.source
            content = source.to_bytes()
            one = files.setdefault(path, Fixed(source.name, content, content))
            again |= _pass(one, source, found, count_faults)
        if not again:
            break
        report = check({path: one.new for path, one in files.items() if one.new != one.old})
    return Outcome(files, report)


def _fixable(report: Report, unsafe: bool) -> dict[Path, list[Diagnostic]]:
    """The findings with a fix by file; files that were not checked themselves stay as they are."""
    found: dict[Path, list[Diagnostic]] = {}
    for one in report.diagnostics:
        if one.fix and (one.fix.safe or unsafe) and one.place.source.name in report.files:
            path = Path(os.path.realpath(one.place.source.name))
            found.setdefault(path, []).append(one)
    return found


def _pass(
    file: Fixed, source: Source, found: Sequence[Diagnostic], count_faults: CountFaults
) -> bool:
    """Make the fixes that go together; whether the text is another one then."""
    chosen = list(_apart(file.ready(found)))
    new = _edited(source, chosen)
    if count_faults(file.name, new) > count_faults(file.name, file.new):
        chosen, new = _harmless(file, source, chosen, count_faults)
    changed = new != file.new
    file.take(found, chosen, new)
    return changed


def _harmless(
    file: Fixed, source: Source, chosen: Sequence[Diagnostic], count_faults: CountFaults
) -> tuple[list[Diagnostic], bytes]:
    """Of fixes that together make the text worse those that do not, found by halves."""
    good: list[Diagnostic] = []
    limit, content = count_faults(file.name, file.new), file.new
    pending = [chosen]
    while pending:
        some = pending.pop()
        tried = _edited(source, [*good, *some])
        faults = count_faults(file.name, tried)
        if faults <= limit:
            good += some
            limit, content = faults, tried
        elif len(some) == 1:
            file.dropped.append((some[0], "its fix would break the file"))
        else:
            half = len(some) // 2
            pending += (some[half:], some[:half])
    return good, content


def _what(one: Diagnostic) -> tuple[str, str, str]:
    """What a finding says, wherever it is."""
    return (one.rule, one.layer, one.message)


def _key(one: Diagnostic) -> _Key:
    """What a finding is known again by, though the text before it may have changed."""
    place = one.place
    line = place.source.line(place.source.locate(place.span.start).line)
    return (*_what(one), line.strip())


def _apart(found: Iterable[Diagnostic]) -> Iterator[Diagnostic]:
    """Of fixes that touch each other the first one; what two ask for alike is done once."""
    taken: set[Edit] = set()
    spans: list[Span] = []  # sorted, and none touches another but for those of one fix
    for one in found:
        assert one.fix is not None
        edits = [edit for edit in one.fix.edits if edit not in taken]
        if edits and not any(_touches(edit.span, spans) for edit in edits):
            taken.update(edits)
            for edit in edits:
                insort(spans, edit.span)
            yield one


def _touches(span: Span, spans: list[Span]) -> bool:
    """Whether a span overlaps or meets one of the others, so that their order would matter."""
    at = bisect_left(spans, span)
    return any(
        other.start <= span.end and span.start <= other.end
        for other in spans[max(at - 1, 0) : at + 1]
    )


def _edited(source: Source, chosen: Iterable[Diagnostic]) -> bytes:
    edits = {edit for one in chosen if one.fix for edit in one.fix.edits}
    pieces: list[str] = []
    at = 0
    for edit in sorted(edits, key=lambda edit: edit.span):
        pieces += (source.text[at : edit.span.start], edit.text)
        at = edit.span.end
    pieces.append(source.text[at:])
    return Source(source.name, "".join(pieces)).to_bytes()


def write(outcome: Outcome) -> None:
    """Replace the changed files, each in one step; of a link the file that it leads to.

    Raises:
        WriteError: for files that could not be written, or are not what was checked any more.
    """
    failed: list[str] = []
    for path, one in outcome.changed.items():
        try:
            if path.read_bytes() != one.old:
                failed.append(f"{one.name}: changed in the meantime, so it was not fixed")
                continue
            replace_file(path, one.new)
        except OSError as error:
            failed.append(f"{one.name}: {error.strerror or error}, so it was not fixed")
    if failed:
        raise WriteError("\n".join(failed))
