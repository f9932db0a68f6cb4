"""What hypothesis makes texts and nets of: the fields of Caffe's schema, and layers that fit.

A text is a tree of fields, each with its value as it is written; ``written`` puts it down in one
style or another. Nets are built layer by layer on the blobs that are there, so that most of them
are ones that Caffe would take; some have a fault.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from random import Random

from google.protobuf.descriptor import FieldDescriptor
from hypothesis import settings
from hypothesis import strategies as st

from caffelint.resources import load_schema
from caffelint.schema.descriptor import FieldType, MessageType

_ASKED = os.environ.get("CAFFELINT_EXAMPLES", "")


def examples(number: int) -> settings:
    """So many examples, the same in each run; ``CAFFELINT_EXAMPLES=N`` makes N times as many, and
    other ones.
    """
    times = int(_ASKED or 1)
    return settings(max_examples=number * times, deadline=None, derandomize=not _ASKED)


Fields = list[tuple[str, "str | Fields"]]
"""Fields of a text, in order: each with its value as written, or the fields of its block."""

NUMBERS = (
    *("0", "1", "-1", "2", "3", "0.5", "1e30", "1e400", "nan", "-inf", "0x7f", "017", "1.f"),
    *("2147483647", "2147483648", "-2147483648", "4294967296", "9223372036854775807", "- 3"),
    *("18446744073709551616", "08", "1_0", "+1", "0.1.2", "1e", "0x", "inff", "-infinity"),
)
TEXTS = ('""', '"a"', "'b'", "\"a\" 'b'", '"\\n\\x41\\101\\?"', '"\\q"', '"a', '"é"', '"\\u00e9"')
WORDS = ("true", "f", "t", "False", "TRAIN", "MAX", "inf", "GPU", "lenet", "_x9", "-nan")
ODD = (*NUMBERS, *TEXTS, *WORDS, "[]", "{}", "<>", "[1, 2]", "", "{ name: 'x' }")
_OF_BOOL = ("true", "false", "t", "f", "1", "0", "True", "False")


@st.composite
def _value(draw: st.DrawFn, type_: FieldType) -> str:
    """A value that a field may have, now and then one of another kind."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.sampled_from(ODD))
    if type_.enum is not None:
        return draw(st.sampled_from(sorted(type_.enum.numbers)))
    if type_.type in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES):
        return draw(st.sampled_from(TEXTS))
    choices = _OF_BOOL if type_.type == FieldDescriptor.TYPE_BOOL else NUMBERS
    return draw(st.sampled_from(choices))


@st.composite
def fields(draw: st.DrawFn, type_: MessageType, depth: int = 0) -> Fields:
    """Fields of a message, valid ones for the most part."""
    known = list(type_.fields.values())
    made: Fields = []
    for one in draw(st.lists(st.sampled_from(known), max_size=5 - depth)):
        name = (
            one.name if draw(st.integers(0, 30)) else draw(st.sampled_from(("nmae", "x", "[a.b]")))
        )
        if one.message is not None and depth < 3:
            made.append((name, draw(fields(one.message, depth + 1))))
        else:
            made.append((name, draw(_value(one))))
    return made


@st.composite
def texts(draw: st.DrawFn) -> str:
    """A net or a solver as text, nearly valid: in any style, perhaps with some character lost."""
    schema = load_schema()
    tree = draw(fields(draw(st.sampled_from((schema.net, schema.solver)))))
    text = written(tree, Random(draw(st.integers(0, 999))))
    if text and draw(st.integers(0, 3)) == 0:
        at = draw(st.integers(0, len(text) - 1))
        text = (
            text[:at]
            + draw(st.sampled_from(("", "}", "{", '"', ":", "\n", "\0", "é")))
            + text[at + 1 :]
        )
    return text


# Styles


_BLANKS = (" ", "\n", "\t", "\r\n", "   ", "\n\n", " # }\n", '\n# layer { "\n', "#\n", "\f")


def plain(tree: Fields, indent: str = "") -> str:
    """Fields as people write them."""
    lines = []
    for name, value in tree:
        if isinstance(value, str):
            lines.append(f"{indent}{name}: {value}\n")
        else:
            lines.append(f"{indent}{name} {{\n{plain(value, indent + '  ')}{indent}}}\n")
    return "".join(lines)


def written(tree: Fields, rng: Random) -> str:
    """The same fields in a style of chance: blanks, comments, brackets, colons and separators."""
    pieces: list[str] = []
    for name, value in tree:
        blank, other = rng.choice(_BLANKS), rng.choice(("", *_BLANKS))
        if isinstance(value, str):
            text = f"{name}{other}:{blank}{value}"
        else:
            opening, closing = rng.choice(("{}", "<>"))
            colon = rng.choice(("", ":"))
            text = (
                f"{name}{other}{colon}{blank}{opening}{other}{written(value, rng)}{blank}{closing}"
            )
        pieces.append(text + rng.choice(("", "", ";", ",", " ;")) + rng.choice(_BLANKS))
    return "".join(pieces)


# Nets


@dataclass(frozen=True)
class Layer:
    """A layer: what it is called, what it reads and makes, and its other fields."""

    name: str
    type: str
    bottoms: tuple[str, ...]
    tops: tuple[str, ...]
    body: Fields = field(default_factory=list)

    def fields(self) -> Fields:
        """The layer as fields of a text."""
        return [
            ("name", f'"{self.name}"'),
            ("type", f'"{self.type}"'),
            *(("bottom", f'"{name}"') for name in self.bottoms),
            *(("top", f'"{name}"') for name in self.tops),
            *self.body,
        ]

    @property
    def blobs(self) -> set[str]:
        """All blobs that it touches."""
        return {*self.bottoms, *self.tops}


