"""Text format into a tree, whatever the text is.

Most statements of a real file are plain (``name: value`` or ``name {``): one regular expression
takes each of them whole. Everything else goes token by token through ``_Careful``, which also
recovers after errors: it reads on as if what is missing stood there (``recovery`` guesses what that
is), or drops the rest of the line, reports it once and goes on. The two agree on every statement
both can read.
"""

from __future__ import annotations

import re

from ..core.problem import Problem
from ..core.source import Source, Span
from . import recovery
from .lexer import IDENTIFIER, TRIVIA, Token, bad_escape, next_token
from .tree import Field, Kind, Tree

# A net nests 6 deep at most; the limit keeps tools that walk trees recursively from harm.
MAX_DEPTH = 100

# What may stand right behind a value; anything else is glued to it by mistake.
_ENDS_WORD = " \t\r\n\v\f#,;[]}>"
_WORD_END = rf"(?![^{re.escape(_ENDS_WORD)}])"

# Groups are numbered as Kind is, so that ``lastindex`` of a match is the kind of the value.
_PLAIN = re.compile(
    TRIVIA
    + rf"""(?:({IDENTIFIER})[ \t]*+(?:
        :[ \t]*+(?:
            ("[^"\\\n\0]*+"|'[^'\\\n\0]*+')(?!\w)
          | (-?(?:0|[1-9]\d*+)){_WORD_END}
          | (-?(?:0|[1-9]\d*+|(?=\.\d))(?:\.\d*+)?+(?:[eE][-+]?\d++)?+){_WORD_END}
          | ({IDENTIFIER}){_WORD_END}(?![ \t]*+[:{{<])
          | ([{{])(?![ \t]*+[{{%#\w][^:\n]*+\}})
        )
      | ([{{])
      )
    | (\}})
    )""",
    re.VERBOSE | re.ASCII,
)
_OPEN_AFTER_COLON, _OPEN, _CLOSE = 6, 7, 8


def parse(source: Source) -> Tree:
    """Parse a whole text; never raises, and reports every error it meets in one pass."""
    return _Careful(source).parse()


