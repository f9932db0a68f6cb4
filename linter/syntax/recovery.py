"""What was most likely meant where a text is wrong: by indentation, by quotes, by the habits of
other formats. Looks at characters only, a bounded stretch of them, and changes nothing.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from ..core.late import late
from .tree import Field

# Lines are read back this far only, so that a text of one endless line costs no more.
_REACH = 200
_FAR = 4000
_NEAR = 20
_SHOWN = 60


def shown(text: str) -> str:
    """A stretch of the text as a message can hold it."""
    line = text.split("\n", 1)[0]
    return line if len(line) <= _SHOWN else line[: _SHOWN - 1] + "…"


# Blocks


def indentation(text: str, at: int) -> int:
    """Width of the blanks that the line of offset ``at`` starts with."""
    line = _before(text, at)
    blanks = line[: len(line) - len(line.lstrip(" \t"))]
    return len(blanks.expandtabs(4))


def starts_line(text: str, at: int) -> bool:
    """Whether only blanks stand before offset ``at`` on its line."""
    return not _before(text, at).strip(" \t")


def _before(text: str, at: int) -> str:
    return text[max(0, at - _REACH) : at].rpartition("\n")[2]


def opens_below(text: str, name: int, following: int) -> bool:
    """Whether what follows a lone name is indented as the content of a block."""
    return starts_line(text, name) and indentation(text, name) < indentation(text, following)


def closes_on_line(text: str, at: int) -> bool:
    """Whether the rest of the line closes one bracket more than it opens."""
    line = text[at : at + _REACH].partition("\n")[0]
    return line.count("}") > line.count("{")


def unclosed(text: str, blocks: Sequence[Field]) -> list[Field]:
    """Of the blocks that are open at the end, outermost first, those that lack a bracket.

    Blocks that are indented one in the other and all open are one fault: the text breaks off.
    """
    found: list[Field] = []
    for number, block in enumerate(blocks):
        if number and _is_content(text, blocks[number - 1], block):
            continue
        found.append(_really_unclosed(text, block))
    return found


def _is_content(text: str, outer: Field, inner: Field) -> bool:
    if "\n" not in text[outer.name_start : inner.name_start]:
        return True
    return indentation(text, inner.name_start) > indentation(text, outer.name_start)


def _really_unclosed(text: str, block: Field) -> Field:
    """A block inside an open one whose closing bracket stands under the outer one's name lacks
    its own; the open one then only lacks it because it lent it.
    """
    while True:
        inner = next(
            (child for child in block.children or () if _borrows(text, child, block)), None
        )
        if inner is None:
            return block
        block = inner


def _borrows(text: str, inner: Field, outer: Field) -> bool:
    close = inner.end - 1
    return (
        bool(inner.children)
        and text[close] in "}>"
        and starts_line(text, close)
        and indentation(text, close) == indentation(text, outer.name_start)
        and indentation(text, close) < indentation(text, inner.name_start)
    )


def surplus_bracket(text: str, fields: Sequence[Field], unmatched: int) -> int:
    """The closing bracket that is too many, given one that nothing is open for: that of a block
    before it which ends deeper than it starts, else the unmatched one itself.
    """
    depth = indentation(text, unmatched)
    for field in reversed(fields[-_NEAR:]):
        if field.children is None or indentation(text, field.name_start) != depth:
            continue
        close = field.end - 1
        if has_lines(text, field) and indentation(text, close) > depth:
            return _surplus_inside(text, field)
        if starts_line(text, close) and indentation(text, close) == depth:
            break
    return unmatched


def _surplus_inside(text: str, block: Field) -> int:
    """What a block ended with may stand under a block inside it, and be meant for that one."""
    while True:
        close = block.end - 1
        depth = indentation(text, close)
        meant = (
            child
            for child in reversed((block.children or [])[-_NEAR:])
            if child.children is not None
            and has_lines(text, child)
            and indentation(text, child.name_start) == depth
        )
        inner = next(meant, None)
        if inner is None:
            return close
        block = inner


def has_lines(text: str, block: Field) -> bool:
    """Whether a block spreads over several lines."""
    return "\n" in text[block.start : block.end]


# Values

_PLACEHOLDER = late(
    r"""\{\{[^\n{}]{0,200}\}\}+ | \{%[^\n%]{0,200}%\} | \{\#[^\n]{0,200}?\#\} | <%[^\n%]{0,200}%>
      | \$\{[^\n{}]{0,200}\} | \$\([^\n()]{0,200}\) | \$[A-Za-z_]\w*+ | @[A-Za-z_]\w*+@
      | %\([^\n()]{0,200}\)[a-z] | %[sdifgr]\b""",
    re.VERBOSE | re.ASCII,
)
# After a colon also ``{batch}`` and ``<batch>``, which no block looks like.
_PLACEHOLDER_VALUE = late(r"\{[ \t]*[A-Za-z_][\w.]*+[ \t]*\}|<[ \t]*[A-Za-z_][\w.-]*+[ \t]*>")


def placeholder_end(text: str, at: int, *, value: bool = False) -> int:
    """End of the template placeholder at ``at``, or -1 where there is none."""
    match = _PLACEHOLDER().match(text, at)
    if match is None and value:
        match = _PLACEHOLDER_VALUE().match(text, at)
    return match.end() if match else -1


def has_placeholder(text: str) -> bool:
    """Whether a text holds the placeholder of a template."""
    return _PLACEHOLDER().search(text) is not None


_WORD = late(r"(?:[^\s#,;\[\]{}>\"']|\{[^\s{}\"']{0,200}\})*+[\"']?")
_QUOTES = r"\u2018\u2019\u201c-\u201f\xab\xbb"
_CURLY_QUOTED = late(rf"[{_QUOTES}][^\n{_QUOTES}]{{0,200}}[{_QUOTES}]")


def word_end(text: str, at: int) -> int:
    """End of the unquoted word at ``at``: a path, a placeholder, a text in curly quotes."""
    match = _CURLY_QUOTED().match(text, at) or _WORD().match(text, at)
    assert match is not None  # _WORD takes the empty text
    return match.end()


_ENDS_TEXT = late(
    r"(?<![ \t])(?:[ \t]++(?=\#|[A-Za-z_]\w*+[ \t]*+[:{])|[ \t]*+\}|[ \t\r]*+(?=\n|\Z))"
)
_SWALLOWED_NAME = late(r"[ \t][A-Za-z_]\w*+:[ \t]*+[\"']\Z")
_WORD_THEN_QUOTE = late(r"\w++[\"']")


def text_end(text: str, at: int) -> int:
    """Where a text ends whose closing quote is missing: before the next field, a bracket or the
    end of the line.
    """
    match = _ENDS_TEXT().search(text, at + 1)
    assert match is not None  # the end of the text matches
    return match.start()


def swallows_field(text: str, start: int, end: int) -> bool:
    """Whether a quoted text lost its quote and took another field's: ``"a top: "b"``."""
    return bool(
        _SWALLOWED_NAME().search(text, max(start, end - _REACH), end)
        and _WORD_THEN_QUOTE().match(text, end)
    )


_SECOND_QUOTE = late(r"""(?:""|'')[\w./-]++["']""")


def doubled_quote_end(text: str, at: int) -> int:
    """End of a text with its opening quote typed twice (``""data"``), or -1."""
    match = _SECOND_QUOTE().match(text, at)
    return match.end() if match else -1


_COMMA_NUMBER = late(r",\d+(?=[\s#;}\]>]|\Z)")


def comma_number_end(text: str, comma: int) -> int:
    """End of the fraction after a decimal comma (``0,01``), or -1."""
    match = _COMMA_NUMBER().match(text, comma) if text[comma - 1].isdigit() else None
    return match.end() if match else -1


_REST_OF_LIST = late(r"[^\[\]{}\n]*+\]")


def list_end(text: str, at: int) -> int:
    """Behind the bracket that closes a list on this line; ``at`` where none does."""
    match = _REST_OF_LIST().match(text, at)
    return match.end() if match else at


# Characters


class Character(NamedTuple):
    """A character that text format has no use for, as a message names it."""

    code: str
    name: str
    instead: str


_INSTEAD = {"Pi": '"', "Pf": '"', "Pd": "-"}


def describe(character: str) -> Character:
    """Name of a character, and the ASCII one that was meant, empty where that is not clear."""
    code = f"U+{ord(character):04X}"
    if "\ud800" <= character <= "\udfff":
        return Character(f"byte 0x{ord(character) & 0xFF:02X}", "a byte that is not UTF-8", "")
    name = unicodedata.name(character, "a control character").lower()
    plain = unicodedata.normalize("NFKC", character)
    if unicodedata.category(character) in _INSTEAD:
        plain = _INSTEAD[unicodedata.category(character)]
    return Character(
        code, name, "a plain blank" if plain == " " else plain if plain.isascii() else ""
    )


def is_invisible(character: str) -> bool:
    """Whether it shows as nothing or as a blank: odd spaces, zero-width and control characters."""
    return unicodedata.category(character) in ("Zs", "Zl", "Zp", "Cf", "Cc")


# Other formats

_SLASH_LINES = late(r"//[^\n]*+(?:\n[ \t]*+//[^\n]*+)*+")
_LINE = late(r"[^\n]*+")


def foreign_end(text: str, at: int) -> tuple[str, int]:
    """What is written in another language where a field should start: the kind of problem and its
    end. ``conflict-part`` is the rest of a merge conflict; an empty kind is none of these.
    """
    if text.startswith("//", at):
        return "slash-comment", _end_of(_SLASH_LINES(), text, at)
    if text.startswith("/*", at):
        close = text.find("*/", at, at + _FAR)
        return "slash-comment", close + 2 if close >= 0 else _end_of(_LINE(), text, at)
    if text.startswith("<<<<<<< ", at):
        return "merge-conflict", _end_of(_LINE(), text, at)
    if text.startswith(("=======\n", "=======\r"), at):
        close = text.find("\n>>>>>>>", at, at + _FAR)
        return "conflict-part", _end_of(_LINE(), text, close + 1 if close >= 0 else at)
    end = placeholder_end(text, at)
    return ("unfilled-placeholder", end) if end >= 0 else ("", at)


def _end_of(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    assert match is not None  # the patterns take the empty text, or have been looked for
    return match.end()
