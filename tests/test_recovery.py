"""One fault, one finding, at the right place: what is said of broken files, and nothing more."""

from __future__ import annotations

import pytest

from caffelint.check import Checker
from caffelint.config import Config
from caffelint.core.diagnostic import Diagnostic
from caffelint.resources import load_rules

NET = """\
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 } } }
layer {
  name: "ip1"
  type: "InnerProduct"
  bottom: "data"
  top: "ip1"
  inner_product_param {
    num_output: 10
    weight_filler { type: "xavier" }
  }
}
layer {
  name: "relu1"
  type: "ReLU"
  bottom: "ip1"
  top: "ip1"
}
layer {
  name: "ip2"
  type: "InnerProduct"
  bottom: "ip1"
  top: "ip2"
  inner_product_param {
    num_output: 2
    weight_filler { type: "xavier" }
  }
}
layer { name: "prob" type: "Softmax" bottom: "ip2" top: "prob" }
"""
SOLVER = 'net: "net.prototxt"\nbase_lr: 0.01\nlr_policy: "fixed"\nmax_iter: 10000\n'

Finding = tuple[int, int, str]


def lint(text: str) -> list[Diagnostic]:
    """The findings on syntax, schema, graph and old forms."""
    config = Config(select=["CL0", "CL1"])
    data = text.encode("utf-8", "surrogateescape")
    return list(Checker(load_rules(), config).check_text("net.prototxt", data).diagnostics)


def places(text: str) -> list[Finding]:
    found = []
    for one in lint(text):
        line, column = one.place.source.locate(one.place.span.start)
        found.append((line, column, one.rule))
    return found


def line(number: int, text: str | None, net: str = NET) -> str:
    """The net with another line in the place of one, or without it."""
    lines = net.split("\n")
    lines[number - 1 : number] = [] if text is None else [text]
    return "\n".join(lines)


def before(number: int, text: str) -> str:
    """The net with a line more."""
    lines = NET.split("\n")
    lines.insert(number - 1, text)
    return "\n".join(lines)


BRACKETS = {
    "closing brace of a layer missing, good layers follow": (line(11, None), [(2, 7, "CL009")]),
    "closing brace of the last layer missing": (line(27, None), [(18, 7, "CL009")]),
    "closing brace of an inner block missing": (line(10, None), [(7, 23, "CL009")]),
    "closing brace of an inner block missing, fields of the layer follow": (
        line(10, "  loss_weight: 0\n  include { phase: TEST }"),
        [(7, 23, "CL009")],
    ),
    "closing brace of a param block missing": (
        line(6, '  top: "ip1"\n  param { lr_mult: 1\n  param { lr_mult: 2 }'),
        [(7, 9, "CL009")],
    ),
    "closing braces of two layers missing": (
        line(16, None, line(11, None)),
        [(2, 7, "CL009"), (11, 7, "CL009")],
    ),
    "the file breaks off in a block": (NET[: NET.index("num_output: 2")], [(18, 7, "CL009")]),
    "the file breaks off in a name": (NET[: NET.index("_output: 2")], [(18, 7, "CL009")]),
    "stray closing brace at the top": (before(12, "}"), [(12, 1, "CL010")]),
    "two stray closing braces": (before(12, "}\n}"), [(12, 1, "CL010")]),
    "stray closing brace inside a layer": (
        before(5, "  }"),
        [(5, 3, "CL010")],
    ),
    "stray closing brace inside a block": (
        line(9, '    weight_filler { type: "xavier" }}\n    bias_term: false'),
        [(9, 37, "CL010")],
    ),
    "brace closed too early, count right": (
        line(11, None).removesuffix("\n") + "\n}\n",
        [(11, 1, "CL028")],
    ),
    "opening brace of a layer missing": (line(2, "layer"), [(2, 1, "CL012")]),
    "opening brace of an inner block missing": (
        line(7, "  inner_product_param"),
        [(7, 3, "CL012")],
    ),
    "opening brace of a block on one line missing": (
        line(9, '    weight_filler type: "xavier" }'),
        [(9, 5, "CL012")],
    ),
    "opening brace of a layer on one line missing": (
        line(28, 'layer name: "prob" type: "Softmax" bottom: "ip2" top: "prob" }'),
        [(28, 1, "CL012")],
    ),
    "round brackets": (
        line(10, "  )", line(7, "  inner_product_param (")),
        [(7, 23, "CL011")],
    ),
    "square brackets": (
        line(10, "  ]", line(7, "  inner_product_param [")),
        [(7, 23, "CL011")],
    ),
    "angle bracket at the end of a brace block": (line(10, "  >"), [(10, 3, "CL011")]),
    "angle brackets at both ends": (line(10, "  >", line(7, "  inner_product_param <")), []),
}

