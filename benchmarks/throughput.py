"""How fast one process goes through a tree of files, beside others that read or check text.

usage: python benchmarks/throughput.py [DIRECTORY]

Whole runs of caffelint, and its parsing with the check against the schema; ``text_format.Parse``
and protobuf's C++ parser (``protoc --encode``, without what starting it takes) on the same files;
``yamllint`` on the same nets written as YAML. Without DIRECTORY, projects made here. The
contestants take turns; the least time of each counts. Needs what ``pip install .[bench]`` brings.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import partial
from importlib import import_module
from pathlib import Path

import yaml
from google.protobuf import json_format, text_format
from google.protobuf.message import Message
from lint import caffelint, projects, seconds

from caffelint.core.source import Source
from caffelint.resources import load_schema, proto_folder
from caffelint.schema.bind import bind
from caffelint.schema.kind import detect
from caffelint.syntax.parser import parse
from caffelint.walk import files_below

ROUNDS = 2
_MOST_YAML = 1_000_000  # yamllint takes seconds for so much


def as_protobuf(text: str) -> Message | None:
    """A text as the message that knows most of its fields; None where text_format refuses it."""
    schema = load_schema()
    type_ = detect(parse(Source("", text)), schema)
    try:
        message = (type_ or schema.net).new_message()
        return text_format.Parse(text, message, allow_unknown_field=True)
    except text_format.ParseError:
        return None


def parse_all(texts: Iterable[str]) -> None:
    """Parse and bind texts, as caffelint does first of all."""
    schema = load_schema()
    for text in texts:
        tree = parse(Source("", text))
        bind(tree, detect(tree, schema) or schema.net)


def text_format_all(texts: Iterable[str]) -> None:
    """The same texts for protobuf's Python parser, which stops at the first error of each."""
    for text in texts:
        as_protobuf(text)


def protoc_all(nets: Path) -> None:
    """The nets in one stream for protobuf's C++ parser."""
    command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{proto_folder()}"]
    with nets.open("rb") as text:
        encode = [*command, "--encode=caffe.NetParameter", "caffe.proto"]
        subprocess.run(encode, stdin=text, stdout=subprocess.DEVNULL, check=True)


def yamllint_all(documents: Iterable[str]) -> None:
    """Check YAML under yamllint's own default rules."""
    linter = import_module("yamllint.linter")
    config = import_module("yamllint.config").YamlLintConfig("extends: default")
    for document in documents:
        list(linter.run(document, config))


def layers_of(texts: Iterable[str]) -> str:
    """The nets among some texts as one net: their layers one behind the other."""
    whole = load_schema().net.new_message()
    for text in texts:
        message = as_protobuf(text)
        if message is not None and message.DESCRIPTOR is whole.DESCRIPTOR:
            whole.layer.extend(message.layer)
            whole.layers.extend(message.layers)
    return text_format.MessageToString(whole)


def documents_of(texts: Iterable[str]) -> list[str]:
    """Texts as YAML, up to so many characters."""
    documents: list[str] = []
    for text in texts:
        message = as_protobuf(text)
        if message is not None and sum(map(len, documents)) < _MOST_YAML:
            fields = json_format.MessageToDict(message, preserving_proto_field_name=True)
            documents.append(yaml.safe_dump(fields, sort_keys=False))
    return documents


def clock(work: Callable[[], object]) -> float:
    """Seconds that something takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def compare(folder: Path, scratch: Path) -> None:
    """Print a row for each contestant."""
    paths = [path for path, _ in files_below([folder], [])]
    texts = [path.read_text(encoding="utf-8", errors="replace") for path in paths]
    size = sum(path.stat().st_size for path in paths)
    nets, nothing = scratch / "nets.prototxt", scratch / "nothing.prototxt"
    nets.write_text(layers_of(texts), encoding="utf-8")
    nothing.touch()
    documents = documents_of(texts)
    contestants: dict[str, tuple[int, Callable[[], float]]] = {
        "caffelint": (size, lambda: seconds(caffelint("--jobs", 1, folder))[1]),
        "its parsing": (size, partial(clock, partial(parse_all, texts))),
        "text_format": (size, partial(clock, partial(text_format_all, texts))),
        "protoc": (
            nets.stat().st_size,
            lambda: clock(partial(protoc_all, nets)) - clock(partial(protoc_all, nothing)),
        ),
        "yamllint": (
            sum(len(one.encode()) for one in documents),
            partial(clock, partial(yamllint_all, documents)),
        ),
    }
    times = dict.fromkeys(contestants, float("inf"))
    for _ in range(ROUNDS):
        for name, (_, work) in contestants.items():
            times[name] = min(times[name], work())
    speeds = {name: bytes_ / times[name] / 1e6 for name, (bytes_, _) in contestants.items()}
    print(f"{len(paths)} files, {size / 1e6:.1f} MB")
    for name, speed in speeds.items():
        print(f"{name:<12} {speed:6.2f} MB/s   {speed / speeds['caffelint']:6.2f} of caffelint")


def main() -> None:
    """Compare on a tree."""
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        compare(Path(sys.argv[1]) if len(sys.argv) > 1 else projects(scratch / "tree"), scratch)


if __name__ == "__main__":
    main()
