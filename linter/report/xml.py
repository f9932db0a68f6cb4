"""XML for reports: elements in, text out, with nothing in it that XML does not allow."""

from __future__ import annotations

from xml.etree.ElementTree import Element, indent, tostring

from .safe import printable


def element(
    parent: Element | None, tag: str, text: str = "", /, **attributes: str | int
) -> Element:
    """A new element, put into ``parent`` if there is one.

    Control characters, which no XML may hold, are shown as ``printable`` shows them.
    """
    made = Element(tag, {name: printable(str(value)) for name, value in attributes.items()})
    # Line ends are all that is kept of what a terminal would obey.
    made.text = "\n".join(map(printable, text.split("\n"))) or None
    if parent is not None:
        parent.append(made)
    return made


def written(root: Element) -> str:
    """The document ``root`` in plain ASCII, ending in a line end."""
    indent(root)
    body: bytes = tostring(root, "us-ascii")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body.decode()}\n'
