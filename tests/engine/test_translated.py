"""The rules' expressions in Python give what CEL gives, and are those of the rules as they are."""

from __future__ import annotations

import inspect
import json
import math
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from caffelint.engine.rule import On, RuleError
from caffelint.engine.ruleset import VARIABLES, RuleSet, load
from caffelint.engine.run import BoundedRun, Run, Seen, Target
from caffelint.engine.vocabulary import Filler, Layer, Net, Solver
from caffelint.examples import failures
from caffelint.resources import load_rules, proto_folder
from translate_rules import UntranslatableError, module

from .translating import translations_of

FACTS = (proto_folder() / "facts.desc").read_bytes()


def in_cel(run: Run, target: Target, seen: Seen, text: str) -> tuple[str, Any]:
    """What CEL gives, by its type; its errors all look the same."""
    activation = run._activation(target.on, seen)
    value = run.ruleset.expression(target.on, text).eval(activation)
    return ("", None) if value.type().name() == "ERROR" else kind_of(value.plain_value())


def in_python(run: Run, target: Target, seen: Seen, text: str) -> tuple[str, Any]:
    translated = run.ruleset.translated(target.on, text)
    assert translated is not None
    try:
        return kind_of(translated(**seen.variables, option=seen.option))
    except (ArithmeticError, IndexError, KeyError, TypeError, ValueError):
        return "", None


def kind_of(value: Any) -> tuple[str, Any]:
    return type(value).__name__, str(value)  # nan is not equal to nan


def differences(run: Run, target: Target) -> Iterator[tuple[object, ...]]:
    """The expressions of all rules on a target for which CEL and Python disagree, both ways; where
    Python has no result, CEL is asked anyway.
    """
    for group in run.ruleset.groups(target.on, target.type):
        results = run._together(group, target)
        for number, rule in enumerate(group.rules):
            seen = Seen(target.variables, run._options_of(rule))
            for _, text in rule.expressions():
                cel, python = (ask(run, target, seen, text) for ask in (in_cel, in_python))
                if python != cel and python[0]:
                    yield rule.id, text, cel, python
            if results is not None and kind_of(results[number]) != in_cel(
                run, target, seen, rule.when
            ):
                yield rule.id, "together", results[number]


def test_all_examples_of_all_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    found: set[tuple[object, ...]] = set()
    looked = Counter[str]()
    speaking = Run.speaking

    def both(run: Run, target: Target) -> list[Any]:
        looked[target.on] += 1
        found.update(differences(run, target))
        return speaking(run, target)

    monkeypatch.setattr(Run, "speaking", both)
    for rule in load_rules().whole_rules:
        assert list(failures(rule, load_rules())) == []
    assert not found
    assert set(looked) == set(VARIABLES)
    assert min(looked.values()) > 50


@pytest.mark.parametrize("on", VARIABLES)
def test_they_are_those_of_the_rules(on: On) -> None:
    there = import_module(f"caffelint.engine.translated.{on}")
    assert inspect.getsource(there) == module(on, load_rules())


CHANGED = """\
id: XX001
name: one
summary: s
on: layer
when: layer.learns
severity: info
message: '{layer.name}'
why: w
"""


def test_a_changed_rule_is_left_to_cel(tmp_path: Path) -> None:
    """Its old translation counts no more, nor that of the conditions together."""
    path = tmp_path / "one.yaml"
    path.write_text(CHANGED)
    rules = load([path], FACTS, None)
    with translations_of(rules):
        assert rules.translated("layer", "layer.learns") is not None
        assert rules.groups("layer", "")[0].conditions is not None
        path.write_text(CHANGED.replace("layer.learns", "layer.weighs"))
        changed = load([path], FACTS, None)
        assert changed.translated("layer", "layer.weighs") is None
        assert changed.groups("layer", "")[0].conditions is None


