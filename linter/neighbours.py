"""What the files around one tell of the Caffe that it is written for.

A net and its solver, a net for training and the one for deployment run on the same Caffe. Where the
names in a file leave several forks to choose from, the names in files that belong to it decide: the
nets that a solver names, the solver that names a net, and what else lies in the same directory.
Where one of these says in a comment what it is written for, that counts in place of its names.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import takewhile
from pathlib import Path

from msgspec import Struct

from .core.looking import Kept, content_of, is_file, state_of
from .core.source import Source, Span
from .model.files import resolve
from .resources import load_dialects, load_schema
from .schema.kind import detect
from .schema.needs import Need, choices, least, needs
from .syntax.recent import tree_of
from .syntax.tree import Kind, Tree
from .told import in_comment_of
from .walk import prototxt_beside

_MOST_READ = 4
"""So many files around one are read."""

_MOST_SOLVERS = 8
"""So many solvers beside a net are searched for its name."""

_MOST_BYTES = 1 << 20
"""A larger file is not read for the sake of another one."""

_NETS = frozenset(("net", "train_net", "test_net"))

_kept: Kept[tuple[Need, ...]] = Kept(64)


class Around(Struct, frozen=True):
    """A file, as read, among others."""

    path: Path
    tree: Tree
    types: frozenset[str]
    """The layer types that need no fork."""

    def decide(
        self, found: Sequence[Need], sets: Sequence[tuple[str, ...]]
    ) -> tuple[tuple[str, ...], str]:
        """The dialects that the file and one around it are written for, and which one that is, in
        words; the first of ``sets``, all of which know what was found in the file, if nothing
        around it speaks against them.
        """
        dialects = load_dialects()
        if not is_file(self.path):  # a text from elsewhere, with a name of its own
            return sets[0], ""
        for path, words in self._files():
            theirs = _needs_in(path, self.types)
            if not any(need.known_to for need in theirs):
                continue
            both = choices([*found, *theirs], dialects)[0]
            # Else no Caffe is known that runs both, and they have nothing to do with each other.
            if len(both) <= max(len(sets[0]), len(choices(theirs, dialects)[0])):
                names = least(found, both)
                if names and names != sets[0]:
                    return names, words
        return sets[0], ""

    def _files(self) -> Iterator[tuple[Path, str]]:
        """The files that are likeliest to belong to this one, with words for each."""
        files = {os.path.realpath(path): (path, words) for path, words in self._candidates()}
        files.pop(os.path.realpath(self.path), None)
        return iter(list(files.values())[:_MOST_READ])

    def _candidates(self) -> Iterator[tuple[Path, str]]:
        own = self.path.name
        for name in self._named_nets():
            path, _ = resolve(name, self.path, None)
            if path is not None:
                yield path, f"its net {name}"
        names = prototxt_beside(self.path)
        names.sort(key=lambda name: -_begin_alike(name, own))
        solvers = [name for name in names if "solver" in name.lower()][:_MOST_SOLVERS]
        naming = [name for name in solvers if os.fsencode(own) in _content(self.path.parent / name)]
        for name in (*naming, *names[: _MOST_READ + 1]):
            yield self.path.parent / name, f"{name} beside it"

    def _named_nets(self) -> Iterator[str]:
        for field in self.tree.fields:
            if field.name in _NETS and field.kind == Kind.STRING:
                yield field.text[1:-1]


def _begin_alike(one: str, other: str) -> int:
    """How many letters two names begin with alike."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _needs_in(path: Path, types: frozenset[str]) -> tuple[Need, ...]:
    """What another file needs that BVLC Caffe lacks, or the dialects that a comment in it names;
    nothing where it is no net or solver.
    """
    try:
        state = path.stat()
    except (OSError, ValueError):
        return ()
    key = (str(path), state.st_size, state.st_mtime_ns, types)
    return _kept.get(key, lambda: tuple(_read_needs(path, types)))


def _read_needs(path: Path, types: frozenset[str]) -> Sequence[Need]:
    tree = tree_of(Source.from_bytes(path.as_posix(), _content(path)))
    type_ = detect(tree, load_schema())
    if type_ is None:
        return ()
    told, _ = in_comment_of(tree.source)
    if told is not None:
        return [Need(f"dialect={name}", Span(0, 0), frozenset((name,))) for name in told]
    return needs(tree, type_, types, load_dialects())


def _content(path: Path) -> bytes:
    """All of a file of moderate size; of others nothing."""
    try:
        if not is_file(path):
            return b""
        if path.stat().st_size > _MOST_BYTES:
            state_of(str(path))  # asked, so that it is noted what the answer hangs on
            return b""
        return content_of(str(path))
    except (OSError, ValueError):
        return b""
