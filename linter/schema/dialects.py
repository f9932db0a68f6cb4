"""Forks of Caffe: what each adds to BVLC's ``caffe.proto``, and which of them know a name.

A dialect is a file of additions: messages that BVLC has hold only the fields that the fork adds,
messages that it lacks are whole. Laid over BVLC's file, with those of the dialects it builds on,
they make the fork's schema. A dialect only ever adds: that a fork is older than BVLC's master, and
lacks what came later, is not told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from msgspec import Struct

if TYPE_CHECKING:
    from google.protobuf.descriptor_pb2 import (
        DescriptorProto,
        EnumDescriptorProto,
        FieldDescriptorProto,
        FileDescriptorProto,
        FileDescriptorSet,
    )

BVLC = "bvlc"
PACKAGE = "caffe"

# What nets and solvers are made of, besides the parameters of layer types.
_CORE = frozenset((
    *("NetParameter", "SolverParameter", "LayerParameter", "V1LayerParameter", "V0LayerParameter"),
    *("ParamSpec", "NetState", "NetStateRule", "FillerParameter", "BlobShape", "BlobProto"),
    *("TransformationParameter", "LossParameter", "Datum"),
))  # fmt: skip

# Numbers of fields and enum values mean nothing in text. Where two forks give one number to two
# names, the later one gets another from here on.
_FREE_NUMBERS = 1 << 24


Sizes = tuple[int | None, ...]
"""Sizes of a blob; None for one that is not known, 0 for that of the first bottom on this axis."""


class Declared(Struct, frozen=True):
    """What the user tells of a layer type of their own.

    ``shapes`` are those of its tops: one for all or one for each, None for that of the first
    bottom; there are none where they are not known. ``learns`` is how many learned blobs it has.
    """

    shapes: tuple[Sizes | None, ...] = ()
    learns: int = 0
    in_place: bool = True


class LayerFacts(Struct, frozen=True):
    """A layer type as a schema's source tells of it; ``dialect`` is where it is told.

    ``bottoms`` and ``tops`` are texts like ``2``, ``1-3`` or ``1+``, empty where it is one of
    BVLC's types and takes what it takes there.
    """

    type: str
    dialect: str = ""
    param: str = ""
    bottoms: str = ""
    tops: str = ""
    loss: bool = False
    v1: tuple[str, ...] = ()
    declared: Declared | None = None


class Dialect(Struct, frozen=True):
    """A fork of Caffe: its additions, and the names of the dialects that it builds on.

    Of dialects that know all that a file needs, one of the lowest ``rank`` is the likeliest.
    ``old_form`` tells that it has layers of the old form only.
    """

    name: str
    title: str
    rank: int
    parents: tuple[str, ...]
    file: FileDescriptorProto
    layers: tuple[LayerFacts, ...]
    lr_policies: tuple[str, ...] = ()
    old_form: bool = False


class Dialects:
    """All dialects that ship with caffelint.

    ``options`` is the descriptor set of ``dialect.proto``, which tells how to read the options in
    ``additions``, the descriptor set of all dialects.
    """

    def __init__(self, options: bytes, additions: bytes) -> None:
        files = _read(additions).file
        told = _with_options(options, additions)
        _take_into_one_package(files)
        self.by_name: dict[str, Dialect] = {
            dialect.name: dialect
            for dialect in (_dialect(file, one) for file, one in zip(files, told, strict=True))
        }
        self._with_field: dict[tuple[str, str, bool | None, bool], frozenset[str]] = {}

    @property
    def names(self) -> list[str]:
        """Names of all dialects, BVLC's first."""
        return [BVLC, *sorted(self.by_name)]

    def title(self, name: str) -> str:
        """What people call a dialect."""
        return self.by_name[name].title if name != BVLC else "BVLC Caffe"

    def family(self, names: Iterable[str]) -> list[Dialect]:
        """The dialects with all that they build on, each after its parents."""
        found: dict[str, Dialect] = {}

        def visit(name: str) -> None:
            dialect = self.by_name[name]
            for parent in dialect.parents:
                visit(parent)
            found.setdefault(name, dialect)

        for name in names:
            visit(name)
        return list(found.values())

    def size(self, names: Sequence[str]) -> int:
        """How many bytes of additions some dialects make, those they build on included."""
        return sum(self._sizes[dialect.name] for dialect in self.family(names))

    @cached_property
    def _sizes(self) -> dict[str, int]:
        return {name: dialect.file.ByteSize() for name, dialect in self.by_name.items()}

    def extended(self, base: bytes, names: Sequence[str]) -> bytes:
        """BVLC's descriptor set with the additions of some dialects."""
        result = _read(base)
        file = next(one for one in result.file if one.package == PACKAGE)
        for dialect in self.family(names):
            _lay_over(file, dialect.file)
        _keep_blocks_of_old_layers(file)
        return result.SerializeToString()

    def with_own(self, base: bytes, names: Sequence[str], own: bytes) -> bytes:
        """BVLC's descriptor set with some dialects, and a ``caffe.proto`` of the user's over it.

        What that one defines otherwise than BVLC does is taken over where it is the parameters of a
        layer type; what nets and solvers themselves are made of keeps BVLC's definition.
        """
        result = _read(self.extended(base, names))
        file = next(one for one in result.file if one.package == PACKAGE)
        additions = _read(own).file
        _take_into_one_package(additions)
        core = {one.name: _names(one) for one in file.message_type if one.name in _CORE}
        for one in additions:
            for message in one.message_type:
                if message.name in core:
                    kept = [f for f in message.field if f.name not in core[message.name]]
                    del message.field[:]
                    message.field.extend(kept)
            _lay_over(file, one)
        return result.SerializeToString()

    def layers(self, names: Sequence[str]) -> list[LayerFacts]:
        """The layer types that some dialects add; of one name the last is right."""
        return [layer for dialect in self.family(names) for layer in dialect.layers]

    def lr_policies(self, names: Sequence[str]) -> frozenset[str]:
        """The values of ``lr_policy`` that some dialects know and BVLC does not."""
        return frozenset(one for dialect in self.family(names) for one in dialect.lr_policies)

    def only_old(self, names: Sequence[str]) -> bool:
        """Whether some dialects, together, have layers of the old form only."""
        return any(self.by_name[name].old_form for name in names)

    # Who knows a name

    @cached_property
    def _heirs(self) -> dict[str, frozenset[str]]:
        """By name of a dialect: the dialects that have its additions."""
        heirs: dict[str, set[str]] = {name: set() for name in self.by_name}
        for name in self.by_name:
            for dialect in self.family((name,)):
                heirs[dialect.name].add(name)
        return {name: frozenset(found) for name, found in heirs.items()}

    @cached_property
    def _fields(self) -> dict[tuple[str, str], dict[str, FieldDescriptorProto]]:
        """Of a message and a field: the definitions by the dialects that have one."""
        fields: dict[tuple[str, str], dict[str, FieldDescriptorProto]] = {}
        for name, dialect in self.by_name.items():
            for message, path in _messages(dialect.file.message_type, ""):
                for one in message.field:
                    fields.setdefault((path, one.name), {})[name] = one
        return fields

    @cached_property
    def _values(self) -> dict[tuple[str, str], set[str]]:
        values: dict[tuple[str, str], set[str]] = {}
        for name, dialect in self.by_name.items():
            for enum, path in _enums(dialect.file):
                for one in enum.value:
                    values.setdefault((path, one.name), set()).add(name)
        return values

    @cached_property
    def _types(self) -> dict[str, set[str]]:
        types: dict[str, set[str]] = {}
        for name, dialect in self.by_name.items():
            for layer in dialect.layers:
                types.setdefault(layer.type, set()).add(name)
        return types

    def _spread(self, names: Iterable[str]) -> frozenset[str]:
        return frozenset().union(*(self._heirs[name] for name in names))

    def with_field(
        self, message: str, name: str, *, block: bool | None = None, repeated: bool = False
    ) -> frozenset[str]:
        """The dialects that add a field to a message: as a block or not, as a repeated one."""
        fields = self._fields.get((message, name))
        if fields is None:
            return frozenset()
        key = (message, name, block, repeated)
        if key not in self._with_field:
            self._with_field[key] = self._spread(
                dialect
                for dialect, one in fields.items()
                if (block is None or _is_block(one) == block)
                and (not repeated or one.label == one.LABEL_REPEATED)
            )
        return self._with_field[key]

    def type_of_field(self, message: str, name: str) -> tuple[str, bool]:
        """The message or enum type of a field that some dialect adds, and whether it is an enum;
        an empty text for other fields.
        """
        for one in self._fields.get((message, name), {}).values():
            if one.type_name:
                return _plain(one.type_name), one.type == one.TYPE_ENUM
        return "", False

    def with_value(self, enum: str, name: str) -> frozenset[str]:
        """The dialects that add a value to an enum."""
        return self._spread(self._values.get((enum, name), ()))

    def with_type(self, type_: str) -> frozenset[str]:
        """The dialects that have a layer type."""
        return self._spread(self._types.get(type_, ()))

    def in_words(self, names: Iterable[str]) -> str:
        """Names of dialects for a message, the likeliest first, and of many only a few."""
        ordered = sorted(names, key=lambda name: (self.by_name[name].rank, name))
        roots = [n for n in ordered if not any(p in ordered for p in self.by_name[n].parents)]
        more = f" and {len(roots) - _FEW} more" if len(roots) > _FEW else ""
        return ", ".join(roots[:_FEW]) + more

    @cached_property
    def all_types(self) -> list[str]:
        """Every layer type of any dialect."""
        return sorted(self._types)


