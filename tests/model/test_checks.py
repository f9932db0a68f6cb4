from __future__ import annotations

from pathlib import Path

import pytest

from caffelint.core.problem import Problem
from caffelint.model.checks import check_net, with_faults
from caffelint.model.net import Net
from caffelint.model.phase import State
from caffelint.reading import read_text

from .build import net, unmark

DATA = 'layer { name: "data" type: "Input" top: "a" top: "b" }\n'
OLD_DATA = 'input: "a" input_dim: 1 input_dim: 2 input: "b" input_dim: 1 input_dim: 2\n'


def problems(text: str, phase: str = "TEST") -> list[Problem]:
    return check_net(net(DATA + text, phase))


def layer(type_: str, rest: str) -> str:
    return f'layer {{ name: "x" type: "{type_}" {rest} }}'


IN, OUT = 'bottom: "a"', 'top: "t"'


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(layer(*case), id=" ".join(case))
        for case in [
            ("ReLU", f"{IN} {OUT}"),
            ("Softmax", f"{IN} {OUT} loss_weight: 1"),
            ("Eltwise", f'{IN} bottom: "b" {OUT} propagate_down: true propagate_down: false'),
            ("Convolution", f'{IN} bottom: "b" {OUT} top: "u" param {{}} param {{}}'),
            ("Pooling", f'{IN} {OUT} top: "mask"'),
            ("SoftmaxWithLoss", f'{IN} bottom: "b"'),
            ("SoftmaxWithLoss", f'{IN} bottom: "b" loss_weight: 1'),
            ("SoftmaxWithLoss", f'{IN} bottom: "b" {OUT} top: "u" loss_weight: 1 loss_weight: 0'),
            ("BatchNorm", f"{IN} {OUT} param {{ lr_mult: 0 }}"),
            ("BatchNorm", f"{IN} {OUT} param {{}} param {{}} param {{}}"),
            ("Scale", f"{IN} {OUT} scale_param {{ bias_term: true }} param {{}} param {{}}"),
            ("LSTM", f'{IN} bottom: "b" {OUT} param {{}} param {{}} param {{}}'),
            ("Silence", f'{IN} bottom: "b"'),
            ("WindowData", f'{OUT} top: "u"'),
        ]
    ],
)
def test_what_caffe_takes(text: str) -> None:
    assert problems(text) == []


