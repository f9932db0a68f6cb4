"""``--watch``: check again whenever a file has changed that made a difference to the report.

That is every file that was asked for while checking (nets, lists of images, weights, scripts), what
was looked for and not there, and the configs. Their times are looked at again and again: no way to
be told of changes works on every file system that nets lie on.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from pathlib import Path
from time import monotonic, sleep, time_ns
from typing import NoReturn

import click

from ..config import CONFIG_NAMES, ConfigError, Configs
from ..core.looking import QUESTIONS, Look, Looks, content_of, digest, name_of, noting, state_of
from ..engine.rule import RuleError
from ..model.launch import LaunchFinder
from ..reading import bytes_of, differ
from ..resources import load_own_rules
from ..walk import files_below
from . import options

_SECONDS = 0.2
"""The pause between two looks, and how long nothing may change before files are checked."""
_SHARE = 20
"""The pause is at least so many times as long as a look takes."""

_OF_TIMES = frozenset({name_of(state_of)})
_OF_CONTENTS = frozenset({name_of(bytes_of), name_of(content_of), name_of(differ)})

_State = dict[object, object]


def run(ctx: click.Context) -> NoReturn:
    """Check with the options of ``ctx`` until the user ends it. The first run must not fail; what a
    later one fails with is told, since files are often half written.
    """
    watched: _Watched | None = None
    while True:
        known: set[str] = set()
        load_own_rules.cache_clear()
        started = time_ns()
        with noting() as looks:
            try:
                # What was asked for is noted in this process alone, and not for kept results.
                once = {"watch": False, "jobs": 1, "no_cache": True}
                ctx.invoke(ctx.command, **{**ctx.params, **once})
            except click.exceptions.Exit:
                pass
            except Exception as error:
                if watched is None or "CAFFELINT_TRACEBACK" in os.environ:
                    raise
                click.echo(options.error_line(error), err=True)
                known = watched.files
        watched = _Watched(ctx, looks, known, started)
        click.echo("-- waiting for changes; Ctrl-C ends", err=True)
        changed = watched.wait()
        if sys.stdout.isatty():
            click.clear()
        click.echo(f"-- changed: {changed}", err=True)


class _Watched:
    """What a report was made from, and how that was when it was made, from ``started`` on (ns);
    ``known`` are further files to watch.
    """

    def __init__(self, ctx: click.Context, looks: Looks, known: set[str], started: int) -> None:
        self._paths: tuple[Path, ...] = ctx.params["paths"] or (Path(),)
        written = {ctx.params["output"], *(path for _, path in ctx.params["reports"])}
        ours = {os.path.realpath(path) for path in written if path is not None}
        self._questions: dict[Look, bytes] = {}
        self._contents: dict[Look, bytes] = {}
        files = set(known)
        for look, answer in looks.items():
            name, about = look
            if name not in QUESTIONS:  # one about the run
                continue
            if name not in _OF_TIMES | _OF_CONTENTS:
                self._questions[look] = answer
                continue
            paths = {one for one in about if isinstance(one, str)}
            if ours.isdisjoint(map(os.path.realpath, paths)):
                files |= paths
                if name in _OF_CONTENTS:
                    self._contents[look] = answer
        solvers = {about[0] for name, about in looks if name == "launches"}
        self.files = files | _settings(ctx, files, solvers)
        """Files that were read, configs that there might be among them."""
        self._before = self._state() | self._questions
        self._late = list(self._changed_meanwhile(started))

    def wait(self) -> str:
        """Wait until something has changed, and is at rest again; says what."""
        if self._late:
            return _shown(self._late)
        before = self._before
        while True:
            now = self._next()
            if now != before:
                break
        while (later := self._next()) != now:
            now = later
        return _shown(key for key in {**before, **now} if before.get(key) != now.get(key))

    def _changed_meanwhile(self, started: int) -> Iterator[object]:
        """What may have changed after it was read, and before it was looked at here."""
        yield from (look for look, answer in self._contents.items() if _answer(look) != answer)
        now = time_ns()
        for path in self.files:
            times = self._before[path]
            if isinstance(times, tuple) and started <= times[0] <= now:
                yield path

    def _next(self) -> _State:
        started = monotonic()
        state = self._state()
        sleep(max(_SECONDS, _SHARE * (monotonic() - started)))
        return state

    def _state(self) -> _State:
        state: _State = {look: _answer(look) for look in self._questions}
        state |= {path: _times(path) for path in self.files}
        try:
            below = [str(path) for path, _ in files_below(self._paths, [])]
        except OSError:  # a directory that has gone
            below = []
        return state | {path: _times(path) for path in below}


def _settings(ctx: click.Context, files: Iterable[str], solvers: AbstractSet[object]) -> set[str]:
    """The files that settings come from, and may come from: configs, and scripts that start
    ``solvers``.
    """
    given = (ctx.params["config_file"], ctx.params["baseline"], ctx.params["proto"])
    named = {str(path) for path in given if path is not None}
    folders = {Path.cwd()}
    configs: Configs | None = None
    finders: dict[str | None, LaunchFinder] = {}
    for file in map(Path, files):
        folders.add(file.absolute().parent)
        try:
            configs = configs or Configs({}, ctx.params["config_file"])
            config = configs.of(file)
        except (ConfigError, RuleError):  # it is watched by its name
            continue
        named.update(config.extend_rules, [config.proto] if config.proto else [])
        if str(file) in solvers:
            root = Path(config.root) if config.root else None
            launches = finders.setdefault(config.root, LaunchFinder(root)).find(file)
            named.update(str(Path(one.top, one.script)) for one in launches)
    above = {parent for folder in folders for parent in (folder, *folder.parents)}
    return named | {str(folder / name) for folder in above for name in CONFIG_NAMES}


def _times(path: str) -> tuple[int, ...] | None:
    """What changes with a file, None where there is none."""
    try:
        one = os.stat(path)  # noqa: PTH116 - half the time
    except (OSError, ValueError):
        return None
    return (one.st_mtime_ns, one.st_size, one.st_ino)


def _answer(look: Look) -> bytes:
    """The digest of what a question about the file system is answered now."""
    name, about = look
    try:
        return digest(QUESTIONS[name](*about))
    except (OSError, ValueError) as error:
        return digest(error)


def _shown(keys: Iterable[object]) -> str:
    """Names of what has changed, for the user."""
    from ..report.safe import printable

    files = [str(key[1][0]) if isinstance(key, tuple) else str(key) for key in keys]
    # That of a directory follows from what has changed in it.
    files = [file for file in files if not Path(file).is_dir()] or files
    first, *more = sorted({os.path.relpath(file) for file in files})
    return printable(first) + (f" and {len(more)} more" if more else "")
