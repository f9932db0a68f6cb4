"""Shared by the tests of fixes: texts through ``fix_all``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from caffelint.check import Checker
from caffelint.config import Config
from caffelint.core.diagnostic import Report
from caffelint.engine.ruleset import RuleSet
from caffelint.fix.apply import Outcome, fix_all
from caffelint.reading import count_faults
from caffelint.resources import load_rules

NAME = "net.prototxt"


def fix(text: str | bytes, rules: RuleSet | None = None, *, unsafe: bool = True) -> Outcome:
    """What becomes of one text."""
    data = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text

    def look(contents: Mapping[Path, bytes]) -> Report:
        checker = Checker(rules or load_rules(), Config())
        return checker.check_text(NAME, next(iter(contents.values()), data))

    return fix_all(look, count_faults, unsafe)


def fixed(text: str, rules: RuleSet | None = None, *, unsafe: bool = True) -> str:
    """The text after all fixes."""
    changed = fix(text, rules, unsafe=unsafe).changed
    new = next((one.new for one in changed.values()), text.encode("utf-8", "surrogateescape"))
    return new.decode("utf-8", "surrogateescape")
