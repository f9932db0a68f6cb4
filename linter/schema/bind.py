"""A tree against a message type: typed values, and every field that does not fit.

Accepts what protobuf's C++ TextFormat parser accepts. Each field that does not fit is reported
once. Where it is plain what was meant (quotes, the case of a name, a letter) the field is bound as
such, so that one mistake gives no second finding further on; else it is left out. The rest of the
file is bound all the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from ..core.alike import all_alike, closest
from ..core.problem import Problem
from ..core.source import Span
from ..syntax import recovery
from ..syntax.tree import Field, Kind, Tree
from . import scalar
from .descriptor import EnumType, FieldType, MessageType
from .dialects import Dialects
from .message import Message
from .values import EXPECTED, RANGES, READERS, read_int32

MOST_PROBLEMS = 100_000
"""Nothing is said of more fields that do not fit, nor are names looked for that they may mean."""


def bind(tree: Tree, root: MessageType) -> tuple[Message, list[Problem]]:
    """Bind a whole file; problems are in the order of the text."""
    return _bound(_Binder(tree, root), tree)


def bind_until(
    tree: Tree, root: MessageType, kinds: frozenset[str]
) -> tuple[Message, list[Problem]] | None:
    """The same, given up at the first problem of some kinds, before its words are looked for."""
    try:
        return _bound(_Binder(tree, root, kinds), tree)
    except _GivenUpError:
        return None


def _bound(binder: _Binder, tree: Tree) -> tuple[Message, list[Problem]]:
    message = Message(binder.root)
    binder.fields((message,), tree.fields)
    binder.required(message, tree.fields)
    return message, sorted(binder.problems, key=lambda problem: problem.span)


class _GivenUpError(Exception):
    """A problem that is not wanted."""


class _Binder:
    def __init__(
        self, tree: Tree, root: MessageType, unwanted: frozenset[str] = frozenset()
    ) -> None:
        self.unwanted = unwanted
        self.problems: list[Problem] = []
        self.root = root
        self.schema = root.schema
        # After a forgotten closing brace all that follows is nested one level too deep, after one
        # too many it is not deep enough. The parser has told of the brace, so what is misplaced
        # goes where it belongs, in silence.
        kinds = {problem.kind for problem in tree.problems}
        self.too_deep = "unclosed-block" in kinds
        self.too_shallow = "unmatched-bracket" in kinds
        # In a template, texts in quotes have placeholders as well; elsewhere a $ is just a letter.
        self.is_template = "unfilled-placeholder" in kinds
        self.loose = [
            problem.span.start
            for problem in tree.problems
            if problem.kind == "unfilled-placeholder" and not problem.values["name"]
        ]

    def fields(self, path: tuple[Message, ...], fields: list[Field]) -> None:
        """Bind ``fields`` into the last message of ``path``, which starts with the whole file."""
        message = path[-1]
        known = message.type.fields
        values, nodes = message.values, message.nodes
        for field in fields:
            name, kind = field.name, field.kind
            type_ = known.get(name)
            if type_ is None:
                for one in path[-2:]:
                    one.has_unknown = True
                if len(self.problems) < MOST_PROBLEMS:
                    self._unknown(path, field)
                continue
            if kind == Kind.BROKEN:
                self._mend(message, field, type_)
                continue
            if not type_.repeated and (name in values or field.listed):
                self._repetition(message, field)
                continue
            if type_.message is not None:
                self._block(path, field, type_)
                continue
            if kind >= Kind.MESSAGE:
                if kind == Kind.MESSAGE or not type_.repeated or not field.text:
                    self._wrong_type(field, type_)
                    _mark_unread(message, name)
                continue
            value = self._scalar(field, type_)
            if value is None or (self.is_template and recovery.has_placeholder(field.text)):
                _mark_unread(message, name)
            if value is None:
                continue
            if not type_.repeated:
                values[name] = value
                nodes[name] = field
            elif name in values:
                values[name].append(value)
                nodes[name].append(field)
            else:
                values[name] = [value]
                nodes[name] = [field]

    def required(self, message: Message, fields: list[Field]) -> None:
        """Report required fields that are not written; if one is, its faults have been told."""
        for name in message.type.required:
            if not message.has(name) and all(field.name != name for field in fields):
                span = message.node.span if message.node else Span(0, 0)
                block = message.node.name if message.node else message.type.name
                self._report("missing-required", span, field=name, block=block)

    def _block(self, path: tuple[Message, ...], field: Field, type_: FieldType) -> None:
        if field.children is None:
            if field.kind != Kind.EMPTY_LIST or not type_.repeated:
                self._wrong_type(field, type_)
                _mark_unread(path[-1], field.name)
            return
        assert type_.message is not None
        child = Message(type_.message, field)
        _put(path[-1], type_, child, field)
        self.fields((*path, child), field.children)
        if self.loose and any(field.name_start < start < field.end for start in self.loose):
            _mark_unread(child, "")
        if type_.message.required:
            self.required(child, field.children)

    def _scalar(self, field: Field, type_: FieldType) -> Any:
        if type_.enum is not None:
            return self._enum(field, type_, type_.enum)
        try:
            return READERS[type_.type](field)
        except ValueError as error:
            if error.args == ("range",):
                self._out_of_range(field, type_)
            else:
                self._wrong_type(field, type_)
        return _unquoted_text(field, type_)

    def _out_of_range(self, field: Field, type_: FieldType) -> None:
        low, high = RANGES.get(type_.type, (0, 1))
        value = recovery.shown(field.text)
        self._report(
            "out-of-range", field.span, field=field.name, value=value, least=low, most=high
        )

    def _mend(self, message: Message, field: Field, type_: FieldType) -> None:
        """A text without quotes, which the parser has told of, counts as the text."""
        text = _unquoted_text(field, type_)
        if text and (type_.repeated or not message.has(field.name)):
            _put(message, type_, text, field)
        if not text or recovery.has_placeholder(text):
            _mark_unread(message, field.name)

    def _enum(self, field: Field, type_: FieldType, enum: EnumType) -> str | None:
        if field.kind == Kind.IDENTIFIER and field.text in enum.numbers:
            return field.text
        if field.kind == Kind.INTEGER:
            try:
                number = read_int32(field)
            except ValueError:
                number = None
            if number in enum.names:
                return enum.names[number]
        elif field.kind != Kind.IDENTIFIER:
            self._wrong_type(field, type_)
            return _enum_match(field.text.strip("\"'"), enum, quoted=True)
        self._give_up_at("unknown-enum-value")
        forks = self._forks(lambda known: known.with_value(enum.path, field.text))
        suggestion = None if forks else _enum_match(field.text, enum)
        self._report(
            "unknown-enum-value",
            field.span,
            field=field.name,
            value=recovery.shown(field.text),
            known=_few(enum),
            suggestion=suggestion or "",
            caffe=self.schema.title,
            forks=forks,
        )
        return suggestion

    # What does not fit

    def _unknown(self, path: tuple[Message, ...], field: Field) -> None:
        message = path[-1]
        if field.name.startswith("["):
            self._report("extension", field.name_span, field=recovery.shown(field.name))
            return
        if self._is_misplaced(path, field):
            return
        self._give_up_at("unknown-field")
        forks = self._forks(lambda known: known.with_field(message.type.path, field.name))
        suggestion = "" if forks else _close_field(field.name, message.type)
        self._report(
            "unknown-field",
            field.name_span,
            field=recovery.shown(field.name),
            message=message.type.name,
            suggestion=suggestion,
            home=_home(path, field.name),
            caffe=self.schema.title,
            forks=forks,
        )
        if suggestion and _fits(message, suggestion, field) and not message.has(suggestion):
            self.fields(path, [_renamed(field, suggestion)])

    def _is_misplaced(self, path: tuple[Message, ...], field: Field) -> bool:
        """Bind a field that a bracket before it has put into the wrong message; false if the
        brackets are right or no other message nearby has such a field.
        """
        last = _last_block(path[-1]) if self.too_shallow else None
        if last is not None and self._rebind((*path, last), field):
            return True
        if len(path) == 1:
            return False
        if self.too_deep:
            return any(self._rebind(path[:end], field) for end in range(len(path) - 1, 0, -1))
        root_field = self.root.fields.get(field.name)
        if root_field is None or root_field.message is None or field.children is None:
            return False
        self._report(
            "misplaced-block", field.name_span, field=field.name, message=path[-1].type.name
        )
        self.too_deep = True
        return self._rebind(path[:1], field)

    def _rebind(self, path: tuple[Message, ...], field: Field) -> bool:
        if not _fits(path[-1], field.name, field):
            return False
        if path[-1].type.fields[field.name].repeated or not path[-1].has(field.name):
            self.fields(path, [field])
        return True

    def _repetition(self, message: Message, field: Field) -> None:
        first = message.field(field.name)
        if field.listed:
            if field.listed == 1:
                self._report("list-of-single", field.span, field=field.name)
            if first is None:
                _mark_unread(message, field.name)
            return
        assert first is not None
        if self.loose:  # the branches of a template's {% if … %} each have the field
            _mark_unread(message, field.name)
            return
        self._report(
            "field-given-twice",
            field.name_span,
            (first.name_span, "first given here"),
            field=field.name,
        )

    def _wrong_type(self, field: Field, type_: FieldType) -> None:
        found = {Kind.MESSAGE: "a block", Kind.EMPTY_LIST: "an empty list"}.get(Kind(field.kind))
        text = found or recovery.shown(field.text)
        if field.kind == Kind.IDENTIFIER and type_.type == scalar.STRING:
            self._report("unquoted-text", field.span, name=field.name, text=text)
        elif field.kind == Kind.STRING and type_.enum is not None:
            bare = field.text.strip("\"'")
            suggestion = _enum_match(bare, type_.enum, quoted=True) or ""
            values = {"field": field.name, "value": text, "known": _few(type_.enum)}
            self._report("quoted-name", field.span, **values, suggestion=suggestion)
        else:
            self._report(
                "wrong-type",
                field.span,
                field=field.name,
                found=text,
                expected=_expected(type_),
                instead=_instead(field, type_),
            )

    def _forks(self, who: Callable[[Dialects], Iterable[str]]) -> str:
        """The dialects that know what this schema does not, in words."""
        if self.schema.known is None:
            return ""
        dialects = self.schema.known()
        return dialects.in_words(who(dialects))

    def _give_up_at(self, kind: str) -> None:
        if kind in self.unwanted:
            raise _GivenUpError

    def _report(self, kind: str, span: Span, *also: tuple[Span, str], **values: object) -> None:
        self._give_up_at(kind)
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(Problem(kind, span, values, also))


def _mark_unread(message: Message, name: str) -> None:
    message.unread |= {name}


def _put(message: Message, type_: FieldType, value: Any, field: Field) -> None:
    if type_.repeated:
        message.add(type_.name, value, field)
    else:
        message.set(type_.name, value, field)


def _fits(message: Message, name: str, field: Field) -> bool:
    """Whether a message has a field of this name that is a block if ``field`` is one."""
    type_ = message.type.fields.get(name)
    return type_ is not None and (type_.message is not None) == (field.children is not None)


def _renamed(field: Field, name: str) -> Field:
    return Field(
        name, field.name_start, field.kind, field.text, field.start, field.end, field.children
    )


def _last_block(message: Message) -> Message | None:
    """The block in a message that was written last."""
    last = (value[-1] if isinstance(value, list) else value for value in message.values.values())
    blocks = [value for value in last if isinstance(value, Message)]
    return max(blocks, key=lambda block: block.node.start if block.node else 0, default=None)


def _unquoted_text(field: Field, type_: FieldType) -> str | None:
    """The text that a string field lacks the quotes for."""
    if type_.type != scalar.STRING or field.kind not in (
        Kind.IDENTIFIER,
        Kind.BROKEN,
    ):
        return None
    return field.text.strip("\"'\u2018\u2019\u201c\u201d\u201e\u201f\xab\xbb")


# Words for messages

_FEW = 6


def _few(enum: EnumType) -> str:
    """The names of an enum, if there are few enough to read; else empty."""
    return ", ".join(enum.numbers) if len(enum.numbers) <= _FEW else ""


def _expected(type_: FieldType) -> str:
    if type_.enum is not None:
        return f"one of {_few(type_.enum)}" if _few(type_.enum) else "a name without quotes"
    return EXPECTED.get(type_.type, "a whole number")


def _instead(field: Field, type_: FieldType) -> str:
    """The value in the form that the field takes; empty where there is none."""
    text = field.text
    if field.kind == Kind.STRING and type_.type not in _TEXTS:
        inner = text[1:-1].strip()
        return inner if _NUMBER.fullmatch(inner) or inner in ("true", "false") else ""
    if field.kind in (Kind.INTEGER, Kind.FLOAT) and type_.type in _TEXTS:
        return f'"{text}"'
    if field.kind == Kind.FLOAT and type_.enum is None and type_.type not in _TEXTS:
        value = float(text.rstrip("fF"))
        return str(int(value)) if value.is_integer() and abs(value) < _EXACT else ""
    if field.kind == Kind.IDENTIFIER and text.lower() in ("true", "false", "yes", "no"):
        return "true" if text.lower() in ("true", "yes") else "false"
    return ""


_TEXTS = (scalar.STRING, scalar.BYTES)
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_EXACT = 2**53
_ALIKE = 0.8
_MOST_LETTERS = 2


def _enum_match(word: str, enum: EnumType, *, quoted: bool = False) -> str | None:
    """The value that was meant. A quoted word may be a current type name for a V1 type, which is
    less like it (``"SoftmaxWithLoss"`` for SOFTMAX_LOSS).
    """
    lower = {name.lower(): name for name in reversed(enum.numbers)}
    match = closest(word.lower(), lower, _ALIKE)
    return lower[match] if match and (quoted or _is_slip(word.lower(), match)) else None


def _close_field(name: str, type_: MessageType) -> str:
    """The field that was meant, or an empty text. What many names end in makes none alike."""
    end = "_param" if name.endswith("_param") else ""
    word = name.lower().removesuffix(end)
    known = {field.lower().removesuffix(end): field for field in type_.fields}
    matches = all_alike(word, known, 3, _ALIKE)
    return next((known[match] for match in matches if _is_slip(word, match)), "")


def _is_slip(word: str, meant: str) -> bool:
    """Whether a word differs as by a slip of the pen. Forks name things after Caffe's, with a word
    or a digit more (``unpool``, ``roi_pooling_param``, ``convolution3d_param``).
    """
    digits = [c for c in word if c.isdigit()] == [c for c in meant if c.isdigit()]
    own = word[0] == meant[0] and not word.startswith(f"{meant}_")
    return digits and own and abs(len(word) - len(meant)) <= _MOST_LETTERS


def _home(path: tuple[Message, ...], name: str) -> str:
    """Where in the schema a field of this name belongs, seen from a message; may be empty."""
    message = path[-1]
    inside = [
        field.name
        for field in message.type.fields.values()
        if field.message is not None and name in field.message.fields
    ]
    present = [child for child in inside if message.has(child)]
    if len(present) == 1 or len(inside) == 1:
        return f"inside {(present or inside)[0]}"
    for outer in reversed(path[:-1]):
        if name in outer.type.fields:
            return f"outside, in {outer.node.name}" if outer.node else "outside of all blocks"
    return ""