@pytest.mark.parametrize(
    ("text", "kind", "values"),
    [
        pytest.param(layer(type_, rest), kind, values, id=f"{type_} {rest}")
        for type_, rest, kind, values in [
            ("ReLU", OUT, "bottom-count", {"found": "no bottom", "wanted": "1"}),
            ("ReLU", f"{IN} {IN} {OUT}", "bottom-count", {"found": "2 bottoms", "wanted": "1"}),
            ("Eltwise", f"{IN} {OUT}", "bottom-count", {"wanted": "at least 2"}),
            ("SoftmaxWithLoss", f"{IN} {OUT}", "bottom-count", {"wanted": "2"}),
            ("Input", f"{IN} {OUT}", "bottom-count", {"wanted": "none"}),
            ("LSTM", f"{IN * 6} {OUT}", "bottom-count", {"wanted": "at most 5"}),
            ("ReLU", IN, "top-count", {"found": "no top", "wanted": "1"}),
            ("Silence", f"{IN} {OUT}", "top-count", {"found": "1 top", "wanted": "none"}),
            ("WindowData", OUT, "top-count", {"found": "1 top", "wanted": "2"}),
            ("WindowData", f'{OUT} top: "u" top: "v"', "top-count", {"found": "3 tops"}),
            (
                "Pooling",
                f'{IN} {OUT} top: "mask" pooling_param {{ pool: AVE }}',
                "top-count",
                {"found": "2 tops", "wanted": "1"},
            ),
            (
                "Convolution",
                f'{IN} {OUT} top: "u"',
                "top-count",
                {"found": "2 tops", "wanted": "one for each bottom, 1"},
            ),
            (
                "Softmax",
                f"{IN} {OUT} loss_weight: 1 loss_weight: 1",
                "loss-weight-count",
                {"found": "2 loss_weights", "wanted": "1 top"},
            ),
            (
                "SoftmaxWithLoss",
                f'{IN} bottom: "b" {OUT} top: "u"',
                "loss-weight-count",
                {"found": "no loss_weight", "wanted": "2 tops"},
            ),
            (
                "Concat",
                f'{IN} bottom: "b" {OUT} propagate_down: true',
                "propagate-down-count",
                {"found": "1 propagate_down", "wanted": "2 bottoms"},
            ),
            (
                "ReLU",
                f"{IN} {OUT} param {{}}",
                "too-many-params",
                {"found": "1 param block", "wanted": "no learned blob"},
            ),
            (
                "InnerProduct",
                f"{IN} {OUT} inner_product_param {{ bias_term: false }} param {{}} param {{}}",
                "too-many-params",
                {"found": "2 param blocks", "wanted": "1 learned blob"},
            ),
            ("BatchNorm", f"{IN} {OUT} {'param {} ' * 4}", "too-many-params", {}),
            (
                "BatchNorm",
                f"{IN} {OUT} param {{ lr_mult: 0 }} param {{}}",
                "batch-norm-params",
                {"number": 2, "lr_mult": 1.0},
            ),
            ("Python", f"{IN} {IN} {IN} {'param {} ' * 3}", "python-layer", {}),
            ("", f"{IN} {OUT}", "missing-layer-type", {}),
            ("TANH", f"{IN} {OUT}", "misspelt-layer-type", {"suggestion": "TanH"}),
            ("Eltwize", f"{IN} {OUT}", "misspelt-layer-type", {"suggestion": "Eltwise"}),
            ("relu", f"{IN} {OUT}", "misspelt-layer-type", {"suggestion": "ReLU"}),
            ("CONVOLUTION", f"{IN} {OUT}", "misspelt-layer-type", {"suggestion": "Convolution"}),
            (
                "SoftmaxLoss",
                f"{IN} {OUT}",
                "misspelt-layer-type",
                {"suggestion": "SoftmaxWithLoss"},
            ),
            ("InnerProdut", f"{IN} {OUT}", "misspelt-layer-type", {"suggestion": "InnerProduct"}),
            ("Convolutional", f"{IN} {OUT}", "misspelt-layer-type", {"suggestion": "Convolution"}),
            # Forks add capitals to BVLC's names; a slip of the pen does not.
            ("ConvolutionV", f"{IN} {OUT}", "unknown-layer-type", {}),
            ("ReLU6", f"{IN} {OUT}", "unknown-layer-type", {"suggestion": ""}),
            ("Convolution3D", f"{IN} {OUT}", "unknown-layer-type", {"forks": "c3d, c3d-1.0"}),
            ("ROIPooling", f"{IN} {OUT}", "unknown-layer-type", {}),
            ("Permute", f"{IN} {OUT}", "unknown-layer-type", {"suggestion": ""}),
            (
                "softmax_loss",
                f"{IN} {OUT}",
                "misspelt-layer-type",
                {"suggestion": "SoftmaxWithLoss"},
            ),
            # Two letters more or less are a slip of the pen, three are another word.
            ("Softm", f"{IN} {OUT}", "misspelt-layer-type", {"suggestion": "Softmax"}),
            ("Conv", f"{IN} {OUT}", "unknown-layer-type", {"suggestion": ""}),
            ("Eltwise2", f"{IN} {OUT}", "unknown-layer-type", {"suggestion": ""}),
            ("LST", f"{IN} {OUT}", "unknown-layer-type", {"suggestion": ""}),
            ("ELUs", f"{IN} {OUT}", "misspelt-layer-type", {"suggestion": "ELU"}),
            # Of a word of three letters, half is another one.
            ("Lob", f"{IN} {OUT}", "unknown-layer-type", {"suggestion": ""}),
            ("Permut", f"{IN} {OUT}", "unknown-layer-type", {"suggestion": "Permute"}),
            (
                "DetectionOutpt",
                f"{IN} {OUT}",
                "unknown-layer-type",
                {"suggestion": "DetectionOutput"},
            ),
            ("Permut3", f"{IN} {OUT}", "unknown-layer-type", {"suggestion": ""}),
            ("Lstm", f"{IN} {OUT}", "unknown-layer-type", {}),
            ("BN", f"{IN} {OUT}", "unknown-layer-type", {"suggestion": ""}),
            ("PriorBoks", f"{IN} {OUT}", "unknown-layer-type", {"suggestion": "PriorBox"}),
            ("x" * 1000, f"{IN} {OUT}", "unknown-layer-type", {"suggestion": ""}),
        ]
    ],
)
def test_what_caffe_refuses(text: str, kind: str, values: dict[str, object]) -> None:
    (problem,) = problems(text)
    assert problem.kind == kind
    assert values.items() <= problem.values.items()


def test_a_read_loss_leaves_no_weight_to_count() -> None:
    """Its Split takes the weights over, and the layer is given one anew."""
    loss = layer("SoftmaxWithLoss", f'{IN} bottom: "b" {OUT} loss_weight: 1 loss_weight: 1')
    assert [problem.kind for problem in problems(loss)] == ["loss-weight-count"]
    assert problems(loss + '\nlayer { name: "s" type: "Silence" bottom: "t" }') == []


