"""A look at a project's tree: what there is to check, and what is somebody else's."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from msgspec import Struct, field

from .model.files import resolve
from .model.solver import net_uses
from .reading import CheckError, File, read_file
from .walk import files_below

CAFFE, VENDORED = "Caffe's own source", "code of others"

_CAFFE_PROTO = Path("src", "caffe", "proto", "caffe.proto")
_VENDORED = frozenset(
    ("third_party", "3rdparty", "thirdparty", "vendor", "site-packages", "venv", "build")
)
_MOST_READ = 1000
"""So many files are read to find out what they are."""


class Survey(Struct):
    """What lies in a directory. ``dialects`` counts the files that are written for each fork,
    ``foreign`` are directories with nets that are none of the project's, with what they are, and
    ``unread`` is how many files were not read. ``root`` is the directory that Caffe must be started
    in for every solver to find its nets, None where that is each solver's own, or not known.
    """

    nets: int = 0
    solvers: int = 0
    others: int = 0
    unread: int = 0
    dialects: Counter[str] = field(default_factory=Counter)
    foreign: dict[str, str] = field(default_factory=dict)
    root: str | None = None


def survey(top: Path) -> Survey:
    """Look through a directory."""
    found = Survey()
    files = (path for path, _ in files_below([top], []))
    own = (path for path in files if not _foreign(path, top, found.foreign))
    solvers = []
    for path in islice(own, _MOST_READ):
        try:
            file = read_file(path)
        except CheckError:
            continue
        found.nets += file.kind == "net"
        found.solvers += file.kind == "solver"
        found.others += not file.kind
        found.dialects.update(_dialects(file))
        if file.kind == "solver":
            solvers.append(file)
    found.unread = sum(1 for _ in own)
    found.root = _root(solvers, top)
    return found


def _foreign(path: Path, top: Path, known: dict[str, str]) -> bool:
    """Whether a file lies in a directory that is none of the project's, which is noted."""
    for folder in reversed(path.relative_to(top).parents[:-1]):
        name = folder.as_posix()
        if name in known:
            return True
        if (top / folder / _CAFFE_PROTO).is_file():
            known[name] = CAFFE
        elif folder.name.lower() in _VENDORED:
            known[name] = VENDORED
        else:
            continue
        return True
    return False


def _dialects(file: File) -> Iterator[str]:
    for problem in file.problems:
        if problem.kind == "written-for-fork":
            yield str(problem.values["dialect"])


def _root(solvers: list[File], top: Path) -> str | None:
    starts: set[str] = set()
    own = True
    for solver in solvers:
        assert solver.message is not None
        for use in net_uses(solver.message):
            if use.inline is not None:
                continue
            path, tried = resolve(use.path, solver.path, None)
            if path is None or Path(use.path).is_absolute():
                return None
            starts.add(os.path.realpath(tried[-1]))
            own = own and len(tried) == 1
    if own or len(starts) != 1:
        return None
    return Path(os.path.relpath(starts.pop(), os.path.realpath(top))).as_posix()
