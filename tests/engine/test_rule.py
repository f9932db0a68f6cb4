"""Reading rule files: what they may hold, and errors that name the line."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from caffelint.engine.rule import (
    Change,
    RuleError,
    filled,
    json_schema,
    read_rule,
    read_rules,
    split_template,
    template_of,
    yaml_line,
)

RULE = """\
id: XX001
name: a-rule
summary: s
on: layer
when: layer.learns
severity: warning
message: m
why: w
"""


FIX = "title: t, safe: true, changes:"


def write(folder: Path, text: str, name: str = "rule.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("change", "line", "reason"),
    [
        pytest.param(
            ("severity: warning", "severity: bad"), 6, "Invalid enum value", id="severity"
        ),
        pytest.param(("message: m", "massage: m"), 1, "unknown field `massage`", id="unknown-key"),
        pytest.param(("when: layer.learns", "when: [a]"), 5, "Expected `str`", id="wrong-type"),
        pytest.param(("on: layer", "on: problem"), 4, "needs a kind", id="problem-without-kind"),
        pytest.param(("when: layer.learns\n", ""), 4, "needs a when", id="layer-without-when"),
        pytest.param(("id: XX001", "id: x"), 1, "matching regex", id="id-form"),
        pytest.param(("why: w", "why: [w"), 9, "expected", id="no-yaml"),
        pytest.param((RULE, ""), 1, "Expected `object`", id="an-empty-file"),
        pytest.param(
            ("why: w", "fix: {title: t, safe: true, changes: []}\nwhy: w"),
            8,
            "a fix without changes",
            id="no-changes",
        ),
        pytest.param(
            ("why: w", "fix: {title: t, safe: true, changes: [{mend: colon}]}\nwhy: w"),
            8,
            "mend cannot stand in a rule on a layer",
            id="mend-is-for-problems",
        ),
        pytest.param(
            ("why: w", "fix: {title: t, safe: true, changes: [{set: '1'}]}\nwhy: w"),
            8,
            "set needs at",
            id="set-without-a-place",
        ),
        pytest.param(
            ("why: w", "fix: {title: t, safe: true, changes: [{bypass: Split}]}\nwhy: w"),
            8,
            "bypass needs at",
            id="bypass-without-a-place",
        ),
        pytest.param(
            ("why: w", "fix: {title: t, safe: true, changes: [{at: a}]}\nwhy: w"),
            8,
            "bypass, mend, not none",
            id="nothing-to-do",
        ),
        pytest.param(
            (
                "why: w",
                "fix: {title: t, safe: true, changes: [{set: a, insert: b, at: c}]}\nwhy: w",
            ),
            8,
            "bypass, mend, not set and insert",
            id="two-things-to-do",
        ),
        pytest.param(
            ("why: w", "fix: {title: t, safe: true, changes: [{replace: a}]}\nwhy: w"),
            8,
            "replace cannot stand in a rule on a layer",
            id="replace-is-for-problems",
        ),
        pytest.param(
            ("when: layer.learns", "kind: k\nfix: {title: t, safe: true, changes: [{remove: a}]}"),
            6,
            "remove cannot stand in a rule on problems",
            id="remove-is-not-for-problems",
        ),
        pytest.param(
            (
                "when: layer.learns",
                "kind: k\nfix: {title: t, safe: true, when: 'true', changes: [{mend: colon}]}",
            ),
            6,
            "a fix of a rule on problems has no when",
            id="a-fix-of-a-problem-under-a-condition",
        ),
        pytest.param(
            (
                "why: w",
                f"fix:\n- {{{FIX} [{{insert: a}}]}}\n- {{{FIX} []}}\nwhy: w",
            ),
            9,
            "a fix without changes",
            id="the-second-fix",
        ),
        pytest.param(
            ("why: w", "otherwise: o\nwhy: w"), 8, "is for rules on runs only", id="otherwise"
        ),
        pytest.param(
            ("why: w", "softer:\n- {when: a, severity: info}\n- {severity: info}\nwhy: w"),
            10,
            "missing required field `when`",
            id="in-a-list",
        ),
    ],
)
def test_mistakes_name_their_line(
    tmp_path: Path, change: tuple[str, str], line: int, reason: str
) -> None:
    text = RULE.replace(*change)
    path = write(tmp_path, text.replace("on: layer", "on: problem") if "kind: k" in text else text)
    with pytest.raises(RuleError) as error:
        read_rule(path)
    assert str(error.value).startswith(f"{path}:{line}: ")
    assert reason in str(error.value)


def test_on_is_a_word_and_not_a_boolean(tmp_path: Path) -> None:
    assert read_rule(write(tmp_path, RULE)).on == "layer"


@pytest.mark.parametrize(
    ("more", "hints", "shown"),
    [
        ("", [""], ""),
        ("hint: plain", ["plain"], "plain"),
        ("hint: 'of {layer.name}'", ["of {layer.name}"], ""),
        ("hint: ['of {layer.name}', plain]", ["of {layer.name}", "plain"], "plain"),
        ("hint: [plain, 'of {layer.name}']", ["plain", "of {layer.name}"], ""),
    ],
)
def test_a_hint_without_placeholders_is_shown_on_the_page_of_a_rule(
    tmp_path: Path, more: str, hints: list[str], shown: str
) -> None:
    rule = read_rule(write(tmp_path, f"{RULE}{more}\n"))
    assert (rule.hints, rule.text.hint) == (hints, shown)
    assert (rule.text.severity.word, rule.text.confidence, rule.text.why) == (
        *("warning", "certain"),
        "w",
    )


def test_where_the_expressions_of_a_rule_stand(tmp_path: Path) -> None:
    more = """\