@pytest.mark.parametrize(
    ("weights", "read", "kinds"),
    [
        # insert_splits.cpp: any weighted top that is read as well takes all weights away.
        pytest.param((1, 1), "t", ["loss-weight-count"], id="all-are-gone-with-one"),
        pytest.param((0, 1), "t", [], id="a-weight-of-0-is-none"),
        pytest.param((0, 1), "u", ["loss-weight-count"], id="of-the-second-top"),
    ],
)
def test_a_split_takes_the_weights_of_two_tops(
    weights: tuple[int, int], read: str, kinds: list[str]
) -> None:
    """The loss layer then gives itself one weight, for two tops (loss_layer.cpp, layer.hpp)."""
    given = " ".join(f"loss_weight: {weight}" for weight in weights)
    loss = layer("SoftmaxWithLoss", f'{IN} bottom: "b" {OUT} top: "u" {given}')
    reader = f'layer {{ name: "s" type: "Silence" bottom: "{read}" }}'
    assert [problem.kind for problem in problems(f"{loss}\n{reader}")] == kinds


@pytest.mark.parametrize(
    "marked",
    [
        pytest.param(f"{IN} {OUT} loss_weight: 1 loss_weight: «2»", id="the-weight-too-much"),
        pytest.param(f'{IN} {OUT} loss_weight: «1» top: "u"', id="a-weight-is-missing"),
        pytest.param(f'{IN} bottom: «"b"» {OUT}', id="the-bottom-too-much"),
        pytest.param(f"{IN} {OUT} propagate_down: true propagate_down: «false»", id="a-flag"),
        pytest.param(f"{IN} {OUT} «param» {{ lr_mult: 1 }}", id="the-param-block-too-much"),
        pytest.param(f'{IN} {OUT} top: «"u"»', id="the-top-too-much"),
        pytest.param(
            f"{IN} bottom: «{IN[8:]}» {OUT} propagate_down: «true»", id="a-flag-is-missing"
        ),
    ],
)
def test_where_the_caret_stands(marked: str) -> None:
    text, spans = unmark(DATA + layer("ReLU", marked))
    assert set(spans) <= {problem.span for problem in check_net(net(text))}


@pytest.mark.parametrize(
    "marked",
    [
        pytest.param(f'type: «"ReLU"» {OUT}', id="a-bottom-is-missing"),
        pytest.param(f'type: «"ReLU"» {IN}', id="a-top-is-missing"),
        pytest.param(f'type: «"Eltwise"» {IN} {OUT}', id="one-of-two-bottoms-is"),
        pytest.param(f'type: "Input" bottom: «"a"» {OUT}', id="where-none-is-taken"),
        pytest.param(f'type: "Convolution" {IN} {OUT} top: «"u"»', id="more-tops-than-bottoms"),
        pytest.param(f'type: "Convolution" {IN} bottom: "b" top: «"t"»', id="fewer-tops"),
        pytest.param(
            f'type: "Pooling" {IN} {OUT} top: «"u"» pooling_param {{ pool: AVE }}', id="no-mask"
        ),
        pytest.param(
            f'type: "SoftmaxWithLoss" {IN} bottom: "b" {OUT} top: «"u"»', id="a-top-without-weight"
        ),
        pytest.param(
            f'type: "BatchNorm" {IN} {OUT} param {{ lr_mult: 0 }} param {{ lr_mult: «2» }}',
            id="the-first-rate-that-is-not-0",
        ),
        pytest.param(f'type: «"Python"» {IN}', id="the-type-itself"),
        pytest.param(f'type: «"TANH"» {IN} {OUT}', id="a-misspelt-type"),
        pytest.param(f'type: «"Permute"» {IN} {OUT}', id="a-type-of-a-fork"),
    ],
)
def test_where_the_only_caret_stands(marked: str) -> None:
    text, (span,) = unmark(f'{DATA}layer {{ name: "x" {marked} }}')
    (problem,) = check_net(net(text))
    assert (problem.span, problem.layer, problem.values["layer"]) == (span, "x", "x")


def read(text: str) -> list[str]:
    """Kinds of problems of a net in which fields may be broken."""
    file = read_text(Path("net.prototxt"), text.encode())
    assert file.message is not None
    return [problem.kind for problem in check_net(Net(file.message, State("TEST")))]


