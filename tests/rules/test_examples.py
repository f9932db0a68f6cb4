"""Every rule's own examples: line and message of each finding, and silence on the good ones."""

from __future__ import annotations

import pytest

from caffelint.engine.rule import Rule
from caffelint.examples import failures
from caffelint.resources import load_rules


@pytest.mark.parametrize("rule", [pytest.param(r, id=r.name) for r in load_rules().whole_rules])
def test_examples(rule: Rule) -> None:
    assert list(failures(rule, load_rules())) == []
