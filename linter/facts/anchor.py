"""Where a rule's ``at`` leads in the user's text."""

from __future__ import annotations

from msgspec import Struct

from ..core.source import Span
from ..schema.message import Message


class MessageAnchor(Struct):
    """Finds field paths in a message.

    ``own`` is the field that ``$param`` stands for: the block of the layer's own type.
    """

    message: Message
    own: str = ""

    def find(self, path: str) -> Span | None:
        """Span of the field, None where it is not written; an empty path is the whole message."""
        full = self._full(path)
        return None if full is None else self.message.find(full)

    def is_unread(self, path: str) -> bool:
        """Whether the field is written with a value that cannot be known."""
        return self.message.is_unread(self._full(path) or "")

    def _full(self, path: str) -> str | None:
        if not path.startswith("$param"):
            return path
        return path.replace("$param", self.own, 1) if self.own else None