@pytest.mark.parametrize(
    ("layers", "kinds"),
    [
        pytest.param('layer { name: "x" bottom: "a" top: "t" }', ["missing-layer-type"], id="none"),
        pytest.param('layer { name: "x" type: 5 bottom: "a" top: "t" }', [], id="no-word"),
        pytest.param('layer { name: "x" type: "" bottom: "a" top: "t" }', ["missing-layer-type"],
                     id="empty"),
        pytest.param('layers { name: "x" bottom: "a" top: "t" }', ["missing-layer-type"],
                     id="none-in-the-old-form"),
        pytest.param('layers { name: "x" type: NONE bottom: "a" top: "t" }', ["missing-layer-type"],
                     id="which-has-a-word-for-it"),
        pytest.param('layers { name: "x" type: RELUU bottom: "a" top: "t" }', [],
                     id="no-type-of-the-old-form"),
        pytest.param('layers { layer { name: "x" } bottom: "a" top: "t" }', ["missing-layer-type"],
                     id="none-in-the-oldest"),
        pytest.param('layers { layer { name: "x" type: 5 } bottom: "a" top: "t" }', [],
                     id="no-word-in-the-oldest"),
        pytest.param('layer { name: "x" type: "Permute" bottom: "a" top: "t" '
                     "permute_param { order: 1 } }", [], id="told-of-by-its-block"),
        pytest.param('layer { name: "x" type: "Unheard" bottom: "a" top: "t" unheard_param { } }',
                     ["unknown-layer-type"], id="which-nobody-has"),
    ],
)  # fmt: skip
def test_a_type_that_is_broken_is_told_of_elsewhere(layers: str, kinds: list[str]) -> None:
    assert read(f"{OLD_DATA}{layers}") == kinds


@pytest.mark.parametrize(
    ("more", "kinds"),
    [
        pytest.param("bottom: 5 top: 't'", [], id="a-bottom"),
        pytest.param("bottom: 'a' top: 5", [], id="a-top"),
        pytest.param("bottom: 'a' bottom: 5 top: 't' propagate_down: true propagate_down: true", [],
                     id="one-bottom-of-two"),
        pytest.param("bottom: 5", ["top-count"], id="a-bottom-and-no-top-at-all"),
    ],
)  # fmt: skip
def test_blobs_that_are_broken_are_not_missed(more: str, kinds: list[str]) -> None:
    assert read(f'{DATA}layer {{ name: "x" type: "ReLU" {more} }}') == kinds


def test_layers_of_the_old_form_are_checked() -> None:
    """Their own fields (blobs_lr) are none of a fork's."""
    old = 'layers { name: "x" type: RELU bottom: "a" bottom: "b" top: "t" blobs_lr: 1 }'
    kinds = [problem.kind for problem in check_net(net(OLD_DATA + old))]
    assert kinds == ["bottom-count", "too-many-params"]


def test_layers_with_a_fault_in_their_text() -> None:
    text, (span,) = unmark(DATA + layer("ReLU", f"{IN} {OUT} phase: «TEST»"))
    assert with_faults(net(text), [Problem("f", span)]) == {"x"}
    assert with_faults(net(text), [Problem("f", span, rejects=False)]) == frozenset()


@pytest.mark.parametrize(
    ("marked", "want"),
    [
        pytest.param("«l»ayer { name: 'x' } layer { name: 'y' }", {"x"}, id="the-first-letter"),
        pytest.param("layer { name: 'x' «}» layer { name: 'y' }", {"x"}, id="the-last-brace"),
        pytest.param("layer { name: 'x' } «#» \n layer { name: 'y' }", set(), id="between-them"),
        pytest.param("«#» \n layer { name: 'x' } layer { name: 'y' }", set(), id="before-them"),
        pytest.param("layer { name: 'x' } layer { name: 'y' } «#»", set(), id="behind-them"),
        pytest.param("layer { name: 'x' } layer { name: «'y'» }", {"y"}, id="the-second"),
        pytest.param("layer { name: «'x'» } layer { «name»: 'y' }", {"x", "y"}, id="both"),
    ],
)
def test_a_fault_counts_for_the_layer_around_it(marked: str, want: set[str]) -> None:
    text, spans = unmark(marked)
    assert with_faults(net(text), [Problem("f", span) for span in spans]) == want


def test_layers_of_another_phase_do_not_count() -> None:
    text = layer("ReLU", f"{OUT} include {{ phase: TRAIN }}")
    assert problems(text, "TEST") == []
    assert [problem.kind for problem in problems(text, "TRAIN")] == ["bottom-count"]


def test_layers_with_fields_of_a_fork_are_left_alone() -> None:
    text = layer("Pooling", f'{IN} bottom: "b" {OUT} pooling_param {{ pool: MAX unpool: true }}')
    assert read(DATA + text) == []
