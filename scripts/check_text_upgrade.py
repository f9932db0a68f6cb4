"""Hold the upgrade of texts against what real Caffe makes of the same files.

usage: python scripts/check_text_upgrade.py CORPUS_FOLDER UPGRADED_FOLDER

UPGRADED_FOLDER holds nets as Caffe's upgrade_net_proto_text wrote them, each named by its path
below CORPUS_FOLDER with ``--`` for ``/``; our text of each must give the same message. Over all
nets and solvers of the corpus: all comments and the line ends are kept, a second upgrade changes
nothing, and a file in current form is left as it is, byte for byte. Exit 1 when any of this fails.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from google.protobuf import text_format

from caffelint.core.source import Source
from caffelint.engine.run import Run
from caffelint.fix.upgrade import UpgradeError, upgrade_text
from caffelint.resources import load_rules, load_schema
from caffelint.schema.bind import bind
from caffelint.schema.descriptor import MessageType
from caffelint.schema.kind import detect
from caffelint.schema.message import Message
from caffelint.schema.upgrade import upgrade_net, upgrade_solver
from caffelint.syntax.lexer import next_token
from caffelint.syntax.parser import parse

Outcome = tuple[str, str]
"""What became of a file, and what is wrong with that; empty when nothing is."""


def main() -> int:
    """Upgrade all, print what became of them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("upgraded", type=Path)
    parser.add_argument("--verbose", action="store_true", help="say why files are refused")
    options = parser.parse_args()
    outcomes: list[Outcome] = []
    for path in sorted(options.corpus.rglob("*")):
        if not path.is_file():
            continue
        name = path.relative_to(options.corpus).as_posix()
        by_caffe = options.upgraded / name.replace("/", "--")
        for what, wrong in outcome(path, by_caffe):
            what, _, why = what.partition(": ")
            outcomes.append((what, wrong))
            if wrong:
                print(f"{name}: {what}: {wrong}")
            elif why and options.verbose:
                print(f"{name}: {what}: {why}")
    total = Counter(what for what, _ in outcomes)
    right = Counter(what for what, wrong in outcomes if not wrong)
    for what, count in sorted(total.items()):
        print(f"{what}: {right[what]}/{count} as they should be")
    return 0 if outcomes and right == total else 1


def outcome(path: Path, by_caffe: Path) -> Iterator[Outcome]:
    """What the upgrade makes of one file; nothing where it is neither a net nor a solver."""
    source = Source.from_bytes(path.name, path.read_bytes())
    type_ = detect(parse(source), load_schema())
    if type_ is None:
        return
    upgraded, changes = current_form(source, type_)
    try:
        text = upgrade_text(source, type_).text
    except UpgradeError as error:
        why = reason(source, error)
        wrong = "Caffe can" if by_caffe.exists() else "" if why else "no reason is given"
        yield f"{'old' if changes else 'current'} form, refused: {why}", wrong
        return
    if not changes:
        yield "current form", "" if text == source.text else "it is changed"
        return
    result = Source(path.name, text)
    yield "old form, upgraded", "; ".join(faults(source, result, type_, upgraded))
    if by_caffe.exists():
        expected = text_format.Parse(by_caffe.read_bytes(), type_.new_message())
        ours = text_format.Parse(result.to_bytes(), type_.new_message())
        # NaN is unequal to itself, so texts decide where messages differ.
        same = ours == expected or str(ours) == str(expected)
        yield "upgraded by Caffe too", "" if same else "the messages differ"


def current_form(source: Source, type_: MessageType) -> tuple[Message, bool]:
    """The message in current form, and whether it is another than that of the text."""
    message, _ = bind(parse(source), type_)
    upgrade = upgrade_net if type_ is load_schema().net else upgrade_solver
    upgraded, _ = upgrade(message)
    return upgraded, upgraded is not message


def reason(source: Source, error: UpgradeError) -> str:
    """Why a file was refused, in the words of the rules where there are any."""
    words = Run(load_rules()).on_problems(source, error.problems)
    return f"{error}: " + "; ".join(one.message for one in words)


def faults(source: Source, result: Source, type_: MessageType, upgraded: Message) -> Iterator[str]:
    """What is wrong with an upgraded text."""
    ours = text_format.Parse(result.to_bytes(), type_.new_message())
    if ours.SerializeToString() != upgraded.to_protobuf().SerializeToString():
        yield "its message is not that of the upgrade"
    if comments(source.text) != comments(result.text):
        yield "comments differ"
    if ("\r\n" in source.text) != ("\r\n" in result.text):
        yield "line ends differ"
    if upgrade_text(result, type_).text != result.text:
        yield "a second upgrade changes it"


def comments(text: str) -> Counter[str]:
    """How often each comment stands in a text, by the gaps between its tokens."""
    found: Counter[str] = Counter()
    at = 0
    while True:
        token = next_token(text, at)
        for line in text[at : token.start].split("\n"):
            _, mark, comment = line.partition("#")
            found[comment.rstrip()] += bool(mark)
        if token.kind == "end":
            return +found
        at = token.end


if __name__ == "__main__":
    sys.exit(main())
