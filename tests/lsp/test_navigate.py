"""Definitions, references, renames and links."""

from __future__ import annotations

from pathlib import Path

import pytest

from caffelint.lsp.document import Document
from caffelint.lsp.navigate import (
    RenameError,
    definitions,
    links,
    references,
    renamable,
    rename,
)

from .marked import NET, at, document, in_net


def lines(text: str, spans: list[tuple[int, int]]) -> list[tuple[int, str]]:
    return [(text.count("\n", 0, start) + 1, text[start:end]) for start, end in spans]


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("bottom: 'f|c'", [(8, "fc")]),  # the in-place layer wrote it last
        ('type: "ReLU" bottom: "f|c"', [(4, "fc")]),
        ('bottom: "da|ta"', [(2, "data")]),
        ('top: "o|ut"', [(10, "out")]),
        ('{ name: "w|" }', [(5, "w")]),
        ('type: "Re|LU"', []),
    ],
)
def test_definitions(where: str, found: list[tuple[int, str]]) -> None:
    assert lines(NET, list(definitions(*in_net(where)))) == found


def test_a_blob_of_both_phases_has_two_definitions() -> None:
    data = 'layer { name: "d" type: "Data" top: "x" include { phase: %s } }\n'
    loss = 'layer { name: "l" type: "EuclideanLoss" bottom: "x|" bottom: "x" top: "l" }'
    doc, offset = at(data % "TRAIN" + data % "TEST" + loss)
    assert lines(doc.text, list(definitions(doc, offset))) == [(1, "x"), (2, "x")]


def test_definition_in_a_text_that_breaks_off() -> None:
    doc, offset = at('layer { top: "x" }\nlayer { name: "b" bottom: "x|"')
    assert lines(doc.text, list(definitions(doc, offset))) == [(1, "x")]


@pytest.mark.parametrize(
    ("layers", "line"),
    [
        pytest.param(['top: "x"', 'top: "x"', 'bottom: "x|"'], 3, id="the-last-one-above"),
        pytest.param(['bottom: "x|"', 'top: "x"', 'top: "x"'], 3, id="else-the-first-one-below"),
    ],
)
def test_definition_in_a_net_inside_a_solver(layers: list[str], line: int) -> None:
    blocks = "\n".join(f"layer {{ {one} }}" for one in layers)
    doc, offset = at(f"base_lr: 1\ntrain_net_param {{\n{blocks}\n}}", "solver.prototxt")
    assert lines(doc.text, list(definitions(doc, offset))) == [(line + 1, "x")]


def test_references() -> None:
    doc, offset = in_net("bottom: 'f|c'")
    assert lines(NET, list(references(doc, offset))) == [
        *((4, "fc"), (8, "fc"), (8, "fc"), (10, "fc")),
    ]
    readers = references(doc, offset, declarations=False)
    assert lines(NET, list(readers)) == [(8, "fc"), (10, "fc")]


@pytest.mark.parametrize(
    ("where", "new", "changes"),
    [
        ("bottom: 'f|c'", "a'b", {4: 'top: "a\'b"', 8: 'top: "a\'b"', 10: "bottom: 'a\\'b'"}),
        ('{ name: "w|" }', "k", {5: 'name: "k"', 11: 'name: "k"'}),
        ('name: "fc|"', "dense", {4: 'name: "dense"'}),
    ],
)
def test_rename(where: str, new: str, changes: dict[int, str]) -> None:
    doc, offset = in_net(where)
    text = NET
    for edit in reversed(rename(doc, offset, new)):
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    old, found = NET.splitlines(), text.splitlines()
    assert {i + 1 for i, line in enumerate(found) if line != old[i]} == set(changes)
    for line, part in changes.items():
        assert part in found[line - 1]


@pytest.mark.parametrize(
    ("where", "new", "reason"),
    [
        ('bottom: "da|ta"', "fc", 'a blob "fc" already, in line 4'),
        ('bottom: "da|ta"', "", "cannot be empty"),
        ("lr_mu|lt: 1", "x", "no blob, layer or param"),
    ],
)
def test_names_that_cannot_be_given(where: str, new: str, reason: str) -> None:
    with pytest.raises(RenameError, match=reason):
        rename(*in_net(where), new)


def test_what_can_be_renamed() -> None:
    doc, offset = in_net("bottom: 'f|c'")
    found = renamable(doc, offset)
    assert found is not None
    assert (NET[slice(*found[0])], found[1]) == ("fc", "fc")
    assert renamable(*in_net("lr_mu|lt: 1")) is None


def test_old_forms_are_renamed_too() -> None:
    doc, offset = at(
        'input: "x|"\nlayers { layer { name: "c" type: "conv" } bottom: "x" top: "y" }'
    )
    assert len(rename(doc, offset, "z")) == 2


@pytest.mark.parametrize(
    ("marked", "new", "wanted"),
    [
        pytest.param(
            'layers { param: "w|" }\nlayers { param: "w" param: "b" }',
            *("v", 'layers { param: "v" }\nlayers { param: "v" param: "b" }'),
            id="a-shared-blob-of-the-old-form",
        ),
        pytest.param(
            "layer { top: \"a\" 'b|' } layer { bottom: 'ab' }",
            *("c", "layer { top: \"c\" } layer { bottom: 'c' }"),
            id="a-name-in-two-pieces",
        ),
        pytest.param(
            'layer { top: x| } layer { bottom: "x" top: 3 }',
            *("y", 'layer { top: "y" } layer { bottom: "y" top: 3 }'),
            id="a-name-without-quotes",
        ),
        pytest.param('layer { top: "x|" }', "x", 'layer { top: "x" }', id="the-name-it-has"),
    ],
)
def test_renamed_texts(marked: str, new: str, wanted: str) -> None:
    doc, offset = at(marked)
    text = doc.text
    for edit in reversed(rename(doc, offset, new)):
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    assert text == wanted


def test_a_net_inside_a_solver_has_names_of_its_own() -> None:
    doc, offset = at(
        'train_net_param { layer { top: "x|" } layer { bottom: "x" } }\n'
        'test_net_param { layer { top: "x" } }',
        "solver.prototxt",
    )
    assert len(references(doc, offset)) == 2


def test_links_of_solver_and_net(tmp_path: Path) -> None:
    net, solver = tmp_path / "net.prototxt", tmp_path / "solver.prototxt"
    net.write_text(NET)
    text = 'net: "net.prototxt"\ntest_net: "gone.prototxt"\nbase_lr: 1'
    (found,) = links(Document(solver, text), None, [])
    assert (text[slice(*found.span)], found.target) == ("net.prototxt", net)
    (back,) = links(Document(net, NET), None, [solver])
    assert (NET[slice(*back.span)], back.target) == ("两层", solver)
    nameless = Document(net, NET.partition("\n")[2])
    assert links(nameless, None, [solver]) == []


def test_no_names_no_trouble() -> None:
    assert definitions(document(""), 0) == []
    assert references(document("layer {"), 3) == []
