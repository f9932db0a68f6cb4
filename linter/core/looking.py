"""Looks at the file system, noted: what a result was made from, and so how long it holds.

Whatever reads files on the way to a finding asks a question here, or one of its own that is marked
``@question``. While ``noting()`` is on, every question is noted with a digest of its answer. A
result holds as long as all questions that it was made from still have the same answers.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from functools import wraps
from itertools import islice
from pathlib import Path
from time import time_ns
from typing import BinaryIO, Generic, TypeVar, cast

_About = tuple[str | int | None, ...]

Look = tuple[str, _About]
"""A question: its name, and what it is about."""

Looks = dict[Look, bytes]
"""Questions with digests of their answers."""

QUESTIONS: dict[str, Callable[..., object]] = {}
"""All questions about the file system, by name."""

_SETTLED_NS = 2_000_000_000
"""What was changed this shortly before may be changed again with the same times."""

_NEVER = b""
"""The digest of no answer."""

_T = TypeVar("_T")
_Question = TypeVar("_Question", bound=Callable[..., object])

_noted: Looks | None = None


@contextmanager
def noting() -> Iterator[Looks]:
    """Notes all questions that are asked in the block; those of a block inside are among them."""
    global _noted  # one at a time, and asked thousands of times a second
    outer, _noted = _noted, {}
    try:
        yield _noted
    finally:
        inner, _noted = _noted, outer
        for look, answer in inner.items():
            _note(look, answer)


def is_noting() -> bool:
    """Whether questions are noted."""
    return _noted is not None


def note(name: str, about: _About, answer: Callable[..., object]) -> None:
    """Note a question that is none about the file system, but about the run."""
    if _noted is not None and (name, about) not in _noted:
        _noted[name, about] = digest(answer(*about))


def _note(look: Look, answer: bytes) -> None:
    # What has two answers within one result is changing: then the result never holds again.
    if _noted is not None and _noted.setdefault(look, answer) != answer:
        _noted[look] = _NEVER


def digest(answer: object) -> bytes:
    """What tells an answer from every other one."""
    from hashlib import sha256  # 2 ms, and most runs note nothing

    data = answer if isinstance(answer, bytes) else repr(answer).encode("utf-8", "surrogatepass")
    return sha256(data).digest()[:16]


def name_of(ask: Callable[..., object]) -> str:
    """The name of a question: its module and function."""
    return f"{ask.__module__}.{ask.__name__}"


def question(ask: _Question) -> _Question:
    """Marks a function of texts and numbers as a question. To fail with an OSError or ValueError is
    an answer too.
    """
    name = name_of(ask)
    QUESTIONS[name] = ask

    @wraps(ask)
    def asked(*about: str | int | None) -> object:
        global _noted  # what is asked on the way to the answer is part of it
        noted = _noted
        if noted is None:
            return ask(*about)
        _noted, given = None, _NEVER
        try:
            answer = ask(*about)
            given = digest(answer)
        except (OSError, ValueError) as error:
            given = digest(error)
            raise
        finally:
            _noted = noted
            _note((name, about), given)
        return answer

    return cast("_Question", asked)


class Kept(Generic[_T]):
    """The last few results of something that asks questions, each with its questions: who takes a
    result again has asked them too.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: dict[Hashable, tuple[_T, Looks | None]] = {}

    def get(self, key: Hashable, make: Callable[[], _T]) -> _T:
        """The result kept under a key, or else the one that ``make`` gives."""
        kept = self._kept.pop(key, None)
        if kept is None or (kept[1] is None and is_noting()):
            kept = self._made(make)
        elif kept[1] is not None:
            for look, answer in kept[1].items():
                _note(look, answer)
        self._kept[key] = kept  # the latest last
        if len(self._kept) > self._most:
            del self._kept[next(iter(self._kept))]
        return kept[0]

    @staticmethod
    def _made(make: Callable[[], _T]) -> tuple[_T, Looks | None]:
        if not is_noting():
            return make(), None
        with noting() as looks:
            return make(), looks


# Questions


@question
def kind_of(path: str) -> str:
    """``file``, ``directory`` or ``other``, links followed; empty where nothing is to be seen."""
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - half the time
    except (OSError, ValueError):  # not there, a name that is too long or holds a NUL
        return ""
    return "file" if stat.S_ISREG(mode) else "directory" if stat.S_ISDIR(mode) else "other"


def is_file(path: Path) -> bool:
    """Whether it is a regular file: a pipe or a device is never opened."""
    return kind_of(str(path)) == "file"


def is_directory(path: Path) -> bool:
    """Whether it is a directory."""
    return kind_of(str(path)) == "directory"


@question
def names_in(folder: str, pattern: str, most: int) -> list[str]:
    """Names in a directory that a regular expression is found in, sorted; of the first so many.

    Raises:
        OSError: if it cannot be read.
    """
    wanted = re.compile(pattern).search
    with os.scandir(folder) as entries:
        return sorted(one.name for one in islice(entries, most) if wanted(one.name))


@question
def real_path(path: str) -> str:
    """Where a path leads, links followed.

    Raises:
        ValueError: for a NUL in it.
    """
    return os.path.realpath(path)


@question
def state_of(path: str) -> tuple[int, ...]:
    """Size, times and number of a file: what tells whether it has changed, without reading it. Of
    one that was changed just now nothing tells.

    Raises:
        OSError: if there is none.
    """
    now = time_ns()
    one = os.stat(path)  # noqa: PTH116 - as above
    state = (one.st_size, one.st_mtime_ns, one.st_ctime_ns, one.st_ino, one.st_dev)
    settled = max(one.st_mtime_ns, one.st_ctime_ns) < now - _SETTLED_NS
    return state if settled else (*state, now)


@question
def content_of(path: str) -> bytes:
    """All of a small file.

    Raises:
        OSError: if it cannot be read.
    """
    return Path(path).read_bytes()


def open_file(path: Path) -> BinaryIO:
    """A file to read; its state is asked for, before that.

    Raises:
        OSError: if it cannot be opened.
    """
    state_of(str(path))
    return path.open("rb")
