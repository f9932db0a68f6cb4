from __future__ import annotations

import gc
from contextlib import AbstractContextManager, nullcontext

import pytest

from caffelint.model.net import Net, short_lived_nets
from caffelint.model.phase import State

from .build import layer, message, net, unmark

IN = layer("in", "Input", "-> data label")
IP = layer("ip", "InnerProduct", "data -> ip")
LOSS = layer("loss", "SoftmaxWithLoss", "ip label -> loss")
FROZEN = "param { lr_mult: 0 } param { lr_mult: 0 }"


# What is connected with what


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        pytest.param(
            IN + IP + layer("relu", "ReLU", "ip -> r"),
            {"ip": ["in"], "relu": ["ip"]},
            id="a-bottom-reads-the-layer-that-makes-it",
        ),
        pytest.param(
            IN + IP + layer("relu", "ReLU", "ip -> ip") + layer("top", "TanH", "ip -> t"),
            {"ip": ["in"], "relu": ["ip"], "top": ["relu"]},
            id="behind-an-in-place-layer-its-own-version-is-read",
        ),
        pytest.param(
            IN + layer("sum", "Eltwise", "label data -> s"),
            {"sum": ["in", "in"]},
            id="bottoms-keep-their-order",
        ),
        pytest.param(
            layer("relu", "ReLU", "none -> none") + layer("top", "TanH", "none -> t"),
            {"relu": [None], "top": ["relu"]},
            id="an-unknown-bottom-is-none-until-the-name-is-made",
        ),
    ],
)
def test_bottoms_know_their_producers(text: str, reads: dict[str, list[str | None]]) -> None:
    found = {
        one.name: [blob.producer.name if blob else None for blob in one.bottoms]
        for one in net(text).layers
        if one.bottom_names
    }
    assert found == reads


def test_blobs_know_their_readers() -> None:
    built = net(IN + IP + layer("sum", "Eltwise", "ip ip -> s") + LOSS)
    readers = {b.name: [(r.name, i) for r, i in b.readers] for b in built.blobs}
    assert readers == {
        "data": [("ip", 0)],
        "label": [("loss", 1)],
        "ip": [("sum", 0), ("sum", 1), ("loss", 0)],
        "s": [],
        "loss": [],
    }


def test_only_the_layers_of_the_phase_are_built() -> None:
    train = layer("train", "Data", "-> data", "include { phase: TRAIN }")
    test = layer("test", "Data", "-> data", "include { phase: TEST }")
    built = net('name: "lenet" ' + train + test + IP, "TEST")
    assert built.name == "lenet"
    assert [(one.index, one.name) for one in built.layers] == [(0, "test"), (1, "ip")]
    assert [one.get("name") for one in built.dropped] == ["train"]
    assert not built.problems


def test_sources_are_what_brings_data_in() -> None:
    text = IN + IP + layer("bias", "Parameter", "-> b") + layer("note", "Python")
    assert [one.name for one in net(text).sources] == ["in"]


def left_in_circles(around: AbstractContextManager[None]) -> int:
    """Number of things that only the garbage collector finds after a net was made and let go."""
    text = message(IN + IP + layer("relu", "ReLU", "ip -> ip") + LOSS)
    gc.collect()
    gc.disable()
    try:
        with around:
            Net(text, State("TRAIN"))
        return gc.collect()
    finally:
        gc.enable()


def test_short_lived_nets_leave_nothing_to_the_garbage_collector() -> None:
    assert left_in_circles(nullcontext()) > 0
    assert left_in_circles(short_lived_nets()) == 0


def test_only_nets_made_within_are_taken_apart_at_the_end() -> None:
    before = net(IN + IP)
    with short_lived_nets():
        outer = net(IN + IP)
        with short_lived_nets():
            inner = net(IN + IP)
        assert (bool(outer.blobs), bool(inner.blobs)) == (True, False)
    after = net(IN + IP)
    assert [bool(one.blobs) for one in (before, outer, after)] == [True, False, True]


def test_what_names_layers_and_blobs_in_a_debugger() -> None:
    one = net(IN + IP).layers[1]
    assert (repr(one), repr(one.tops)) == (
        "Layer('ip', 'InnerProduct')",
        "[Blob('ip' of 'ip')]",
    )


