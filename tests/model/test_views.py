"""The nets that a file is likely to be built as: by phase, by stage, and what is left unsaid."""

from __future__ import annotations

import pytest

from caffelint.model.views import likely_views

from .build import layer, message

DATA = layer("data", "Data", "-> data label")
IP = layer("ip", "InnerProduct", "data -> ip")
LOSS = layer("loss", "SoftmaxWithLoss", "ip label -> loss")
TRAIN, TEST = "include { phase: TRAIN }", "include { phase: TEST }"


def data(rule: str, type_: str = "Data") -> str:
    return layer("data", type_, "-> data label", rule)


def states(text: str) -> list[tuple[str, int, str]]:
    """Phase, level and stages of each view."""
    found = [one.state for one in likely_views(message(text))]
    return [(state.phase, state.level, " ".join(sorted(state.stages))) for state in found]


@pytest.mark.parametrize(
    ("text", "phases"),
    [
        pytest.param(DATA + IP + LOSS, ["TRAIN", "TEST"], id="data-in-both"),
        pytest.param(data(TRAIN) + data(TEST) + IP + LOSS, ["TRAIN", "TEST"], id="one-for-each"),
        pytest.param(data(TRAIN) + IP + LOSS, ["TRAIN"], id="data-to-train-on-only"),
        pytest.param(data(TEST) + IP + LOSS, ["TEST"], id="data-to-test-on-only"),
        pytest.param(data(TRAIN, "Input") + IP + LOSS, ["TRAIN"], id="fed-in-one-phase"),
        pytest.param(
            data(TRAIN) + layer("p", "Parameter", "-> p") + IP + LOSS, ["TRAIN"],
            id="a-parameter-is-no-data",
        ),
        pytest.param(
            data(TRAIN) + layer("relu", "ReLU", "data -> r") + IP + LOSS, ["TRAIN"],
            id="a-layer-with-a-bottom-is-no-data",
        ),
        pytest.param("state { phase: TRAIN } " + DATA + IP + LOSS, ["TRAIN"], id="its-own-phase"),
        pytest.param("state { phase: TEST } " + DATA + IP + LOSS, ["TEST"], id="its-own-tests"),
        # Without a loss nothing is trained.
        pytest.param(DATA + IP, ["TEST"], id="without-a-loss-it-is-run-only"),
        pytest.param(data(TRAIN) + IP, ["TRAIN"], id="unless-data-comes-for-training-only"),
        pytest.param(data(TEST) + IP, ["TEST"], id="data-to-run-it-on"),
        pytest.param(
            data(TEST) + IP + layer("loss", "SoftmaxWithLoss", "ip label -> l", TRAIN), ["TEST"],
            id="a-loss-where-no-data-comes-is-none",
        ),
        pytest.param(
            DATA + IP + layer("loss", "SoftmaxWithLoss", "ip label -> l", TEST), ["TRAIN", "TEST"],
            id="a-loss-in-one-of-the-phases-is-enough",
        ),
        pytest.param(
            DATA + layer("r", "Reduction", "data -> r", "loss_weight: 1"), ["TRAIN", "TEST"],
            id="any-weighted-top-is-a-loss",
        ),
        # Part of a net, say.
        pytest.param(IP, ["TEST"], id="without-data-or-loss"),
        pytest.param(IP + LOSS, ["TEST"], id="without-data"),
        pytest.param("state { phase: TRAIN } " + IP, ["TRAIN"], id="its-own-phase-whatever-comes"),
        pytest.param("", ["TEST"], id="empty"),
    ],
)  # fmt: skip
def test_phases(text: str, phases: list[str]) -> None:
    assert [phase for phase, _, _ in states(text)] == phases


def staged(rule: str) -> str:
    return layer("relu", "ReLU", "ip -> ip", rule)


@pytest.mark.parametrize(
    ("text", "want"),
    [
        pytest.param(
            staged('include { stage: "b" } include { stage: "a" }'),
            [("TRAIN", 0, "a"), ("TRAIN", 0, "b"), ("TEST", 0, "a"), ("TEST", 0, "b")],
            id="each-that-is-named",
        ),
        pytest.param(
            staged('exclude { stage: "a" stage: "b" }'),
            [("TRAIN", 0, "a"), ("TRAIN", 0, "b"), ("TEST", 0, "a"), ("TEST", 0, "b")],
            id="each-of-an-exclude",
        ),
        pytest.param(
            staged('include { not_stage: "a" }'), [("TRAIN", 0, ""), ("TEST", 0, "")],
            id="what-must-not-be-set-is-not",
        ),
        pytest.param(
            'state { level: 3 stage: "own" } ' + staged('include { stage: "a" }'),
            [("TRAIN", 3, "a own"), ("TEST", 3, "a own")],
            id="with-the-net-s-own-level-and-stages",
        ),
        pytest.param(
            'state { phase: TEST level: 1 stage: "own" }', [("TEST", 1, "own")],
            id="the-net-s-own-alone",
        ),
    ],
)  # fmt: skip
def test_stages(text: str, want: list[tuple[str, int, str]]) -> None:
    assert states(text + DATA + IP + LOSS) == want


