"""Hover: fields, values, blobs, layers, and findings."""

from __future__ import annotations

import pytest

from caffelint.core.diagnostic import Diagnostic, Place, RuleText, Severity
from caffelint.core.source import Source, Span
from caffelint.lsp.fielddocs import comments_of
from caffelint.lsp.hover import code, hover

from .marked import at, in_net


@pytest.mark.parametrize(
    ("where", "parts"),
    [
        (
            'num_ou|tput: 4 weight_filler { type: "xavier" } }\n}\nlayer { name: "relu"',
            ["uint32", "Number of outputs"],
        ),
        ("lr_|mult", ["float, default `1`", "learning rate"]),
        ("phase: TE|ST", ["`TEST`: Dropout passes through"]),
        ('bottom: "da|ta"', ["2×4", "made by `data` (`Input`)", "read by `fc`"]),
        ('"fc" t|op: "fc" }', ["Names of the blobs written"]),
        ('top: "o|ut"', ["2×4", "read by nothing"]),
        ('name: "fc|"', ["20 parameters (weight 4×4, bias 4)", "`fc` 2×4"]),
        ('type: "Re|LU"', ["`ReLU` layer: 1 blob in, 1 blob out", "`relu_param`"]),
        ('name: "re|lu"', ["`fc` 2×4; no parameters"]),
        ("pha|se: TEST", ["Phase", "One of `TRAIN`, `TEST`"]),
    ],
)
def test_words(where: str, parts: list[str]) -> None:
    found = hover(*in_net(where))
    assert found is not None
    for part in parts:
        assert part in found.text


@pytest.mark.parametrize(
    ("marked", "name", "parts"),
    [
        pytest.param(
            'input: "x|" input_shape { dim: 2 dim: 3 } layer { name: "r" bottom: "x" }',
            *("net.prototxt", ["blob `x`", "2×3, made by"]),
            id="an-input-of-the-net",
        ),
        pytest.param(
            'layer: [{ name: "a" type: "Silence" }, { name: "b" type: "Re|LU" }]',
            *("net.prototxt", ["`ReLU` layer"]),
            id="in-a-list-of-blocks",
        ),
        pytest.param(
            'layer { name: "d" type: "Input" top: ["x", "y|"] input_param { shape { dim: 5 } } }',
            *("net.prototxt", ["blob `y`", "5, made by `d`"]),
            id="in-a-list-of-names",
        ),
        pytest.param(
            'train_net_param { layer { name: "d" type: "Input" top: "x|" } }',
            *("solver.prototxt", ["blob `x`"]),
            id="in-a-net-inside-a-solver",
        ),
        pytest.param(
            'layer { name: "a" type: "No|SuchLayer" }',
            *("net.prototxt", []),
            id="a-type-that-there-is-not",
        ),
        pytest.param("layer { nons|ense: 1 }", "net.prototxt", [], id="a-field-that-there-is-not"),
    ],
)
def test_what_is_told_of_a_place(marked: str, name: str, parts: list[str]) -> None:
    found = hover(*at(marked, name))
    assert (found is not None) == bool(parts)
    for part in parts:
        assert found is not None
        assert part in found.text


def test_phases_that_differ_are_told_apart() -> None:
    data = (
        'layer {{ name: "d" type: "DummyData" top: "x" include {{ phase: {} }}\n'
        "dummy_data_param {{ shape {{ dim: {} }} }} }}\n"
    )
    loss = 'layer { name: "l" type: "EuclideanLoss" bottom: "x|" bottom: "x" top: "l" }'
    found = hover(*at(data.format("TRAIN", 64) + data.format("TEST", 10) + loss))
    assert found is not None
    assert "In TRAIN: 64, made by" in found.text
    assert "In TEST: 10, made by" in found.text


@pytest.mark.parametrize("where", ["# 😀 a na|me", "dim: 2| dim: 4", "{ |shape {"])
def test_nothing_or_a_word(where: str) -> None:
    found = hover(*in_net(where))
    assert found is None or found.text


def test_a_finding_tells_why() -> None:
    document, offset = in_net('bottom: "da|ta"')
    place = Place(Source("net.prototxt", document.text), Span(offset - 2, offset + 2))
    one = Diagnostic("CL101", "x", Severity.ERROR, "certain", "message", "", place)
    rule = RuleText("CL101", "x", Severity.ERROR, "certain", "", "Because of **this**.", "", ())
    found = hover(document, offset, [one], {"CL101": rule})
    assert found is not None
    assert found.text.startswith("**CL101 x** (error)\n\nBecause of **this**.\n\n---\n\nblob")


@pytest.mark.parametrize(
    ("text", "shown"), [("a`b", "``a`b``"), ("`a", "`` `a ``"), ("a\nb", "`a b`"), ("", "(empty)")]
)
def test_texts_of_the_file_are_no_markup(text: str, shown: str) -> None:
    assert code(text) == shown


def test_comments_of_a_schema() -> None:
    proto = """
// A message
// of two lines.
message A {
  // Behind no field.

  // The size.
  optional float size = 1 [default = 2]; // in pixels
  enum E { ONE = 1; }
  enum F {
    // The one.
    ONE = 1;
  }
  repeated B b = 2;
}
"""
    assert comments_of(proto) == {
        "A": "A message of two lines.",
        "A.size": "The size. in pixels",
        "A.F.ONE": "The one.",
    }


def test_every_field_of_a_layer_is_documented() -> None:
    from caffelint.lsp.fielddocs import field_comment
    from caffelint.resources import load_schema

    layer = load_schema().net.fields["layer"].message
    assert layer is not None
    assert [name for name, field in layer.fields.items() if not field_comment(layer, field)] == []