@pytest.mark.parametrize(
    ("wiring", "in_place"),
    [
        pytest.param("data -> data", True, id="same-name-above-and-below"),
        pytest.param("data -> other", False, id="another-name"),
        pytest.param("missing -> missing", True, id="even-on-an-unknown-bottom"),
        pytest.param("label data -> data", False, id="same-name-at-another-index"),
    ],
)
def test_in_place(wiring: str, in_place: bool) -> None:
    assert net(IN + layer("x", "Eltwise", wiring)).layers[-1].in_place is in_place


# What cannot be built


def problems(marked: str, phase: str = "TRAIN") -> list[tuple[str, str, dict[str, object]]]:
    """Kind, marked text and values of each problem; the mark must be where the problem is."""
    text, spans = unmark(marked)
    found = net(text, phase).problems
    assert [problem.span for problem in found] == spans
    assert all(problem.layer == problem.values["layer"] for problem in found)
    values = [{k: v for k, v in p.values.items() if v != "" and k != "layer"} for p in found]
    return [(p.kind, p.layer, v) for p, v in zip(found, values, strict=True)]


def unknown(bottom: str, index: int = 0, **more: str) -> dict[str, object]:
    return {"bottom": bottom, "index": index, "phase": "TRAIN", **more}


@pytest.mark.parametrize(
    ("marked", "layer_name", "values"),
    [
        pytest.param(
            IN + 'layer { name: "ip" bottom: «"dada"» top: "ip" }',
            "ip",
            unknown("dada", suggestion="data"),
            id="a-name-like-an-earlier-one",
        ),
        pytest.param(
            IN + 'layer { name: "ip" bottom: "data" bottom: «"xyz"» top: "ip" }',
            "ip",
            unknown("xyz", 1),
            id="a-name-like-no-other",
        ),
        pytest.param(
            'layer { name: "ip" bottom: «"dada"» top: "ip" }' + IN,
            "ip",
            unknown("dada"),
            id="a-name-like-a-later-one-only",
        ),
        pytest.param(
            'layer { name: "ip" bottom: «"data"» top: "ip" }' + IN,
            "ip",
            unknown("data", later="in"),
            id="made-by-a-later-layer",
        ),
        pytest.param(
            layer("test", "Data", "-> data", "include { phase: TEST }")
            + 'layer { name: "ip" bottom: «"data"» top: "ip" }',
            "ip",
            unknown("data", dropped="test"),
            id="made-in-the-other-phase",
        ),
        pytest.param(
            IN + 'layer { name: "relu" bottom: «"dada"» top: "dada" }',
            "relu",
            unknown("dada", suggestion="data"),
            id="an-in-place-layer-does-not-make-its-own-bottom",
        ),
        pytest.param(
            layer("drop", "Dropout", "dada -> dada", "include { phase: TEST }")
            + IN
            + 'layer { name: "ip" bottom: «"dada"» top: "ip" }',
            "ip",
            unknown("dada", suggestion="data"),
            id="nor-does-one-of-the-other-phase",
        ),
    ],
)
def test_unknown_bottom(marked: str, layer_name: str, values: dict[str, object]) -> None:
    assert problems(marked) == [("unknown-bottom", layer_name, values)]


def test_an_unknown_name_is_told_once_with_all_its_readers() -> None:
    readers = layer("a", "ReLU", "late -> a") + layer("b", "ReLU", "late -> b")
    built = net(readers + layer("c", "Input", "-> late"))
    (problem,) = built.problems
    assert (problem.layer, problem.span) == ("a", built.layers[0].message.span("bottom"))
    assert [words for _, words in problem.also] == ["produced only here", 'also read by "b"']
    assert [span for span, _ in problem.also] == [
        built.layers[2].message.span("top"),
        built.layers[1].message.span("bottom"),
    ]


def suggestions(text: str) -> list[object]:
    return [problem.values["suggestion"] for problem in net(text).problems]


def test_only_so_many_names_get_a_suggestion() -> None:
    wrong = "".join(layer(f"l{i}", "ReLU", f"dat{i} -> t{i}") for i in range(30))
    assert suggestions(IN + wrong) == ["data"] * 20 + [""] * 10


def test_names_explained_otherwise_do_not_count_among_the_suggestions() -> None:
    late = "".join(layer(f"l{i}", "ReLU", f"late{i} -> t{i}") for i in range(30))
    makers = "".join(layer(f"m{i}", "Input", f"-> late{i}") for i in range(30))
    assert suggestions(IN + late + layer("ip", "ReLU", "dada -> ip") + makers)[-1] == "data"


