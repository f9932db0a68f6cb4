"""A report in parts: what each checked file gives, and all of it together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from msgspec import Struct, field

from .core.diagnostic import Diagnostic
from .core.source import Source
from .model.compare import Outline


class Part(Struct):
    """What checking one file gives; how other files are checked makes no difference to it.

    ``name`` is the file's name in reports, empty where it is not checked, ``commented`` are the
    files with comments that speak to caffelint. ``built`` has the nets that are checked as a solver
    builds them, with their names in reports, by their real paths, and ``outlines`` all nets.
    """

    name: str = ""
    kind: str = ""
    found: list[Diagnostic] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    missing: set[str] = field(default_factory=set)
    commented: list[Source] = field(default_factory=list)
    built: dict[Path, str] = field(default_factory=dict)
    outlines: dict[Path, Outline] = field(default_factory=dict)

    def add(self, other: Part) -> None:
        """Take over what another file gives."""
        self.found += other.found
        self.skipped += other.skipped
        self.missing |= other.missing
        self.commented += other.commented
        self.built |= other.built
        self.outlines |= other.outlines


def join(files: Iterable[Path], parts: Mapping[Path, Part]) -> tuple[Part, dict[Path, str]]:
    """The whole of the parts, by the real paths of ``files``, in an order that does not depend on
    when they were made; and the names of the files that were checked.

    A net that a solver builds is not checked by itself.
    """
    in_order = [(key, parts[key]) for key in files if key in parts]
    built = {key for part in parts.values() for key in part.built}
    nets = [(key, part) for key, part in in_order if part.kind == "net"]
    whole = Part()
    names: dict[Path, str] = {}
    for key, part in [
        *(one for one in in_order if one[1].kind != "net"),
        *(one for one in nets if one[0] not in built),
    ]:
        whole.add(part)
        if part.name:
            names[key] = part.name
    return whole, names | whole.built
