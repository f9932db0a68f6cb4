"""A tree against a message type: typed values, and every field that does not fit.

Accepts what protobuf's C++ TextFormat parser accepts. Each field that does not fit is reported
and left out; the rest of the file is bound all the same.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from ..core.problem import Problem
from ..core.source import Span
from ..syntax.tree import Field, Kind, Tree
from .descriptor import EnumType, FieldType, MessageType
from .message import Message
from .values import EXPECTED, READERS, read_int32


def bind(tree: Tree, root: MessageType) -> tuple[Message, list[Problem]]:
    """Bind a whole file; problems are in the order of the text."""
    binder = _Binder(tree, root)
    message = Message(root)
    binder.fields(message, tree.fields, (root,))
    return message, sorted(binder.problems, key=lambda problem: problem.span)


class _Binder:
    def __init__(self, tree: Tree, root: MessageType) -> None:
        self.problems: list[Problem] = []
        self.root = root
        self.root_message: Message | None = None
        # After a forgotten closing brace all that follows is nested one level too deep; the
        # parser has told of the brace, so what is misplaced goes where it belongs, in silence.
        self.unclosed = any(p.kind == "unclosed-block" for p in tree.problems)

    def fields(self, message: Message, fields: list[Field], types: tuple[MessageType, ...]) -> None:
        """Bind ``fields`` into ``message``; ``types`` are the enclosing types, outermost first."""
        if self.root_message is None:
            self.root_message = message
        known = message.type.fields
        values, nodes = message.values, message.nodes
        for field in fields:
            type_ = known.get(field.name)
            if type_ is None:
                self._unknown(message, field, types)
                continue
            if field.kind == Kind.BROKEN:
                continue
            if not type_.repeated and (field.name in values or field.listed):
                self._repetition(message, field)
                continue
            if type_.message is not None:
                self._block(message, field, type_, types)
                continue
            if field.kind >= Kind.MESSAGE:
                if field.kind == Kind.MESSAGE or not type_.repeated or not field.text:
                    self._wrong_type(field, type_)
                continue
            value = self._scalar(field, type_)
            if value is None:
                continue
            if type_.repeated:
                message.add(field.name, value, field)
            else:
                values[field.name] = value
                nodes[field.name] = field
        for name in message.type.required:
            if name not in values:
                span = message.node.span if message.node else Span(0, 0)
                self._report("missing-required", span, field=name, message=message.type.name)

    def _block(
        self, message: Message, field: Field, type_: FieldType, types: tuple[MessageType, ...]
    ) -> None:
        if field.children is None:
            if field.kind != Kind.EMPTY_LIST or not type_.repeated:
                self._wrong_type(field, type_)
            return
        assert type_.message is not None
        child = Message(type_.message, field)
        if type_.repeated:
            message.add(field.name, child, field)
        else:
            message.set(field.name, child, field)
        self.fields(child, field.children, (*types, type_.message))

    def _scalar(self, field: Field, type_: FieldType) -> Any:
        if type_.enum is not None:
            return self._enum(field, type_, type_.enum)
        try:
            return READERS[type_.type](field)
        except ValueError as error:
            if error.args == ("range",):
                self._report("out-of-range", field.span, field=field.name, value=field.text)
            else:
                self._wrong_type(field, type_)
        return None

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
            return None
        names = list(enum.numbers)
        self._report(
            "unknown-enum-value",
            field.span,
            field=field.name,
            value=field.text,
            known=", ".join(names),
            suggestion=_close_match(field.text, names),
        )
        return None

    # What does not fit

    def _unknown(self, message: Message, field: Field, types: tuple[MessageType, ...]) -> None:
        if field.name.startswith("["):
            self._report("extension", field.name_span, field=field.name)
            return
        root_field = self.root.fields.get(field.name)
        if len(types) > 1 and root_field and root_field.message and field.children is not None:
            if not self.unclosed:
                self._report("misplaced-block", field.name_span, field=field.name)
                self.unclosed = True
            assert self.root_message is not None
            self._block(self.root_message, field, root_field, (self.root,))
            return
        self._report(
            "unknown-field",
            field.name_span,
            field=field.name,
            message=message.type.name,
            suggestion=_close_match(field.name, list(message.type.fields)),
            home=_home(message, field.name, types),
        )

    def _repetition(self, message: Message, field: Field) -> None:
        first = message.field(field.name)
        if field.listed:
            if field.listed == 1:
                self._report("list-of-single", field.span, field=field.name)
            return
        assert first is not None
        self._report(
            "field-given-twice",
            field.name_span,
            (first.name_span, "first given here"),
            field=field.name,
        )

    def _wrong_type(self, field: Field, type_: FieldType) -> None:
        if type_.enum is not None:
            expected = "one of " + ", ".join(type_.enum.numbers) + ", without quotes"
        else:
            expected = EXPECTED.get(type_.type, "a whole number")
        found = {Kind.MESSAGE: "a block", Kind.EMPTY_LIST: "an empty list"}.get(
            Kind(field.kind), field.text
        )
        kind = "wrong-type"
        if field.kind == Kind.IDENTIFIER and type_.type == FieldDescriptor.TYPE_STRING:
            kind = "unquoted-text"
        self._report(
            kind, field.span, name=field.name, field=field.name, expected=expected,
            found=found, text=field.text,
        )  # fmt: skip

    def _report(self, kind: str, span: Span, *also: tuple[Span, str], **values: object) -> None:
        self.problems.append(Problem(kind, span, values, also))


def _close_match(word: str, known: list[str]) -> str:
    """The known name that was probably meant, or an empty text."""
    lower = {name.lower(): name for name in reversed(known)}
    matches = get_close_matches(word.lower(), lower, n=1, cutoff=0.7)
    return lower[matches[0]] if matches else ""


def _home(message: Message, name: str, types: tuple[MessageType, ...]) -> str:
    """Where in the schema a field of this name belongs, seen from ``message``; may be empty."""
    inside = [
        field.name
        for field in message.type.fields.values()
        if field.message is not None and name in field.message.fields
    ]
    present = [child for child in inside if message.has(child)]
    if len(present) == 1 or len(inside) == 1:
        return f"inside {(present or inside)[0]}"
    for outer in reversed(types[:-1]):
        if name in outer.fields:
            return f"in the enclosing {outer.name}"
    return ""
