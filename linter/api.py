"""The library: caffelint's parser as Python users call it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from google.protobuf.message import Message as ProtobufMessage

from .core.diagnostic import Diagnostic
from .core.problem import Problem
from .core.source import Source
from .resources import load_schema
from .schema.bind import bind
from .schema.descriptor import MessageType
from .schema.kind import detect
from .schema.message import Message
from .syntax.parser import parse as parse_tree
from .syntax.tree import Tree

FileKind = Literal["net", "solver"]


@dataclass(frozen=True, slots=True)
class ParseError:
    """One reason why Caffe's parser refuses a text: position from 1, and a message."""

    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.line}:{self.column}: {self.message}"


class Parsed:
    """A parsed text: its errors, its exact text again, and the protobuf message it stands for.

    ``kind`` is ``"net"``, ``"solver"``, or None where the fields fit neither.
    """

    def __init__(self, tree: Tree, type_: MessageType | None) -> None:
        self.tree = tree
        self.type = type_
        self.typed: Message | None = None
        self.problems: list[Problem] = list(tree.problems)
        if type_ is not None:
            self.typed, problems = bind(tree, type_)
            self.problems = sorted(self.problems + problems, key=lambda p: p.span)

    @property
    def kind(self) -> FileKind | None:
        """What the file is."""
        if self.type is None:
            return None
        return "net" if self.type is load_schema().net else "solver"

    @property
    def errors(self) -> list[ParseError]:
        """Every error of syntax or schema, in the order of the text."""
        result = []
        for one in self._diagnostics():
            line, column = self.tree.source.locate(one.place.span.start)
            result.append(ParseError(line, column, one.message))
        if self.type is None:
            result.append(ParseError(1, 1, "the fields are neither a net's nor a solver's"))
        return result

    def _diagnostics(self) -> Iterator[Diagnostic]:
        if not self.problems:
            return iter(())
        from .engine.run import Run
        from .resources import load_rules

        return Run(load_rules()).on_problems(self.tree.source, self.problems)

    def render(self) -> str:
        """The text that was parsed, put together from the tree."""
        return self.tree.render()

    def render_bytes(self) -> bytes:
        """The bytes that were parsed, put together from the tree."""
        return self.render().encode("utf-8", "surrogateescape")

    def message(self) -> ProtobufMessage:
        """The protobuf message; what did not fit the schema is left out.

        Raises:
            ValueError: if the text is neither a net nor a solver.
        """
        if self.typed is None:
            raise ValueError("neither a net nor a solver")
        return self.typed.to_protobuf()


def parse(text: str | bytes, kind: FileKind | None = None) -> Parsed:
    """Parse a net or solver; ``kind`` None finds out which it is. Never raises on any text."""
    source = Source("", text) if isinstance(text, str) else Source.from_bytes("", text)
    tree = parse_tree(source)
    schema = load_schema()
    if kind is None:
        return Parsed(tree, detect(tree, schema))
    return Parsed(tree, schema.net if kind == "net" else schema.solver)
