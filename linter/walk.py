"""From the paths on the command line to the files to check, and what there is to do it with."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from fnmatch import fnmatchcase
from itertools import takewhile
from pathlib import Path

from .core.looking import names_in

_PATTERN = r"\.(prototxt|pt|pbtxt)\Z|\.prototxt\."
_SKIPPED_DIRECTORIES = frozenset((".git", ".hg", ".svn", "node_modules", "__pycache__", ".venv"))
_WILD = re.compile(r"[*?[]")
_MOST_ENTRIES = 20_000


def looks_like_prototxt(name: str) -> bool:
    """Whether a file in a directory is worth reading, like ``x.prototxt``, ``x.prototxt.in``."""
    return re.search(_PATTERN, name) is not None


def prototxt_beside(path: Path) -> list[str]:
    """Names of the files in the directory of a file that look like prototxt, sorted."""
    try:
        return names_in(str(path.parent), _PATTERN, _MOST_ENTRIES)
    except OSError:
        return []


def files_below(paths: Iterable[Path], skipped: list[str]) -> Iterator[tuple[Path, bool]]:
    """Files to check, sorted within a directory; each with whether it was named itself.

    Links to directories are not followed, so a loop of links does no harm. Directories that cannot
    be read are told of in ``skipped``.

    Raises:
        OSError: for a directory that was named, and cannot be read.
    """
    for path in paths:
        if not path.is_dir():
            yield path, True
            continue

        def failed(error: OSError, top: Path = path) -> None:
            if error.filename == str(top):
                raise error
            skipped.append(f"{error.filename}: {error.strerror}")

        for folder, folders, names in os.walk(path, onerror=failed):
            folders[:] = sorted(name for name in folders if name not in _SKIPPED_DIRECTORIES)
            for name in sorted(names):
                if looks_like_prototxt(name) and (Path(folder) / name).is_file():
                    yield Path(folder) / name, False


def parts_match(parts: Sequence[str], globs: Sequence[str]) -> bool:
    """Whether path components match globs; ``**`` stands for any number of components."""
    reached = {0}  # how many parts the globs so far may have taken
    for glob in globs:
        if glob == "**":
            reached = set(range(min(reached), len(parts) + 1))
        else:
            reached = {at + 1 for at in reached if at < len(parts) and fnmatchcase(parts[at], glob)}
        if not reached:
            return False
    return len(parts) in reached


def named_by(glob: str, folder: Path) -> Iterator[Path]:
    """Files that a glob from a folder on names. Hidden ones are named by ``.*`` only, and links to
    directories are not followed behind the first wildcard.

    Raises:
        ValueError: where more than 20,000 names would have to be looked at.
    """
    parts = Path(glob).parts
    fixed = len(list(takewhile(lambda part: not _WILD.search(part), parts[:-1])))
    top, globs = folder.joinpath(*parts[:fixed]), parts[fixed:]
    deepest = len(globs) - 1 if "**" not in globs else sys.maxsize
    entries = 0
    for at, folders, names in os.walk(top):
        inside = Path(at).relative_to(top).parts
        entries += len(folders) + len(names)
        if entries > _MOST_ENTRIES:
            raise ValueError(f"more than {_MOST_ENTRIES} files and directories below {top}")
        folders[:] = [] if len(inside) >= deepest else [n for n in folders if not n.startswith(".")]
        for name in names:
            if name.startswith(".") and not globs[-1].startswith("."):
                continue
            if parts_match((*inside, name), globs) and (Path(at) / name).is_file():
                yield Path(at) / name


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def total_size(files: Iterable[Path]) -> int:
    """Bytes of all files together, as far as they are there."""
    size = 0
    for path in files:
        with suppress(OSError, ValueError):
            size += path.stat().st_size
    return size
