"""Hold the upgrade of old nets against what real Caffe makes of them.

usage: python scripts/check_upgrade.py CAFFE_TESTS.jsonl [UPGRADED_FOLDER CORPUS_FOLDER]

CAFFE_TESTS.jsonl has one JSON object a line; those of an upgrade ``kind`` give an ``input`` and the
``expected`` net after one step. UPGRADED_FOLDER holds nets as Caffe's upgrade_net_proto_text wrote
them, each named by its path below CORPUS_FOLDER with ``--`` for ``/``. Nets are compared as
protobuf messages. Exit 1 when any differs, or when a problem says that Caffe aborts on one.
"""

from __future__ import annotations

import argparse
import difflib
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from google.protobuf import text_format
from google.protobuf.message import Message as ProtobufMessage

import caffelint
from caffelint.core.problem import Problem
from caffelint.resources import load_schema
from caffelint.schema.message import Message
from caffelint.schema.upgrade import upgrade_net
from caffelint.schema.upgrade_v0 import upgrade_v0_padding, upgrade_v0_to_v1
from caffelint.schema.upgrade_v1 import Upgraded, upgrade_v1_to_v2

STEPS: dict[str, Callable[[Message], Upgraded]] = {
    "upgrade-v0-padding": upgrade_v0_padding,
    "upgrade-v0-to-v1": upgrade_v0_to_v1,
    "upgrade-v1-to-v2": upgrade_v1_to_v2,
}

Outcome = tuple[str, str]
"""What was compared, and how it differs; empty when it does not."""


def bound(data: str | bytes) -> Message:
    """The net in a text that has no errors."""
    parsed = caffelint.parse(data, kind="net")
    if parsed.typed is None or parsed.problems:
        raise ValueError(f"not a net: {parsed.problems}")
    return parsed.typed


def referee(data: str | bytes) -> ProtobufMessage:
    """The same net as protobuf's own parser reads it."""
    return text_format.Parse(data, load_schema().net.new_message())


def difference(ours: Message, expected: ProtobufMessage, problems: list[Problem]) -> str:
    """The lines that differ, or the kinds of the problems on which Caffe is said to abort."""
    aborts = [problem.kind for problem in problems if problem.rejects]
    if aborts:
        return f"Caffe takes it, yet: {', '.join(aborts)}"
    message = ours.to_protobuf()
    # NaN is unequal to itself, so texts decide where messages differ.
    if message == expected or str(message) == str(expected):
        return ""
    lines = difflib.unified_diff(
        str(expected).splitlines(), str(message).splitlines(), "Caffe", "caffelint", lineterm=""
    )
    return "\n".join(lines)


def compare_tests(path: Path) -> Iterator[Outcome]:
    """Single steps, over the cases of Caffe's own tests."""
    for line in path.read_text(encoding="utf-8").splitlines():
        case = json.loads(line)
        step = STEPS.get(case["kind"])
        if step is not None:
            ours, problems = step(bound(case["input"]))
            yield case["kind"], difference(ours, referee(case["expected"]), problems)


def compare_corpus(upgraded: Path, corpus: Path) -> Iterator[Outcome]:
    """All steps, over files that Caffe has upgraded."""
    sources = {
        path.relative_to(corpus).as_posix().replace("/", "--"): path
        for path in corpus.rglob("*")
        if path.is_file()
    }
    for path in sorted(upgraded.iterdir()):
        ours, problems = upgrade_net(bound(sources[path.name].read_bytes()))
        why = difference(ours, referee(path.read_bytes()), problems)
        yield "whole upgrade", f"{path.name}: {why}" if why else ""


def main() -> int:
    """Compare and print the figures."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    arguments.add_argument("tests", type=Path)
    arguments.add_argument("upgraded", type=Path, nargs="?")
    arguments.add_argument("corpus", type=Path, nargs="?")
    options = arguments.parse_args()
    if (options.upgraded is None) != (options.corpus is None):
        arguments.error("UPGRADED_FOLDER goes with CORPUS_FOLDER")
    outcomes = list(compare_tests(options.tests))
    if options.upgraded is not None:
        outcomes += compare_corpus(options.upgraded, options.corpus)
    total = Counter(what for what, _ in outcomes)
    equal = Counter(what for what, why in outcomes if not why)
    for what, why in outcomes:
        if why:
            print(f"{what}: {why}")
    for what, count in total.items():
        print(f"{what}: {equal[what]}/{count} equal")
    return 0 if outcomes and equal == total else 1


if __name__ == "__main__":
    sys.exit(main())
