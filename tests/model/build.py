"""Small nets for tests: layers as text, messages and nets out of it, marks as spans."""

from __future__ import annotations

import re
from collections.abc import Iterable

import caffelint
from caffelint.api import FileKind
from caffelint.core.source import Span
from caffelint.model.net import Net
from caffelint.model.phase import State
from caffelint.schema.message import Message
from caffelint.schema.upgrade import upgrade_net


def layer(name: str, type_: str, wiring: str = "", more: str = "") -> str:
    """The text of one layer; ``wiring`` reads ``bottom bottom -> top``."""
    bottoms, _, tops = wiring.partition("->")
    fields = [f'name: "{name}" type: "{type_}"']
    fields += [f'bottom: "{bottom}"' for bottom in bottoms.split()]
    fields += [f'top: "{top}"' for top in tops.split()]
    return f"layer {{ {' '.join([*fields, more])} }}\n"


def message(text: str, kind: FileKind = "net") -> Message:
    parsed = caffelint.parse(text, kind=kind)
    assert parsed.typed is not None
    assert not parsed.problems
    return upgrade_net(parsed.typed)[0] if kind == "net" else parsed.typed


def net(text: str, phase: str = "TRAIN", level: int = 0, stages: Iterable[str] = ()) -> Net:
    return Net(message(text), State(phase, level, frozenset(stages)))


def unmark(marked: str) -> tuple[str, list[Span]]:
    """The text without ``«`` and ``»``, and the spans that they enclosed."""
    offsets = [m.start() - taken for taken, m in enumerate(re.finditer("[«»]", marked))]
    ends = iter(offsets)
    return re.sub("[«»]", "", marked), [Span(*pair) for pair in zip(ends, ends, strict=True)]