@pytest.mark.parametrize(
    ("between", "suggestion"),
    [
        pytest.param(900, "data", id="a-name-nearby"),
        pytest.param(1100, "", id="too-far-back"),
    ],
)
def test_a_suggestion_comes_from_nearby(between: int, suggestion: str) -> None:
    fill = layer("fill", "Input", "->" + "".join(f" x{i}" for i in range(between)))
    assert suggestions(IN + fill + layer("ip", "ReLU", "dada -> ip")) == [suggestion]


def test_endless_names_get_no_suggestion() -> None:
    maker = layer("in", "Input", f"-> {'x' * 201}")
    assert suggestions(maker + layer("r", "ReLU", f"{'x' * 200} -> r")) == ["x" * 201]
    assert suggestions(maker + layer("r", "ReLU", f"{'x' * 202} -> r")) == [""]


@pytest.mark.parametrize(
    ("marked", "found"),
    [
        pytest.param(
            IN + 'layer { name: "b" top: «"data"» }',
            ("top-produced-twice", "b", {"top": "data", "first": "in"}),
            id="two-layers-make-one-top",
        ),
        pytest.param(
            'layer { name: "a" top: "x" top: «"x"» }',
            ("top-produced-twice", "a", {"top": "x", "first": "a"}),
            id="one-layer-makes-it-twice",
        ),
        pytest.param(
            IN + 'layer { name: "b" bottom: "label" bottom: "data" top: «"data"» }',
            ("top-produced-twice", "b", {"top": "data", "first": "in"}),
            id="in-place-counts-at-the-same-index-only",
        ),
        pytest.param(
            IN
            + layer("early", "TanH", "data -> t")
            + 'layer { name: "relu" bottom: "data" top: «"data"» }',
            ("in-place-with-other-readers", "relu", {"top": "data", "reader": "early"}),
            id="in-place-on-a-blob-that-was-read-before",
        ),
        pytest.param(
            IN + 'layer { name: "sum" bottom: "data" bottom: "data" top: «"data"» }',
            ("in-place-with-other-readers", "sum", {"top": "data", "reader": "sum"}),
            id="in-place-on-a-blob-that-the-layer-reads-twice",
        ),
        pytest.param(
            IN + 'layer { name: "s" bottom: "data" bottom: "data" top: «"data"» top: "data" }',
            ("in-place-with-other-readers", "s", {"top": "data", "reader": "s"}),
            id="told-once-for-each-layer",
        ),
        pytest.param(
            layer("ip", "InnerProduct", "-> ip", "loss_weight: 1")
            + 'layer { name: "relu" bottom: "ip" top: «"ip"» }',
            ("in-place-with-other-readers", "relu", {"top": "ip"}),
            id="in-place-on-a-blob-that-is-a-loss",
        ),
    ],
)
def test_tops(marked: str, found: tuple[str, str, dict[str, object]]) -> None:
    assert problems(marked) == [found]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(
            IN + layer("a", "ReLU", "data -> data") + layer("b", "TanH", "data -> data"),
            id="in-place-twice-in-a-row",
        ),
        pytest.param(
            IN
            + layer("relu", "ReLU", "data -> data")
            + layer("x", "TanH", "data -> x")
            + layer("y", "TanH", "data -> y"),
            id="several-readers-behind-an-in-place-layer",
        ),
        pytest.param(
            layer("a", "Data", "-> data", "include { phase: TRAIN }")
            + layer("b", "Data", "-> data", "include { phase: TEST }"),
            id="one-top-in-each-phase",
        ),
        pytest.param(
            layer("ip", "InnerProduct", "-> ip", "loss_weight: 0") + layer("r", "ReLU", "ip -> ip"),
            id="in-place-on-a-blob-of-loss-weight-0",
        ),
    ],
)
def test_nothing_is_wrong_with(text: str) -> None:
    assert not net(text).problems


def test_related_places_of_tops() -> None:
    built = net(IN + layer("t", "TanH", "data -> t") + layer("r", "ReLU", "data -> data") + IN)
    shared, second, _ = built.problems
    producer, reader = built.layers[0].message, built.layers[1].message
    assert shared.also == ((reader.span("bottom"), 'read here by "t"'),)
    assert second.also == ((producer.span("top"), 'first produced here, by "in"'),)


# Losses