QUOTES = {
    "opening quote missing": (line(3, '  name: ip1"'), [(3, 9, "CL006")]),
    "closing quote missing": (line(3, '  name: "ip1'), [(3, 9, "CL005")]),
    "closing quote of a top missing": (line(6, '  top: "ip1'), [(6, 8, "CL005")]),
    "closing quote missing, comment follows": (line(3, '  name: "ip1  # first'), [(3, 9, "CL005")]),
    "closing quote missing in a layer of one line": (
        line(28, 'layer { name: "prob" type: "Softmax bottom: "ip2" top: "prob" }'),
        [(28, 28, "CL005")],
    ),
    "last closing quote missing in a layer of one line": (
        line(28, 'layer { name: "prob" type: "Softmax" bottom: "ip2" top: "prob }'),
        [(28, 57, "CL005")],
    ),
    "opening quote twice": (line(5, '  bottom: ""data"'), [(5, 11, "CL006")]),
    "closing quote twice": (line(5, '  bottom: "data""'), [(5, 17, "CL001")]),
    "two kinds of quote": (line(3, "  name: \"ip1'"), [(3, 9, "CL005")]),
    "no quotes around a type": (line(4, "  type: InnerProduct"), [(4, 9, "CL006")]),
    "no quotes around a path": (
        line(6, '  top: "ip1"\n  hdf5_data_param { source: data/train.txt batch_size: 3 }'),
        [(7, 3, "CL119"), (7, 29, "CL006")],
    ),
    "no quotes around a path with blanks": (
        line(6, '  top: "ip1"\n  hdf5_data_param {\n    source: my data/train.txt\n  }'),
        [(7, 3, "CL119"), (8, 13, "CL006")],
    ),
    "curly quotes": (line(3, "  name: \u201cip1\u201d"), [(3, 9, "CL002")]),
    "Windows path": (
        line(6, '  top: "ip1"\n  hdf5_data_param { source: "D:\\data\\train.txt" }'),
        [(7, 3, "CL119"), (7, 32, "CL008")],
    ),
    "quoted enum": (line(6, '  top: "ip1"\n  include { phase: "TEST" }'), [(7, 20, "CL023")]),
    "quoted number": (line(8, '    num_output: "10"'), [(8, 17, "CL021")]),
}

OTHER_FORMATS = {
    "shell placeholder": (line(8, "    num_output: ${CLASSES}"), [(8, 17, "CL015")]),
    "make placeholder": (line(8, "    num_output: $(CLASSES)"), [(8, 17, "CL015")]),
    "cmake placeholder": (line(8, "    num_output: @CLASSES@"), [(8, 17, "CL015")]),
    "Jinja value": (line(8, "    num_output: {{ classes }}"), [(8, 17, "CL015")]),
    "Python format value": (line(8, "    num_output: {classes}"), [(8, 17, "CL015")]),
    "value to fill in": (line(8, "    num_output: <classes>"), [(8, 17, "CL015")]),
    "Jinja lines": (
        before(12, "{% if deep %}").replace('top: "ip2"', 'top: "ip2"\n{% endif %}', 1),
        [(12, 1, "CL015"), (24, 1, "CL015")],
    ),
    "placeholder in quotes": (line(3, '  name: "{{ name }}"'), []),
    "two lines of prose above": (
        "This is the net that I use,\nit has five layers: see below!\n" + NET,
        [(1, 6, "CL001")],
    ),
    "greeting above": ("Hello\n\nI do not know why it fails.\n" + NET, [(3, 1, "CL001")]),
    "code fence": ("```\n" + NET + "```\n", [(1, 1, "CL001"), (30, 1, "CL001")]),
    "log line above": (
        "I1124 23:37:21.259192 123 net.cpp:58] Initializing net from parameters:\n" + NET,
        [(1, 7, "CL001")],
    ),
    "slash comment": (line(8, "    num_output: 10 // ten digits"), [(8, 20, "CL014")]),
    "layer behind slashes": (
        "".join(
            f"//{text}" if 11 < number < 18 else text
            for number, text in enumerate(NET.splitlines(keepends=True), 1)
        ),
        [(12, 1, "CL014")],
    ),
    "C comment": (before(12, "/* layer {\n  } */"), [(12, 1, "CL014")]),
    "merge conflict": (
        line(8, "<<<<<<< HEAD\n    num_output: 10\n=======\n    num_output: 20 }\n>>>>>>> other"),
        [(8, 1, "CL016")],
    ),
    "byte order mark": ("\ufeff" + NET, [(1, 1, "CL013")]),
    "byte order mark between files": ('name: "x"\n\ufeff' + NET, [(2, 1, "CL002")]),
    "no-break spaces": (
        NET.replace("    num_output:", "\u00a0\u00a0num_output:"),
        [(8, 1, "CL002")],
    ),
    "byte that is not UTF-8": (line(3, "  name: \udce9"), [(3, 9, "CL002")]),
}

