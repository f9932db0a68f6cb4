"""One finding instead of many: the same words about many layers or places of one file.

A finding is worth nothing if it drowns. What is folded away keeps its place, as a related place of
the finding that stands for it.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from ..core.diagnostic import Diagnostic, Fix, Related

_LISTED = 3
"""Up to so many names are all written out; of more only the first and the last."""


def fold(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """``diagnostics`` in their order, those that differ only in the layer folded into the first."""
    return tuple(folded(group) for group in groups(diagnostics))


def groups(diagnostics: Iterable[Diagnostic]) -> list[list[Diagnostic]]:
    """``diagnostics`` that are the same but for the layer, together; in the order of the first."""
    found: dict[object, list[Diagnostic]] = {}
    for diagnostic in diagnostics:
        found.setdefault(_key(diagnostic), []).append(diagnostic)
    return list(found.values())


def _key(one: Diagnostic) -> tuple[object, ...]:
    """What findings must share to be folded: all but the layer's name and the place."""
    words = one.message.replace(f'"{one.layer}"', '""') if one.layer else one.message
    return (one.rule, one.place.source.name, one.severity, one.context, bool(one.layer), words)


def folded(group: list[Diagnostic]) -> Diagnostic:
    """The first of ``group``, speaking for all of it."""
    first, *others = group
    if not others:
        return first
    phases = dict.fromkeys(phase for diagnostic in group for phase in diagnostic.phases)
    also = tuple(
        Related(other.place, f'also "{other.layer}"' if other.layer else "also here")
        for other in others
    )
    return replace(
        first,
        message=first.message + _more(group),
        phases=tuple(phases),
        related=first.related + also,
        fix=_common_fix(group),
    )


def _more(group: list[Diagnostic]) -> str:
    """The end of the message: which layers, or how many places, it is about besides the first."""
    if not group[0].layer:
        places = len(group) - 1
        return f" (and {places} more {'place' if places == 1 else 'places'})"
    _, *names = dict.fromkeys(diagnostic.layer for diagnostic in group)
    if not names:
        return ""
    layers = "layer" if len(names) == 1 else "layers"
    listed = ", ".join(names) if len(names) <= _LISTED else f"{names[0]} … {names[-1]}"
    return f" (and {len(names)} more {layers}: {listed})"


def _common_fix(group: list[Diagnostic]) -> Fix | None:
    """One fix for the whole group where every member offers the same, else the first one's."""
    first = group[0].fix
    kinds = {(each.fix.title, each.fix.safe) if each.fix else None for each in group}
    if first is None or len(kinds) > 1:
        return first
    # The same layer found twice offers the same edit twice, which may be applied only once.
    edits = dict.fromkeys(edit for each in group if each.fix for edit in each.fix.edits)
    return replace(first, edits=tuple(edits))
