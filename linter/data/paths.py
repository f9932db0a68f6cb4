"""Where the files that a data layer names are, and opening them without harm."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from ..core.looking import is_directory, kind_of, names_in, open_file, question
from ..model.files import start_directories

_ALIKE = 0.92
"""So alike are two names of which one is a misspelling; train and test are less."""

_MOST_NAMES = 1000

_TOP_DIRECTORIES = frozenset(("home", "Users", "mnt", "media", "root"))


class Found(NamedTuple):
    """A file or directory, and the directory that Caffe must be started in to find it there.

    The directory is None for a path that is absolute: then it may be any.
    """

    path: Path
    start: Path | None


def find(name: str, named_in: Path, root: Path | None) -> Found | None:
    """What a path in a net means; only regular files and directories count."""
    found = _found(name, str(named_in), None if root is None else str(root))
    if found is None:
        return None
    path, start = found
    return Found(Path(path), None if start is None else Path(start))


@question
def _found(name: str, named_in: str, root: str | None) -> tuple[str, str | None] | None:
    if not name or "\0" in name:
        return None
    if Path(name).is_absolute():
        return (name, None) if is_there(Path(name)) else None
    for start in _starts(Path(named_in), None if root is None else Path(root)):
        if is_there(start / name):
            return str(start / name), str(start)
    return None


def is_there(path: Path) -> bool:
    """Whether it is a regular file or a directory, links followed."""
    return kind_of(str(path)) in ("file", "directory")


def shown(path: Path) -> str:
    """The path from the working directory where it lies below it, else as it is."""
    try:
        return path.absolute().relative_to(Path.cwd()).as_posix()
    except (OSError, ValueError):
        return path.as_posix()


def head(path: Path, size: int) -> bytes:
    """The first bytes of a file; none where it cannot be read."""
    try:
        with open_file(path) as file:
            return file.read(size)
    except OSError:
        return b""


def lost_slash(name: str, named_in: Path, root: Path | None) -> bool:
    """Whether a relative path starts like an absolute one: ``home/me/…`` for ``/home/me/…``."""
    first, _, rest = name.partition("/")
    if first not in _TOP_DIRECTORIES or "/" not in rest:
        return False
    return not any(is_directory(start / first) for start in _starts(named_in, root))


def _starts(named_in: Path, root: Path | None) -> list[Path]:
    """Where Caffe may be started: not in the file system's own root, where a path that lacks its
    first slash would be found.
    """
    starts = start_directories(named_in, root)
    return [one for one in starts if one == root or not one.anchor or one != Path(one.anchor)]


def misspelt(name: str, named_in: Path, root: Path | None) -> str:
    """The path that was probably meant by one that is not there: a very similar name in the same
    directory. Empty where there is none.
    """
    folder, _, last = name.rstrip("/").rpartition("/")
    if Path(name).is_absolute() or not folder or not last:
        return ""
    for start in start_directories(named_in, root):
        if is_directory(start / folder):
            return next(
                (f"{folder}/{one}" for one in _names(start / folder) if _alike(one, last)), ""
            )
    return ""


def _names(folder: Path) -> list[str]:
    try:
        return names_in(str(folder), "", _MOST_NAMES)
    except OSError:
        return []


def _alike(one: str, other: str) -> bool:
    if one.lower() == other.lower():
        return True
    if abs(len(one) - len(other)) > 2 or _digits(one) != _digits(other):
        return False
    from difflib import SequenceMatcher

    return SequenceMatcher(None, one, other).ratio() >= _ALIKE


def _digits(name: str) -> str:
    """Names that differ by a number are a series, not a misspelling."""
    return "".join(char for char in name if char.isdigit())
