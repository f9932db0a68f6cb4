from __future__ import annotations

import pytest

from caffelint.model.layers import LAYER_TYPES, LayerType
from caffelint.resources import load_schema

from .build import layer, net

IN = layer("in", "Input", "-> a b c d e")


@pytest.mark.parametrize(
    ("text", "roles"),
    [
        pytest.param(layer("x", "Convolution", "a -> x"), "weight bias", id="convolution"),
        pytest.param(
            layer("x", "Convolution", "a -> x", "convolution_param { bias_term: false }"),
            "weight",
            id="convolution-without-bias",
        ),
        pytest.param(layer("x", "Deconvolution", "a -> x"), "weight bias", id="deconvolution"),
        pytest.param(layer("x", "InnerProduct", "a -> x"), "weight bias", id="inner-product"),
        pytest.param(
            layer("x", "InnerProduct", "a -> x", "inner_product_param { bias_term: false }"),
            "weight",
            id="inner-product-without-bias",
        ),
        pytest.param(layer("x", "Embed", "a -> x"), "weight bias", id="embed"),
        pytest.param(layer("x", "BatchNorm", "a -> x"), "mean variance factor", id="batch-norm"),
        pytest.param(layer("x", "Scale", "a -> x"), "scale", id="scale-has-no-bias-by-default"),
        pytest.param(
            layer("x", "Scale", "a -> x", "scale_param { bias_term: true }"),
            "scale bias",
            id="scale-with-bias",
        ),
        pytest.param(layer("x", "Scale", "a b -> x"), "", id="scale-by-another-blob"),
        pytest.param(
            layer("x", "Scale", "a b -> x", "scale_param { bias_term: true }"),
            "bias",
            id="scale-by-another-blob-with-bias",
        ),
        pytest.param(layer("x", "Bias", "a -> x"), "bias", id="bias"),
        pytest.param(layer("x", "Bias", "a b -> x"), "", id="bias-from-another-blob"),
        pytest.param(layer("x", "PReLU", "a -> x"), "slope", id="prelu"),
        pytest.param(layer("x", "Parameter", "-> x"), "parameter", id="parameter"),
        pytest.param(layer("x", "ReLU", "a -> x"), "", id="relu"),
        pytest.param(layer("x", "ForkLayer", "a -> x"), "", id="unknown-types-count-as-none"),
        pytest.param(layer("x", "LSTM", "a b -> x"), "weight,bias,recurrent weight", id="lstm"),
        pytest.param(
            layer("x", "LSTM", "a b c -> x"),
            "weight,bias,static weight,recurrent weight",
            id="lstm-with-a-static-input",
        ),
        pytest.param(
            layer("x", "LSTM", "a b c d -> x", "recurrent_param { expose_hidden: true }"),
            "weight,bias,recurrent weight",
            id="lstm-with-both-states-given",
        ),
        pytest.param(
            layer("x", "LSTM", "a b c d e -> x", "recurrent_param { expose_hidden: true }"),
            "weight,bias,static weight,recurrent weight",
            id="lstm-with-both-states-and-a-static-input",
        ),
        pytest.param(
            layer("x", "RNN", "a b -> x"),
            "weight,bias,recurrent weight,output weight,output bias",
            id="rnn",
        ),
        pytest.param(
            layer("x", "RNN", "a b c -> x", "recurrent_param { expose_hidden: true }"),
            "weight,bias,recurrent weight,output weight,output bias",
            id="rnn-with-its-state-given",
        ),
        pytest.param(
            layer("x", "RNN", "a b c d -> x", "recurrent_param { expose_hidden: true }"),
            "weight,bias,static weight,recurrent weight,output weight,output bias",
            id="rnn-with-its-state-and-a-static-input",
        ),
        pytest.param(
            layer("x", "RNN", "a b c -> x"),
            "weight,bias,static weight,recurrent weight,output weight,output bias",
            id="rnn-with-a-static-input",
        ),
    ],
)
def test_learned_blobs(text: str, roles: str) -> None:
    params = net(IN + text).layers[-1].params
    assert [param.role for param in params] == roles.split("," if "," in roles else None)
    assert [param.index for param in params] == list(range(len(params)))


@pytest.mark.parametrize(
    ("more", "multipliers"),
    [
        pytest.param("", [(1, 1), (1, 1)], id="no-param-blocks"),
        pytest.param("param { }", [(1, 1), (1, 1)], id="an-empty-one"),
        pytest.param(
            "param { lr_mult: 2 decay_mult: 3 } param { lr_mult: 0 }", [(2, 3), (0, 1)],
            id="one-for-each-blob",
        ),
        pytest.param("param { lr_mult: 0 } " * 3, [(0, 1), (0, 1)], id="more-than-there-are-blobs"),
    ],
)  # fmt: skip
def test_multipliers(more: str, multipliers: list[tuple[float, float]]) -> None:
    params = net(IN + layer("x", "InnerProduct", "a -> x", more)).layers[-1].params
    assert [(param.lr_mult, param.decay_mult) for param in params] == multipliers


