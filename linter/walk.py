"""From the paths on the command line to the files to check, and what there is to do it with."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

_SUFFIXES = (".prototxt", ".pt", ".pbtxt")
_SKIPPED_DIRECTORIES = frozenset((".git", ".hg", ".svn", "node_modules", "__pycache__", ".venv"))


def looks_like_prototxt(name: str) -> bool:
    """Whether a file in a directory is worth reading, like ``x.prototxt``, ``x.prototxt.in``."""
    return name.endswith(_SUFFIXES) or ".prototxt." in name


def files_below(paths: Iterable[Path]) -> Iterator[tuple[Path, bool]]:
    """Files to check, sorted within a directory; each with whether it was named itself.

    Links to directories are not followed, so a loop of links does no harm.
    """
    for path in paths:
        if not path.is_dir():
            yield path, True
            continue
        for folder, folders, names in os.walk(path):
            folders[:] = sorted(name for name in folders if name not in _SKIPPED_DIRECTORIES)
            for name in sorted(names):
                if looks_like_prototxt(name) and (Path(folder) / name).is_file():
                    yield Path(folder) / name, False


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
