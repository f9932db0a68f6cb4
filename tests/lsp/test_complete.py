"""Completion: what is suggested, and what it writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from caffelint.lsp.complete import complete
from caffelint.lsp.document import Document

from .marked import at

_LAYERS = 'layer { name: "data" type: "Input" top: "data" top: "label" }\n'


def labels(marked: str, name: str = "net.prototxt") -> list[str]:
    return [item.label for item in complete(*at(marked, name))]


@pytest.mark.parametrize(
    ("marked", "first"),
    [
        ('layer { type: "Pooling" pooling_param { pool: | } }', ["MAX", "AVE", "STOCHASTIC"]),
        ("layer { type: 'Pooling' p|", ["pooling_param"]),
        ("layer { include { phase: T| } }", ["TRAIN", "TEST"]),
        ('layer { convolution_param { weight_filler { type: "x|', ["constant", "gaussian"]),
        ("layer { convolution_param { bias_term: |", ["true", "false"]),
        (_LAYERS + 'layer { name: "c" bottom: "|', ["label", "data"]),
        ('layer { name: "c" bottom: "a" top: |', ["c", "a"]),
        ('layer { param { name: "w" } } layer { param { name: "|" } }', ["w"]),
        ("layers { type: CONV|", ["NONE", "ABSVAL"]),
        ("net_param: 1\nna|", ["name"]),
        (_LAYERS + 'layer { bottom: ["data", "|', ["label", "data"]),
        (_LAYERS + 'layer { bottom: [\n  "|', ["label", "data"]),
    ],
)
def test_first_suggestions(marked: str, first: list[str]) -> None:
    found = labels(marked)
    assert [label for label in found if label in first] == first
    assert first[0] == found[0] or first[0] == "name"


@pytest.mark.parametrize(
    ("marked", "some"),
    [
        ('type: "|', {"SGD", "Adam"}),
        ("lr_policy: '|'", {"step", "multistep", "poly"}),
        ("solver_mode: |", {"CPU", "GPU"}),
        ("|", {"net", "base_lr"}),
    ],
)
def test_in_a_solver(marked: str, some: set[str]) -> None:
    assert some <= set(labels(marked, "solver.prototxt"))


def test_layer_types_of_a_fork() -> None:
    net = '# caffelint: dialect=ssd\nlayer { name: "p" type: "|" }'
    assert {"PriorBox", "Convolution"} <= set(labels(net))


def test_layer_types_of_the_fork_that_a_net_beside_it_is_for(tmp_path: Path) -> None:
    ssd = 'layer { name: "p" type: "Permute" permute_param { order: 0 } }'
    text, offset = (
        f'{ssd} layer {{ name: "l" type: "" }}',
        len(ssd) + len(' layer { name: "l" type: "'),
    )
    path = tmp_path / "test.prototxt"
    path.write_text(text)
    alone = {item.label for item in complete(Document(path, text), offset)}
    (tmp_path / "train.prototxt").write_text(f"# caffelint: dialect=nvcaffe\n{ssd}")
    beside = {item.label for item in complete(Document(path, text), offset)}
    assert "DetectNetTransformation" in beside - alone


@pytest.mark.parametrize(
    "marked",
    [
        pytest.param("# layer { |", id="comment"),
        pytest.param("layer { nonsense { |", id="unknown-block"),
        pytest.param("layer { nonsense: |", id="value-of-an-unknown-field"),
        pytest.param('layer { name: "|', id="free-text"),
        pytest.param("layer { pooling_param { stride: |", id="number"),
    ],
)
def test_nothing_to_suggest(marked: str) -> None:
    assert labels(marked) == []


def test_what_is_written_is_not_suggested_again() -> None:
    found = labels('layer { name: "a" top: "b" | }')
    assert "name" not in found
    assert "top" in found  # it is repeated


@pytest.mark.parametrize(
    ("marked", "name"),
    [
        pytest.param("layer { pooling_param { pool:\n |", "stride", id="no-value-on-its-line"),
        pytest.param("layer { relu_param { negative_slope: -1 |", "engine", id="behind-a-sign"),
        pytest.param("layer { pooling_param { pool: MAX, |", "engine", id="behind-a-comma"),
        pytest.param("layer { top: ['a', 'b'] |", "type", id="behind-a-list"),
        pytest.param("} } |", "force_backward", id="behind-brackets-too-many"),
    ],
)
def test_where_a_field_may_come_next(marked: str, name: str) -> None:
    assert name in labels(marked)


@pytest.mark.parametrize(
    ("marked", "label", "result"),
    [
        ("layer { ty| }", "type", 'layer { type: "$0" }'),
        ("layer { con| }", "convolution_param", "layer { convolution_param {\n\t$0\n} }"),
        ("layer { ty|: 'x' }", "type", "layer { type: 'x' }"),
        ("layer { |ty: 'x' }", "type", "layer { type: 'x' }"),
        ('layer { type: "Re| }', "ReLU", 'layer { type: "ReLU"'),
        ('layer { type: "Re|x" }', "ReLU", 'layer { type: "ReLU" }'),
        ("layer { type: | }", "ReLU", 'layer { type: "ReLU" }'),
        ("layer { type: Re| }", "ReLU", 'layer { type: "ReLU" }'),
        ("layer { pooling_param { pool: M|A } }", "AVE", "layer { pooling_param { pool: AVE } }"),
    ],
)
def test_what_is_written(marked: str, label: str, result: str) -> None:
    document, offset = at(marked)
    item = next(i for i in complete(document, offset, snippets=True) if i.label == label)
    start, end = item.span
    assert document.text[:start] + item.text + document.text[end:] == result


def test_suggestions_say_what_a_field_is() -> None:
    item = next(i for i in complete(*at("layer { pooling_param { str|")) if i.label == "stride")
    assert item.detail == "uint32 = 1"
    assert item.about