softer: [{when: s, severity: info}]
hint: ['h {a}', 'h {b}']
fix:
- {title: 't {c}', safe: true, when: f, changes: [{set: 'x {d}', at: p}, {move: '{e}', into: q}]}
- {title: t, safe: true, changes: [{insert: '{g}'}]}
"""
    rule = read_rule(write(tmp_path, RULE.replace("message: m", "message: '{m}{n}'") + more))
    assert list(rule.expressions()) == [
        ("when", "layer.learns"), ("softer.0.when", "s"), ("message", "m"), ("message", "n"),
        ("hint", "a"), ("hint", "b"), ("fix.0.when", "f"), ("fix.0", "c"), ("fix.0", "d"),
        ("fix.0", "e"), ("fix.1", "g"),
    ]  # fmt: skip
    single = "fix: {title: '{c}', safe: true, when: f, changes: [{insert: i}]}\n"
    rule = read_rule(write(tmp_path, RULE + single))
    assert list(rule.expressions())[1:] == [("fix.when", "f"), ("fix", "c")]


def test_the_expressions_of_a_rule_on_runs(tmp_path: Path) -> None:
    more = """\
causes: [{words: '{a}'}, {when: w, printed: p, words: 'x {b}'}]
evidence: ['{c}', '{d} {e}']
otherwise: '{f}'
"""
    rule = read_rule(write(tmp_path, RULE.replace("on: layer", "on: run") + more))
    assert list(rule.expressions())[1:] == [
        ("causes.1.when", "w"), ("causes.1.printed", "p"), ("causes.0.words", "a"),
        ("causes.1.words", "b"), ("evidence.0", "c"), ("evidence.1", "d"), ("evidence.1", "e"),
        ("otherwise", "f"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("a", 1), ("b", 3), ("b.c", 3), ("b.d.0", 5), ("b.d[1].e", 6), ("b.d.2", 5), ("b.x", 3),
        ("f", 8), ("none", 1), ("", 1), ("b.d.e", 5), ("a.0", 1),
    ],
)  # fmt: skip
def test_lines_of_values(path: str, line: int) -> None:
    """Of the deepest part of the path that is there; a block scalar's is that of its text."""
    text = "a: 1\nb:\n  c: 2\n  d:\n  - 3\n  - e: 4\nf: |\n  text\n"
    assert yaml_line(text, path) == line


@pytest.mark.parametrize(
    ("change", "template"),
    [
        ({"set": "a {b}", "at": "c"}, "a {b}"),
        ({"bypass": "Split", "at": "c"}, "Split"),
        ({"mend": "colon"}, ""),
    ],
)
def test_the_template_of_a_change(change: dict[str, str], template: str) -> None:
    one = msgspec.convert(change, Change)
    assert template_of(one) == template
    made = filled(one, "new")
    assert (template_of(made), made.at) == ("new" if template else "", one.at)


def test_an_id_is_given_once(tmp_path: Path) -> None:
    paths = [write(tmp_path, RULE, "a.yaml"), write(tmp_path, RULE, "b.yaml")]
    with pytest.raises(RuleError, match="XX001 is taken by a-rule"):
        read_rules(paths)


@pytest.mark.parametrize(
    ("template", "parts"),
    [
        ("plain", ["plain"]),
        ("{a}", ["", "a", ""]),
        (
            'layer "{layer.name}" has {layer.tops}',
            ['layer "', "layer.name", '" has ', "layer.tops", ""],
        ),
        ('write x {{ type: "{ t }" }}', ['write x { type: "', "t", '" }']),
    ],
)
def test_templates_split_into_words_and_placeholders(template: str, parts: list[str]) -> None:
    assert split_template(template) == parts


def test_json_schema_is_made_from_the_same_structs() -> None:
    rule = json_schema()["$defs"]["Rule"]
    assert set(rule["required"]) >= {"id", "name", "on", "severity", "message", "why"}
    assert rule["additionalProperties"] is False
