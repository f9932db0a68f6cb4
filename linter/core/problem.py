"""What the code finds impossible, before a rule gives it words.

A problem is a fact: its kind, where it is, and the values a rule's message may name. Whether and
how it is told to the user is the business of the rule ``on: problem`` with that ``kind``.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from .source import Span


class Problem(Struct, frozen=True):
    """One impossibility in a source.

    ``values`` fill the placeholders of the rule's message. ``also`` are further places in the same
    source with a word on each; ``layer`` the name of the layer concerned, if there is one;
    ``rejects`` says whether Caffe aborts on it.
    """

    kind: str
    span: Span
    values: Mapping[str, object] = field(default_factory=dict)
    also: tuple[tuple[Span, str], ...] = ()
    layer: str = ""
    rejects: bool = True
