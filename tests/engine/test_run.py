"""Evaluating rules: severity by condition, options, hints, and one finding for several phases."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from caffelint.check import Checker
from caffelint.config import Config
from caffelint.core.diagnostic import Diagnostic, Edit, Place, Severity
from caffelint.core.problem import Problem
from caffelint.core.source import Source, Span
from caffelint.engine.rule import Change, RuleError
from caffelint.engine.ruleset import load
from caffelint.engine.run import Clock, Run, Target, merge
from caffelint.engine.vocabulary import Layer, Net, Solver
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


# Things that rules look at, made here


class Fields:
    """An anchor whose fields stand at these offsets, the thing itself at that of ``self_``. The
    value of ``x`` is not known where there is an ``x_unread``.
    """

    def __init__(self, **offsets: int) -> None:
        self._offsets = offsets

    def find(self, path: str) -> Span | None:
        """Where a field stands."""
        offset = self._offsets.get(path or "self_")
        return Span(offset, offset + 1) if offset is not None else None

    def is_unread(self, path: str) -> bool:
        """Whether the field is marked."""
        return f"{path}_unread" in self._offsets


TEXT = Source("net.prototxt", "0123456789")


def target(*anchors: Fields, **facts: object) -> Target:
    variables = {"layer": Layer(name="a", num_output=10), "net": Net(), "solver": Solver()}
    for name, value in facts.items():
        setattr(variables["layer"], name, value)
    return Target("layer", TEXT, anchors, variables, "InnerProduct", "a", "TRAIN", "assumed")


@pytest.mark.parametrize(
    ("anchors", "paths", "start"),
    [
        pytest.param([Fields(self_=1, x=2)], ["x"], 2, id="the-field"),
        pytest.param([Fields(self_=1, x=2)], ["y", "x"], 2, id="the-first-that-is-written"),
        pytest.param([Fields(self_=1, x=2, y=3)], ["y", "x"], 3, id="in-the-order-of-the-rule"),
        pytest.param([Fields(self_=1), Fields(self_=4, x=5)], ["x"], 5, id="of-the-second-thing"),
        pytest.param([Fields(self_=1, x=2), Fields(self_=4, x=5)], ["x"], 2, id="of-the-first"),
        pytest.param([Fields(self_=1), Fields(self_=4)], ["x"], 1, id="else-the-thing-itself"),
        pytest.param([Fields(self_=1, x=2)], [], 1, id="or-where-nothing-is-named"),
        pytest.param([Fields()], ["x"], 0, id="else-the-start-of-the-file"),
    ],
)
def test_where_a_finding_stands(anchors: list[Fields], paths: list[str], start: int) -> None:
    assert target(*anchors).place(paths).span.start == start


@pytest.mark.parametrize(
    ("at", "anchor", "found"),
    [
        ("at: [x, y]", Fields(self_=1), 1),
        ("at: [x, y]", Fields(self_=1, y=2, y_unread=0), 0),
        ("at: [x, y]", Fields(self_=1, z_unread=0), 1),
        ("", Fields(self_=1, x_unread=0), 1),
    ],
)
def test_of_a_value_that_cannot_be_known_nothing_is_said(
    tmp_path: Path, at: str, anchor: Fields, found: int
) -> None:
    made = load([write(tmp_path, f"{RULE}{at}\n")], FACTS, None)
    for anchors in ((anchor,), (Fields(), anchor)):
        assert len(Run(made).on_target(target(*anchors))) == found


class Edits:
    """An editor that writes what it is asked for at the start, and cannot do what says "no"."""

    def edit_target(self, changes: Sequence[Change], target: Target) -> tuple[Edit, ...]:
        """One edit for each change."""
        assert target.on == "layer"
        return self._edits(changes)

    def edit_problem(
        self, changes: Sequence[Change], source: Source, problem: Problem
    ) -> tuple[Edit, ...]:
        """The same."""
        assert (source, problem.kind) == (TEXT, "k")
        return self._edits(changes)

    def _edits(self, changes: Sequence[Change]) -> tuple[Edit, ...]:
        texts = [one.insert or one.replace or one.mend for one in changes]
        return () if "no" in texts else tuple(Edit(Span(0, 0), text) for text in texts)


def fix(title: str, *inserted: str, when: str = "", safe: bool = True) -> dict[str, object]:
    changes = [{"insert": text} for text in inserted]
    return {"title": title, "safe": safe, "when": when, "changes": changes}


@pytest.mark.parametrize(
    ("fixes", "want"),
    [
        pytest.param([fix("of {layer.name}", "x", "y {layer.num_output}")],
                     ("of a", ["x", "y 10"], True), id="filled"),
        pytest.param([fix("risky", "x", safe=False)], ("risky", ["x"], False), id="not-safe"),
        pytest.param([fix("1", "no", "x"), fix("2", "y")], ("2", ["y"], True),
                     id="the-first-that-can-be-made"),
        pytest.param([fix("1", "x", when="layer.num_output > 10"), fix("2", "y")],
                     ("2", ["y"], True), id="under-its-condition"),
        pytest.param([fix("1", "x", when="layer.num_output > 9"), fix("2", "y")],
                     ("1", ["x"], True), id="which-holds"),
        pytest.param([fix("1", "x", "{solver.type}"), fix("2", "y")], ("2", ["y"], True),
                     id="none-of-its-placeholders-empty"),
        pytest.param([fix("1", "{layer.type}"), fix("2", "y")], ("2", ["y"], True),
                     id="nor-a-name-that-was-shortened"),
        pytest.param([fix("1", "no")], None, id="none-can-be-made"),
        pytest.param([], None, id="there-is-none"),
    ],
)  # fmt: skip
def test_fixes(
    tmp_path: Path, fixes: list[dict[str, object]], want: tuple[str, list[str], bool] | None
) -> None:
    made = load([write(tmp_path, f"{RULE}fix: {json.dumps(fixes)}\n")], FACTS, None)
    one = target(Fields(self_=1), type="x" * 9 + "\u2026")
    (found,) = Run(made, editor=Edits).on_target(one)
    told = found.fix and (found.fix.title, [edit.text for edit in found.fix.edits], found.fix.safe)
    assert told == want
    assert Run(made).on_target(one)[0].fix is None


@pytest.mark.parametrize("character", ["\0", "\n", "\x1f", "\x7f", "\u2026", "\ufffd"])
def test_a_fix_writes_only_what_was_written(tmp_path: Path, character: str) -> None:
    """In a name that is shown, a character may stand for what cannot be shown."""
    rule = problem_rule(f"fix: {json.dumps([fix('t', 'x')])}\n").replace(
        '"insert": "x"', '"replace": "{v}"'
    )
    run = Run(load([write(tmp_path, rule)], FACTS, None), editor=Edits)
    for value, fixed in ((" !~é", True), (f"a{character}", False)):
        (one,) = run.on_problems(TEXT, [Problem("k", Span(0, 1), {"v": value, "w": 1})])
        assert (one.fix is not None) == fixed


def problem_rule(more: str = "") -> str:
    text = RULE.replace("on: layer\ntypes: [InnerProduct]\nwhen: layer.num_output > 5",
                        "on: problem\nkind: k")  # fmt: skip
    message = "{layer.name} has {layer.num_output} in {layer.bottoms}"
    assert message in text
    return text.replace(message, "{v} of {w}") + more


def test_problems(tmp_path: Path) -> None:
    more = "hint: ['a {w}', 'b {v}', c]\ntag: deprecated\n"
    run = Run(load([write(tmp_path, problem_rule(more))], FACTS, None))
    also = ((Span(3, 4), "there"),)
    given = [
        Problem("k", Span(1, 2), {"v": 0.1, "w": ""}, also, "a"),
        Problem("other", Span(1, 2)),
        Problem("k", Span(1, 2), {"v": ["x", 1.5, True], "w": False}),
    ]
    first, second = run.on_problems(TEXT, given, "TEST")
    assert (first.message, first.hint, first.layer) == ("0.1 of ", "b 0.1", "a")
    assert (second.message, second.hint, second.layer) == ("x, 1.5, true of false", "a false", "")
    assert (first.phases, first.tag, first.severity) == (("TEST",), "deprecated", Severity.WARNING)
    assert [(one.place.span, one.message) for one in first.related] == [(Span(3, 4), "there")]
    assert (first.rule, first.name, first.place) == ("XX001", "a-rule", Place(TEXT, Span(1, 2)))
    assert [one.phases for one in run.on_problems(TEXT, given[:1])] == [()]
    off = Run(run.ruleset, selected=frozenset(("XX002",)))
    assert list(off.on_problems(TEXT, given)) == []


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (True, "true"), (False, "false"), (10, "10"), (0.1, "0.1"), (1e-7, "1e-07"),
        (1 / 3, "0.3333333"), (100000.0, "100000"), (["a", "b"], "a, b"), ([], ""),
        ((0.5, 2), "0.5, 2"), ("a", "a"),
    ],
)  # fmt: skip
def test_values_in_words(tmp_path: Path, value: object, shown: str) -> None:
    run = Run(load([write(tmp_path, problem_rule())], FACTS, None))
    (one,) = run.on_problems(TEXT, [Problem("k", Span(0, 1), {"v": value, "w": "."})])
    assert one.message == f"{shown} of ."


def test_facts_of_one_thing_after_another(tmp_path: Path) -> None:
    """CEL's messages are kept as long as the thing is the same."""
    run = Run(load([write(tmp_path, RULE)], FACTS, None))
    messages = [
        [one.message for one in run.on_target(target(Fields(), num_output=number))]
        for number in (6, 7, 5, 8)
    ]
    assert messages == [["a has 6 in "], ["a has 7 in "], [], ["a has 8 in "]]


