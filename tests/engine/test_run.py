"""Evaluating rules: severity by condition, options, hints, and one finding for several phases."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from caffelint.check import Checker
from caffelint.config import Config
from caffelint.core.diagnostic import Diagnostic
from caffelint.engine.rule import RuleError
from caffelint.engine.ruleset import load
from caffelint.resources import proto_folder

from .test_rule import write
from .translating import translations_of

FACTS = (proto_folder() / "facts.desc").read_bytes()
NET = """\
layer { name: "data" type: "Data" top: "data" top: "label" }
layer {
  name: "ip"
  type: "InnerProduct" bottom: "data" top: "ip"
  inner_product_param { num_output: 10 }
}
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" }
"""
RULE = """\
id: XX001
name: a-rule
summary: s
on: layer
types: [InnerProduct]
when: layer.num_output > 5
severity: warning
message: '{layer.name} has {layer.num_output} in {layer.bottoms}'
why: w
"""


def run(folder: Path, rule: str, net: str = NET, **config: object) -> list[Diagnostic]:
    ruleset = load([write(folder, rule)], FACTS, None)
    checker = Checker(ruleset, Config(**config))  # type: ignore[arg-type]
    return list(checker.check_text("net.prototxt", net.encode()).diagnostics)


def test_one_finding_for_both_phases(tmp_path: Path) -> None:
    (one,) = run(tmp_path, RULE)
    assert (one.message, one.phases) == ("ip has 10 in data", ("TRAIN", "TEST"))
    assert (one.layer, one.severity.word, one.confidence) == ("ip", "warning", "certain")


@pytest.mark.parametrize(
    ("at", "line"),
    [
        pytest.param("", 2, id="the-layer-itself"),
        pytest.param("at: name", 3, id="a-field"),
        pytest.param("at: [relu_param, $param.num_output, name]", 5, id="the-first-written-one"),
        pytest.param("at: bottom[7]", 2, id="an-index-that-is-not-there"),
    ],
)
def test_at_points_into_the_text(tmp_path: Path, at: str, line: int) -> None:
    (one,) = run(tmp_path, RULE + at + "\n")
    assert one.place.source.locate(one.place.span.start).line == line


def test_severity_can_depend_on_a_condition(tmp_path: Path) -> None:
    softer = """\
softer:
  - {when: layer.num_output > 100, severity: error}
  - {when: layer.num_output > 7, severity: info, confidence: medium}
  - {when: layer.num_output > 6, severity: error}
"""
    (one,) = run(tmp_path, RULE + softer)
    assert (one.severity.word, one.confidence) == ("info", "medium")


def test_an_option_has_a_default_that_the_config_overrides(tmp_path: Path) -> None:
    rule = RULE.replace("> 5", "> int(option.limit)")
    rule += "options: {limit: {value: 50, why: because}}\n"
    assert run(tmp_path, rule) == []
    for key in ("XX001", "a-rule"):
        assert len(run(tmp_path, rule, options={key: {"limit": 9}})) == 1


def test_the_first_hint_with_all_its_placeholders_filled_counts(tmp_path: Path) -> None:
    hints = "hint: ['write {layer.suggested_filler}{solver.type}', 'write {layer.name}', 'no']\n"
    assert run(tmp_path, RULE + hints)[0].hint == "write ip"


def test_context_is_told_where_a_rule_asks_for_it(tmp_path: Path) -> None:
    assert run(tmp_path, RULE, context="scratch")[0].context == ""
    asking = RULE.replace("> 5", '> 5 && net.context == "scratch"')
    (one,) = run(tmp_path, asking, context="scratch")
    assert one.context == "assumed training from scratch: --context scratch"


def test_a_rule_that_fails_on_the_facts_is_named(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match="rule XX001"):
        run(tmp_path, RULE.replace("layer.num_output > 5", "10 / layer.params[9].index > 1"))
    with pytest.raises(RuleError, match="rule XX001"):
        run(tmp_path, RULE.replace("{layer.name}", "{layer.params[9].role}"))


@pytest.mark.parametrize(
    ("select", "ignore", "found"),
    [
        (["XX001"], [], 1),
        (["XX"], [], 1),
        (["a-rule"], [], 1),
        (["CL201"], [], 0),
        ([], ["a-rule"], 0),
        ([], ["XX0"], 0),
        ([], ["YY"], 1),
    ],
)
def test_rules_are_selected_by_id_topic_or_name(
    tmp_path: Path, select: list[str], ignore: list[str], found: int
) -> None:
    assert len(run(tmp_path, RULE, select=select, ignore=ignore)) == found


def several(folder: Path, *rules: str, **config: object) -> list[tuple[str, str]]:
    """Findings of rules that are translated, so that they are asked together."""
    paths = [write(folder, rule, f"{number}.yaml") for number, rule in enumerate(rules)]
    made = load(paths, FACTS, None)
    with translations_of(made):
        assert all(group.conditions for group in made.groups("layer", "InnerProduct"))
        checker = Checker(made, Config(**config))  # type: ignore[arg-type]
        report = checker.check_text("net.prototxt", NET.encode())
    return [(one.rule, one.message) for one in report.diagnostics]


def another(number: int, when: str, more: str = "") -> str:
    """A rule like the first one, with a condition of its own."""
    text = RULE.replace("XX001", f"XX00{number}").replace("a-rule", f"rule-{number}")
    text = text.replace("layer.num_output > 5", json.dumps(when))
    return text.replace("{layer.num_output} in {layer.bottoms}", str(number)) + more


OPTION = "options: {{ most: {{ value: {}, why: w }} }}\n"


def test_rules_that_are_asked_together_have_options_of_their_own(tmp_path: Path) -> None:
    rules = [
        another(1, "layer.num_output > option.most", OPTION.format(9)),
        another(2, "layer.num_output > option.most", OPTION.format(10)),
        another(3, "layer.num_output > 9 // as in the first"),
        another(4, "layer.num_output > option.most", OPTION.format(11)),
    ]
    options = {"options": {"XX004": {"most": 1}, "XX001": {"most": 20}}}
    assert several(tmp_path, *rules) == [("XX001", "ip has 1"), ("XX003", "ip has 3")]
    assert several(tmp_path, *rules, **options) == [("XX003", "ip has 3"), ("XX004", "ip has 4")]


def test_a_rule_that_fails_harms_the_others_only_where_it_is_on(tmp_path: Path) -> None:
    failing = another(2, "layer.bottoms[7] == 'x'")
    rules = [another(1, "layer.learns"), failing, another(3, "layer.num_output == 10")]
    others = [("XX001", "ip has 1"), ("XX003", "ip has 3")]
    assert several(tmp_path, *rules, ignore=["XX002"]) == others
    with pytest.raises(RuleError, match="rule XX002"):
        several(tmp_path, *rules)
