"""Which files to check after some have changed: these, and the nets and solvers that hang on them.

A solver hangs on its nets, nets and solvers on every file that they name, whether it is there or
gone, a solver on the scripts that start it, a deploy net on the training net beside it, and all on
their config. What names what is read off the quoted texts of a file, which need not be sound.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator
from collections.abc import Set as AbstractSet
from pathlib import Path

from .config import CONFIG_NAMES, Configs, config_file
from .model.compare import Outline, outline, training_net
from .model.files import start_directories
from .model.launch import LaunchFinder
from .model.views import likely_views
from .reading import CheckError, File, bytes_of, read_file
from .settings import written_for
from .walk import files_below, looks_like_prototxt

_QUOTED = re.compile(rb'"([^"\n]*)"|' + rb"'([^'\n]*)'")
_SOLVER = re.compile(rb"\b(?:base_lr|(?:train_|test_)?net(?:_param)?)\s*[:{]")
_DATABASE = "data.mdb"
"""The file of an LMDB, which nets name by its directory."""


def affected(paths: Iterable[Path], changed: Collection[Path], configs: Configs) -> set[Path]:
    """Real paths of the files below ``paths`` that ``changed`` makes a difference to."""
    if not changed:
        return set()
    there = {_real(path): path for path, _ in files_below(paths, [])}
    gone_or_new = {real for path in changed for real in _names_of(path)}
    first = gone_or_new & there.keys()
    tree = _Tree(there, gone_or_new, configs)
    first |= tree.of_settings()
    first |= tree.of_scripts()
    first |= tree.of_training_nets(first)
    found = set(first)
    new = first | gone_or_new
    while new := {key for one in new for key in tree.naming.get(one, ())} - found:
        found |= new
    return found


class _Tree:
    """What hangs on what among the files ``there``, by their real paths."""

    def __init__(
        self, there: dict[Path, Path], changed: AbstractSet[Path], configs: Configs
    ) -> None:
        self._there = there
        self._changed = changed
        self._configs = configs
        self._solvers: list[Path] = []
        self.naming: dict[Path, set[Path]] = {}
        """The files that name a file."""
        worth = {path.name for path in (*there, *changed)}
        for key, path in there.items():
            data = bytes_of(str(path))
            if isinstance(data, str):
                continue
            if _SOLVER.search(data):
                self._solvers.append(key)
            for name in _file_names(data):
                if name.rpartition("/")[2] in worth:
                    for target in _meant(name, path, configs):
                        self.naming.setdefault(target, set()).add(key)

    def of_settings(self) -> set[Path]:
        """The files that a config speaks of, or what it names, where that has changed."""
        folders = {path.parent for path in self._changed if _is_config(path)}
        found = set()
        for key, path in self._there.items():
            config = self._configs.of(path)
            named = {*config.extend_rules, *config.weights, config.proto or ""} - {""}
            if not (
                folders.isdisjoint(key.parents)
                and self._changed.isdisjoint(_real(Path(name)) for name in named)
            ):
                found.add(key)
        return found

    def of_scripts(self) -> set[Path]:
        """The solvers that are started by a script that has changed."""
        if all(looks_like_prototxt(path.name) for path in self._changed):
            return set()
        finders: dict[str | None, LaunchFinder] = {}
        found = set()
        for key in self._solvers:
            root = self._configs.of(self._there[key]).root
            finder = finders.setdefault(root, LaunchFinder(Path(root) if root else None))
            scripts = {_real(Path(one.top, one.script)) for one in finder.find(self._there[key])}
            if not scripts.isdisjoint(self._changed):
                found.add(key)
        return found

    def of_training_nets(self, nets: Iterable[Path]) -> set[Path]:
        """The nets without loss that belong to some of the ``nets`` that lie beside them."""
        outlines: dict[Path, list[Outline]] = {}
        for key in nets:
            if (net := self._outline(key)) is not None and net.loss:
                outlines.setdefault(key.parent, []).append(net)
        found = set()
        for key in self._there:
            beside = outlines.get(key.parent)
            net = self._outline(key) if beside else None
            if beside and net is not None and net.learned and training_net(net, beside):
                found.add(key)
        return found

    def _outline(self, key: Path) -> Outline | None:
        """What a deploy net is compared by, None of what is no net."""
        from .model.build import set_up

        file = self._read(self._there[key])
        if file is None or file.kind != "net" or file.message is None:
            return None
        sketches = [(view, set_up(view)[0]) for view in likely_views(file.message)]
        return outline(key.name, sketches)

    def _read(self, path: Path) -> File | None:
        try:
            return read_file(path, written_for(self._configs.of(path)))
        except CheckError:
            return None


def _file_names(data: bytes) -> Iterator[str]:
    """What may be names of files in a net or solver; weights are several, with commas."""
    for double, single in set(_QUOTED.findall(data)):
        for name in (double or single).split(b","):
            yield os.fsdecode(name).strip()


def _meant(name: str, named_in: Path, configs: Configs) -> Iterator[Path]:
    """The paths that a name may stand for, wherever Caffe is started."""
    root = configs.of(named_in).root
    for start in start_directories(named_in, Path(root) if root else None):
        yield _real(start / name)


def _names_of(changed: Path) -> Iterator[Path]:
    """The paths that a changed file is known by: its own, where it leads to, its database's."""
    yield _real(changed.parent) / changed.name
    yield _real(changed)
    if changed.name == _DATABASE:
        yield _real(changed.parent)


def _is_config(path: Path) -> bool:
    """Whether a file that has changed is a config, or may have been one."""
    if path.name not in CONFIG_NAMES:
        return False
    return not path.is_file() or config_file(path.parent) == path


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))
