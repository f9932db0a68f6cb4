"""Texts with marks in them: ``|`` for the cursor, and the net that most tests are about."""

from __future__ import annotations

from pathlib import Path

from caffelint.lsp.document import Document

NET = """\
name: "两层"  # 😀 a name
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 4 } } }
layer {
  name: "fc" type: "InnerProduct" bottom: "data" top: "fc"
  param { name: "w" lr_mult: 1 }
  inner_product_param { num_output: 4 weight_filler { type: "xavier" } }
}
layer { name: "relu" type: "ReLU" bottom: "fc" top: "fc" }
layer {
  name: "out" type: "InnerProduct" bottom: 'fc' top: "out"
  param { name: "w" }
  include { phase: TEST }
  inner_product_param { num_output: 4 weight_filler { type: "xavier" } }
}
"""


def document(text: str, name: str = "net.prototxt") -> Document:
    return Document(Path(name), text)


def at(marked: str, name: str = "net.prototxt") -> tuple[Document, int]:
    """A text with its mark taken out, and where it was."""
    offset = marked.index("|")
    return document(marked[:offset] + marked[offset + 1 :], name), offset


def in_net(where: str) -> tuple[Document, int]:
    """The net, and the place in it that a piece of its text with a mark is about."""
    piece = where.replace("|", "")
    assert NET.count(piece) == 1
    return document(NET), NET.index(piece) + where.index("|")
