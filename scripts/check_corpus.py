"""Hold the parser against protobuf's own text format parser over a folder of real files.

usage: python scripts/check_corpus.py FOLDER [--mutations N] [--seed N] [--cpp]

Every prototxt-like file below FOLDER is rendered (must give its bytes back), parsed and compared
with ``google.protobuf.text_format.Parse`` under the BVLC schema: accept or reject, and the message.
With ``--mutations`` random small damages of those files are compared in the same way. ``--cpp``
asks protobuf's C++ parser (protoc) about every disagreement: it is the one that Caffe runs, so
only what it disagrees with counts. Exit 1 when anything counts.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from google.protobuf import text_format
from google.protobuf.message import Message

import caffelint
from caffelint.api import FileKind
from caffelint.resources import load_schema, proto_folder
from caffelint.schema.descriptor import MessageType

_SUFFIXES = (".prototxt", ".pt", ".pbtxt")
_ALPHABET = "{}[]<>:;,\"'#.-+\\ \n\tabefnrtx018_\0é"


def files(folder: Path) -> Iterator[Path]:
    """Files that look like prototxt, in a fixed order."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and (path.suffix in _SUFFIXES or "prototxt" in path.name):
            yield path


def referee(data: bytes, type_: MessageType) -> Message | None:
    """What Python's text_format makes of the bytes; None when it refuses them."""
    try:
        return text_format.Parse(data.decode("utf-8", "replace"), type_.new_message())
    except (text_format.ParseError, UnicodeError, RecursionError, ValueError):
        return None


def cpp_accepts(data: bytes, type_: MessageType) -> bool:
    """Whether protobuf's C++ parser takes the bytes, required fields checked."""
    with tempfile.TemporaryFile() as text:
        text.write(data)
        text.seek(0)
        command = [
            *(sys.executable, "-m", "grpc_tools.protoc", f"-I{proto_folder()}"),
            *(f"--encode=caffe.{type_.name}", "caffe.proto"),
        ]
        done = subprocess.run(command, stdin=text, capture_output=True)
    return done.returncode == 0 and b"missing required" not in done.stderr


def disagreement(data: bytes, cpp: bool) -> str:
    """Why our reading of ``data`` differs from the referee's; empty when it does not."""
    parsed = caffelint.parse(data)
    if parsed.render_bytes() != data:
        return "round trip"
    schema = load_schema()
    kinds: tuple[FileKind, ...] = (parsed.kind,) if parsed.kind else ("net", "solver")
    for kind in kinds:
        ours = caffelint.parse(data, kind=kind)
        type_ = schema.net if kind == "net" else schema.solver
        theirs = referee(data, type_)
        if (theirs is not None) != (not ours.errors):
            if cpp and cpp_accepts(data, type_) == (not ours.errors):
                continue
            return f"{'accepts' if not ours.errors else f'rejects ({ours.errors[0]})'}"
        # NaN is unequal to itself, so texts are compared where the messages differ.
        if theirs is not None and (mine := ours.message()) != theirs and str(mine) != str(theirs):
            return "message differs"
    return ""


def mutate(data: bytes, rng: random.Random) -> bytes:
    """The text with one to three small damages: delete, double, insert or swap characters."""
    text = data.decode("utf-8", "surrogateescape")
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(text) + 1)
        length = rng.choice((1, 1, 1, 2, 5, 20))
        piece = text[at : at + length]
        text = {
            "delete": text[:at] + text[at + length :],
            "double": text[:at] + piece + text[at:],
            "insert": text[:at] + rng.choice(_ALPHABET) + text[at:],
            "replace": text[:at] + rng.choice(_ALPHABET) + text[at + 1 :],
        }[rng.choice(("delete", "double", "insert", "replace"))]
    return text.encode("utf-8", "surrogateescape")


def main() -> int:
    """Run the comparison and print its figures."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--mutations", type=int, default=0)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--cpp", action="store_true")
    options = arguments.parse_args()
    found = list(files(options.folder))
    bad = 0
    for path in found:
        if why := disagreement(path.read_bytes(), options.cpp):
            bad += 1
            print(f"{path}: {why}")
    print(f"files: {len(found) - bad}/{len(found)} agree")
    rng = random.Random(options.seed)
    small = [path for path in found if path.stat().st_size < 40_000]
    worse = 0
    for number in range(options.mutations):
        path = rng.choice(small)
        data = mutate(path.read_bytes(), rng)
        if why := disagreement(data, options.cpp):
            worse += 1
            kept = Path(tempfile.gettempdir()) / f"mutation-{number}.prototxt"
            kept.write_bytes(data)
            print(f"mutation {number} of {path}: {why}; kept as {kept}")
    if options.mutations:
        print(f"mutations: {options.mutations - worse}/{options.mutations} agree")
    return 1 if bad or worse else 0


if __name__ == "__main__":
    sys.exit(main())
