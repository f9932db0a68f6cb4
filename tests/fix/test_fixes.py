"""The fixes of caffelint's own rules in texts that are less tidy than their examples."""

from __future__ import annotations

import pytest

from .fixing import fix, fixed

INPUT = (
    'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: [1, 3, 8, 8] } } }\n'
)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("top='data'", "top:'data'", id="equals-sign"),
        pytest.param("name : \u201ca\u201d", 'name : "a"', id="curly-quotes"),
        pytest.param("name: \u2018a\u2019", 'name: "a"', id="single-curly-quotes"),
        pytest.param("name: 'a\n", "name: 'a'\n", id="single-quote-open"),
        pytest.param('name: ""a"', 'name: "a"', id="quote-typed-twice"),
        pytest.param("name: a/b.c  # c", 'name: "a/b.c"  # c', id="path"),
        pytest.param("name: my net", 'name: "my net"', id="words"),
        pytest.param('name: a\\"b', 'name: a\\"b', id="not-what-needs-escapes"),
        pytest.param('name:\u00a0"a"\u00a0# \u00a0', 'name: "a" # \u00a0', id="odd-blanks"),
        pytest.param('name: "a\u00a0b"', 'name: "a\u00a0b"', id="not-odd-blanks-in-quotes"),
        pytest.param('name: "a"\u200b', 'name: "a"', id="zero-width"),
        pytest.param('name\uff1a "a"', 'name: "a"', id="full-width-colon"),
        pytest.param('// one\n  // two\nname: "a"', '# one\n  # two\nname: "a"', id="slashes"),
        pytest.param('name: "a" // b // c', 'name: "a" # b // c', id="slashes-behind"),
        pytest.param('/* a */ name: "a"', '/* a */ name: "a"', id="not-block-comments"),
        pytest.param('name: ["a"]', 'name: "a"', id="list-of-one"),
        pytest.param('name: ["a", "b"]', 'name: ["a", "b"]', id="not-a-list-of-two"),
        pytest.param("force_backward: 'true'", "force_backward: true", id="quoted-bool"),
        pytest.param("force_backward: yes", "force_backward: true", id="yes"),
        pytest.param('name: "a"\nname: "a"\n', 'name: "a"\n', id="the-same-twice"),
        pytest.param(
            'state { level: 1 }\nstate {\n  level: 1\n}\n', "state { level: 1 }\n", id="block-twice"
        ),
        pytest.param(
            "state { level: 1 }\nstate { level: 1 # one\n}",
            "state { level: 1 }\nstate { level: 1 # one\n}",
            id="not-with-a-comment",
        ),
        pytest.param('name: "a" name: "b"', 'name: "a" name: "b"', id="not-another-value"),
        pytest.param("state ( level: 1 )", "state { level: 1 }", id="round-brackets"),
        pytest.param("state < level: 1 }", "state < level: 1 >", id="mixed-brackets"),
        pytest.param("state ( level: 1 }", "state ( level: 1 }", id="not-one-round-bracket"),
        pytest.param(*["name \u201ca\u201d"] * 2, id="not-curly-quotes-without-a-colon"),
        pytest.param('nme: "a"', 'name: "a"', id="name"),
        pytest.param('name: "a"\nnme: "b"', 'name: "a"\nnme: "b"', id="not-a-second-one"),
        pytest.param("state { phase: train }", "state { phase: TRAIN }", id="enum"),
        pytest.param("state { phase: 'TRAIN' }", "state { phase: TRAIN }", id="enum-in-quotes"),
    ],
)  # fmt: skip
def test_what_is_written_wrong(old: str, new: str) -> None:
    assert fixed(old + "\n" + INPUT, unsafe=False) == new + "\n" + INPUT


def on_ip(layers: str) -> str:
    return layers.replace('bottom: "p"', 'bottom: "ip"')


TRAINED = """\
layer { name: "data" type: "HDF5Data" top: "data" top: "y" hdf5_data_param { source: "s" } }
layer {
  name: "ip" type: "InnerProduct" bottom: "data" top: "ip"
  inner_product_param { num_output: 10 weight_filler { type: "xavier" } }
}
"""
SOFTMAX = 'layer { name: "p" type: "Softmax" bottom: "ip" top: "p" }\n'
SCORES = 'layer { name: "s" type: "Silence" bottom: "p" }\n'
LOSS = 'layer { name: "loss" type: "SoftmaxWithLoss" bottom: "p" bottom: "y" top: "loss" }\n'
DROPOUT = 'layer { name: "d" type: "Dropout" bottom: "p" top: "p" }\n'
IN_PLACE = SOFTMAX.replace('top: "p"', 'top: "ip"')
IN_PIECES = SOFTMAX.replace('"ip"', '"i" "p"')
SIGMOID = IN_PLACE.replace("Softmax", "Sigmoid")
SIGMOID_LOSS = on_ip(LOSS).replace("SoftmaxWithLoss", "SigmoidCrossEntropyLoss")
INFOGAIN = on_ip(LOSS).replace('"SoftmaxWithLoss"', '"InfogainLoss"')


