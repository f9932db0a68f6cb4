"""Compile proto/*.proto into what caffelint reads at run time.

Each ``proto/<name>.desc`` holds one file, without source information and without what it imports,
so the same text gives the same bytes with every protoc. All of ``proto/dialects/`` goes into one
``proto/dialects.desc``. BVLC's schema is also packed as tables, ``proto/caffe.tables``, and the
messages of ``proto/facts.proto`` are also written as classes, ``linter/engine/vocabulary.py``: most
runs need no more, and no protobuf.
``--check`` writes nothing and names the stale files.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorSet

from caffelint.schema.table import pack

ROOT = Path(__file__).resolve().parent.parent
PROTO_DIR = ROOT / "proto"
VOCABULARY = ROOT / "linter" / "engine" / "vocabulary.py"


class CompileError(Exception):
    """protoc refused a file; the text is what it printed."""


def compile_proto(path: Path) -> bytes:
    """Return the serialised FileDescriptorSet of one .proto file, without what it imports."""
    # Naming the file relative to its folder keeps local paths out of the descriptor.
    source = path.resolve()
    return protoc(source.parent, [source.name])


def compile_dialects(folder: Path) -> bytes:
    """Return the serialised FileDescriptorSet of all dialects, in the order of their names."""
    names = sorted(path.relative_to(folder).as_posix() for path in folder.glob("dialects/*.proto"))
    return protoc(folder.resolve(), names)


def protoc(folder: Path, names: list[str]) -> bytes:
    """Run protoc on files of a folder and return the descriptor set that it writes."""
    with tempfile.TemporaryDirectory() as scratch:
        target = Path(scratch) / "out.desc"
        # A process of its own, because protoc run in ours would print to our stderr.
        command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{folder}"]
        command += [f"--descriptor_set_out={target}", *names]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise CompileError(done.stderr.strip())
        return target.read_bytes()


_HEADER = """# Written by scripts/compile_protos.py: change proto/facts.proto instead.
\"\"\"The messages of proto/facts.proto, which says what they mean; absent is None.\"\"\"

from __future__ import annotations

from msgspec import Struct
"""

_TYPES = {
    FieldDescriptor.TYPE_DOUBLE: ("float", "0.0"),
    FieldDescriptor.TYPE_INT32: ("int", "0"),
    FieldDescriptor.TYPE_INT64: ("int", "0"),
    FieldDescriptor.TYPE_BOOL: ("bool", "False"),
    FieldDescriptor.TYPE_STRING: ("str", '""'),
}


def vocabulary(facts: bytes) -> bytes:
    """The module of classes for the messages of a descriptor set with one file."""
    (file,) = FileDescriptorSet.FromString(facts).file
    lines = [_HEADER]
    for message in file.message_type:
        lines += ["", f"class {message.name}(Struct, kw_only=True):"]
        lines += [f"    {one.name}: {_annotation(one)}" for one in message.field] + [""]
    return "\n".join(lines).encode()


def _annotation(one: FieldDescriptorProto) -> str:
    """Type and default of a field, as Python writes them."""
    if one.type == FieldDescriptor.TYPE_MESSAGE:
        name, default = one.type_name.rpartition(".")[2], ""
    else:
        name, default = _TYPES[one.type]
    if one.label == FieldDescriptor.LABEL_REPEATED:
        return f"list[{name}] = []"
    if one.proto3_optional or not default:
        return f"{name} | None = None"
    return f"{name} = {default}"


def stale_files(folder: Path) -> dict[Path, bytes]:
    """Return the files that are absent or out of date, with their proper content."""
    compiled = {path.with_suffix(".desc"): compile_proto(path) for path in folder.glob("*.proto")}
    compiled[folder / "dialects.desc"] = compile_dialects(folder)
    if folder == PROTO_DIR:
        compiled[VOCABULARY] = vocabulary(compiled[folder / "facts.desc"])
        compiled[folder / "caffe.tables"] = pack(compiled[folder / "caffe.desc"])
    return {
        target: content
        for target, content in sorted(compiled.items())
        if not target.exists() or target.read_bytes() != content
    }


def main(arguments: list[str] | None = None) -> int:
    """Write the stale descriptor sets, or only name them under --check."""
    parser = argparse.ArgumentParser(description="Compile proto/*.proto to proto/*.desc.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if stale")
    options = parser.parse_args(arguments)
    try:
        stale = stale_files(PROTO_DIR)
    except CompileError as error:
        print(error, file=sys.stderr)
        return 2
    for target, content in stale.items():
        print(f"{'stale' if options.check else 'wrote'}: {target.relative_to(ROOT)}")
        if not options.check:
            target.write_bytes(content)
    return 1 if options.check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
