"""Outline, folding and inlay hints."""

from __future__ import annotations

from caffelint.core.source import Span
from caffelint.lsp.inlay import hints
from caffelint.lsp.symbols import folds, symbols

from .marked import NET, document


def test_layers_are_the_outline_of_a_net() -> None:
    found = symbols(document(NET))
    assert [(one.name, one.detail) for one in found] == [
        ("data", "Input"),
        ("fc", "InnerProduct"),
        ("relu", "ReLU"),
        ("out", "InnerProduct (TEST)"),
    ]
    for one in found:
        assert NET[slice(*one.name_span)] == f'"{one.name}"'
        assert one.span.start <= one.name_span.start <= one.name_span.end <= one.span.end


def test_fields_are_the_outline_of_a_solver() -> None:
    found = symbols(document("base_lr: 0.1\ntrain_state { level: 1 }", "solver.prototxt"))
    assert [(one.name, one.detail) for one in found] == [("base_lr", "0.1"), ("train_state", "{…}")]


def test_old_and_nameless_layers_are_there() -> None:
    text = 'layers { layer { name: "c" type: "conv" } bottom: "x" }\nlayer { type: "ReLU" }'
    found = symbols(document(text))
    assert [(one.name, one.detail) for one in found] == [("c", "conv"), ("(no name)", "ReLU")]


def test_blocks_and_comments_fold() -> None:
    text = "# a\n# b\nlayer {\n  x {\n    y: 1\n  }\n}  # c\n# d\nz {\n  y: 1"
    found = [(one.first, one.last, one.kind) for one in folds(document(text))]
    assert found == [(1, 2, "comment"), (3, 6, "region"), (4, 5, "region"), (9, 10, "region")]


def test_tops_show_their_shapes() -> None:
    found = hints(document(NET), Span(0, len(NET)))
    shown = [(NET[: one.offset].rpartition(" ")[2], one.label) for one in found]
    assert shown == [('"data"', "2×4"), ('"fc"', "2×4"), ('"fc"', "2×4"), ('"out"', "2×4")]


def test_only_tops_in_view_show_them() -> None:
    assert len(hints(document(NET), Span(0, NET.index("relu")))) == 2


def test_phases_that_differ_show_both() -> None:
    data = (
        'layer {{ name: "d" type: "DummyData" top: "x" include {{ phase: {} }}\n'
        "dummy_data_param {{ shape {{ dim: {} }} }} }}\n"
    )
    loss = 'layer { name: "s" type: "Sigmoid" bottom: "x" top: "s" }\n'
    loss += 'layer { name: "l" type: "EuclideanLoss" bottom: "s" bottom: "x" top: "l" }'
    text = data.format("TRAIN", 64) + data.format("TEST", 10) + loss
    assert [one.label for one in hints(document(text), Span(0, len(text)))] == [
        *("64", "10", "TRAIN 64, TEST 10", "scalar"),
    ]