_FEW = 3


def _read(descriptor_set: bytes) -> FileDescriptorSet:
    from google.protobuf import descriptor_pb2

    return descriptor_pb2.FileDescriptorSet.FromString(descriptor_set)


def _with_options(options: bytes, additions: bytes) -> Iterator[Any]:
    """The options of each file, read with a pool that knows ours."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    pool = descriptor_pool.DescriptorPool()
    # Protobuf's own file differs between its releases, so it is that of the one that runs.
    pool.AddSerializedFile(descriptor_pb2.DESCRIPTOR.serialized_pb)
    for file in _read(options).file:
        pool.Add(file)
    described = pool.FindMessageTypeByName("google.protobuf.FileDescriptorSet")
    dialect = pool.FindExtensionByName("caffelint.dialect")
    layer = pool.FindExtensionByName("caffelint.layer")
    read: Any = message_factory.GetMessageClass(described).FromString(additions)
    for file in read.file:
        yield file.options.Extensions[dialect], file.options.Extensions[layer]


def _dialect(file: FileDescriptorProto, told: tuple[Any, Any]) -> Dialect:
    about, layers = told
    name = _file_name(file.name)
    parents = tuple(_file_name(one) for one in file.dependency if "/" in one)
    file.ClearField("options")
    facts = (
        LayerFacts(one.type, name, one.param, one.bottoms, one.tops, one.loss, tuple(one.v1))
        for one in layers
    )
    policies = tuple(about.lr_policy)
    old = about.old_form
    return Dialect(name, about.title, about.rank, parents, file, tuple(facts), policies, old)


def _file_name(path: str) -> str:
    return path.rpartition("/")[2].removesuffix(".proto")


def _is_block(one: FieldDescriptorProto) -> bool:
    return one.type == one.TYPE_MESSAGE


def _messages(
    messages: Iterable[DescriptorProto], scope: str
) -> Iterator[tuple[DescriptorProto, str]]:
    for message in messages:
        path = f"{scope}{message.name}"
        yield message, path
        yield from _messages(message.nested_type, f"{path}.")


def _enums(file: FileDescriptorProto) -> Iterator[tuple[EnumDescriptorProto, str]]:
    for enum in file.enum_type:
        yield enum, enum.name
    for message, path in _messages(file.message_type, ""):
        for enum in message.enum_type:
            yield enum, f"{path}.{enum.name}"


# Laying additions over a file


def _lay_over(file: FileDescriptorProto, additions: FileDescriptorProto) -> None:
    for message in additions.message_type:
        _add_message(file.message_type, message)
    for enum in additions.enum_type:
        _add_enum(file.enum_type, enum)


def _keep_blocks_of_old_layers(file: FileDescriptorProto) -> None:
    """Give the current layers the blocks that a fork adds to layers of the old form only: its
    layers are looked at in the current form.
    """
    old, new = (
        next(one for one in file.message_type if one.name == name)
        for name in ("V1LayerParameter", "LayerParameter")
    )
    names = {one.name for one in new.field}
    for one in old.field:
        if _is_block(one) and one.name.endswith("_param") and one.name not in names:
            _add_field(new, one)


def _add_message(into: Any, message: DescriptorProto) -> None:
    target = next((one for one in into if one.name == message.name), None)
    if target is None:
        target = into.add(name=message.name)
    for one in message.field:
        _add_field(target, one)
    for nested in message.nested_type:
        _add_message(target.nested_type, nested)
    for enum in message.enum_type:
        _add_enum(target.enum_type, enum)


def _add_field(message: DescriptorProto, added: FieldDescriptorProto) -> None:
    own = next((one for one in message.field if one.name == added.name), None)
    if own is None:
        number = _free(added.number, {one.number for one in message.field})
        own = message.field.add()
    else:
        number = own.number
    own.CopyFrom(added)
    own.number = number


def _add_enum(into: Any, enum: EnumDescriptorProto) -> None:
    target = next((one for one in into if one.name == enum.name), None)
    if target is None:
        into.add().CopyFrom(enum)
        return
    names = {one.name for one in target.value}
    for value in enum.value:
        if value.name not in names:
            number = _free(value.number, {one.number for one in target.value})
            target.value.add(name=value.name, number=number)


def _names(message: DescriptorProto) -> frozenset[str]:
    return frozenset(one.name for one in message.field)


def _free(number: int, taken: set[int]) -> int:
    """The number, or a free one where it is taken."""
    if number not in taken:
        return number
    return max(_FREE_NUMBERS, max(taken) + 1)


def _take_into_one_package(files: Sequence[FileDescriptorProto]) -> None:
    """Rename ``.caffe.ssd.LabelMap``, what a field of an addition refers to, to
    ``.caffe.LabelMap``: each dialect has a package of its own only so that each can be compiled by
    itself.
    """
    packages = {file.package for file in files} - {PACKAGE}
    deepest = max((package.count(".") + 1 for package in packages), default=0)
    for file in files:
        for message, _ in _messages(file.message_type, ""):
            for one in message.field:
                if one.type_name:
                    parts = one.type_name.split(".")[1:]
                    for depth in range(min(deepest, len(parts) - 1), -1, -1):
                        if ".".join(parts[:depth]) in packages:
                            one.type_name = ".".join(("", PACKAGE, *parts[depth:]))
                            break


def _plain(type_name: str) -> str:
    """The name without the package."""
    return type_name.removeprefix(f".{PACKAGE}.")
