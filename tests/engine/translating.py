"""Translations of rules that do not ship with caffelint, to test what is done with them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from caffelint.engine import ruleset
from caffelint.engine.rule import On
from caffelint.engine.ruleset import VARIABLES, RuleSet
from translate_rules import module


@contextmanager
def translations_of(rules: RuleSet) -> Iterator[None]:
    """As long as this holds, the expressions of these rules are those that are translated."""
    made = {on: SimpleNamespace(**_translated(rules, on)) for on in VARIABLES}
    with patch.object(ruleset, "_translated", made.__getitem__):
        yield


def _translated(rules: RuleSet, on: On) -> dict[str, Any]:
    """What is in the module of the translations."""
    names: dict[str, Any] = {"__package__": "caffelint.engine.translated"}
    exec(module(on, rules), names)
    return names
