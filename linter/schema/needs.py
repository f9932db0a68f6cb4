"""Which forks of Caffe a file needs: every name in it that BVLC lacks, and who knows that name.

A fork is chosen only for names that some fork has; what none knows is left to the binder, which
reports it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import combinations
from weakref import WeakKeyDictionary

from msgspec import Struct
from msgspec.structs import replace

from ..core.source import Span
from ..syntax.tree import Field, Kind, Tree
from .descriptor import FieldType, MessageType, Schema
from .dialects import Dialects

_MOST_FORKS = 4
"""Most forks that one file is taken to mix."""

_MOST_NAMES = 10_000
"""So many names that BVLC lacks tell a fork, if there is one."""


class Need(Struct, frozen=True):
    """A name that BVLC lacks and the dialects in ``known_to`` have; ``what`` says it in words.

    ``inner`` names stand in a block that BVLC lacks as well.
    """

    what: str
    span: Span
    known_to: frozenset[str]
    inner: bool = False


def needs(
    tree: Tree, root: MessageType, known_types: Collection[str], dialects: Dialects
) -> list[Need]:
    """What a file, which is of a BVLC message type, needs besides BVLC's schema and layer types;
    each name once, in the order of the text, and so many that they tell a fork.
    """
    known = _found.setdefault(tree, {})
    key = (root, frozenset(known_types), dialects)
    if key not in known:
        known[key] = _needs(tree, *key)
    return known[key]


# A file is asked for its own sake, and for that of those around it.
_found: WeakKeyDictionary[Tree, dict[tuple[MessageType, frozenset[str], Dialects], list[Need]]] = (
    WeakKeyDictionary()
)


def _needs(
    tree: Tree, root: MessageType, known_types: Collection[str], dialects: Dialects
) -> list[Need]:
    found: dict[tuple[object, ...], Need] = {}
    for need in _Walk(root.schema, known_types, dialects).message(tree.fields, root.path, root):
        # Forks that have a name in one message may lack it in another.
        found.setdefault((need.what, need.known_to, need.inner), need)
        if len(found) >= _MOST_NAMES:
            break
    return list(found.values())


def choices(found: Sequence[Need], dialects: Dialects) -> list[tuple[str, ...]]:
    """Sets of dialects that know all of these names together, the likeliest first.

    The sum of ranks decides, then how much is added to BVLC in all: one dialect goes before two,
    unless it is one of those that collect what others have, and before those that build on it.
    Where no two know all, the list has the set that knows most.
    """
    return list(_choices(frozenset(need.known_to for need in found if need.known_to), dialects))


@lru_cache(maxsize=256)  # the files of a project need the same
def _choices(wanted: frozenset[frozenset[str]], dialects: Dialects) -> list[tuple[str, ...]]:
    if not wanted:
        return []
    rank = {name: dialects.by_name[name].rank for known in wanted for name in known}
    names = sorted(rank, key=lambda name: (rank[name], name))
    sets = [
        chosen
        for size in (1, 2)
        for chosen in combinations(names, size)
        if _know(chosen, wanted) and not _is_idle(chosen, wanted)
    ]
    sets.sort(key=lambda one: (sum(rank[name] for name in one), dialects.size(one), one))
    return sets or [_greedy(wanted, rank)]


def least(found: Sequence[Need], chosen: Sequence[str]) -> tuple[str, ...]:
    """The fewest of some dialects that know all of these names; none where they do not."""
    wanted = {need.known_to for need in found if need.known_to}
    subsets = (some for size in range(len(chosen) + 1) for some in combinations(chosen, size))
    return next((some for some in subsets if _know(some, wanted)), ())


def _know(chosen: tuple[str, ...], wanted: Iterable[frozenset[str]]) -> bool:
    return all(not known.isdisjoint(chosen) for known in wanted)


def _is_idle(chosen: tuple[str, ...], wanted: Iterable[frozenset[str]]) -> bool:
    """Whether one of several is not needed."""
    return len(chosen) > 1 and any(
        _know(tuple(one for one in chosen if one != name), wanted) for name in chosen
    )


def _greedy(wanted: Iterable[frozenset[str]], rank: dict[str, int]) -> tuple[str, ...]:
    left = list(wanted)
    chosen: list[str] = []
    while left and len(chosen) < _MOST_FORKS:
        counts = Counter(name for known in left for name in known)
        best = min(counts, key=lambda name: (-counts[name], rank[name], name))
        chosen.append(best)
        left = [known for known in left if best not in known]
    return tuple(chosen)


class _Walk:
    def __init__(self, bvlc: Schema, known_types: Collection[str], dialects: Dialects) -> None:
        self._bvlc = bvlc
        self._types = known_types
        self._dialects = dialects

    def message(
        self, fields: Sequence[Field], path: str, type_: MessageType | None
    ) -> Iterator[Need]:
        """Needs of the fields of a message; ``type_`` is BVLC's, None if only forks have it."""
        seen: set[str] = set()
        table = type_.fields if type_ is not None else {}
        for field in fields:
            if field.kind == Kind.BROKEN:
                continue
            several_times = field.listed or field.name in seen
            seen.add(field.name)
            known = table.get(field.name)
            if known is not None and _is_block(known) == (field.children is not None):
                if several_times and not known.repeated:
                    yield self._repeated(field, path)
                if known.message is not None or known.enum is not None or field.name == "type":
                    yield from self._inside(field, path, known)
            elif known is None or field.kind != Kind.EMPTY_LIST:
                owners = self._dialects.with_field(
                    path, field.name, block=field.children is not None
                )
                yield Need(field.name, field.name_span, owners)
                if several_times:
                    several = self._repeated(field, path)
                    if owners - several.known_to:
                        yield several
                if owners:
                    for need in self._inside_fork(field, path):
                        yield replace(need, inner=True)

    def _repeated(self, field: Field, path: str) -> Need:
        owners = self._dialects.with_field(path, field.name, repeated=True)
        return Need(f"several values of {field.name}", field.name_span, owners)

    def _inside(self, field: Field, path: str, known: FieldType) -> Iterator[Need]:
        if known.message is not None:
            yield from self.message(field.children or (), known.message.path, known.message)
        elif known.enum is not None:
            if field.kind == Kind.IDENTIFIER and field.text not in known.enum.numbers:
                yield self._value(field, known.enum.path)
        elif path == "LayerParameter" and field.name == "type" and field.kind == Kind.STRING:
            name = field.text[1:-1]
            if name not in self._types:
                yield Need(f"type {name}", field.span, self._dialects.with_type(name))

    def _inside_fork(self, field: Field, path: str) -> Iterator[Need]:
        inner, is_enum = self._dialects.type_of_field(path, field.name)
        if field.children is not None and inner:
            yield from self.message(field.children, inner, self._bvlc.find_message(inner))
        elif is_enum and field.kind == Kind.IDENTIFIER:
            known = self._bvlc.find_enum(inner)
            if known is None or field.text not in known.numbers:
                yield self._value(field, inner)

    def _value(self, field: Field, enum: str) -> Need:
        return Need(field.text, field.span, self._dialects.with_value(enum, field.text))


def _is_block(field: FieldType) -> bool:
    return field.message is not None
