"""Layer types of the user's own, declared in a config or known from a ``caffe.proto`` only."""

from __future__ import annotations

from pathlib import Path

import pytest

from caffelint.model.forks import layer_types
from caffelint.model.layers import LAYER_TYPES, Count
from caffelint.model.shapes.setup import Shape
from caffelint.ownproto import compile_proto
from caffelint.schema.dialects import Declared, LayerFacts
from caffelint.told import Told

from .build import layer
from .test_forks import MAP, inputs, set_up_net


def own(type_: str, *, bottoms: str = "1", tops: str = "1", **told: object) -> LayerFacts:
    loss = bool(told.pop("loss", False))
    declared = Declared(**told)  # type: ignore[arg-type]
    return LayerFacts(type_, bottoms=bottoms, tops=tops, loss=loss, declared=declared)


@pytest.mark.parametrize(
    ("facts", "more", "tops", "params", "kinds"),
    [
        (own("Mine"), "", [None], [], []),
        (own("Mine", shapes=(None,)), "", [MAP], [], []),
        (own("Mine", shapes=((0, 16, 0, None),)), "", [(2, 16, 6, None)], [], []),
        (own("Mine", shapes=((0, 4), (7,)), tops="2"), 'top: "u"', [(2, 4), (7,)], [], []),
        (own("Mine", learns=3), "param { } param { } param { }", [None], [None] * 3, []),
        (own("Mine", learns=1), "param { } param { }", [None], [None], ["too-many-params"]),
        (own("Mine", bottoms="2+"), "", [None], [], ["bottom-count"]),
        (own("Mine", tops="2-3"), "", [None], [], ["top-count"]),
        (own("Mine", loss=True), "", [()], [], []),
    ],
)
def test_declared_layers(
    facts: LayerFacts, more: str, tops: list[Shape], params: list[Shape], kinds: list[str]
) -> None:
    text = inputs([MAP]) + layer("l", "Mine", "b0 -> t", more)
    net, shapes, problems = set_up_net(text, Told(layers=(facts,)))
    assert [shapes.blobs[blob] for blob in net.layers[1].tops] == tops
    assert shapes.params[net.layers[1]] == params
    assert [problem.kind for problem in problems] == kinds


@pytest.mark.parametrize(
    ("written", "count"),
    [("1", (1, 1)), ("0", (0, 0)), ("1-3", (1, 3)), ("2+", (2, None)), ("", (0, None))],
)
def test_numbers_of_blobs_as_they_are_written(written: str, count: Count) -> None:
    facts = own("Mine", bottoms=written, tops=written)
    type_ = layer_types(Told(layers=(facts,)).schema())["Mine"]
    assert (type_.bottoms, type_.tops) == (count, count)


@pytest.mark.parametrize(
    ("field", "block"),
    [
        pytest.param("relu_param", "relu_param", id="a-block"),
        pytest.param("no_param", "", id="no-field"),
        pytest.param("name", "", id="no-block"),
        pytest.param("param", "", id="many-blocks"),
        pytest.param("", "", id="none-told"),
    ],
)
def test_the_block_of_a_type_is_one_that_a_layer_may_hold_once(field: str, block: str) -> None:
    facts = LayerFacts("Mine", param=field, declared=Declared())
    text = inputs([MAP]) + layer("l", "Mine", "b0 -> t")
    net, _, _ = set_up_net(text, Told(layers=(facts,)))
    kind = net.layers[1].kind
    assert kind is not None
    assert kind.param == block
    assert (net.layers[1].own is not None) == bool(block)


@pytest.mark.parametrize(
    ("learns", "roles"),
    [(0, []), (1, ["weight"]), (2, ["weight", "bias"]),
     (4, ["weight", "bias", "blob 2", "blob 3"])],
)  # fmt: skip
def test_what_a_declared_layer_learns(learns: int, roles: list[str]) -> None:
    text = inputs([MAP]) + layer("l", "Mine", "b0 -> t")
    one = set_up_net(text, Told(layers=(own("Mine", learns=learns),)))[0].layers[1]
    assert [param.role for param in one.params] == roles
    assert (one.weighs, one.opaque) == (bool(learns), False)


@pytest.mark.parametrize(
    ("shapes", "bottom", "tops"),
    [
        pytest.param(((0, 4), (7,)), MAP, [(2, 4), (7,), (2, 4)], id="in-turn"),
        pytest.param((None, (0, 0)), MAP, [MAP, (2, 8), MAP], id="that-of-the-bottom"),
        pytest.param(((3, 0),), (5,), [(3, None)] * 3, id="an-axis-that-the-bottom-lacks"),
        pytest.param(((3, 0),), (5, None), [(3, None)] * 3, id="a-size-that-is-not-known"),
        pytest.param(((3, 0), None), None, [(3, None), None, (3, None)], id="an-unknown-bottom"),
    ],
)
def test_declared_shapes(shapes: tuple[Shape, ...], bottom: Shape, tops: list[Shape]) -> None:
    text = inputs([bottom]) + layer("l", "Mine", "b0 -> t u v")
    facts = own("Mine", tops="3", shapes=shapes)
    net, made, problems = set_up_net(text, Told(layers=(facts,)), given={"b0": bottom})
    assert problems == []
    assert [made.blobs[blob] for blob in net.layers[-1].tops] == tops


