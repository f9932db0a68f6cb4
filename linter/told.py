"""What people say a file is written for: ``--dialect``, ``dialect:`` in a config file, a comment in
the file itself.
"""

from __future__ import annotations

from msgspec import Struct

from .core.alike import closest
from .core.late import late
from .core.problem import Problem
from .core.source import Source, Span
from .resources import load_dialects, load_fork
from .schema.descriptor import Schema
from .schema.dialects import BVLC, LayerFacts
from .syntax.lexer import comments

AUTO = "auto"
"""The word for finding out the dialect."""

_COMMENT = late(r"#[ \t]*caffelint:[ \t]*dialect[ \t]*=[ \t]*([^\s#]*)")
_SEPARATOR = late(r"[+,]")


class UnknownDialectError(ValueError):
    """A dialect that caffelint does not know; the text says which, and which was meant."""


def named(words: str) -> tuple[str, ...]:
    """The dialects that a text like ``ssd`` or ``ssd+r-fcn`` names; none for ``bvlc``.

    Raises:
        UnknownDialectError: for a name that is not known.
    """
    names = tuple(word.strip() for word in _SEPARATOR().split(words))
    names = tuple(name for name in names if name != BVLC)
    for name in names:
        if name not in load_dialects().by_name:
            match = closest(name, load_dialects().names)
            meant = f'; did you mean "{match}"?' if match else ""
            raise UnknownDialectError(f'there is no dialect "{name}"{meant}')
    return names


class Told(Struct, frozen=True):
    """What the settings of a file say about the Caffe that it is written for: the dialect, the
    descriptor set of the user's own ``caffe.proto``, layer types of the user's own.
    """

    dialect: str = AUTO
    proto: bytes = b""
    layers: tuple[LayerFacts, ...] = ()

    def schema(self, names: tuple[str, ...] = ()) -> Schema:
        """The schema of some dialects, with what is the user's own."""
        return load_fork(names, self.proto, self.layers)


NOTHING_TOLD = Told()


def in_comment_of(source: Source) -> tuple[tuple[str, ...] | None, list[Problem]]:
    """The dialects that a comment in the file names, None if none does; what is wrong with it."""
    if "dialect" not in source.text:
        return None, []
    for comment in comments(source.text):
        match = _COMMENT().search(source.text, *comment)
        if match is None:
            continue
        try:
            return named(match[1]), []
        except UnknownDialectError as error:
            span = Span(*match.span())
            return None, [Problem("unknown-dialect", span, {"flaw": str(error)}, rejects=False)]
    return None, []