@pytest.mark.parametrize(
    ("layers", "wanted"),
    [
        pytest.param(SOFTMAX + LOSS, on_ip(LOSS), id="no-other-reads-it"),
        pytest.param(SOFTMAX + SCORES + LOSS, SOFTMAX + SCORES + on_ip(LOSS), id="others-read-it"),
        pytest.param(IN_PLACE + on_ip(LOSS), on_ip(LOSS), id="in-place"),
        pytest.param(*[IN_PLACE + on_ip(SCORES + LOSS)] * 2, id="in-place-and-others-read-it"),
        pytest.param(*[SOFTMAX + DROPOUT + LOSS] * 2, id="another-works-on-it-in-place"),
        pytest.param(SIGMOID + SIGMOID_LOSS, SIGMOID_LOSS, id="a-sigmoid-in-place"),
        pytest.param(IN_PLACE + INFOGAIN, INFOGAIN, id="before-an-infogain-loss"),
        pytest.param(
            SOFTMAX + LOSS.replace('"p"', '["p"]'),
            on_ip(LOSS).replace('"ip"', '["ip"]'),
            id="a-list",
        ),
        pytest.param(IN_PIECES + LOSS, LOSS.replace('"p"', '"i" "p"'), id="a-name-in-two-pieces"),
        pytest.param(*[f"{SOFTMAX}{LOSS}{'state { } ' * 5001}"] * 2, id="a-net-of-too-many-fields"),
    ],
)
def test_a_loss_reads_past_what_it_does_itself_where_the_text_is_plain(
    layers: str, wanted: str
) -> None:
    assert fixed(TRAINED + layers) == TRAINED + wanted


@pytest.mark.parametrize(
    ("layer", "is_safe"),
    [
        pytest.param('type: "ReLU" relu_parm { negative_slope: 0.1 }', True, id="its-own-block"),
        pytest.param('type: "RReLU" rrelu_param { negative_slope: 1 }', False, id="of-a-fork"),
        pytest.param('type: "ReLU" botom: "data"', True, id="a-plain-field"),
    ],
)
def test_names_of_blocks_are_mended_safely_where_they_are_the_layers_own(
    layer: str, is_safe: bool
) -> None:
    text = f'{INPUT}layer {{ name: "r" {layer} top: "r" }}\n'
    assert (fixed(text, unsafe=False) != text) == is_safe
    assert fixed(text, unsafe=True) != text


@pytest.mark.parametrize(
    ("policy", "is_safe", "meant"),
    [("Fixed", True, "fixed"), ("FIXED", True, "fixed"), ("stepearly", False, "step")],
)
def test_a_value_is_replaced_safely_where_only_its_case_differs(
    policy: str, is_safe: bool, meant: str
) -> None:
    text = f'net: "n.prototxt"\nbase_lr: 0.1\nlr_policy: "{policy}"\nmax_iter: 9\ndisplay: 1\n'
    mended = text.replace(policy, meant)
    assert fixed(text, unsafe=False) == (mended if is_safe else text)
    assert mended.split("\n")[2] in fixed(text, unsafe=True)


@pytest.mark.parametrize(
    ("filler", "is_safe"), [("Xavier", True), ("xaver", False), ("constantly", False)]
)
def test_a_filler_is_replaced_safely_where_only_its_case_differs(
    filler: str, is_safe: bool
) -> None:
    text = TRAINED.replace('"xavier"', f'"{filler}"')
    assert (fixed(text, unsafe=False) != text) == is_safe
    assert fixed(text, unsafe=True) != text


@pytest.mark.parametrize(
    "text",
    [
        'name: "a"\n{{ more }}\nname: "a"\n',
        '<<<<<<< HEAD\nname: "a"\n=======\nname: "a"\n>>>>>>> b\n',
    ],
)
def test_what_stands_for_two_files_is_no_repetition(text: str) -> None:
    assert fixed(text + INPUT) == text + INPUT


def test_an_old_form_is_rewritten_with_its_comments() -> None:
    old = """\
# the net
layers { name: "data" type: MEMORY_DATA top: "data" top: "y"  # images
  memory_data_param { batch_size: 1 channels: 3 height: 8 width: 8 } }
layers { name: "prob" type: SOFTMAX bottom: "data" top: "prob" }
"""
    new = fixed(old)
    assert 'layer { name: "data" type: "MemoryData" top: "data" top: "y"  # images\n' in new
    assert (new.startswith("# the net\n"), "layers" in new) == (True, False)
    assert fixed(old, unsafe=False) == old


SAFE_OR_NOT = 'layer { name: "r" type: "Relu" bottom: "dat" top: "r" }\n'


def test_only_safe_fixes_unless_all_are_asked_for() -> None:
    text = INPUT + SAFE_OR_NOT
    safe = text.replace("Relu", "ReLU")
    assert fixed(text, unsafe=False) == safe
    assert fixed(text, unsafe=True) == safe.replace('"dat"', '"data"')


def test_other_bytes_stay_as_they_are() -> None:
    layer = b'\r\nlayer {\tname: "\xff" type: "Relu" bottom: "data" top: "r" }'
    text = b"\xef\xbb\xbf# caf\xe9\r\n" + INPUT.encode() + layer
    new = text[3:].replace(b"Relu", b"ReLU")
    assert [one.new for one in fix(text, unsafe=False).changed.values()] == [new]
    assert fix(new, unsafe=False).changed == {}