def test_a_declared_source_has_no_bottom_to_take_sizes_from() -> None:
    facts = own("Mine", bottoms="0", tops="2", shapes=((0, 3), None))
    net, made, problems = set_up_net(layer("l", "Mine", "-> t u"), Told(layers=(facts,)))
    assert problems == []
    assert [made.blobs[blob] for blob in net.layers[0].tops] == [(None, 3), None]


PROTO = """\
syntax = "proto2";
package caffe;
message LayerParameter {
  optional MyNormParameter my_norm_param = 200;
  optional MyNormParameter relu_again_param = 201;
  optional int32 whiten_param = 202;
}
message MyNormParameter { optional float gain = 1; }
"""


def test_a_type_is_known_by_its_block_in_the_users_caffe_proto(tmp_path: Path) -> None:
    """Nothing is said of what it takes, makes and learns."""
    (tmp_path / "caffe.proto").write_text(PROTO)
    told = Told(proto=compile_proto(tmp_path / "caffe.proto"))
    text = inputs([MAP]) + layer("n", "MyNorm", "b0 b0 -> t u v", "my_norm_param { gain: 2 }")
    net, shapes, problems = set_up_net(text, told)
    kind = net.layers[1].kind
    assert problems == []
    assert kind is not None
    assert (kind.name, kind.param, kind.opaque) == ("MyNorm", "my_norm_param", True)
    assert (kind.bottoms, kind.tops, kind.loss) == ((0, None), (0, None), False)
    assert [shapes.blobs[blob] for blob in net.layers[1].tops] == [None] * 3


@pytest.mark.parametrize(
    ("type_", "same"),
    [("ReLU", True), ("Whiten", None), ("Sigmoid", True), ("ReLUAgain", False), ("Other", None)],
)
def test_bvlcs_types_stay_what_they_are_beside_the_users_own(
    tmp_path: Path, type_: str, same: bool | None
) -> None:
    (tmp_path / "caffe.proto").write_text(PROTO)
    told = Told(proto=compile_proto(tmp_path / "caffe.proto"))
    (_, one) = set_up_net(inputs([MAP]) + layer("l", type_, "b0 -> t"), told)[0].layers
    assert (one.kind is not None) == (same is not None)
    assert (one.kind == LAYER_TYPES.get(type_)) == (same is not False)


def test_a_type_that_a_declaration_and_a_block_tell_of_is_as_declared(tmp_path: Path) -> None:
    (tmp_path / "caffe.proto").write_text(PROTO)
    told = Told(
        proto=compile_proto(tmp_path / "caffe.proto"), layers=(own("MyNorm", shapes=(None,)),)
    )
    net, shapes, _ = set_up_net(inputs([MAP]) + layer("n", "MyNorm", "b0 -> t"), told)
    assert shapes.blobs[net.layers[1].tops[0]] == MAP


@pytest.mark.parametrize("dialect", ["bvlc", "ssd"])
def test_a_type_that_nobody_knows_has_none(dialect: str) -> None:
    text = inputs([MAP]) + layer("l", "Unheard", "b0 -> t")
    net, _, problems = set_up_net(text, Told(dialect))
    assert net.layers[1].kind is None
    assert [problem.kind for problem in problems] == ["unknown-layer-type"]


@pytest.mark.parametrize(("safe", "told"), [(True, []), (False, [("in-place-refused", "b0")])])
def test_a_declared_layer_may_have_to_keep_its_bottom(
    safe: bool, told: list[tuple[str, str]]
) -> None:
    """Of two tops the first one is shown."""
    text = inputs([MAP, MAP]) + layer("l", "Mine", "b0 b1 -> b0 b1")
    facts = own("Mine", bottoms="2", tops="2", in_place=safe)
    problems = set_up_net(text, Told(layers=(facts,)))[2]
    assert [(problem.kind, problem.values["top"]) for problem in problems] == told


def test_a_python_layer_is_declared_by_module_and_class() -> None:
    python = 'python_param { module: "rpn.proposal" layer: "Proposal" }'
    other = 'python_param { module: "rpn.proposal" layer: "Other" }'
    text = inputs([MAP]) + layer("p", "Python", "b0 -> p", python)
    text += layer("q", "Python", "b0 -> q", other)
    facts = own("rpn.proposal.Proposal", shapes=((None, 5),))
    net, shapes, _ = set_up_net(text, Told(layers=(facts,)))
    assert [shapes.blobs[layer.tops[0]] for layer in net.layers[1:]] == [(None, 5), None]
