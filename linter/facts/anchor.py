"""Where a rule's ``at`` leads in the user's text."""

from __future__ import annotations

import re

from ..core.source import Span
from ..schema.message import Message

_STEP = re.compile(r"(\$?\w+)(?:\[(\d+)\])?")


class MessageAnchor:
    """Finds field paths like ``batch_norm_param.use_global_stats`` or ``bottom[1]`` in a message.

    ``own`` is the field that ``$param`` stands for: the block of the layer's own type.
    """

    def __init__(self, message: Message, own: str = "") -> None:
        self.message = message
        self.own = own

    def find(self, path: str) -> Span | None:
        """Span of the field, None where it is not written; an empty path is the whole message."""
        message, span = self.message, None
        for name, index in _STEP.findall(path):
            name = self.own if name == "$param" else name
            number = int(index or 0)
            field = message.field(name, number)
            if field is None:
                return None
            span = field.span
            value = message.values[name]
            value = value[number] if isinstance(value, list) else value
            if isinstance(value, Message):
                message = value
        if path:
            return span
        return self.message.node.span if self.message.node is not None else None
