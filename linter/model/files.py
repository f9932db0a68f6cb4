"""Files as Caffe would find them: paths in a solver count from where Caffe is started."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path, PureWindowsPath

from ..core.looking import is_directory, is_file, question, real_path


def resolve(name: str, named_in: Path, root: Path | None) -> tuple[Path | None, list[Path]]:
    """The file that a path in a solver means, and the directories that were tried for it.

    Caffe's working directory is unknown, so: ``root`` alone where it is given, else the solver's
    own directory and its ancestors, nearest first.
    """
    path, tried = _resolved(name, str(named_in), None if root is None else str(root))
    return (None if path is None else Path(path)), [Path(folder) for folder in tried]


@question
def _resolved(name: str, named_in: str, root: str | None) -> tuple[str | None, list[str]]:
    if Path(name).is_absolute():
        return (name if is_file(Path(name)) else None), [str(Path(name).parent)]
    tried: list[str] = []
    for directory in start_directories(Path(named_in), None if root is None else Path(root)):
        tried.append(str(directory))
        if is_file(directory / name):
            return str(directory / name), tried
    return None, tried


def start_directories(named_in: Path, root: Path | None) -> Iterator[Path]:
    """Directories that Caffe may have been started in, the likeliest first."""
    if root is not None:
        yield root
        return
    # As given, so that messages show the user's own spelling; then on to the file system's root.
    yield named_in.parent
    yield from Path(real_path(str(named_in.parent))).parents


def is_absolute(name: str) -> bool:
    """Whether a path leads to a place on some machine, wherever Caffe is started; also one that
    has such paths only on Windows.
    """
    return Path(name).is_absolute() or PureWindowsPath(name).is_absolute()


def missing_top(name: str, starts: Iterable[Path]) -> str:
    """The first directory of a path if no start directory has it; else empty."""
    top = next((part for part in Path(name).parts[:-1] if part != ".."), "")
    return "" if any(is_directory(start / top) for start in starts) else top


def missing_directory(prefix: str, named_in: Path, root: Path | None) -> str:
    """The directory part of a snapshot prefix if no start directory has it; else empty."""
    directory = prefix.rpartition("/")[0]
    if not directory:
        return ""
    if is_absolute(directory):
        return "" if is_directory(Path(directory)) else directory
    starts = start_directories(named_in, root)
    return "" if any(is_directory(start / directory) for start in starts) else directory
