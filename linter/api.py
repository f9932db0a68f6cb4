"""The library: caffelint's parser and its model of a net, as Python users call them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from .core.collector import paused_collector
from .core.diagnostic import Diagnostic
from .core.problem import Problem
from .core.source import Source
from .dialects import read_as
from .model.build import Shapes, set_up
from .model.checks import check_net
from .model.net import Net
from .model.phase import State, include_and_exclude
from .model.shapes.setup import Shape
from .model.splits import split_name, wired
from .resources import load_fork, load_schema
from .schema.bind import bind
from .schema.descriptor import MessageType, Schema
from .schema.kind import detect
from .schema.message import Message
from .schema.upgrade import upgrade_net, upgrade_solver
from .syntax.parser import parse as parse_tree
from .syntax.tree import Tree
from .told import AUTO, named

if TYPE_CHECKING:
    from google.protobuf.message import Message as ProtobufMessage

    from .moments.report import NetSignal

FileKind = Literal["net", "solver"]


class ParseError(Struct, frozen=True):
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
        return "net" if self.type is self.type.schema.net else "solver"

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


def parse(text: str | bytes, kind: FileKind | None = None, *, dialect: str | None = None) -> Parsed:
    """Parse a net or solver; ``kind`` None finds out which it is. Never raises on any text.

    ``dialect`` is the Caffe whose ``caffe.proto`` counts: BVLC's if nothing is said, ``"ssd"`` or
    another fork, or ``"auto"``.

    Raises:
        ValueError: for a dialect that is not known.
    """
    source = Source("", text) if isinstance(text, str) else Source.from_bytes("", text)
    tree = parse_tree(source)
    schema = _schema(tree, dialect)
    if kind is None:
        return Parsed(tree, detect(tree, schema))
    return Parsed(tree, schema.net if kind == "net" else schema.solver)


def _schema(tree: Tree, dialect: str | None) -> Schema:
    if dialect is None:
        return load_schema()
    return read_as(tree).schema if dialect == AUTO else load_fork(named(dialect))


class Refusal(Struct, frozen=True):
    """One reason why Caffe would not build a net: what kind, where, and in words."""

    kind: str
    message: str
    layer: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.line}:{self.column}: {self.message}"


class LayerReport(Struct, frozen=True):
    """A layer as Caffe builds it; ``params`` are the shapes of its learned blobs."""

    name: str
    type: str
    bottoms: tuple[str, ...]
    tops: tuple[str, ...]
    params: tuple[Shape, ...]


class Inspection(Struct, frozen=True):
    """What Caffe makes of a net file in one state.

    ``layers`` include the Split layers that Caffe inserts; ``blobs`` has every blob's shape, with
    None for what only the data decides.
    """

    verdict: Literal["accept", "reject"]
    problems: list[Refusal]
    layers: list[LayerReport]
    blobs: dict[str, Shape]


def inspect(
    path: str | PathLike[str],
    *,
    phase: Literal["TRAIN", "TEST"] = "TRAIN",
    level: int = 0,
    stages: Iterable[str] = (),
    shapes: Mapping[str, Shape] | None = None,
    dialect: str | None = None,
) -> Inspection:
    """Build a net file as Caffe's start-up would.

    ``shapes`` gives the shapes of tops that only the data decides, by blob name. ``dialect`` is the
    Caffe that builds it: BVLC's if nothing is said, ``"ssd"`` or another fork, or ``"auto"``.

    Raises:
        OSError: if the file cannot be read.
        ValueError: for a dialect that is not known.
    """
    source = Source.from_bytes(str(path), Path(path).read_bytes())
    with paused_collector():
        return _inspect(source, phase, level, stages, shapes, dialect)


def _inspect(
    source: Source,
    phase: str,
    level: int,
    stages: Iterable[str],
    shapes: Mapping[str, Shape] | None,
    dialect: str | None,
) -> Inspection:
    tree = parse_tree(source)
    message, schema_problems = bind(tree, _schema(tree, dialect).net)
    upgraded, upgrade_problems = upgrade_net(message)
    own = upgraded.sub("state")
    state = State(phase, level or own.get("level"), frozenset((*own.get("stage"), *stages)))
    net = Net(upgraded, state)
    known, shape_problems = set_up(net, shapes)
    found = [
        *(*tree.problems, *schema_problems, *upgrade_problems),
        *(*include_and_exclude(upgraded.get("layer")), *net.problems),
        *(*check_net(net), *shape_problems),
    ]
    return Inspection(
        "reject" if any(problem.rejects for problem in found) else "accept",
        refusals(source, found),
        _layer_reports(net, known),
        {blob.name: shape for blob, shape in known.blobs.items()} | _split_blobs(net, known),
    )


def _layer_reports(net: Net, shapes: Shapes) -> list[LayerReport]:
    """The net's layers and its Split layers, in Caffe's order."""
    return [
        LayerReport(
            *(one.name, one.type, one.bottoms, one.tops),
            () if one.split is not None else tuple(shapes.params[one.layer]),
        )
        for one in wired(net)
    ]


def _split_blobs(net: Net, shapes: Shapes) -> dict[str, Shape]:
    return {
        f"{split_name(blob)}_{number}": shapes.blobs[blob]
        for layer in net.layers
        for blob in layer.tops
        if net.uses(blob) > 1
        for number in range(net.uses(blob))
    }


def signal(
    path: str | PathLike[str],
    *,
    phase: Literal["TRAIN", "TEST"] = "TRAIN",
    inputs: Mapping[str, tuple[float, float]] | None = None,
    shapes: Mapping[str, Shape] | None = None,
) -> NetSignal:
    """How large the signals of a net are at iteration 0, and what loss to expect first.

    ``inputs`` gives mean and standard deviation of input blobs, by name; otherwise images are taken
    to be photographs. ``shapes`` gives the shapes of tops that only the data decides. Of a solver
    its training net is looked at, and ``updates`` tells of its first update.

    Raises:
        OSError: if the file cannot be read.
        ValueError: if it is a solver whose net is not found, or no net, or a net that Caffe would
            refuse.
    """
    from .moments.assume import with_usual_sizes
    from .moments.forward import forward
    from .moments.report import net_signal
    from .moments.updates import first_step

    with paused_collector():
        message, state, solver = _trained(Path(path), phase)
        net = Net(message, state)
        known, problems = set_up(net, shapes)
        if any(problem.rejects for problem in (*net.problems, *problems)):
            raise ValueError(f"{path}: Caffe would refuse this net; caffelint check says why")
        known = with_usual_sizes(net, known) or known
        forth = forward(net, known, inputs)
        return net_signal(net, forth, None if solver is None else first_step(forth, solver))


def _trained(path: Path, phase: str) -> tuple[Message, State, Message | None]:
    """The net of a file in a phase; of a solver its training net, and the solver."""
    from .model.files import resolve
    from .model.phase import effective_state
    from .model.solver import net_uses

    tree = _read_tree(path)
    schema = load_schema()
    if detect(tree, schema) is not schema.solver:
        net, _ = upgrade_net(bind(tree, schema.net)[0])
        return net, effective_state(phase, net.values.get("state"), None), None
    solver, _ = upgrade_solver(bind(tree, schema.solver)[0])
    use = next((use for use in net_uses(solver) if use.phase == "TRAIN"), None)
    if use is None:
        raise ValueError(f"{path}: the solver names no training net")
    if use.inline is not None:
        net = use.inline
    else:
        found = resolve(use.path, path, None)[0]
        if found is None:
            raise ValueError(f"{path}: its net {use.path} was not found")
        net, _ = upgrade_net(bind(_read_tree(found), schema.net)[0])
    return net, effective_state(use.phase, net.values.get("state"), use.state), solver


def _read_tree(path: Path) -> Tree:
    return parse_tree(Source.from_bytes(str(path), path.read_bytes()))


def refusals(source: Source, problems: Sequence[Problem]) -> list[Refusal]:
    """The problems of a source in the words of the rules, in the order given."""
    from .engine.run import Run
    from .resources import load_rules

    run = Run(load_rules()) if problems else None
    result = []
    for problem in problems:
        line, column = source.locate(problem.span.start)
        words = next(iter(run.on_problems(source, [problem])), None) if run else None
        message = words.message if words else problem.kind
        result.append(Refusal(problem.kind, message, problem.layer, line, column))
    return result