def test_a_condition_is_true_or_false(tmp_path: Path) -> None:
    made = load([write(tmp_path, RULE)], FACTS, None)
    run, one = Run(made), target(Fields())
    ((rule, seen),) = run.speaking(one)
    assert run.holds(rule, "layer.num_output > 5", seen)
    assert list(run.filled(rule, ["{layer.name}!", "{layer.bottoms}", "plain"], seen)) == [
        *("a!", "plain")
    ]
    with pytest.raises(RuleError, match=r"rule XX001: 'layer.name' fails: a"):
        run.holds(rule, "layer.name", seen)


def test_the_slowest_rule_is_named_when_time_is_up() -> None:
    clock = Clock(10)
    for rule, seconds in (("A", 2.0), ("B", 3.0), ("A", 2.0), ("C", 3.0)):
        clock.add(rule, seconds)  # 10 s in all are allowed
    with pytest.raises(RuleError, match=r"more than 10 s, A 4\.0 s of it"):
        clock.add("B", 0.5)


def diagnostic(severity: Severity = Severity.WARNING, **more: Any) -> Diagnostic:
    given: dict[str, Any] = {
        "rule": "A",
        "name": "a",
        "message": "m",
        "place": Place(TEXT, Span(1, 2)),
    } | more
    return Diagnostic(severity=severity, confidence="high", hint="", **given)


@pytest.mark.parametrize(
    "other",
    [
        {"rule": "B"},
        {"message": "n"},
        {"layer": "l"},
        {"place": Place(TEXT, Span(1, 3))},
        {"place": Place(Source("other.prototxt", "0123456789"), Span(1, 2))},
    ],
)
def test_what_differs_is_not_merged(other: dict[str, Any]) -> None:
    found = merge([diagnostic(**other), diagnostic()])
    assert len(found) == 2
    assert found == sorted(found, key=lambda one: one.sort_key)


def test_what_is_alike_is_merged() -> None:
    """The worse one counts, the first of equals, with the phases of all."""
    error = diagnostic(Severity.ERROR, phases=("TEST", "TRAIN"))
    (one,) = merge([diagnostic(phases=("TRAIN",)), error, diagnostic(Severity.INFO)])
    assert (one.severity, one.phases) == (Severity.ERROR, ("TRAIN", "TEST"))
    (one,) = merge([diagnostic(context="first"), diagnostic(context="second")])
    assert one.context == "first"


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