@pytest.mark.parametrize(
    ("expression", "facts", "value"),
    [
        pytest.param("7 / 2 * -1 == layer.num_output", {"num_output": -3}, True, id="quotient"),
        pytest.param("layer.num_output / 2", {"num_output": -7}, -3, id="cut-off-at-zero"),
        pytest.param(
            "layer.tops[layer.num_output]", {"tops": ["a"], "num_output": -1}, None, id="no-place"
        ),
        pytest.param("string(layer.eps)", {"eps": 3}, "3", id="whole-number-as-text"),
        pytest.param("string(layer.eps)", {"eps": 123456.789}, "123456.789", id="large-as-text"),
        pytest.param("string(layer.eps)", {"eps": 1234567.0}, "1.234567e+06", id="larger-as-text"),
        pytest.param("string(layer.eps)", {"eps": 0.1 + 0.2}, repr(0.1 + 0.2), id="all-digits"),
        pytest.param("string(layer.eps)", {"eps": 1e-4}, "0.0001", id="small-as-text"),
        pytest.param("string(layer.eps)", {"eps": 1.5e-5}, "1.5e-05", id="smaller-as-text"),
        pytest.param("string(layer.eps)", {"eps": -math.inf}, "-inf", id="infinite-as-text"),
        pytest.param("layer.eps", {"eps": 3}, 3.0, id="whole-number-of-type-double"),
        pytest.param("layer.name.matches('^a$')", {"name": "a\n"}, False, id="end-of-text"),
        pytest.param("layer.weight_filler.std", {}, 0.0, id="absent"),
        pytest.param(
            "has(layer.weight_filler.std)", {"weight_filler": Filler(std=0)}, True, id="0-is-there"
        ),
        pytest.param("has(layer.eps)", {"eps": 0.0}, False, id="0-is-not-there"),
        pytest.param("has(layer.tops)", {"tops": []}, False, id="empty"),
        pytest.param("layer.tops.filter(t, t != 'a')", {"tops": ["a", "b"]}, ["b"], id="filter"),
        pytest.param(
            "1 / layer.num_output == 1 || layer.learns",
            {"learns": True},
            True,
            id="an-error-and-true",
        ),
        pytest.param("1.0 / layer.eps > 1.0", {}, True, id="infinite"),
    ],
)
def test_python_gives_what_cel_gives(
    tmp_path: Path, expression: str, facts: dict[str, Any], value: object
) -> None:
    path = tmp_path / "one.yaml"
    path.write_text(CHANGED.replace("'{layer.name}'", json.dumps(f"{{{expression}}}")))
    rules = load([path], FACTS, None)
    seen = Seen({"layer": Layer(**facts), "net": Net(), "solver": Solver()}, {})
    assert value_of(rules, expression, seen) == value
    with translations_of(rules):
        assert value_of(rules, expression, seen) == value


def value_of(rules: RuleSet, expression: str, seen: Seen) -> Any:
    """What an expression gives; None where it fails."""
    try:
        return Run(rules).value(rules.rules[0], expression, seen)
    except RuleError:
        return None


def test_rules_of_ones_own_go_to_cel(tmp_path: Path) -> None:
    """Also where one of them has an expression that is translated: only CEL has bounds."""
    steps = f"[{', '.join('0' * 12)}]"
    text = f"{steps}.all(a, {steps}.all(b, {steps}.all(c, {steps}.all(d, true))))"
    path = tmp_path / "one.yaml"
    path.write_text(CHANGED.replace("layer.learns", json.dumps(text)))
    rules = load([path], FACTS, None)
    seen = Seen({"layer": Layer(), "net": Net(), "solver": Solver()}, {})
    with translations_of(rules):
        assert Run(rules).holds(rules.rules[0], text, seen)
        with pytest.raises(RuleError, match="too many steps"):
            BoundedRun(rules).holds(rules.rules[0], text, seen)


@pytest.mark.parametrize(
    "expression",
    [
        pytest.param("layer.name.matches('a$b')", id="end-inside"),
        pytest.param("layer.name.matches('\\\\d')", id="classes-of-characters"),
        pytest.param("layer.tops.map(t, t + 'x')[0]", id="another-macro"),
        pytest.param("string(layer.learns)", id="another-function"),
    ],
)
def test_what_has_no_translation_is_refused(tmp_path: Path, expression: str) -> None:
    path = tmp_path / "one.yaml"
    path.write_text(CHANGED.replace("'{layer.name}'", json.dumps(f"{{{expression}}}")))
    with pytest.raises(UntranslatableError):
        module("layer", load([path], FACTS, None))
