from __future__ import annotations

import pytest

from caffelint.model.phase import State, effective_state, include_and_exclude, keeps

from .build import layer, message, unmark

TRAIN = State("TRAIN", 2, frozenset(("deploy", "gpu")))


@pytest.mark.parametrize(
    ("rules", "kept"),
    [
        pytest.param("", True, id="no-rules"),
        pytest.param("include { phase: TRAIN }", True, id="the-phase"),
        pytest.param("include { phase: TEST }", False, id="the-other-phase"),
        pytest.param("include { }", True, id="an-empty-rule-always-holds"),
        pytest.param("exclude { }", False, id="so-excluding-by-it-drops-the-layer"),
        pytest.param("exclude { phase: TRAIN }", False, id="excluded-in-the-phase"),
        pytest.param("exclude { phase: TEST }", True, id="excluded-in-the-other"),
        pytest.param("include { min_level: 2 }", True, id="a-level-not-below-the-least"),
        pytest.param("include { min_level: 3 }", False, id="a-level-below-the-least"),
        pytest.param("include { max_level: 2 }", True, id="a-level-not-above-the-most"),
        pytest.param("include { max_level: 1 }", False, id="a-level-above-the-most"),
        pytest.param('include { stage: "gpu" stage: "deploy" }', True, id="all-stages-are-set"),
        pytest.param('include { stage: "gpu" stage: "x" }', False, id="one-stage-is-not-set"),
        pytest.param('include { not_stage: "x" }', True, id="a-stage-that-must-not-be-set"),
        pytest.param('include { not_stage: "x" not_stage: "gpu" }', False, id="one-of-them-is"),
        pytest.param("include { min_level: 2 max_level: 2 }", True, id="just-this-level"),
        pytest.param("include { min_level: -1 }", True, id="a-level-below-0"),
        pytest.param("include { max_level: -1 }", False, id="no-level-from-0-on"),
        pytest.param('exclude { stage: "gpu" }', False, id="excluded-by-a-stage"),
        pytest.param('exclude { stage: "gpu" stage: "x" }', True, id="by-one-that-is-not-set"),
        pytest.param(
            'include { phase: TRAIN stage: "x" }', False, id="within-a-rule-everything-must-hold"
        ),
        pytest.param(
            "include { phase: TEST } include { phase: TRAIN }", True, id="one-include-is-enough"
        ),
        pytest.param(
            "exclude { phase: TEST } exclude { phase: TRAIN }", False, id="one-exclude-is-enough"
        ),
    ],
)
def test_keeps(rules: str, kept: bool) -> None:
    assert keeps(TRAIN, message(layer("x", "ReLU", more=rules)).get("layer")[0]) is kept


def test_a_state_is_that_of_tests_at_level_0_unless_told() -> None:
    """caffe.proto, NetState."""
    assert State() == State("TEST", 0, frozenset())
    rules = ("min_level: 0 max_level: 0", "min_level: 1", "max_level: -1", 'stage: "x"')
    layers = [layer("x", "ReLU", more=f"include {{ {rule} }}") for rule in rules]
    kept = [keeps(State(), one) for one in message("".join(layers)).get("layer")]
    assert kept == [True, False, False, False]


@pytest.mark.parametrize(
    ("states", "want"),
    [
        pytest.param([None, None], State("TRAIN"), id="the-default-of-the-solver"),
        pytest.param(["phase: TEST", None], State("TEST"), id="a-net-sets-its-own-phase"),
        pytest.param(["phase: TEST", "phase: TRAIN"], State("TRAIN"), id="the-solver-comes-last"),
        pytest.param(["level: 3", "phase: TEST"], State("TEST", 3), id="what-is-not-set-stays"),
        pytest.param(
            ['stage: "a"', 'stage: "b"'],
            State("TRAIN", 0, frozenset("ab")),
            id="stages-add-up",
        ),
    ],
)  # fmt: skip
def test_effective_state(states: list[str | None], want: State) -> None:
    given = [None if s is None else message(f"state {{ {s} }}").get("state") for s in states]
    assert effective_state("TRAIN", *given) == want


@pytest.mark.parametrize(
    "marked",
    [
        pytest.param(
            "include { phase: TEST } «exclude» { phase: TRAIN }", id="exclude-comes-later"
        ),
        pytest.param(
            "exclude { phase: TRAIN } «include» { phase: TEST }", id="include-comes-later"
        ),
    ],
)
def test_include_and_exclude(marked: str) -> None:
    text, (span,) = unmark(layer("x", "ReLU", more=marked))
    (problem,) = include_and_exclude(message(text).get("layer"))
    assert (problem.kind, problem.span, problem.layer) == ("include-and-exclude", span, "x")
    assert problem.values == {"layer": "x"}
    ((other, _),) = problem.also
    assert text[other.start : other.end] == marked.partition(" ")[0]


@pytest.mark.parametrize("rule", ["include { }", "exclude { }", ""])
def test_one_kind_of_rule_is_fine(rule: str) -> None:
    assert not include_and_exclude(message(layer("x", "ReLU", more=rule * 2)).get("layer"))
