"""Rules on runs: their causes in order, joined with findings, and what such a rule may not hold."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from caffelint.core.diagnostic import Diagnostic, Place, Severity
from caffelint.core.source import Source, Span
from caffelint.engine import ruleset
from caffelint.engine.diagnosis import Diagnosis, diagnoses, unknown_causes
from caffelint.engine.rule import RuleError
from caffelint.engine.ruleset import RuleSet, load
from caffelint.engine.run import Run, Target
from caffelint.engine.vocabulary import Moment, Stop
from caffelint.engine.vocabulary import Run as RunFacts
from caffelint.resources import load_rules, proto_folder, rules_folder

FACTS = (proto_folder() / "facts.desc").read_bytes()

OTHER = """\
id: XX00{number}
name: other-{number}
summary: What {number} finds
on: solver
when: 'false'
severity: {severity}
symptoms: [loss-87]
message: m
hint: 'advice {number}'
why: Caffe prints "Unknown thing {number} of layer 'a', 3 of them". More.
"""

RULE = """\
id: XX900
name: a-diagnosis
summary: s
on: run
when: run.done
severity: warning
at: [nan_since, end]
message: 'm {run.max_iter}'
evidence: ['{run.mode}', 'always']
otherwise: 'look, {run.mode}'
why: w
"""


def rules(folder: Path, causes: str, severities: str = "EWI") -> RuleSet:
    words = {"E": "error", "W": "warning", "I": "info"}
    paths = [folder / "XX900.yaml"]
    paths[0].write_text(RULE + causes)
    for number, letter in enumerate(severities, 1):
        paths.append(folder / f"XX00{number}.yaml")
        paths[-1].write_text(OTHER.format(number=number, severity=words[letter]))
    return load(paths, FACTS, None)


def finding(number: int, severity: str = "W", line: int = 0) -> Diagnostic:
    grade = {"E": Severity.ERROR, "W": Severity.WARNING, "I": Severity.INFO}[severity]
    place = Place(Source("net.prototxt", "x\n" * 9), Span(2 * line, 2 * line + 1))
    return Diagnostic(f"XX00{number}", f"other-{number}", grade, "high", f"m{number}", "", place)


class Anywhere:
    """An anchor that finds nothing."""

    def find(self, path: str) -> None:
        """Nothing is found."""

    def is_unread(self, path: str) -> bool:
        """Nothing is written."""
        return not path and False


def diagnose(given: RuleSet, findings: list[Diagnostic], stop: str = "") -> Diagnosis:
    moment = Moment(iteration=7, line=3)
    run = RunFacts(done=True, max_iter=9, end=moment, stop=Stop(message=stop))
    target = Target("run", Source("a.log", ""), (Anywhere(),), {"run": run})
    (one,) = diagnoses(Run(given), target, findings)
    return one


def names(one: Diagnosis) -> list[str]:
    return [cause.name for cause in one.causes]


def test_a_diagnosis_has_since_evidence_and_advice(tmp_path: Path) -> None:
    one = diagnose(rules(tmp_path, ""), [])
    assert (one.diagnostic.message, one.since) == ("m 9", 7)
    assert one.evidence == ("always",)
    assert one.otherwise == "look, "


@pytest.mark.parametrize(
    ("causes", "findings", "expected"),
    [
        pytest.param(
            "causes: [{rules: [XX002]}, {rules: [XX001]}]",
            [finding(1), finding(2)],
            ["other-2", "other-1"],
            id="in the order of the rule",
        ),
        pytest.param(
            "causes: [{rules: [XX001, XX002]}]",
            [finding(1), finding(2, "E")],
            ["other-2", "other-1"],
            id="within one entry the worse first",
        ),
        pytest.param(
            "causes: [{rules: [XX001]}, {rules: [XX002]}]",
            [finding(1, "I"), finding(2)],
            ["other-2", "other-1"],
            id="what is only worth knowing comes last",
        ),
        pytest.param(
            "causes: [{rules: [XX001], when: run.batch > 5}, {rules: [XX002]}]",
            [finding(1), finding(2)],
            ["other-2"],
            id="only where the condition holds",
        ),
        pytest.param(
            "causes: [{rules: [XX001]}, {rules: [XX001], name: again, words: again}]",
            [finding(1)],
            ["other-1"],
            id="once, and no words on what was found",
        ),
        pytest.param(
            "causes: [{rules: [XX001], name: guess, words: 'of {run.max_iter}'}]",
            [],
            ["guess"],
            id="words where there is no finding",
        ),
        pytest.param(
            "causes: [{rules: [XX003]}, {name: guess, words: look}, {rules: [XX001]}]",
            [finding(1), finding(3, "I")],
            ["guess", "other-1", "other-3"],
            id="words in their place, before what is only worth knowing",
        ),
        pytest.param(
            "causes: [{rules: [XX001, XX002, XX003]}]",
            [finding(3), finding(2), finding(1, "E"), finding(3, "E", line=2)],
            ["other-1", "other-3", "other-2"],
            id="by the worst finding of each, else as named",
        ),
        pytest.param(
            "causes: [{rules: [XX001, XX002]}, {rules: [XX002, XX003], name: n, words: w}]",
            [finding(2), finding(1)],
            ["other-1", "other-2"],
            id="no words where one of the rules has spoken already",
        ),
        pytest.param(
            "causes: [{rules: [XX001, XX002, XX003]}]",
            [
                finding(1),
                replace(finding(2), confidence="medium"),
                replace(finding(3), confidence="certain"),
            ],
            ["other-3", "other-1", "other-2"],
            id="of equals the more certain first",
        ),
        pytest.param(
            "causes: [{rules: [XX001]}]", [finding(2)], [], id="neither words nor finding"
        ),
        pytest.param(
            "causes: [{symptom: loss-87}]",
            [finding(3, "I"), finding(1)],
            ["other-1", "other-3"],
            id="all rules with a symptom",
        ),
    ],
)
def test_causes(
    tmp_path: Path, causes: str, findings: list[Diagnostic], expected: list[str]
) -> None:
    assert names(diagnose(rules(tmp_path, causes), findings)) == expected


def test_findings_of_one_rule_are_one_cause(tmp_path: Path) -> None:
    one = diagnose(rules(tmp_path, "causes: [{rules: [XX001]}]"), [finding(1), finding(1, line=2)])
    assert [(cause.name, cause.more) for cause in one.causes] == [("other-1", 1)]


def test_rules_that_quote_a_message(tmp_path: Path) -> None:
    given = rules(tmp_path, "causes: [{printed: run.stop.message}]")
    message = "F1124 Check failed: Unknown thing 2 of layer 'conv', 17 of them (0 vs. 1)"
    one = diagnose(given, [finding(2)], stop=message)
    assert one.causes[0].finding is not None
    one = diagnose(given, [], stop=message)
    assert "advice" in one.causes[0].words
    assert diagnose(given, [], stop="Unknown").causes == ()


@pytest.mark.parametrize(
    ("change", "advice"),
    [
        pytest.param(("", ""), "advice 2", id="the-hint"),
        pytest.param(
            ("hint: 'advice 2'\n", ""),
            "Caffe prints \"Unknown thing 2 of layer 'a', 3 of them\".",
            id="else-the-first-sentence-of-the-reason",
        ),
        pytest.param(
            ("hint: 'advice 2'\nwhy: Caffe", "why: Why?  It\n  is so. Caffe"),
            "Why?",
            id="whatever-ends-it",
        ),
    ],
)
def test_what_is_said_of_a_message_that_a_rule_quotes(
    tmp_path: Path, change: tuple[str, str], advice: str
) -> None:
    rules(tmp_path, "causes: [{printed: run.stop.message}]", "IW")
    path = tmp_path / "XX002.yaml"
    path.write_text(path.read_text().replace(*change))
    (tmp_path / "XX001.yaml").unlink()
    given = load(sorted(tmp_path.glob("*.yaml")), FACTS, None)
    (cause,) = diagnose(given, [], stop="Unknown thing 2 of layer 'b', 17 of them").causes
    assert cause.words == f"What 2 finds (XX002): {advice}"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, ["other-1", "other-2", "other-4"], id="three-at-most-the-worst-first"),
        pytest.param({"XX003": ("of them", "of them in all")}, ["other-3"], id="who-quotes-most"),
        pytest.param(
            {"XX900": ("why: w", "why: 'It says \"Unknown thing 7 of layer b, 3 of them\".'")},
            ["other-1", "other-2", "other-4"],
            id="not-the-rules-on-runs",
        ),
    ],
)
def test_which_rules_are_named_for_a_message(
    tmp_path: Path, changes: dict[str, tuple[str, str]], expected: list[str]
) -> None:
    rules(tmp_path, "causes: [{printed: run.stop.message}]", "EWIW")
    for name, change in changes.items():
        path = tmp_path / f"{name}.yaml"
        path.write_text(path.read_text().replace(*change))
    given = load(sorted(tmp_path.glob("*.yaml")), FACTS, None)
    message = "Unknown thing 2 of layer 'b', 17 of them in all"
    causes = diagnose(given, [], stop=message).causes
    assert [(cause.name, cause.more) for cause in causes] == [(name, 0) for name in expected]


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        pytest.param(
            "also: {nan_since.value: w}", "a run has no moment nan_since.value", id="no moment"
        ),
        pytest.param("also: {heads: w}", "a run has no moment heads", id="a list"),
        pytest.param(
            "causes: [{when: run.max_iter}]", "gives INT, not true or false", id="no condition"
        ),
        pytest.param(
            "causes: [{words: '{run.nothing}'}]", "undefined field 'nothing'", id="no fact"
        ),
    ],
)
def test_mistakes_are_found_when_the_rule_is_loaded(tmp_path: Path, more: str, reason: str) -> None:
    with pytest.raises(RuleError, match=reason):
        rules(tmp_path, more)


def test_causes_are_for_rules_on_runs_only(tmp_path: Path) -> None:
    path = tmp_path / "XX001.yaml"
    path.write_text(OTHER.format(number=1, severity="error") + "causes: [{words: w}]\n")
    with pytest.raises(RuleError, match="11: causes is for rules on runs only"):
        load([path], FACTS, None)


def test_the_shipped_rules_come_from_the_cache_the_second_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = sorted(rules_folder().glob("CL*.yaml"))
    rules = [rule.id for rule in load(paths, FACTS, tmp_path).rules]

    def refuse(*_given: object) -> None:
        raise AssertionError("compiled once more")

    monkeypatch.setattr(ruleset, "_compile", refuse)
    assert [rule.id for rule in load(paths, FACTS, tmp_path).rules] == rules


def test_the_shipped_rules_name_causes_that_there_are(tmp_path: Path) -> None:
    shipped = load_rules()
    assert unknown_causes(shipped.rules) == []
    assert all(
        shipped.with_symptom(cause.symptom)
        for rule in shipped.rules
        for cause in rule.causes
        if cause.symptom
    )
    own = rules(tmp_path, "causes: [{rules: [XX001, XX008]}]")
    assert unknown_causes(own.rules) == ["XX900: there is no rule XX008"]
