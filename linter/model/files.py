"""Files as Caffe would find them: paths in a solver count from where Caffe is started."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PureWindowsPath


def resolve(name: str, named_in: Path, root: Path | None) -> tuple[Path | None, list[Path]]:
    """The file that a path in a solver means, and the directories that were tried for it.

    Caffe's working directory is unknown, so: ``root`` alone where it is given, else the solver's
    own directory and its ancestors, nearest first.
    """
    if Path(name).is_absolute():
        return (Path(name) if _is(Path.is_file, Path(name)) else None), [Path(name).parent]
    tried: list[Path] = []
    for directory in start_directories(named_in, root):
        tried.append(directory)
        if _is(Path.is_file, directory / name):
            return directory / name, tried
    return None, tried


def start_directories(named_in: Path, root: Path | None) -> Iterator[Path]:
    """Directories that Caffe may have been started in, the likeliest first."""
    if root is not None:
        yield root
        return
    # As given, so that messages show the user's own spelling; then on to the file system's root.
    yield named_in.parent
    yield from named_in.parent.resolve().parents


def is_absolute(name: str) -> bool:
    """Whether a path leads to a place on some machine, wherever Caffe is started; also one that
    has such paths only on Windows.
    """
    return Path(name).is_absolute() or PureWindowsPath(name).is_absolute()


def missing_top(name: str, starts: Iterable[Path]) -> str:
    """The first directory of a path if no start directory has it; else empty."""
    top = next((part for part in Path(name).parts[:-1] if part != ".."), "")
    return "" if any(_is(Path.is_dir, start / top) for start in starts) else top


def missing_directory(prefix: str, named_in: Path, root: Path | None) -> str:
    """The directory part of a snapshot prefix if no start directory has it; else empty."""
    directory = prefix.rpartition("/")[0]
    if not directory:
        return ""
    if is_absolute(directory):
        return "" if _is(Path.is_dir, Path(directory)) else directory
    starts = start_directories(named_in, root)
    return "" if any(_is(Path.is_dir, start / directory) for start in starts) else directory


def _is(kind: Callable[[Path], bool], path: Path) -> bool:
    try:
        return kind(path)
    except (OSError, ValueError):  # names too long, or with a NUL
        return False
