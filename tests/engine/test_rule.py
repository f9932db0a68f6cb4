"""Reading rule files: what they may hold, and errors that name the line."""

from __future__ import annotations

from pathlib import Path

import pytest

from caffelint.engine.rule import RuleError, json_schema, read_rule, read_rules, split_template

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
    ],
)
def test_mistakes_name_their_line(
    tmp_path: Path, change: tuple[str, str], line: int, reason: str
) -> None:
    path = write(tmp_path, RULE.replace(*change))
    with pytest.raises(RuleError) as error:
        read_rule(path)
    assert str(error.value).startswith(f"{path}:{line}: ")
    assert reason in str(error.value)


def test_on_is_a_word_and_not_a_boolean(tmp_path: Path) -> None:
    assert read_rule(write(tmp_path, RULE)).on == "layer"


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
