"""Symptoms: which rules they lead to, in what order, and mistakes in the file."""

from __future__ import annotations

import msgspec
import pytest

from caffelint.engine.rule import Rule, RuleError
from caffelint.engine.symptom import Symptoms, check_symptoms, printed
from caffelint.resources import load_rules, load_symptoms


def rule(
    name: str, symptoms: list[str], severity: str = "info", why: str = "w", on: str = "net"
) -> Rule:
    return msgspec.convert(
        {
            "id": "XX001", "name": name, "summary": "s", "on": on, "when": "true",
            "severity": severity, "message": "m", "why": why, "symptoms": symptoms,
        },
        Rule,
    )  # fmt: skip


def symptoms(likely: list[str], chinese: dict[str, str] | None = None) -> Symptoms:
    words = {"title": "The loss is 87.3365", "about": "a"}
    chinese_words = {"title": "损失是 87.3365", "about": "一"}
    return msgspec.convert(
        {
            "pages": {},
            "groups": [{"id": "loss", "en": "Loss", "zh": "损失"}],
            "symptoms": [
                {
                    "id": "loss-87",
                    "group": "loss",
                    "en": words,
                    "zh": chinese_words,
                    "likely": likely,
                }
            ],
            "chinese": chinese or {},
        },
        Symptoms,
    )


def test_likely_causes_come_first_in_their_order_and_the_others_worst_first() -> None:
    rules = [
        rule("in-log", ["loss-87"], "error", on="run"),
        rule("other-info", ["loss-87"]),
        rule("second", ["loss-87"]),
        rule("elsewhere", []),
        rule("other-error", ["loss-87"], "error"),
        rule("first", ["loss-87"]),
    ]
    (one,) = symptoms(["first", "second"]).symptoms
    names = [found.name for found in one.rules(rules)]
    assert names == ["first", "second", "other-error", "other-info", "in-log"]


def test_words_in_both_languages() -> None:
    (one,) = symptoms([]).symptoms
    assert one.words("en").title == "The loss is 87.3365"
    assert one.words("zh").title == "损失是 87.3365"


@pytest.mark.parametrize(
    ("rules", "given", "reason"),
    [
        pytest.param([rule("a", ["loss-88"])], symptoms([]), "no symptom loss-88", id="unknown"),
        pytest.param([rule("a", [])], symptoms(["a"]), "a does not have loss-87", id="not-said"),
        pytest.param([], symptoms(["b"]), "b does not have loss-87", id="likely-no-rule"),
        pytest.param([], symptoms([], {"c": "丙"}), "there is no rule c", id="chinese-no-rule"),
    ],
)
def test_rules_and_symptoms_must_know_each_other(
    rules: list[Rule], given: Symptoms, reason: str
) -> None:
    with pytest.raises(RuleError, match=reason):
        check_symptoms(rules, given)


def test_the_shipped_rules_and_symptoms_know_each_other() -> None:
    shipped = load_symptoms()
    check_symptoms(load_rules().rules, shipped)
    assert [one.id for one in shipped.symptoms if not one.rules(load_rules().rules)] == []
    assert len({one.id for one in shipped.symptoms}) == len(shipped.symptoms)
    assert {one.group for one in shipped.symptoms} == {group.id for group in shipped.groups}
    assert set(shipped.pages) == {"en", "zh"}


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("87.3365", ["loss-87"]),
        ("0.6931", ["loss-at-ln-k"]),
        ("2.3026", ["loss-at-ln-k"]),
        ("NaN", ["loss-nan-at-once", "loss-nan-later"]),
        ("loss is 0", ["loss-zero"]),
        ("accuracy is exactly 0", ["accuracy-zero"]),
        ("过拟合", ["overfitting"]),
        ("finetune-from-scratch", ["finetune-from-scratch"]),
        ("a", []),
        ("", []),
        ("no such thing", []),
    ],
)
def test_symptoms_are_found_by_what_people_type(text: str, ids: list[str]) -> None:
    assert [one.id for one in load_symptoms().matching(text)] == ids


@pytest.mark.parametrize(
    ("why", "messages"),
    [
        ('Caffe aborts with "Unknown bottom blob".', ["Unknown bottom blob"]),
        ('It says "Check failed: a > 0 (0 vs. 0)".', ["Check failed: a > 0"]),
        ('with "Base must be\n  positive."', ["Base must be positive"]),
        ('"ten of all" is a message, "nine left" is none', ["ten of all"]),
        ('a type "gaussian", "data" or "a b", "Check failed"', []),
        ('the field "convolution_param.kernel_size"', []),
        (
            '"Shape mismatch (7 vs. -1)." and "a gap (b vs. c)"',
            ["Shape mismatch", "a gap (b vs. c)"],
        ),
        ('"…of the kind: " is quoted from its middle', ["of the kind"]),
    ],
)
def test_what_caffe_prints_is_taken_from_the_words_of_a_rule(why: str, messages: list[str]) -> None:
    assert list(printed(rule("a", [], why=why))) == messages