@pytest.mark.parametrize(
    ("type_", "more", "weighs", "learns"),
    [
        pytest.param("InnerProduct", "", True, True, id="it-learns-by-default"),
        pytest.param("InnerProduct", "param { lr_mult: 0 }", True, True, id="its-bias-does"),
        pytest.param("InnerProduct", "param { lr_mult: 0 } " * 2, True, False, id="frozen"),
        pytest.param("BatchNorm", "", False, False, id="statistics-are-not-learned-by-gradients"),
        pytest.param("ReLU", "", False, False, id="nothing-to-learn"),
        pytest.param("ForkLayer", "", False, False, id="unknown-type"),
    ],
)
def test_what_weighs_and_what_learns(type_: str, more: str, weighs: bool, learns: bool) -> None:
    one = net(IN + layer("x", type_, "a -> x", more)).layers[-1]
    assert (one.weighs, one.learns) == (weighs, learns)


@pytest.mark.parametrize(
    ("text", "own"),
    [
        pytest.param(layer("x", "LRN", "a -> x", "lrn_param { local_size: 3 }"), 3, id="written"),
        pytest.param(layer("x", "LRN", "a -> x"), 5, id="absent-gives-the-defaults"),
        pytest.param(layer("x", "BNLL", "a -> x"), None, id="a-type-without-one"),
        pytest.param(layer("x", "ForkLayer", "a -> x"), None, id="an-unknown-type"),
    ],
)
def test_own_parameters(text: str, own: int | None) -> None:
    block = net(IN + text).layers[-1].own
    assert (block.get("local_size") if block else None) == own


def test_every_type_names_a_block_of_the_schema() -> None:
    fields = load_schema().net.fields["layer"].message
    assert fields is not None
    for type_ in LAYER_TYPES.values():
        if type_.param:
            block = fields.fields[type_.param].message
            assert block is not None
            assert not type_.fillers or "weight_filler" in block.fields


def names(words: str) -> set[str]:
    return set(words.split())


def kinds() -> list[LayerType]:
    """What is known of a layer of each type."""
    found = [one.kind for one in net("".join(layer(name, name) for name in LAYER_TYPES)).layers]
    return [kind for kind in found if kind is not None]


@pytest.mark.parametrize(
    ("bottoms", "tops", "types"),
    [
        ((0, 0), (1, 1), "Parameter"),
        ((0, 0), (1, 2), "Data"),
        ((0, 0), (2, 2), "ImageData MemoryData WindowData"),
        ((0, 0), (1, None), "DummyData HDF5Data Input"),
        ((0, None), (0, None), "Python"),
        ((1, 1), (1, 1),
         """AbsVal ArgMax BNLL BatchNorm Clip Dropout ELU Embed Exp Flatten Im2col InnerProduct
         LRN Log MVN PReLU Power ReLU Reduction Reshape SPP Sigmoid Softmax Swish TanH Threshold
         Tile"""),
        ((1, 1), (1, 2), "Pooling"),
        ((1, 1), (1, None), "Slice Split"),
        ((1, 2), (1, 1), "Bias Scale"),
        ((1, None), (0, 0), "Silence"),
        ((1, None), (1, 1), "Concat"),
        ((1, None), (1, None), "Convolution Deconvolution"),
        ((2, 2), (0, 0), "HDF5Output"),
        ((2, 2), (1, 1), "BatchReindex Crop"),
        ((2, 2), (1, 2), "Accuracy"),
        ((2, None), (1, 1), "Eltwise"),
        ((2, None), (1, None), "Filter"),
        ((3, 3), (2, 2), "LSTMUnit"),
        # A loss layer that is given no top makes one (AutoTopBlobs).
        ((2, 2), (0, 1), "EuclideanLoss HingeLoss MultinomialLogisticLoss SigmoidCrossEntropyLoss"),
        ((2, 2), (0, 2), "SoftmaxWithLoss"),
        ((2, 3), (0, 2), "InfogainLoss"),
        ((3, 3), (0, 1), "ContrastiveLoss"),
        # With all that their expose_hidden adds.
        ((2, 4), (1, 2), "RNN"),
        ((2, 5), (1, 3), "LSTM"),
    ],
)  # fmt: skip
def test_numbers_of_bottoms_and_tops(
    bottoms: tuple[int, int | None], tops: tuple[int, int | None], types: str
) -> None:
    """``ExactNumBottomBlobs``, ``MinTopBlobs`` and so on in the header of each layer."""
    found = {kind.name for kind in kinds() if (kind.bottoms, kind.tops) == (bottoms, tops)}
    assert found == names(types)


def test_what_else_is_said_of_types() -> None:
    """``EqualNumBottomTopBlobs``, ``LossLayer`` below it, ``weight_filler`` in ``LayerSetUp``."""
    types = kinds()
    assert {t.name for t in types if t.equal_counts} == names("Convolution Deconvolution")
    losses = {name for name in LAYER_TYPES if name.endswith("Loss")}
    assert {t.name for t in types if t.loss} == losses
    filled = names("Convolution Deconvolution Embed InnerProduct LSTM RNN")
    assert {t.name for t in types if t.fillers} == filled
    assert not any(t.opaque for t in types)


def test_sources_take_no_bottoms() -> None:
    sources = {name for name, type_ in LAYER_TYPES.items() if type_.source}
    assert sources == {
        *("Data", "DummyData", "HDF5Data", "ImageData", "Input", "MemoryData", "Parameter"),
        "WindowData",
    }