@pytest.mark.parametrize(
    ("text", "weights"),
    [
        pytest.param(LOSS, [1.0], id="a-loss-layer-has-weight-1"),
        pytest.param(layer("loss", "EuclideanLoss", "ip label"), [], id="a-loss-without-a-top"),
        pytest.param(
            layer("loss", "SoftmaxWithLoss", "ip label -> loss prob"), [1.0, 0.0],
            id="only-its-first-top-is-a-loss",
        ),
        pytest.param(layer("loss", "MultiBoxLoss", "ip -> m"), [1.0], id="losses-of-forks-by-name"),
        pytest.param(layer("r", "Reduction", "ip -> s", "loss_weight: 0.5"), [0.5], id="any-layer"),
        pytest.param(
            layer("loss", "SoftmaxWithLoss", "ip label -> l", "loss_weight: 0"), [0.0],
            id="a-loss-layer-switched-off",
        ),
        pytest.param(
            layer("loss", "SoftmaxWithLoss", "ip label -> l p", "loss_weight: 2"), [2.0, 0.0],
            id="too-few-which-is-told-of-elsewhere",
        ),
        pytest.param(
            layer("loss", "SoftmaxWithLoss", "ip label -> l p", "loss_weight: 0 loss_weight: 1"),
            [0.0, 1.0], id="the-second-top-alone",
        ),
        pytest.param(
            layer("r", "Reduction", "ip -> s", "loss_weight: -1"), [-1.0],
            id="what-is-to-be-made-large",
        ),
        pytest.param(layer("r", "ReLU", "ip -> r"), [0.0], id="other-layers-have-none"),
    ],
)  # fmt: skip
def test_loss_weights(text: str, weights: list[float]) -> None:
    one = net(IN + IP + text).layers[-1]
    assert [blob.loss_weight for blob in one.tops] == weights
    assert one.is_loss == (any(weights) or not weights)


@pytest.mark.parametrize(
    ("weight", "is_loss"),
    [("", True), ("loss_weight: 0", False), ("loss_weight: 0 loss_weight: 1", False),
     ("loss_weight: 2", True)],
)  # fmt: skip
def test_a_loss_without_a_top_has_its_first_weight(weight: str, is_loss: bool) -> None:
    """The top that Caffe gives it is one (layer.hpp, SetLossWeights)."""
    one = net(IN + IP + layer("loss", "EuclideanLoss", "ip label", weight)).layers[-1]
    assert one.is_loss is is_loss


@pytest.mark.parametrize(
    ("text", "weights"),
    [
        pytest.param(
            layer("s", "Slice", "ip -> a b", "loss_weight: 2 loss_weight: 3"),
            [2.0, 3.0],
            id="both-unread",
        ),
        pytest.param(
            layer("s", "Slice", "ip -> a b", "loss_weight: 2 loss_weight: 3")
            + layer("r", "ReLU", "a -> r"),
            [2.0, 0.0],
            id="the-split-behind-one-takes-both-and-keeps-its-own",
        ),
        pytest.param(
            layer("s", "SoftmaxWithLoss", "ip label -> l", "loss_weight: 2")
            + layer("r", "ReLU", "l -> r"),
            [3.0],
            id="a-loss-layer-then-falls-back-on-1-and-counts-twice",
        ),
        pytest.param(LOSS + layer("r", "ReLU", "loss -> r"), [1.0], id="a-default-is-not-moved"),
    ],
)
def test_a_weighted_top_that_is_read(text: str, weights: list[float]) -> None:
    assert [blob.loss_weight for blob in net(IN + IP + text).layers[2].tops] == weights


# Gradients