def test_a_stage_counts_only_where_data_comes() -> None:
    text = data('include { stage: "a" }') + staged('include { stage: "b" }') + IP + LOSS
    assert states(text) == [("TRAIN", 0, "a"), ("TEST", 0, "a")]


def test_so_many_stages_are_looked_at() -> None:
    many = "".join(staged(f'include {{ stage: "s{number:02}" }}') for number in range(40))
    found = states(many + DATA + IP + LOSS)
    assert found == [
        (phase, 0, f"s{number:02}") for phase in ("TRAIN", "TEST") for number in range(16)
    ]


def told(*middle: str) -> list[tuple[str, ...]]:
    """Kinds of problems, with the blob, in the view for the stage a and in that for b."""
    marks = "".join(layer(s, "Silence", "label", f'include {{ stage: "{s}" }}') for s in "ab")
    views = likely_views(message("".join((data(TRAIN), *middle, IP, LOSS, marks))))
    assert [view.state.stages for view in views] == [{"a"}, {"b"}]
    return [
        tuple(
            f"{one.kind} {one.values.get('bottom', one.values.get('top'))}" for one in view.problems
        )
        for view in views
    ]


MISSING, TWICE = "unknown-bottom x", "top-produced-twice x"


@pytest.mark.parametrize(
    ("rule", "kinds"),
    [
        # A solver may give both stages, or others.
        pytest.param('include { stage: "a" }', [(), ()], id="a-stage"),
        pytest.param('include { not_stage: "b" }', [(), ()], id="no-stage"),
        pytest.param('exclude { stage: "b" }', [(), ()], id="left-out-of-a-stage"),
        pytest.param('exclude { not_stage: "a" }', [(), ()], id="left-out-of-all-others"),
        pytest.param(f'{TEST} include {{ stage: "a" }}', [(), ()], id="a-stage-or-a-phase"),
        # Nobody trains in the other phase, and levels are rare.
        pytest.param(TEST, [(MISSING,)] * 2, id="a-phase"),
        pytest.param("include { min_level: 1 }", [(MISSING,)] * 2, id="a-level"),
    ],
)
def test_a_blob_that_is_missing_is_no_problem_where_a_stage_makes_it(
    rule: str, kinds: list[tuple[str, ...]]
) -> None:
    assert told(layer("x", "ReLU", "data -> x", rule), layer("r", "ReLU", "x -> y")) == kinds


@pytest.mark.parametrize(
    ("wiring", "kinds"),
    [
        # A layer that works in place only passes on what another makes.
        pytest.param("x -> x", [(MISSING,)] * 2, id="in-place-for-a-stage"),
        pytest.param("data -> other", [(MISSING,)] * 2, id="another-blob"),
    ],
)
def test_only_a_layer_that_makes_the_blob_may_cure_it(
    wiring: str, kinds: list[tuple[str, ...]]
) -> None:
    one = layer("one", "ReLU", wiring, 'include { stage: "a" }')
    assert told(one, layer("r", "ReLU", "x -> y")) == kinds


@pytest.mark.parametrize(
    ("rule", "kinds"),
    [
        pytest.param('include { stage: "a" }', [(), ()], id="for-a-stage"),
        pytest.param(TRAIN, [(TWICE,)] * 2, id="for-a-phase"),
    ],
)
def test_a_blob_that_is_made_twice_is_no_problem_where_a_stage_decides(
    rule: str, kinds: list[tuple[str, ...]]
) -> None:
    assert told(layer("one", "ReLU", "data -> x", rule), layer("two", "TanH", "data -> x")) == kinds


def test_what_stages_do_not_touch_stays_a_problem() -> None:
    made = layer("x", "ReLU", "data -> x", 'include { stage: "a" }')
    shared = layer("t", "TanH", "x -> t") + layer("in", "ReLU", "x -> x")
    assert told(made, shared, layer("r", "ReLU", "none -> y")) == [
        ("unknown-bottom none", "in-place-with-other-readers x"),
        ("unknown-bottom none",),
    ]
