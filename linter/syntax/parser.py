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
MAX_DEPTH = 50

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
          | ([{{])(?![{{%]|[ \t]*+[\w.]++[ \t]*+\}})
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
        self.unmatched_to = -1  # where the last unmatched bracket ended
        self.told: set[str] = set()  # odd characters, and the depth, are told of once

    def parse(self) -> Tree:
        top = self.fields
        at = self._skip_byte_order_mark()
        while at >= 0:
            at = self._statement(self._plain_statements(at))
        blocks = [block for _, block in self.blocks]
        for block in recovery.unclosed(self.text, blocks):
            self._report("unclosed-block", Span(block.start, block.start + 1), name=block.name)
        for block in blocks:
            block.end = len(self.text)
        return Tree(self.source, top, sorted(self.problems, key=lambda problem: problem.span))

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
        if at > start:
            self.may_separate = text[at - 1] != "{"
        return at

    def _skip_byte_order_mark(self) -> int:
        if not self.text.startswith("\ufeff"):
            return 0
        self._report("byte-order-mark", Span(0, 1))
        return 1

    def _next(self, at: int) -> Token:
        """The next token; odd blanks and other invisible characters are told of and passed over."""
        token = next_token(self.text, at)
        while token.flaw == "character" and recovery.is_invisible(token.text):
            if token.text not in self.told:
                self.told.add(token.text)
                self._report_character(token.start)
            token = next_token(self.text, token.end)
        return token

    # One statement, token by token. Every method returns the offset to go on from.

    def _statement(self, at: int) -> int:
        token = self._next(at)
        may_separate, self.may_separate = self.may_separate, False
        if token.kind == "end":
            return -1
        if token.kind == "identifier":
            return self._after_name(token.text, token)
        if token.text == "[":
            return self._bracketed_name(token)
        if token.text in ("}", ">") or self._closes_odd_bracket(token):
            return self._close(token)
        if may_separate and token.text in (",", ";"):
            return self._separator(token)
        if may_separate and token.kind == "string" and self._continue_string(token):
            return token.end
        return self._foreign(token)

    def _separator(self, token: Token) -> int:
        end = recovery.comma_number_end(self.text, token.start) if token.text == "," else -1
        if end < 0 or not self.fields or self.fields[-1].end != token.start:
            return token.end
        field = self.fields[-1]
        field.kind, field.end = Kind.BROKEN, end
        field.text = self.text[field.start : end]
        self._report("bad-number", Span(field.start, end), name=field.name, text=field.text)
        return end

    def _foreign(self, token: Token) -> int:
        """What is no field in any way: another format's comment, a placeholder, or anything."""
        kind, end = recovery.foreign_end(self.text, token.start)
        if not kind:
            return self._drop(token)
        if kind != "conflict-part":
            text = recovery.shown(self.text[token.start : end])
            self._report(kind, Span(token.start, token.start + len(text)), text=text, name="")
        return end

    # Blocks

    def _close(self, token: Token) -> int:
        if not self.blocks:
            return self._unmatched(token)
        self.fields, block = self.blocks.pop()
        block.end = token.end
        expected = _CLOSING.get(self.text[block.start], "}")
        if expected in "}>" and expected != token.text:
            self._report(
                "wrong-bracket",
                Span(token.start, token.end),
                (Span(block.start, block.start + 1), "opened here"),
                bracket=token.text,
                expected=expected,
                name=block.name,
            )
        self.may_separate = True
        return token.end

    def _closes_odd_bracket(self, token: Token) -> bool:
        """Whether ``)`` or ``]`` closes a block that ``(`` or ``[`` opened by mistake."""
        if token.text not in (")", "]") or not self.blocks:
            return False
        return _CLOSING.get(self.text[self.blocks[-1][1].start]) == token.text

    def _unmatched(self, token: Token) -> int:
        """Of several in a row only the first is told."""
        if self.unmatched_to < 0 or self.text[self.unmatched_to : token.start].strip():
            at = recovery.surplus_bracket(self.text, self.fields, token.start)
            also = [(Span(token.start, token.end), "no block is left for this one")]
            self._report(
                "unmatched-bracket",
                Span(at, at + 1),
                *also[: at != token.start],
                bracket=self.text[at],
            )
        self.unmatched_to = token.end
        return token.end

    def _open(self, name: str, token: Token, bracket: Token) -> int:
        children: list[Field] = []
        block = Field(name, token.start, Kind.MESSAGE, "", bracket.start, bracket.end, children)
        if len(self.blocks) >= MAX_DEPTH:
            self._report_depth(bracket)
            block.children = []  # what stands in it is read, and not kept
        self.fields.append(block)
        self.blocks.append((self.fields, block))
        self.fields = children
        return bracket.end

    def _report_depth(self, bracket: Token) -> None:
        if "depth" not in self.told:
            self._report("nested-too-deep", Span(bracket.start, bracket.end), limit=MAX_DEPTH)
        self.told.add("depth")

    # Fields

    def _bracketed_name(self, bracket: Token) -> int:
        """``[a.b.c]`` or ``[host/a.b.c]``: an extension or Any name, which Caffe's schema lacks."""
        token = self._next(bracket.end)
        while token.kind in ("identifier", "integer") or token.text in (".", "/", "-"):
            token = self._next(token.end)
        if token.text != "]":
            return self._drop(bracket)
        name = self.text[bracket.start : token.end]
        return self._after_name(name, Token("identifier", name, bracket.start))

    def _after_name(self, name: str, token: Token) -> int:
        following = self._next(token.end)
        colon = following.text == ":"
        if colon:
            following = self._after_colon(following)
        if colon and recovery.placeholder_end(self.text, following.start, value=True) >= 0:
            field, at = self._unquoted(name, token, following.start, following)
        elif following.text in ("{", "<"):
            return self._open(name, token, following)
        elif following.text == "[" and (colon or self._lists_messages(following)):
            return self._list(name, token, following, colon)
        elif not colon:
            return self._missing_colon(token, following)
        else:
            field, at = self._scalar(name, token, following)
        self.fields.append(field)
        self.may_separate = field.kind != Kind.BROKEN
        return at

    def _after_colon(self, colon: Token) -> Token:
        following = self._next(colon.end)
        if following.text != ":":
            return following
        self._report_unexpected(following, "where a value should stand")
        return self._next(following.end)

    def _missing_colon(self, name: Token, following: Token) -> int:
        """``name value`` or ``name = value`` is read as if the colon stood there; prose is not."""
        equals = following.text == "="
        value = self._next(following.end) if equals else following
        on_line = "\n" not in self.text[name.end : value.start]
        if on_line and equals and value.text in ("{", "<"):
            self._report_colon(name, following, f"{name.text} {value.text}")
            return self._open(name.text, name, value)
        if on_line and value.text in ("(", "[") and self._is_field(self._next(value.end)):
            self._report_odd_bracket(name, value)
            return self._open(name.text, name, value)
        if on_line and (self._is_value(value) or (equals and value.kind in _SCALARS)):
            written = recovery.shown(self.text[value.start : value.end])
            self._report_colon(name, following, f"{name.text}: {written}")
            field, at = self._scalar(name.text, name, value)
            self.fields.append(field)
            return at
        at = self._continue_words(name)
        if at < 0 and self._is_field(following) and self._opens_unseen(name, following):
            self._report("missing-bracket", Span(name.start, name.end), name=name.text)
            at = self._open(name.text, name, Token("symbol", "", name.end))
        if at < 0 and (following.text in ("}", "") or not (on_line or equals)):
            at = self._lone_name(name, following)
        return at if at >= 0 else self._drop(name, following)

    def _is_value(self, value: Token) -> bool:
        """Whether a token is a value for sure, with no colon before it that would say so."""
        if value.flaw or self.text[value.end : value.end + 1] not in _ENDS_WORD:
            return False
        if value.kind != "identifier":
            return value.kind in _SCALARS
        following = self._next(value.end)
        ends = following.text == "}" or "\n" in self.text[value.end : following.start]
        return bool(self.blocks) and ends and not self._is_field(value)

    def _is_field(self, token: Token) -> bool:
        """Whether a token is the name of a field, by what follows it."""
        return token.kind == "identifier" and self._next(token.end).text in (":", "{", "<")

    def _opens_unseen(self, name: Token, following: Token) -> bool:
        """Whether a block starts between two names, though no bracket opens it."""
        return recovery.opens_below(self.text, name.start, following.start) or (
            "\n" not in self.text[name.end : following.start]
            and recovery.closes_on_line(self.text, following.start)
        )

    def _lone_name(self, name: Token, following: Token) -> int:
        """A name with nothing behind it, which is none in a text that breaks off or in prose."""
        if following.kind == "end" and self.blocks:
            return name.end  # an unclosed block tells enough
        if not self.blocks or not (following.text == "}" or self._is_field(following)):
            return self._drop(name, following)
        self._report("missing-value", Span(name.start, name.end), name=name.text)
        self.fields.append(Field(name.text, name.start, Kind.BROKEN, "", name.end, name.end))
        return name.end

    def _continue_words(self, word: Token) -> int:
        """``source: my file.txt``: words after a bare one belong to it; -1 if there is none."""
        field = self.fields[-1] if self.fields else None
        if field is None or field.kind not in (Kind.IDENTIFIER, Kind.BROKEN) or not field.text:
            return -1
        if self.text[field.end : word.start].strip(" \t") or field.end == word.start:
            return -1
        end = max(word.end, recovery.text_end(self.text, field.start))
        if field.kind == Kind.BROKEN and self.problems[-1].span.start == field.start:
            self.problems.pop()
        field.kind, field.end, field.text = Kind.BROKEN, end, self.text[field.start : end]
        text = recovery.shown(field.text)
        self._report("unquoted-text", Span(field.start, end), name=field.name, text=text)
        return end

    # Values

    def _lists_messages(self, bracket: Token) -> bool:
        return self._next(bracket.end).text in ("{", "<", "]")

    def _list(self, name: str, token: Token, bracket: Token, colon: bool) -> int:
        """``[a, b]``; a list of messages is parsed here whole, so that commas stay its own."""
        value = self._next(bracket.end)
        listed = 1
        if value.text == "]":
            text = "[]" if colon else ""
            self.fields.append(
                Field(name, token.start, Kind.EMPTY_LIST, text, bracket.start, value.end)
            )
            self.may_separate = True
            return value.end
        while True:
            if value.text in ("{", "<"):
                depth = len(self.blocks)
                if depth >= MAX_DEPTH:
                    self._report_depth(value)
                    return self._drop(value)
                at = self._listed_message(name, token, value, listed)
                if len(self.blocks) > depth:
                    return at  # the text has ended
            else:
                field, at = self._scalar(name, token, value)
                field.listed = listed
                self.fields.append(field)
            listed = 2
            if self.fields[-1].kind == Kind.BROKEN:
                return recovery.list_end(self.text, at)
            following = self._next(at)
            if following.text == "]":
                self.may_separate = True
                return following.end
            if following.text != ",":
                return self._drop(following)
            value = self._next(following.end)

    def _listed_message(self, name: str, token: Token, bracket: Token, listed: int) -> int:
        depth = len(self.blocks)
        at = self._open(name, token, bracket)
        self.blocks[-1][1].listed = listed
        while at >= 0 and len(self.blocks) > depth:
            at = self._statement(at)
        return at if at >= 0 else len(self.text)

    def _scalar(self, name: str, token: Token, value: Token) -> tuple[Field, int]:
        start, sign = value.start, ""
        if value.text == "-":
            sign, value = "-", self._next(value.end)
        kind = _SCALARS.get(value.kind)
        if kind is None or (sign and kind == Kind.STRING) or self._is_field(value):
            return self._no_value(name, token, value, start)
        if kind == Kind.STRING:
            return self._string(name, token, value)
        if value.flaw:
            return self._unquoted(name, token, start, value)
        if self.text[value.end : value.end + 1] not in _ENDS_WORD:
            return self._unquoted(name, token, start, value)
        return Field(name, token.start, kind, sign + value.text, start, value.end), value.end

    def _string(self, name: str, token: Token, value: Token) -> tuple[Field, int]:
        start, end = value.start, value.end
        if (doubled := recovery.doubled_quote_end(self.text, start)) >= 0:
            text = self.text[start:doubled]
            self._report("unquoted-text", Span(start, doubled), name=name, text=text)
            return Field(name, token.start, Kind.BROKEN, text, start, doubled), doubled
        if value.flaw or recovery.swallows_field(self.text, start, end):
            end = recovery.text_end(self.text, start)
            quote, body = self.text[start], self.text[start + 1 : end].rstrip("\"'")
            # What was meant is plain, so that nothing else need be said of the field.
            literal = quote + body + quote
            instead = recovery.shown(literal)
            self._report("unterminated-string", Span(start, end), name=name, instead=instead)
            return Field(name, token.start, Kind.STRING, literal, start, end), end
        text = self._adjacent_strings(value)
        return Field(name, token.start, Kind.STRING, text, start, start + len(text)), start + len(
            text
        )

    def _adjacent_strings(self, value: Token) -> str:
        self._check_escapes(value)
        at = value.end
        while True:
            following = self._next(at)
            if following.kind != "string" or following.flaw:
                return self.text[value.start : at]
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
        if value.kind != "end" or not self.blocks:
            self._report("missing-value", Span(token.start, token.end), name=name)
        at = value.start
        return Field(name, token.start, Kind.BROKEN, "", at, at), at

    def _unquoted(self, name: str, token: Token, start: int, value: Token) -> tuple[Field, int]:
        """A word with something glued to it (``data/train.txt``, ``${BATCH}``, ``3x``)."""
        placeholder = recovery.placeholder_end(self.text, start, value=True)
        end = max(recovery.word_end(self.text, start), value.end, placeholder)
        text = self.text[start:end]
        kind = "bad-number" if _NUMBER_START.match(text) else "unquoted-text"
        if placeholder >= 0:
            kind = "unfilled-placeholder"
        if value.flaw == "character":
            self._report_character(start)
        else:
            self._report(kind, Span(start, end), name=name, text=recovery.shown(text))
        return Field(name, token.start, Kind.BROKEN, text, start, end), end

    def _drop(self, token: Token, found: Token | None = None) -> int:
        """Skip to the end of the line; of several bad lines in a row only the first is told."""
        found = found or token
        stop = _REST_OF_LINE.match(self.text, token.start)
        assert stop is not None  # it matches the empty text as well
        end = max(stop.end(), token.end)
        between = self.text[max(self.skipped_to, 0) : token.start]
        if self.skipped_to < 0 or between.strip(" \t\r\n\v\f"):
            if found.flaw == "character":
                self._report_character(found.start)
            else:
                name = "where a field name should stand"
                self._report_unexpected(
                    found, name if found is token else f'after "{recovery.shown(token.text)}"'
                )
        self.skipped_to = end
        return end

    def _report_unexpected(self, found: Token, where: str) -> None:
        # Strings bring their own quotes.
        text = recovery.shown(found.text) if found.kind == "string" else f'"{found.text}"'
        end = max(found.end, min(found.start + 1, len(self.text)))
        what = text if found.text else "the end of the file"
        self._report("unexpected-token", Span(found.start, end), found=what, where=where)

    def _report_character(self, at: int) -> None:
        what = recovery.describe(self.text[at])
        self._report(
            "bad-character", Span(at, at + 1), code=what.code, name=what.name, instead=what.instead
        )

    def _report_colon(self, name: Token, at: Token, instead: str) -> None:
        self._report("missing-colon", Span(at.start, at.end), name=name.text, instead=instead)

    def _report_odd_bracket(self, name: Token, bracket: Token) -> None:
        span = Span(bracket.start, bracket.end)
        values = {"bracket": bracket.text, "expected": "{", "name": name.text}
        self._report("wrong-bracket", span, **values)

    def _report(self, kind: str, span: Span, *also: tuple[Span, str], **values: object) -> None:
        self.problems.append(Problem(kind, span, values, also))


_NUMBER_START = re.compile(r"[-+]?\.?[0-9]")
_SCALARS = {
    "string": Kind.STRING,
    "integer": Kind.INTEGER,
    "float": Kind.FLOAT,
    "identifier": Kind.IDENTIFIER,
}
# A block that a lone name opened starts with some other character, and wants a brace.
_CLOSING = {"{": "}", "<": ">", "(": ")", "[": "]"}
# A closing brace is not dropped with the rest of a line: it is likely to be meant.
_REST_OF_LINE = re.compile(r"(?:\"[^\"\n]*+\"|'[^'\n]*+'|[^\n}{\"'#]|[\"']|\#[^\n]*+)*+")