@pytest.mark.parametrize(
    ("text", "need"),
    [
        pytest.param(IN + IP + LOSS, "ip loss", id="from-the-loss-down-to-what-learns"),
        pytest.param(
            IN
            + layer("low", "InnerProduct", "data -> low", FROZEN)
            + layer("ip", "InnerProduct", "low -> ip")
            + LOSS,
            "ip loss",
            id="not-into-frozen-layers-at-the-bottom",
        ),
        pytest.param(
            IN
            + layer("low", "InnerProduct", "data -> low")
            + layer("ip", "InnerProduct", "low -> ip", FROZEN)
            + LOSS,
            "low ip loss",
            id="through-frozen-layers-further-up",
        ),
        pytest.param(
            IN + layer("ip", "InnerProduct", "data -> ip", "param { lr_mult: 0 }") + LOSS,
            "ip loss",
            id="a-bias-without-param-still-learns",
        ),
        pytest.param(
            IN + layer("ip", "InnerProduct", "data -> ip", FROZEN) + LOSS,
            "",
            id="nowhere-if-nothing-learns",
        ),
        pytest.param(IN + IP, "", id="nowhere-without-a-loss"),
        pytest.param(
            IN + IP + layer("loss", "SoftmaxWithLoss", "ip label -> l", "loss_weight: 0"),
            "",
            id="nowhere-from-a-loss-of-weight-0",
        ),
        pytest.param(
            IN + IP + layer("loss", "EuclideanLoss", "ip label"),
            "ip loss",
            id="from-a-loss-without-a-top",
        ),
        pytest.param(
            IN + IP + LOSS + layer("acc", "Accuracy", "ip label -> acc"),
            "ip loss",
            id="not-from-what-is-off-the-loss",
        ),
        pytest.param(
            IN + IP + LOSS + layer("p", "Power", "loss -> p"),
            "",
            id="nowhere-if-the-only-reader-of-the-loss-is-off-it",
        ),
        pytest.param(
            IN
            + IP
            + layer("loss", "SoftmaxWithLoss", "ip label -> loss", "loss_weight: 1")
            + layer("p", "Power", "loss -> p"),
            "ip loss",
            id="from-a-loss-of-explicit-weight-that-is-read",
        ),
        pytest.param(
            IN
            + layer("low", "InnerProduct", "data -> low")
            + layer("ip", "InnerProduct", "low -> ip", "propagate_down: false")
            + LOSS,
            "ip loss",
            id="propagate-down-false-cuts-off-what-is-below",
        ),
        pytest.param(
            IN
            + layer("low", "InnerProduct", "data -> low")
            + layer("r", "ReLU", "low -> r", "propagate_down: false")
            + layer("sum", "Eltwise", "low r -> ip")
            + LOSS,
            "low r sum loss",
            id="but-not-what-has-another-reader",
        ),
        pytest.param(
            IN
            + layer("c", "Convolution", "data label -> a b")
            + layer("r", "Convolution", "a b -> a b")
            + layer("ip", "Eltwise", "a b -> ip", "propagate_down: false propagate_down: true")
            + LOSS,
            "c r ip loss",
            id="one-of-two-tops-is-enough",
        ),
        pytest.param(
            IN
            + layer("one", "Power", "data -> a")
            + layer("two", "InnerProduct", "label -> b")
            + layer("low", "InnerProduct", "a -> a")
            + layer("r", "Convolution", "a b -> a b")
            + layer("ip", "Eltwise", "a b -> ip", "propagate_down: false propagate_down: true")
            + LOSS,
            "two r ip loss",
            id="an-in-place-blob-that-is-cut-above-is-cut-below",
        ),
        pytest.param(
            IN + layer("x", "ForkLayer", "data -> ip") + LOSS,
            "x loss",
            id="layers-of-unknown-types-may-learn",
        ),
        pytest.param(
            "force_backward: true " + IN + layer("x", "Power", "data -> x"),
            "in x",
            id="everywhere-with-force-backward",
        ),
    ],
)
def test_needs_backward(text: str, need: str) -> None:
    assert [one.name for one in net(text).layers if one.needs_backward] == need.split()


def test_the_losses_among_the_readers_of_a_blob() -> None:
    """Those of a fork count by their names, and by their weight any other layer."""
    weighted = layer("sum", "Reduction", "ip -> sum", "loss_weight: 1")
    others = layer("relu", "ReLU", "ip -> relu") + layer("acc", "Accuracy", "ip label")
    made = net(IN + IP + others + LOSS + weighted + layer("box", "MultiBoxLoss", "ip label -> m"))
    readers = {blob.name: [one.name for one in blob.loss_readers] for blob in made.blobs}
    assert readers["ip"] == ["loss", "sum", "box"]
    assert (readers["label"], readers["data"], readers["relu"]) == (["loss", "box"], [], [])


@pytest.mark.parametrize(
    ("text", "reach"),
    [
        pytest.param(
            IN + IP + LOSS + layer("acc", "Accuracy", "ip label -> acc"),
            "in ip loss",
            id="all-below-a-loss-and-the-loss",
        ),
        pytest.param(IN + IP + layer("s", "Silence", "ip"), "", id="nothing-without-a-loss"),
        pytest.param(
            IN + layer("r", "ReLU", "data -> data") + layer("l", "EuclideanLoss", "data label"),
            "in r l",
            id="through-in-place-layers",
        ),
    ],
)
def test_reaches_loss(text: str, reach: str) -> None:
    assert [one.name for one in net(text).layers if one.reaches_loss] == reach.split()
