"""Compile proto/*.proto into the descriptor sets that caffelint reads at run time.

Each ``proto/<name>.desc`` holds one file and whatever it imports, without source information, so
the same text always gives the same bytes. All of ``proto/dialects/`` goes into one
``proto/dialects.desc``, without what it imports. ``--check`` writes nothing and names the stale
files.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

PROTO_DIR = Path(__file__).resolve().parent.parent / "proto"


class CompileError(Exception):
    """protoc refused a file; the text is what it printed."""


def compile_proto(path: Path) -> bytes:
    """Return the serialised FileDescriptorSet of one .proto file and its imports."""
    # Naming the file relative to its folder keeps local paths out of the descriptor.
    source = path.resolve()
    return protoc(source.parent, [source.name], "--include_imports")


def compile_dialects(folder: Path) -> bytes:
    """Return the serialised FileDescriptorSet of all dialects, in the order of their names."""
    names = sorted(path.relative_to(folder).as_posix() for path in folder.glob("dialects/*.proto"))
    return protoc(folder.resolve(), names)


def protoc(folder: Path, names: list[str], *options: str) -> bytes:
    """Run protoc on files of a folder and return the descriptor set that it writes."""
    with tempfile.TemporaryDirectory() as scratch:
        target = Path(scratch) / "out.desc"
        # A process of its own, because protoc run in ours would print to our stderr.
        command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{folder}", *options]
        command += [f"--descriptor_set_out={target}", *names]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise CompileError(done.stderr.strip())
        return target.read_bytes()


def stale_files(folder: Path) -> dict[Path, bytes]:
    """Return the .desc files that are absent or out of date, with their proper content."""
    compiled = {path.with_suffix(".desc"): compile_proto(path) for path in folder.glob("*.proto")}
    compiled[folder / "dialects.desc"] = compile_dialects(folder)
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
        print(f"{'stale' if options.check else 'wrote'}: proto/{target.name}")
        if not options.check:
            target.write_bytes(content)
    return 1 if options.check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
