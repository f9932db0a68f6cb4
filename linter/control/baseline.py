"""The findings that a project has settled to live with, in a file beside its nets.

A finding is known by what it says and the text of its lines, not by where they are, so a baseline
outlives edits elsewhere in a file, and the renaming of a file that is gone from where it was.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from ..core.diagnostic import Diagnostic, Report, Suppressed
from ..core.fingerprint import fingerprints

VERSION = 1


class BaselineError(Exception):
    """A baseline that cannot be used: its path and the reason."""


class Entry(msgspec.Struct, frozen=True, order=True):
    """One known finding. ``file`` is relative to the baseline's directory; the message is there
    for people, a changed one does no harm.
    """

    file: str
    rule: str
    fingerprint: str
    layer: str = ""
    message: str = ""


class _Document(msgspec.Struct):
    version: int
    findings: list[Entry]


class Compared(Struct, frozen=True):
    """A report without the known findings, and the entries that nothing was found for."""

    report: Report
    stale: tuple[Entry, ...]


def entries(diagnostics: Sequence[Diagnostic], path: Path) -> list[Entry]:
    """Entries of findings, in their order, for a baseline at ``path``."""
    prints = fingerprints(diagnostics, lambda _name: "")
    return [
        Entry(_relative(one.place.source.name, path), one.rule, print_, one.layer, one.message)
        for one, print_ in zip(diagnostics, prints, strict=True)
    ]


def text_of(report: Report, path: Path) -> str:
    """A baseline of all that is reported, as the text of a file; the order is always the same."""
    found = [msgspec.structs.asdict(one) for one in sorted(entries(report.diagnostics, path))]
    return json.dumps({"version": VERSION, "findings": found}, indent=2) + "\n"


def read(path: Path) -> list[Entry]:
    """The entries of a baseline file.

    Raises:
        BaselineError: if it cannot be read or is no baseline.
    """
    try:
        if path.exists() and not path.is_file():
            raise BaselineError(f"{path}: not a file")
        content: Any = json.loads(path.read_bytes())
        document = msgspec.convert(content, _Document)
    except OSError as error:
        raise BaselineError(f"{path}: {error.strerror or error}") from error
    except msgspec.ValidationError as error:
        raise BaselineError(f"{path}: not a baseline: {error}") from error
    except (ValueError, RecursionError) as error:
        raise BaselineError(f"{path}: not JSON: {error}") from error
    if document.version != VERSION:
        raise BaselineError(f"{path}: version {document.version}, expected {VERSION}")
    return document.findings


def compare(report: Report, known: Sequence[Entry], path: Path, on: frozenset[str]) -> Compared:
    """Take the known findings out of a report.

    An entry is stale if its file was looked at, or is gone, and its rule was among those ``on``.
    """
    found = entries(report.diagnostics, path)
    unmatched = _Unmatched(known, path)
    matched = [unmatched.take(entry) for entry in found]
    matched = [
        hit or unmatched.take_moved(entry) for entry, hit in zip(found, matched, strict=True)
    ]
    pairs = list(zip(report.diagnostics, matched, strict=True))
    looked_at = {_relative(name, path) for name in report.files}
    stale = (
        entry
        for entry in unmatched.rest()
        if (entry.file in looked_at or unmatched.is_gone(entry.file))
        and (entry.rule in on or entry.rule not in report.rules)
    )
    silent = tuple(Suppressed(one, "external") for one, hit in pairs if hit)
    kept = tuple(one for one, hit in pairs if not hit)
    left = replace(report, diagnostics=kept, suppressed=report.suppressed + silent)
    return Compared(left, tuple(sorted(stale)))


class _Unmatched:
    """The entries that no finding has been found for yet."""

    def __init__(self, known: Sequence[Entry], path: Path) -> None:
        self._folder = path.parent
        self._gone: dict[str, bool] = {}
        self._left: dict[tuple[str, str], Entry] = {
            (one.file, one.fingerprint): one for one in known
        }
        self._moved: dict[str, list[Entry]] | None = None

    def take(self, found: Entry) -> bool:
        """Match a finding with the entry of its file."""
        return self._left.pop((found.file, found.fingerprint), None) is not None

    def take_moved(self, found: Entry) -> bool:
        """Match a finding with the entry of a file that is gone."""
        if self._moved is None:
            self._moved = {}
            for one in sorted(self._left.values(), reverse=True):
                if self.is_gone(one.file):
                    self._moved.setdefault(one.fingerprint, []).append(one)
        same = self._moved.get(found.fingerprint)
        return bool(same and self._left.pop((same.pop().file, found.fingerprint), None))

    def is_gone(self, file: str) -> bool:
        """Whether the file of an entry is not there any more."""
        if file not in self._gone:
            self._gone[file] = not os.path.lexists(self._folder / file)
        return self._gone[file]

    def rest(self) -> list[Entry]:
        return list(self._left.values())


def _relative(name: str, path: Path) -> str:
    """A file's name from the directory of the baseline, with forward slashes."""
    try:
        return Path(os.path.relpath(name, path.parent)).as_posix()
    except ValueError:  # another drive
        return Path(name).as_posix()
