from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caffelint.model.net import Net
from caffelint.model.splits import insert_splits, split_name
from caffelint.schema.message import Message

from .build import layer, net

IN = layer("in", "Input", "-> data")


def shown(message: Message) -> list[str]:
    """A layer per line: name, bottoms, tops, and the loss weights if there are any."""
    lines = []
    for one in message.get("layer"):
        words = [one.get("name") + ":", *one.get("bottom"), "->", *one.get("top")]
        words += [f"*{weight:g}" for weight in one.get("loss_weight")]
        lines.append(" ".join(words))
    return lines


@pytest.mark.parametrize(
    ("text", "want"),
    [
        pytest.param(
            IN + layer("a", "ReLU", "data -> a"),
            ["in: -> data", "a: data -> a"],
            id="one-reader-needs-no-split",
        ),
        pytest.param(
            IN + layer("a", "ReLU", "data -> a") + layer("b", "ReLU", "data -> b"),
            [
                "in: -> data",
                "data_in_0_split: data -> data_in_0_split_0 data_in_0_split_1",
                "a: data_in_0_split_0 -> a",
                "b: data_in_0_split_1 -> b",
            ],
            id="two-readers",
        ),
        pytest.param(
            IN + layer("sum", "Eltwise", "data data -> s"),
            [
                "in: -> data",
                "data_in_0_split: data -> data_in_0_split_0 data_in_0_split_1",
                "sum: data_in_0_split_0 data_in_0_split_1 -> s",
            ],
            id="one-reader-that-reads-twice",
        ),
        pytest.param(
            layer("in", "Input", "-> x y")
            + layer("a", "Eltwise", "y x -> a")
            + layer("b", "Eltwise", "x y -> b"),
            [
                "in: -> x y",
                "x_in_0_split: x -> x_in_0_split_0 x_in_0_split_1",
                "y_in_1_split: y -> y_in_1_split_0 y_in_1_split_1",
                "a: y_in_1_split_0 x_in_0_split_0 -> a",
                "b: x_in_0_split_1 y_in_1_split_1 -> b",
            ],
            id="each-top-has-its-own",
        ),
        pytest.param(
            IN
            + layer("r", "ReLU", "data -> data")
            + layer("a", "TanH", "data -> a")
            + layer("b", "TanH", "data -> b"),
            [
                "in: -> data",
                "r: data -> data",
                "data_r_0_split: data -> data_r_0_split_0 data_r_0_split_1",
                "a: data_r_0_split_0 -> a",
                "b: data_r_0_split_1 -> b",
            ],
            id="behind-the-in-place-layer-and-called-after-it",
        ),
        pytest.param(
            IN + layer("a", "ReLU", "data -> a", "loss_weight: 2"),
            ["in: -> data", "a: data -> a *2"],
            id="a-weighted-top-that-no-one-reads",
        ),
        pytest.param(
            IN + layer("a", "ReLU", "data -> a", "loss_weight: 2") + layer("b", "ReLU", "a -> b"),
            [
                "in: -> data",
                "a: data -> a",
                "a_a_0_split: a -> a_a_0_split_0 a_a_0_split_1 *2 *0",
                "b: a_a_0_split_1 -> b",
            ],
            id="a-loss-weight-is-a-use-and-goes-to-the-split",
        ),
        pytest.param(
            IN + layer("a", "ReLU", "data -> a", "loss_weight: 0") + layer("b", "ReLU", "a -> b"),
            ["in: -> data", "a: data -> a *0", "b: a -> b"],
            id="a-loss-weight-of-0-is-no-use",
        ),
        pytest.param(
            layer("a", "ReLU", "none -> a") + layer("b", "ReLU", "none -> b"),
            ["a: none -> a", "b: none -> b"],
            id="unknown-bottoms-are-left-alone",
        ),
        pytest.param(
            IN + layer("t", "ReLU", "data -> t", "include { phase: TEST }"),
            ["in: -> data"],
            id="only-the-layers-of-the-phase",
        ),
    ],
)
def test_insert_splits(text: str, want: list[str]) -> None:
    built = net(text)
    before = built.message.to_protobuf()
    assert shown(insert_splits(built)) == want
    assert built.message.to_protobuf() == before, "the net itself must not be changed"


def test_a_weight_that_has_gone_to_the_split_stands_nowhere_in_its_layer() -> None:
    built = net(IN + layer("a", "ReLU", "data -> a", "loss_weight: 2") + layer("b", "ReLU", "a"))
    assert built.layers[1].message.find("loss_weight") is not None
    assert insert_splits(built).get("layer")[1].find("loss_weight") is None


def test_split_layers_are_of_their_type_and_point_at_the_producer() -> None:
    built = net(IN + layer("a", "ReLU", "data -> a") + layer("b", "ReLU", "data -> b"))
    split = insert_splits(built).get("layer")[1]
    assert split.get("type") == "Split"
    assert split.node is built.layers[0].message.node
    assert split_name(built.blobs[0]) == split.get("name")


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Nets that Caffe connects: in-place layers only on blobs that nothing else uses."""
    lines = [layer("in", "Input", "-> b0 b1")]
    uses = {"b0": 0, "b1": 0}
    for number in range(draw(st.integers(0, 12))):
        bottoms = draw(st.lists(st.sampled_from(sorted(uses)), min_size=1, max_size=3))
        free = uses[bottoms[0]] == 0 and bottoms.count(bottoms[0]) == 1
        in_place = free and draw(st.booleans())
        tops = [bottoms[0]] if in_place else [f"t{number}"]
        tops += [f"u{number}"] if draw(st.booleans()) else []
        for bottom in bottoms:
            uses[bottom] += 1
        weights = [draw(st.sampled_from((0, 0, 1))) for _ in tops] if draw(st.booleans()) else []
        uses.update(dict.fromkeys(tops, 0) | dict(zip(tops, weights, strict=False)))
        wiring = f"{' '.join(bottoms)} -> {' '.join(tops)}"
        more = " ".join(f"loss_weight: {weight}" for weight in weights)
        lines.append(layer(f"l{number}", "Any", wiring, more))
    return "".join(lines)


def origins(built: Net) -> dict[str, list[tuple[str, int]]]:
    """Which top of which layer every bottom comes from, Split layers looked through."""
    found = {}
    for one in built.layers:
        ends = []
        for blob in one.bottoms:
            assert blob is not None
            while blob.producer.type == "Split":
                below = blob.producer.bottoms[0]
                assert below is not None
                blob = below
            ends.append((blob.producer.name, blob.index))
        if one.type != "Split":
            found[one.name] = ends
    return found


@given(texts())
def test_with_splits_every_blob_has_one_use_and_comes_from_where_it_did(text: str) -> None:
    before = net(text)
    assert not before.problems
    after = Net(insert_splits(before), before.state)
    assert not after.problems
    assert all(after.uses(blob) <= 1 for blob in after.blobs)
    assert origins(after) == origins(before)
    assert insert_splits(after).to_protobuf() == after.message.to_protobuf()
