"""Findings in the files that are open, as ``caffelint check`` on their directory would tell them.

A net is checked as the solvers build it that name it: those that are open, and those that lie
beside it. What is open counts as the editor has it, saved or not.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from msgspec import Struct, field

from ..check import Checker
from ..config import Config, ConfigError, Configs
from ..control.add_ignores import added
from ..core.diagnostic import Diagnostic, Edit, Report, RuleText
from ..core.naming import RuleNames
from ..core.problem import Problem
from ..core.source import Source, Span
from ..engine.rule import RuleError
from ..engine.run import Target
from ..fix.apply import fix_all
from ..fix.change import Editor
from ..model.files import resolve
from ..ownproto import ProtoError
from ..reading import count_faults
from ..resources import load_rules, load_schema
from ..settings import FileRules, Readers
from ..syntax.parser import parse
from ..told import UnknownDialectError
from ..walk import looks_like_prototxt
from .navigate import nets_named

_NAMES_NET = re.compile(r"\bnet\s*:|_net\s*:")
_LARGEST_SOLVER = 64 * 1024
_MOST_BESIDE = 200

SETTINGS_ERRORS = (ConfigError, RuleError, ProtoError, UnknownDialectError)
"""What is wrong with a user's settings, and not with the file that is checked."""


def real(path: Path | str) -> Path:
    """A path through all links: what tells files apart."""
    try:
        return Path(os.path.realpath(path))
    except ValueError:  # a NUL in the name
        return Path(path)


class Findings(Struct, frozen=True):
    """What was found in a group of files, by their real paths; every file that was looked at is
    there. ``rules`` are the texts of the rules by id, ``names`` the words for them by file.
    """

    by_file: Mapping[Path, Sequence[Diagnostic]]
    rules: Mapping[str, RuleText]
    names: Mapping[Path, RuleNames] = field(default_factory=dict)


class Stopped(Exception):  # noqa: N818 - nothing went wrong
    """A check was given up: its result is not wanted any more."""


def _never() -> bool:
    return False


class _StoppableRules(FileRules):
    """Rules that end the check once ``stopped`` says so."""

    def __init__(self, configs: Configs, stopped: Callable[[], bool]) -> None:
        super().__init__(load_rules(), configs, lambda: Editor(load_schema()))
        self._stopped = stopped

    def on_problems(
        self, source: Source, problems: Iterable[Problem], phase: str = ""
    ) -> Iterator[Diagnostic]:
        self._go_on()
        return super().on_problems(source, problems, phase)

    def on_targets(self, targets: Iterable[Target]) -> Iterator[Diagnostic]:
        return super().on_targets(self._watched(targets))

    def _watched(self, targets: Iterable[Target]) -> Iterator[Target]:
        for target in targets:
            self._go_on()
            yield target

    def _go_on(self) -> None:
        if self._stopped():
            raise Stopped


