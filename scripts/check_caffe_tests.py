"""Hold phase filter and split insertion against input/expected pairs of Caffe's own unit tests.

usage: python scripts/check_caffe_tests.py PAIRS.jsonl

Each line is a JSON object with ``kind`` (``filter`` or ``insert-splits``; others are skipped),
``test``, ``input`` and ``expected``: two net texts, compared as messages. Exit 1 on a difference.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from google.protobuf.message import Message as ProtobufMessage

from caffelint.core.source import Source
from caffelint.model.net import Net
from caffelint.model.phase import State
from caffelint.model.splits import insert_splits
from caffelint.resources import load_schema
from caffelint.schema.bind import bind
from caffelint.schema.message import Message
from caffelint.syntax.parser import parse


def read(text: str) -> Message:
    """The typed net of a text that must be sound."""
    message, problems = bind(parse(Source("", text)), load_schema().net)
    assert not problems, problems
    return message


def result(kind: str, net: Message) -> ProtobufMessage:
    """What our model makes of an input."""
    state = net.sub("state")
    stages = frozenset(state.get("stage"))
    built = Net(net, State(state.get("phase"), state.get("level"), stages))
    if kind == "insert-splits":
        return insert_splits(built).to_protobuf()
    filtered = net.copy()
    filtered.values["layer"] = [layer.message for layer in built.layers]
    return filtered.to_protobuf()


def main() -> int:
    """Compare every pair and print how many agree."""
    total = agree = 0
    for line in Path(sys.argv[1]).read_text().splitlines():
        pair = json.loads(line)
        if pair["kind"] not in ("filter", "insert-splits"):
            continue
        total += 1
        if result(pair["kind"], read(pair["input"])) == read(pair["expected"]).to_protobuf():
            agree += 1
        else:
            print(f"{pair['kind']} {pair['test']}: differs")
    print(f"{agree}/{total} agree")
    return 0 if agree == total else 1


if __name__ == "__main__":
    sys.exit(main())