class _Careful:
    """Parser state: the open blocks, the fields of the innermost one, and the problems so far."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.text = source.text
        self.fields: list[Field] = []
        self.blocks: list[tuple[list[Field], Field]] = []
        self.problems: list[Problem] = []
        self.may_separate = False  # whether a field has just ended, so that "," or ";" may follow
        self.skipped_to = -1  # where the last dropped stretch ended
        self.too_deep = False

    def parse(self) -> Tree:
        top = self.fields
        at = self._skip_byte_order_mark()
        while at >= 0:
            at = self._statement(self._plain_statements(at))
        for _, block in self.blocks:
            self._report("unclosed-block", Span(block.start, block.start + 1), name=block.name)
            block.end = len(self.text)
        return Tree(self.source, top, self.problems)

    def _plain_statements(self, at: int) -> int:
        """Take statements while they are plain; return the offset of the first that is not."""
        fields, blocks = self.fields, self.blocks
        text = self.text
        start = at
        scanner = _PLAIN.scanner(text, at)  # type: ignore[attr-defined]  # not in the stubs
        for match in iter(scanner.match, None):
            kind = match.lastindex
            if kind == _CLOSE:
                if not blocks or text[blocks[-1][1].start] != "{":
                    break
                fields, block = blocks.pop()
                at = block.end = match.end()
            elif kind >= _OPEN_AFTER_COLON:
                if len(blocks) >= MAX_DEPTH:
                    break
                at = match.end()
                children: list[Field] = []
                field = Field(match[1], match.start(1), Kind.MESSAGE, "", at - 1, at, children)
                fields.append(field)
                blocks.append((fields, field))
                fields = children
            else:
                begin, at = match.span(kind)
                fields.append(Field(match[1], match.start(1), kind, match[kind], begin, at))
        self.fields = fields
        self.may_separate = at > start and text[at - 1] != "{"
        return at

    def _skip_byte_order_mark(self) -> int:
        if not self.text.startswith("\ufeff"):
            return 0
        self._report("byte-order-mark", Span(0, 1))
        return 1

    # One statement, token by token. Every method returns the offset to go on from.

    def _statement(self, at: int) -> int:
        token = next_token(self.text, at)
        may_separate, self.may_separate = self.may_separate, False
        if token.kind == "end":
            return -1
        if token.kind == "identifier":
            return self._after_name(token.text, token)
        if token.text == "[":
            return self._bracketed_name(token)
        if token.text in ("}", ">"):
            return self._close(token)
        if may_separate and token.text in (",", ";"):
            return token.end
        if may_separate and token.kind == "string" and self._continue_string(token):
            return token.end
        return self._drop(token, "unexpected-token")

    def _close(self, token: Token) -> int:
        if not self.blocks:
            self._report("unmatched-bracket", Span(token.start, token.end), bracket=token.text)
            return token.end
        self.fields, block = self.blocks.pop()
        block.end = token.end
        opened = self.text[block.start]
        if (opened == "{") != (token.text == "}"):
            self._report(
                "wrong-bracket",
                Span(token.start, token.end),
                (Span(block.start, block.start + 1), "opened here"),
                bracket=token.text,
                expected="}" if opened == "{" else ">",
                name=block.name,
            )
        self.may_separate = True
        return token.end

    def _bracketed_name(self, bracket: Token) -> int:
        """``[a.b.c]`` or ``[host/a.b.c]``: an extension or Any name, which Caffe's schema lacks."""
        token = next_token(self.text, bracket.end)
        while token.kind in ("identifier", "integer") or token.text in (".", "/", "-"):
            token = next_token(self.text, token.end)
        if token.text != "]":
            return self._drop(bracket, "unexpected-token")
        name = self.text[bracket.start : token.end]
        return self._after_name(name, Token("identifier", name, bracket.start))

    def _after_name(self, name: str, token: Token) -> int:
        following = next_token(self.text, token.end)
        colon = following.text == ":"
        if colon:
            following = next_token(self.text, following.end)
        if following.text in ("{", "<"):
            return self._open(name, token, following)
        if following.text == "[" and (colon or self._lists_messages(following)):
            return self._list(name, token, following, colon)
        if not colon:
            return self._missing_colon(token, following)
        field, at = self._scalar(name, token, following)
        self.fields.append(field)
        self.may_separate = field.kind != Kind.BROKEN
        return at

    def _open(self, name: str, token: Token, bracket: Token) -> int:
        if len(self.blocks) >= MAX_DEPTH:
            self._report_depth(bracket)
        children: list[Field] = []
        block = Field(name, token.start, Kind.MESSAGE, "", bracket.start, bracket.end, children)
        self.fields.append(block)
        self.blocks.append((self.fields, block))
        self.fields = children
        return bracket.end

    def _report_depth(self, bracket: Token) -> None:
        if not self.too_deep:
            self._report("nested-too-deep", Span(bracket.start, bracket.end), limit=MAX_DEPTH)
        self.too_deep = True

    def _missing_colon(self, name: Token, following: Token) -> int:
        """``name value`` or ``name = value`` is read as if the colon stood there; prose is not."""
        value = following
        if following.text == "=":
            value = next_token(self.text, following.end)
        on_line = "\n" not in self.text[name.end : value.start]
        if not on_line or value.kind not in ("string", "integer", "float") or value.flaw:
            return self._drop(name, "unexpected-token", following)
        self._report("missing-colon", Span(following.start, following.end), name=name.text)
        field, at = self._scalar(name.text, name, value)
        self.fields.append(field)
        return at

    def _lists_messages(self, bracket: Token) -> bool:
        return next_token(self.text, bracket.end).text in ("{", "<", "]")

    def _list(self, name: str, token: Token, bracket: Token, colon: bool) -> int:
        """``[a, b]``; a list of messages is parsed here whole, so that commas stay its own."""
        value = next_token(self.text, bracket.end)
        first = len(self.fields)
        if value.text == "]":
            text = "[]" if colon else ""
            self.fields.append(
                Field(name, token.start, Kind.EMPTY_LIST, text, bracket.start, value.end)
            )
            self.may_separate = True
            return value.end
        while True:
            if value.text in ("{", "<"):
                if len(self.blocks) >= MAX_DEPTH:
                    self._report_depth(value)
                    return self._drop(value, "unexpected-token")
                depth = len(self.blocks)
                at = self._listed_message(name, token, value)
                if len(self.blocks) > depth:  # the text ends inside it
                    return at
            else:
                field, at = self._scalar(name, token, value)
                self.fields.append(field)
            self.fields[-1].listed = 1 if len(self.fields) == first + 1 else 2
            if self.fields[-1].kind == Kind.BROKEN:
                return at
            following = next_token(self.text, at)
            if following.text == "]":
                self.may_separate = True
                return following.end
            if following.text != ",":
                return self._drop(following, "unexpected-token")
            value = next_token(self.text, following.end)

    def _listed_message(self, name: str, token: Token, bracket: Token) -> int:
        depth = len(self.blocks)
        at = self._open(name, token, bracket)
        while at >= 0 and len(self.blocks) > depth:
            at = self._statement(at)
        return at if at >= 0 else len(self.text)

    def _scalar(self, name: str, token: Token, value: Token) -> tuple[Field, int]:
        start, sign = value.start, ""
        if value.text == "-":
            sign, value = "-", next_token(self.text, value.end)
        kind = _SCALARS.get(value.kind)
        if kind is None or (sign and kind == Kind.STRING):
            return self._no_value(name, token, value, start)
        if value.flaw:
            return self._broken(name, token, value, start)
        following = self.text[value.end : value.end + 1]
        if kind != Kind.STRING and following and following not in _ENDS_WORD:
            return self._unquoted(name, token, start, value)
        if kind == Kind.STRING:
            value = self._adjacent_strings(value)
        return Field(name, token.start, kind, sign + value.text, start, value.end), value.end

    def _adjacent_strings(self, value: Token) -> Token:
        self._check_escapes(value)
        at = value.end
        while True:
            following = next_token(self.text, at)
            if following.kind != "string" or following.flaw:
                return Token("string", self.text[value.start : at], value.start)
            self._check_escapes(following)
            at = following.end

    def _continue_string(self, token: Token) -> bool:
        """A literal after a plain ``name: "text"`` belongs to it: adjacent literals are one."""
        if token.flaw or not self.fields or self.fields[-1].kind != Kind.STRING:
            return False
        self._check_escapes(token)
        field = self.fields[-1]
        field.end = token.end
        field.text = self.text[field.start : field.end]
        self.may_separate = True
        return True

    def _check_escapes(self, literal: Token) -> None:
        at = bad_escape(literal.text)
        if at >= 0:
            start = literal.start + at
            escape = self.text[start : start + 2]
            self._report("bad-escape", Span(start, start + len(escape)), escape=escape)

    # Errors

    def _no_value(self, name: str, token: Token, value: Token, start: int) -> tuple[Field, int]:
        """Nothing that could be a value: report it, and leave the token to what follows."""
        if value.flaw or (value.kind == "symbol" and value.text not in "{}<>[]:,;"):
            return self._unquoted(name, token, start, value)
        span = Span(value.start, max(value.end, min(value.start + 1, len(self.text))))
        self._report("missing-value", span, name=name, found=value.text or "the end of the file")
        return Field(name, token.start, Kind.BROKEN, "", start, start), start

    def _broken(self, name: str, token: Token, value: Token, start: int) -> tuple[Field, int]:
        kind = {"unterminated": "unterminated-string"}.get(value.flaw, "bad-number")
        if kind == "bad-number":
            return self._unquoted(name, token, start, value, "bad-number")
        end = value.end
        self._report(kind, Span(start, end), name=name, text=value.text)
        return Field(name, token.start, Kind.BROKEN, self.text[start:end], start, end), end

    def _unquoted(
        self, name: str, token: Token, start: int, value: Token, kind: str = "unquoted-text"
    ) -> tuple[Field, int]:
        """A word with something glued to it (``data/train.txt``, ``${BATCH}``, ``3x``)."""
        word = _WORD.match(self.text, start)
        end = max(word.end() if word else start, value.end)
        text = self.text[start:end]
        self._report(kind, Span(start, end), name=name, text=text)
        return Field(name, token.start, Kind.BROKEN, text, start, end), end

    def _drop(self, token: Token, kind: str, found: Token | None = None) -> int:
        """Skip to the end of the line; of several bad lines in a row only the first is told."""
        found = found or token
        stop = _REST_OF_LINE.match(self.text, token.start)
        assert stop is not None  # it matches the empty text as well
        end = max(stop.end(), token.end)
        between = self.text[max(self.skipped_to, 0) : token.start]
        if self.skipped_to < 0 or between.strip(" \t\r\n\v\f"):
            flawed = "bad-character" if found.flaw == "character" else kind
            shown = found.text or "the end of the file"
            span = Span(found.start, max(found.end, min(found.start + 1, len(self.text))))
            after = "" if found is token else token.text
            self._report(flawed, span, found=shown, after=after)
        self.skipped_to = end
        return end

    def _report(self, kind: str, span: Span, *also: tuple[Span, str], **values: object) -> None:
        self.problems.append(Problem(kind, span, values, also))


_SCALARS = {
    "string": Kind.STRING,
    "integer": Kind.INTEGER,
    "float": Kind.FLOAT,
    "identifier": Kind.IDENTIFIER,
}
_ENDS_WORD = " \t\r\n\v\f#,;]}>"
_WORD = re.compile(r"[^\s#,;\]}>\"']*+")
# A closing brace is not dropped with the rest of a line: it is likely to be meant.
_REST_OF_LINE = re.compile(r"(?:\"[^\"\n]*+\"|'[^'\n]*+'|[^\n}{\"']|[\"'])*+")
