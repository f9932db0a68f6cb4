"""Repairs of single mistakes in writing, by the name that rules call them by.

Each looks at the text where a problem is and gives the edits, or none where it is not plain what
was meant.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence

from ..core.diagnostic import Edit
from ..core.problem import Problem
from ..core.source import Span
from ..syntax import recovery
from ..syntax.lexer import next_token
from ..syntax.tree import Field, Tree
from . import layout

Mend = Callable[[Tree, Problem], Sequence[Edit]]

_QUOTES = "\"'\u2018\u2019\u201c\u201d\u201e\u201f\xab\xbb"
_CURLY = ("Pi", "Pf", "Ps")  # categories of curly quotes; one of them, „, counts as a bracket
_SEVERAL = ("merge-conflict", "unfilled-placeholder")
_MOST_REPEATED = 16  # what stands there more often is no slip
_CLOSING = {"{": "}", "(": ")", "[": "]", "<": ">"}


def _colon(tree: Tree, problem: Problem) -> Sequence[Edit]:
    """Write the colon between a name and its value, for an equals sign if there is one."""
    text, (start, end) = tree.source.text, problem.span
    name_end = len(text[:start].rstrip(" \t"))
    if text[start:end] == "=":
        return [Edit(Span(name_end, end), ":")]
    return [Edit(Span(name_end, name_end), ":")]


def _quotes(tree: Tree, problem: Problem) -> Sequence[Edit]:
    """Put quotes around a text that has none, one, two at one end, or curly ones."""
    text, (start, end) = tree.source.text, problem.span
    if unicodedata.category(text[start]) in _CURLY:
        if not text[:start].rstrip(" \t").endswith(":"):
            return ()
        end = recovery.word_end(text, start)
    body = text[start:end].strip(_QUOTES)
    if not body or re.search(r'["\\\n\r]', body):
        return ()
    quote = text[start] if text[start] in "\"'" and text[start] not in body else '"'
    return [Edit(Span(start, end), f"{quote}{body}{quote}")]


def _list(tree: Tree, problem: Problem) -> Sequence[Edit]:
    """Take the brackets off a list of one value."""
    text, (start, end) = tree.source.text, problem.span
    behind = next_token(text, end)
    before = text[:start].rstrip(" \t")
    if behind.text != "]" or not before.endswith("[") or "#" in text[end : behind.start]:
        return ()
    return [Edit(Span(len(before) - 1, start), ""), Edit(Span(end, behind.end), "")]


def _duplicate(tree: Tree, problem: Problem) -> Sequence[Edit]:
    """Take out a field that repeats, word for word, one before it in the same block."""
    text, start = tree.source.text, problem.span.start
    siblings = _siblings(tree.fields, start)
    second = next((one for one in siblings if one.name_start == start), None)
    if second is None or second.listed:
        return ()
    # Some forks of Caffe take a list where Caffe takes one value; there all must be alike.
    given = [one for one in siblings if one.name == second.name]
    # In a template or a conflict the two may stand for two files.
    if len(given) > _MOST_REPEATED or any(one.kind in _SEVERAL for one in tree.problems):
        return ()
    alike = all(_words(text, one) == _words(text, second) and not one.listed for one in given)
    if not alike or layout.has_comment(text, second):
        return ()
    return [layout.removal(text, second.name_start, second.end)]


def _siblings(fields: Sequence[Field], start: int) -> Sequence[Field]:
    """The fields of the block that has one at ``start``."""
    while True:
        number = bisect_left(fields, start, key=lambda one: one.name_start)
        inner = fields[number - 1] if number else None
        if inner is None or not inner.children or start >= inner.end:
            return fields
        fields = inner.children


def _words(text: str, field: Field) -> list[str]:
    return [token for token in _tokens(text, field.start, field.end) if token not in (",", ";")]


def _tokens(text: str, at: int, end: int) -> Iterator[str]:
    while at < end:
        token = next_token(text, at)
        if token.start >= end:
            return
        yield token.text
        at = token.end


def _comment(tree: Tree, problem: Problem) -> Sequence[Edit]:
    """Write # for //, on all lines that follow each other."""
    text, start = tree.source.text, problem.span.start
    kind, end = recovery.foreign_end(text, start)
    if kind != "slash-comment" or not text.startswith("//", start):
        return ()
    marks = re.compile(r"(?:(?<=\n)[ \t]*|\A)(//)")
    stretch = text[start:end]
    return [
        Edit(Span(start + match.start(1), start + match.end(1)), "#")
        for match in marks.finditer(stretch)
    ]


def _bracket(tree: Tree, problem: Problem) -> Sequence[Edit]:
    """Write the bracket that is wanted; for an opening one its closing one too."""
    text, (start, end) = tree.source.text, problem.span
    expected = str(problem.values["expected"])
    if expected != "{":
        return [Edit(problem.span, expected)]
    block = next((one for one in _all(tree.fields) if one.start == start and one.children), None)
    if block is None or text[block.end - 1] != _CLOSING.get(text[start]):
        return ()
    return [Edit(Span(start, end), "{"), Edit(Span(block.end - 1, block.end), "}")]


def _all(fields: Sequence[Field]) -> Iterator[Field]:
    stack = list(fields)
    while stack:
        field = stack.pop()
        yield field
        stack.extend(field.children or ())


def _character(tree: Tree, problem: Problem) -> Sequence[Edit]:
    """Write the plain character for an odd one. Invisible ones are told of once and mended
    wherever they stand outside of quotes and comments.
    """
    text, (start, end) = tree.source.text, problem.span
    odd = text[start:end]
    if recovery.is_invisible(odd):
        plain = " " if unicodedata.category(odd) == "Zs" else ""
        plain = "\n" if unicodedata.category(odd) in ("Zl", "Zp") else plain
        return [Edit(Span(at, at + 1), plain) for at in _outside(tree, odd)]
    if unicodedata.category(odd) in _CURLY:
        return _quotes(tree, problem)
    instead = str(problem.values["instead"])
    return [Edit(problem.span, instead)] if len(instead) == 1 else ()


def _outside(tree: Tree, odd: str) -> Iterator[int]:
    """Where a character stands between names and values, comments left out."""
    text, at = tree.source.text, 0
    for start, end in [*tree.leaves(), Span(len(text), len(text))]:
        for match in re.finditer(rf"#[^\n]*|{re.escape(odd)}", text[at:start]):
            if match[0] == odd:
                yield at + match.start()
        at = max(at, end)


def _delete(_tree: Tree, problem: Problem) -> Sequence[Edit]:
    """Take out what the problem points at."""
    return [Edit(problem.span, "")]


def _statement(tree: Tree, problem: Problem) -> Sequence[Edit]:
    """Take out the whole field that the problem points into."""
    siblings = _siblings(tree.fields, problem.span.start)
    ends = ((one, (one.end, one.name_span.end)) for one in siblings)
    field = next((one for one, its in ends if problem.span.end in its), None)
    if field is None or field.listed:
        return ()
    return [layout.removal(tree.source.text, field.name_start, field.end)]


MENDS: dict[str, Mend] = {
    "bracket": _bracket,
    "character": _character,
    "colon": _colon,
    "comment": _comment,
    "delete": _delete,
    "duplicate": _duplicate,
    "list": _list,
    "quotes": _quotes,
    "statement": _statement,
}
"""The repairs by name; ``caffelint.engine.rule`` lists the names for the readers of rules."""