class Desk:
    """The open files by their real paths, and checks of them. ``readers`` keep what was read of
    data from one check to the next.
    """

    def __init__(
        self, texts: Mapping[Path, str] | None = None, readers: Readers | None = None
    ) -> None:
        self.open: dict[Path, str] = dict(texts or {})
        self._readers = readers if readers is not None else {}

    def config(self, path: Path) -> Config:
        """The settings of a file.

        Raises:
            ConfigError: for a config file that cannot be read or holds what no config may hold.
        """
        return Configs().of(path)

    def solvers_of(self, path: Path) -> list[Path]:
        """The solvers that name a net: those that are open first, then those beside it."""
        wanted = real(path)
        config_root = self.config(path).root
        root = Path(config_root) if config_root is not None else None
        found: dict[Path, None] = {}
        for solver, text in self._candidates(wanted):
            if not _NAMES_NET.search(text):
                continue
            for name in nets_named(parse(Source("", text))):
                net, _ = resolve(name, solver, root)
                if net is not None and real(net) == wanted:
                    found[solver] = None
        return list(found)

    def _candidates(self, net: Path) -> Iterator[tuple[Path, str]]:
        for path, text in self.open.items():
            if path != net and len(text) <= _LARGEST_SOLVER:
                yield path, text
        try:
            beside = sorted(path for path in net.parent.iterdir() if looks_like_prototxt(path.name))
        except OSError:
            return
        for path in beside[:_MOST_BESIDE]:
            if path != net and real(path) not in self.open and (text := _small_text(path)):
                yield path, text

    def check(self, path: Path, stopped: Callable[[], bool] = _never) -> Findings:
        """Check an open file with the solvers that build it, until ``stopped`` says so.

        Raises:
            Stopped: if it was stopped.
            CheckError: for a file that cannot be read.
            ConfigError, RuleError, ProtoError, UnknownDialectError: for settings that are wrong.
        """
        path = real(path)
        checker = self._checker(stopped)
        group = [*self.solvers_of(path), path] if path.parent.is_dir() else [path]
        report = checker.check(_existing(group, self.open))
        by_file: dict[Path, list[Diagnostic]] = {real(name): [] for name in report.files}
        names = {real(name): checker.rules.names(name) for name in report.files}
        for one in report.diagnostics:
            if one.tag == "not-in-editors":
                continue
            by_file.setdefault(real(one.place.source.name), []).append(one)
        return Findings(by_file, report.rules, names)

    def _checker(self, stopped: Callable[[], bool] = _never) -> Checker:
        configs = Configs()
        checker = Checker(load_rules(), configs)
        checker.rules = _StoppableRules(configs, stopped)
        checker.starts.readers = self._readers
        for path, text in self.open.items():
            checker.contents[path] = to_bytes(text)
        return checker

    def fixed(self, path: Path) -> str:
        """The text of an open file with all safe fixes made that the file itself needs.

        Raises:
            CheckError, ConfigError, RuleError, ProtoError, UnknownDialectError: as ``check``.
        """
        path = real(path)
        group = [*self.solvers_of(path), path]

        def look(contents: Mapping[Path, bytes]) -> Report:
            checker = self._checker()
            checker.contents.update(contents)
            return checker.check(_existing(group, self.open))

        outcome = fix_all(lambda contents: _only(look(contents), path), count_faults, unsafe=False)
        one = outcome.files.get(path)
        return self.open[path] if one is None else one.new.decode("utf-8", "surrogateescape")


def _existing(paths: Iterable[Path], known: Mapping[Path, str]) -> list[Path]:
    """The paths without those that vanished since they were found."""
    return [path for path in paths if real(path) in known or path.is_file()]


def _only(report: Report, path: Path) -> Report:
    """A report on one file only."""
    kept = tuple(one for one in report.diagnostics if real(one.place.source.name) == path)
    return Report(kept, report.rules, report.files)


def to_bytes(text: str) -> bytes:
    """A text of the editor as a file would hold it."""
    return Source("", text).to_bytes()


def _small_text(path: Path) -> str:
    """The text of a file that may be a solver; empty for one that is too large, or not there."""
    try:
        state = path.stat()
        if not path.is_file() or state.st_size > _LARGEST_SOLVER:
            return ""
        return _text(path, state.st_mtime_ns, state.st_size)
    except OSError:
        return ""


@lru_cache(maxsize=_MOST_BESIDE)
def _text(path: Path, _time: int, _size: int) -> str:
    """The text of a file as it is at a time, so that it is not read at each change of another."""
    return path.read_bytes().decode("utf-8", "replace")


def ignoring(one: Diagnostic, names: RuleNames) -> Edit | None:
    """The edit that silences a finding where it stands, with a comment."""
    source = one.place.source
    return difference(source.text, added(source, [one], names))


def difference(old: str, new: str) -> Edit | None:
    """The one edit that makes a text of another; None where they are the same."""
    if old == new:
        return None
    most = min(len(old), len(new))
    start = next((i for i in range(most) if old[i] != new[i]), most)
    back = 0
    while back < most - start and old[-1 - back] == new[-1 - back]:
        back += 1
    return Edit(Span(start, len(old) - back), new[start : len(new) - back])
