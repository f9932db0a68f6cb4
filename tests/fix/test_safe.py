"""What a safe fix promises: the message stays what it was, but for the field that is mended."""

from __future__ import annotations

from difflib import unified_diff
from pathlib import Path

import pytest

from caffelint.core.diagnostic import Diagnostic
from caffelint.engine.rule import Example, Rule
from caffelint.reading import read_text
from caffelint.resources import load_rules

from .fixing import NAME, fix

ROOT = Path(__file__).parent.parent.parent

INTENDED = {
    "CL105": "type",
    "CL131": "type",
    "CL183": "type",
    "CL510": "lr_policy",
    "CL520": "type",
    "CL542": "average_loss",
    "CL547": "regularization_type",
}
"""The field that a safe fix changes in the message; all others only change what could not be read,
or take out what nothing reads.
"""

DEAD = {"CL119", "CL526", "CL527", "CL883"}


def lines_of(data: bytes) -> list[str]:
    message = read_text(Path(NAME), data).message
    return [] if message is None else str(message.to_protobuf()).split("\n")


def differences(old: bytes, new: bytes) -> list[str]:
    lines = list(unified_diff(lines_of(old), lines_of(new), lineterm="", n=0))[2:]
    return [line for line in lines if not line.startswith("@@")]


def is_intended(line: str, made: list[Diagnostic]) -> bool:
    name = line[1:].strip().partition(":")[0]
    rules = {one.rule for one in made}
    dead = line[0] == "-" and not rules.isdisjoint(DEAD)
    read_now = line[0] == "+" and any(f'"{name}"' in one.message for one in made)
    return dead or read_now or name in {INTENDED.get(rule) for rule in rules}


TEXTS = [
    (f"{rule.name}-{number}", text.encode())
    for rule in load_rules().whole_rules
    for number, example in enumerate(rule.examples, 1)
    for text in (example.bad, example.good, *example.files.values())
    if text.strip()
] + [
    (path.relative_to(ROOT).as_posix(), path.read_bytes())
    for path in sorted((ROOT / "samples").rglob("*.prototxt"))
]


def test_safe_fixes_change_only_what_they_are_for() -> None:
    fixed = 0
    for name, text in TEXTS:
        for one in fix(text, unsafe=False).changed.values():
            fixed += 1
            assert all(made.fix and made.fix.safe for made in one.made)
            left = [
                line for line in differences(one.old, one.new) if not is_intended(line, one.made)
            ]
            assert left == [], (name, [made.rule for made in one.made])
            assert fix(one.new, unsafe=False).changed == {}, name
    assert fixed > 20


SAFE = [
    (rule, example)
    for rule in load_rules().whole_rules
    for example in rule.examples
    if example.fixed and any(fix.safe for fix in rule.fixes)
]


@pytest.mark.parametrize(
    ("rule", "example"), [pytest.param(*pair, id=pair[0].name) for pair in SAFE]
)
def test_the_second_run_changes_nothing(rule: Rule, example: Example) -> None:
    again = fix(example.fixed, unsafe=False)
    assert [made.rule for one in again.changed.values() for made in one.made] == []