def net_fields(layers: list[Layer]) -> Fields:
    """A net as fields of a text."""
    return [("name", '"made"'), *(("layer", layer.fields()) for layer in layers)]


_FILLERS = ("xavier", "msra", "gaussian", "constant", "bilinear")


def _shape(*sizes: int) -> tuple[str, Fields]:
    return "shape", [("dim", str(size)) for size in sizes]


@st.composite
def _weights(draw: st.DrawFn) -> Fields:
    made: Fields = []
    if draw(st.integers(0, 3)):
        filler: Fields = [("type", f'"{draw(st.sampled_from(_FILLERS))}"')]
        if draw(st.booleans()):
            filler.append((draw(st.sampled_from(("std", "value", "mean"))), "0.01"))
        made.append(("weight_filler", filler))
    if draw(st.integers(0, 3)) == 0:
        made.append(("bias_term", "false"))
    return made


@st.composite
def _body(draw: st.DrawFn, type_: str) -> Fields:
    body: Fields = []
    if type_ == "Convolution":
        kernel = draw(st.sampled_from((1, 3)))
        own: Fields = [("num_output", "4"), ("kernel_size", str(kernel)), ("pad", str(kernel // 2))]
        body.append(("convolution_param", [*own, *draw(_weights())]))
    elif type_ == "InnerProduct":
        own = [("num_output", str(draw(st.integers(2, 10))))]
        body.append(("inner_product_param", [*own, *draw(_weights())]))
    elif type_ == "Pooling":
        own = [("pool", draw(st.sampled_from(("MAX", "AVE"))))]
        body.append(("pooling_param", [*own, ("kernel_size", "3"), ("pad", "1")]))
    elif type_ == "Scale":
        body.append(("scale_param", [("bias_term", draw(st.sampled_from(("true", "false"))))]))
    elif type_ == "Dropout":
        body.append(("dropout_param", [("dropout_ratio", draw(st.sampled_from(("0.5", "1.5"))))]))
    elif type_ == "Eltwise":
        own = [("operation", draw(st.sampled_from(("SUM", "PROD", "MAX"))))]
        body.append(("eltwise_param", own))
    if type_ in ("Convolution", "InnerProduct", "Scale", "BatchNorm") and draw(st.booleans()):
        rates = st.sampled_from(("0", "1", "10", "-1"))
        body += [("param", [("lr_mult", draw(rates))]) for _ in range(draw(st.integers(1, 3)))]
    return body


_ON_IMAGES = (
    *("Convolution", "ReLU", "Pooling", "BatchNorm", "Scale", "Dropout", "Eltwise", "Concat"),
    *("LRN", "Sigmoid", "TanH", "PReLU", "Power"),
)
_IN_PLACE = ("ReLU", "BatchNorm", "Scale", "Dropout", "Sigmoid", "TanH", "PReLU")


@st.composite
def nets(draw: st.DrawFn) -> list[Layer]:
    """A small net with a few branches on images of one size, with or without losses."""
    layers = [
        Layer("data", "DummyData", (), ("data",), [("dummy_data_param", [_shape(2, 4, 8, 8)])]),
        Layer("label", "DummyData", (), ("label",), [("dummy_data_param", [_shape(2)])]),
    ]
    images = ["data"]
    for number in range(draw(st.integers(1, 7))):
        type_ = draw(st.sampled_from(_ON_IMAGES))
        bottom = draw(st.sampled_from(images))
        bottoms: tuple[str, ...] = (bottom,)
        if type_ in ("Eltwise", "Concat"):
            bottoms = (bottom, draw(st.sampled_from(images)))
        top = f"b{number}"
        if type_ in _IN_PLACE and draw(st.booleans()):
            top = bottom
        layers.append(Layer(f"n{number}", type_, bottoms, (top,), draw(_body(type_))))
        if type_ != "Concat":  # so that all images keep their number of channels
            images.append(top)
    for number in range(draw(st.integers(0, 2))):
        bottom = draw(st.sampled_from(images))
        ip = Layer(f"ip{number}", "InnerProduct", (bottom,), (f"s{number}",))
        layers.append(replace(ip, body=draw(_body("InnerProduct"))))
        loss = draw(st.sampled_from(("SoftmaxWithLoss", "Accuracy", "Softmax", "HingeLoss")))
        bottoms = (f"s{number}",) if loss == "Softmax" else (f"s{number}", "label")
        layers.append(Layer(f"end{number}", loss, bottoms, (f"e{number}",)))
    if draw(st.integers(0, 2)) == 0:
        _damage(layers, Random(draw(st.integers(0, 9999))))
    return layers


def _damage(layers: list[Layer], rng: Random) -> None:
    """Put one fault into one of the layers."""
    at = rng.randrange(2, len(layers))
    layer = layers[at]
    layers[at] = rng.choice((
        replace(layer, bottoms=("nowhere", *layer.bottoms[1:])),
        replace(layer, type="Convolutoin"),
        replace(layer, body=layer.body[:-1]),
        replace(layer, body=[*layer.body, ("phse", "TRAIN")]),
        replace(layer, body=[*layer.body, ("include", [("phase", "TRAIN")])]),
        replace(layer, tops=layer.tops + layer.tops),
        replace(layer, bottoms=layer.bottoms + layer.bottoms),
        replace(layer, tops=("data",)),
    ))  # fmt: skip
