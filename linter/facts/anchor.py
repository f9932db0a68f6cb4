"""Where a rule's ``at`` leads in the user's text."""

from __future__ import annotations

from ..core.source import Span
from ..schema.message import Message


class MessageAnchor:
    """Finds field paths in a message.

    ``own`` is the field that ``$param`` stands for: the block of the layer's own type.
    """

    def __init__(self, message: Message, own: str = "") -> None:
        self.message = message
        self.own = own

    def find(self, path: str) -> Span | None:
        """Span of the field, None where it is not written; an empty path is the whole message."""
        if path.startswith("$param"):
            if not self.own:
                return None
            path = path.replace("$param", self.own, 1)
        return self.message.find(path)