VALUES = {
    "equals sign": (line(8, "    num_output = 10"), [(8, 16, "CL003")]),
    "equals sign before a block": (line(7, "  inner_product_param = {"), [(7, 23, "CL003")]),
    "colon missing": (line(8, "    num_output 10"), [(8, 16, "CL003")]),
    "colon missing before a word": (line(9, "    bias_term true"), [(9, 15, "CL003")]),
    "two colons": (line(8, "    num_output:: 10"), [(8, 16, "CL001")]),
    "value missing at the end of a block": (
        line(8, "    num_output:", line(9, None)),
        [(8, 5, "CL004")],
    ),
    "value missing before a block": (line(8, "    num_output:"), [(8, 5, "CL004")]),
    "value missing before a text": (line(3, "  name:"), [(3, 3, "CL004")]),
    "colon and value missing": (before(8, "    bias_term"), [(8, 5, "CL004")]),
    "two values": (line(8, "    num_output: 10 20"), [(8, 20, "CL001")]),
    "product": (line(8, "    num_output: 2*5"), [(8, 17, "CL007")]),
    "plus sign": (line(8, "    num_output: +5"), [(8, 17, "CL007")]),
    "decimal comma": (
        line(9, '    weight_filler { type: "gaussian" std: 0,01 }'),
        [(9, 43, "CL007")],
    ),
    "two points": (
        line(9, '    weight_filler { type: "gaussian" std: 0.0.1 }'),
        [(9, 43, "CL007")],
    ),
    "whole number with exponent": (SOLVER.replace("10000", "1e4"), [(4, 11, "CL021")]),
    "number too large": (SOLVER.replace("10000", "1000000000000"), [(4, 11, "CL024")]),
    "field given twice": (SOLVER + "max_iter: 5\n", [(5, 1, "CL025")]),
    "list of a single field": (line(8, "    num_output: [10]"), [(8, 18, "CL026")]),
    "value missing in a list": (
        line(22, '  top: "ip2"\n  loss_weight: [1, , 2]'),
        [(23, 3, "CL004")],
    ),
    "colon before a block": (line(6, '  top: "ip1"\n  param: { lr_mult: 1 }'), []),
    "semicolons": (NET.replace('"ip1"\n', '"ip1";\n').replace(": 10\n", ": 10;\n"), []),
    "commas": (NET.replace('"ip1"\n', '"ip1",\n'), []),
}

NAMES = {
    "enum in lower case": (
        line(6, '  top: "ip1"\n  propagate_down: true param { share_mode: strict }'),
        [(7, 44, "CL022")],
    ),
    "phases in lower case": (
        (
            'layer { name: "a" type: "DummyData" top: "a" include { phase: train } }\n'
            'layer { name: "a" type: "DummyData" top: "a" include { phase: test } }\n'
        ),
        [(1, 63, "CL022"), (2, 63, "CL022")],
    ),
    "old type in quotes": (
        (
            'input: "d" input_shape { dim: 1 }\n'
            'layers { name: "s" type: "SOFTMAX" bottom: "d" top: "s" }\n'
        ),
        [(2, 1, "CL138"), (2, 26, "CL023")],
    ),
    "field misspelt": (line(8, "    num_ouput: 10"), [(8, 5, "CL020")]),
    "block misspelt": (line(7, "  inner_product_parm {"), [(7, 3, "CL020")]),
    "bottom misspelt": (line(5, '  bottoms: "data"'), [(5, 3, "CL020")]),
    "field in the layer instead of its block": (before(7, "  num_output: 10"), [(7, 3, "CL020")]),
    "type in the wrong case": (line(14, '  type: "RELU"'), [(14, 9, "CL105")]),
    "type and quotes missing": (line(14, "  type: RELU"), [(14, 9, "CL006"), (14, 9, "CL105")]),
    "no type": (line(14, None), [(12, 1, "CL107")]),
    "forms mixed": (
        line(28, 'layers { name: "prob" type: SOFTMAX bottom: "ip2" top: "prob" }'),
        [(28, 1, "CL130")],
    ),
}

TABLE = {**BRACKETS, **QUOTES, **OTHER_FORMATS, **VALUES, **NAMES}


@pytest.mark.parametrize(
    ("text", "expected"), [pytest.param(*case, id=name) for name, case in TABLE.items()]
)
def test_findings(text: str, expected: list[Finding]) -> None:
    assert places(text) == expected


def test_the_net_itself_is_clean() -> None:
    assert places(NET) == []
    assert places(SOLVER) == []


LAST_BOTTOM = 'bottom: "ip2" top: "prob" }'


@pytest.mark.parametrize(
    "text",
    [pytest.param(text, id=name) for name, (text, _) in TABLE.items() if LAST_BOTTOM in text],
)
def test_the_rest_of_the_file_is_checked_all_the_same(text: str) -> None:
    wrong = places(text.replace(LAST_BOTTOM, LAST_BOTTOM.replace("ip2", "no_such_blob")))
    last = text[: text.index(LAST_BOTTOM)].count("\n") + 1
    new = [found for found in wrong if found not in places(text)]
    assert [(at, rule) for at, _, rule in new] == [(last, "CL101")]
