"""What weights files leave over: layers of the net that they do not fill, and theirs that no layer
takes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from caffelint.model.transfer import filled_layers

from .build import layer, net
from .test_transfer import (
    DATA,
    DEPLOY,
    FROZEN,
    HIDDEN,
    IP,
    LOSS,
    NET,
    SHARED,
    WEIGHTS,
    Stored,
    check,
    h5,
    ip,
    model,
    told,
)


def test_a_renamed_head_is_only_mentioned(tmp_path: Path) -> None:
    file = model(tmp_path / "x", {"hidden": WEIGHTS["hidden"], "fc8": WEIGHTS["ip"]})
    fresh, ignored = check(NET, file)
    assert (fresh.kind, fresh.values["layers"]) == ("weights-layer-fresh", '"ip"')
    assert (ignored.values["layers"], ignored.values["suggestion"]) == ('"fc8"', "fc8")


@pytest.mark.parametrize(
    ("file", "text", "where"),
    [
        pytest.param({"fc": [(7,)]}, f'name: "net" {NET}', '"net"', id="the-name-of-the-net"),
        pytest.param({"fc": [(7,)]}, NET, '"data"', id="else-of-its-first-layer"),
        pytest.param(
            {"hidden": WEIGHTS["hidden"], "fc": [(7,)]}, NET, '"data"', id="a-head-that-is-replaced"
        ),
    ],
)
def test_where_a_file_that_does_not_fit_is_shown(
    tmp_path: Path, file: Stored, text: str, where: str
) -> None:
    problem = check(text, model(tmp_path / "x", file))[-1]
    assert (text[slice(*problem.span)], problem.rejects) == (where, False)


def test_nothing_matches(tmp_path: Path) -> None:
    first = model(tmp_path / "a", {name: [(1,)] for name in "abcde"})
    second = model(tmp_path / "b", {"a": [(1,)], "loss": []})
    (problem,) = check(NET, first, second)
    assert problem.values == {
        "file": '"a", "b"',
        "layers": '"hidden", "ip"',
        "stored": '"a", "b" … "e" (5 in all)',
    }
    four = model(tmp_path / "four", {name: [(1,)] for name in "abcd"})
    (problem,) = check(NET, four)
    assert problem.values["stored"] == '"a", "b", "c", "d"'


def test_one_file_that_matches_is_enough(tmp_path: Path) -> None:
    nothing = model(tmp_path / "a", {"fc": [(1,)]})
    assert told(check(NET, nothing, model(tmp_path / "b", WEIGHTS))) == []
    assert told(check(NET)) == []
    assert told(check(DATA + layer("s", "Silence", "data label"), nothing)) == []


def test_layers_that_start_anew_are_told_at_once(tmp_path: Path) -> None:
    heads = "".join(ip(name, f"hidden -> {name}") for name in ("a", "b"))
    text = DATA + HIDDEN + heads + layer("loss", "SoftmaxWithLoss", "b label -> loss")
    (problem,) = check(text, model(tmp_path / "x", {"hidden": WEIGHTS["hidden"]}))
    assert problem.values == {"layers": '"a", "b"', "file": '"x"', "number": 2}
    assert text[slice(*problem.span)] == '"a"'
    assert [(text[slice(*span)], words) for span, words in problem.also] == [
        ('"b"', "not in it either")
    ]
    assert not problem.rejects


def test_a_batch_norm_that_is_not_filled_starts_anew_in_training(tmp_path: Path) -> None:
    text = DATA + HIDDEN + layer("bn", "BatchNorm", "hidden -> hidden") + IP + LOSS
    (problem,) = check(text, model(tmp_path / "x", WEIGHTS))
    assert (problem.kind, problem.values["layers"]) == ("weights-layer-fresh", '"bn"')


BELOW = ip("low", "data -> mid", 3)


@pytest.mark.parametrize(
    ("text", "layers", "want"),
    [
        pytest.param(
            DATA + HIDDEN + layer("r", "ReLU", "hidden -> hidden") + IP + LOSS,
            {"hidden_1": WEIGHTS["hidden"], "ip": WEIGHTS["ip"]},
            {"hidden": "hidden_1"},
            id="through-layers-without-weights",
        ),
        pytest.param(
            DATA + BELOW + ip("hidden", "mid -> hidden") + IP + LOSS,
            {"low_1": [(3, 3), (3,)], "hidden_1": [(2, 3), (2,)], "ip": WEIGHTS["ip"]},
            {"low": "low_1", "hidden": "hidden_1"},
            id="through-another-renamed-one",
        ),
        pytest.param(
            NET, {"fc": WEIGHTS["hidden"], "ip": WEIGHTS["ip"]}, {"hidden": "fc"},
            id="another-name-that-alone-fits",
        ),
        pytest.param(
            DATA + ip("a", "data -> mid", 3) + ip("b", "mid -> hidden", 3)
            + ip("ip", "hidden -> ip", 2) + LOSS,
            {"other": [(3, 3), (3,)], "ip": [(2, 3), (2,)]}, {}, id="two-that-it-may-be",
        ),
        pytest.param(
            NET, {"fc": WEIGHTS["hidden"], "gc": WEIGHTS["hidden"], "ip": WEIGHTS["ip"]}, {},
            id="two-that-may-be-it",
        ),
        pytest.param(
            NET, {"hidden_1": [(2, 3)], "ip": WEIGHTS["ip"]}, {}, id="fewer-blobs",
        ),
        pytest.param(
            NET, {"hidden_1": [(2, 3), (2,), (1,)], "ip": WEIGHTS["ip"]}, {}, id="more-blobs",
        ),
        pytest.param(
            NET, {"hidden_1": [(2, 3), (3,)], "ip": WEIGHTS["ip"]}, {}, id="another-bias",
        ),
        pytest.param(
            NET, {"hidden": WEIGHTS["hidden"], "ip_1": WEIGHTS["ip"]}, {}, id="nothing-behind-it",
        ),
    ],
)  # fmt: skip
def test_renamed_layers(tmp_path: Path, text: str, layers: Stored, want: dict[str, str]) -> None:
    problems = check(text, model(tmp_path / "x", layers))
    renamed = [one for one in problems if one.kind == "weights-layer-renamed"]
    assert {one.layer: one.values["stored"] for one in renamed} == want
    assert all(one.values["file"] == '"x"' and not one.rejects for one in renamed)
    # What a renamed layer should take is not told once more.
    ignored = [one.values["layers"] for one in problems if one.kind == "weights-layer-ignored"]
    assert not (want and ignored)


def test_shapes_that_are_not_known_fit_nothing(tmp_path: Path) -> None:
    data = layer("data", "Data", "-> data label", "data_param { source: 's' batch_size: 4 }")
    stored = {"hidden_1": WEIGHTS["hidden"], "ip": WEIGHTS["ip"]}
    problems = check(data + HIDDEN + IP + LOSS, model(tmp_path / "x", stored))
    assert told(problems) == ["weights-layer-fresh", "weights-layer-ignored"]


@pytest.mark.parametrize(
    ("text", "layers", "values"),
    [
        pytest.param(
            DEPLOY + HIDDEN + IP, {"hidden": WEIGHTS["hidden"]},
            {"layer": "ip", "suggestion": "", "frozen": "", "start": "random"}, id="head",
        ),
        pytest.param(
            DEPLOY + HIDDEN + IP, {"hidden": WEIGHTS["hidden"], "ip_1": WEIGHTS["ip"]},
            {"layer": "ip", "suggestion": "ip_1", "frozen": "", "start": "random"}, id="renamed",
        ),
        pytest.param(
            DEPLOY + HIDDEN + ip("ip", "hidden -> ip", filler=""), {"hidden": WEIGHTS["hidden"]},
            {"layer": "ip", "suggestion": "", "frozen": "", "start": "0"}, id="without-a-filler",
        ),
        pytest.param(
            DEPLOY.replace("dim: 3", "dim: 3 dim: 1 dim: 1") + HIDDEN
            + layer("up", "Deconvolution", "data -> up", "convolution_param { num_output: 3 "
                    "group: 3 kernel_size: 4 weight_filler { type: 'bilinear' } }"),
            {"hidden": WEIGHTS["hidden"]}, None, id="a-bilinear-kernel-is-chosen",
        ),
        pytest.param(
            DEPLOY + HIDDEN + layer("p", "PReLU", "hidden -> hidden"),
            {"hidden": WEIGHTS["hidden"]}, None, id="slopes-have-a-start-of-their-own",
        ),
        pytest.param(
            DEPLOY + HIDDEN + layer("bn", "BatchNorm", "hidden -> hidden"),
            {"hidden": WEIGHTS["hidden"]},
            {"layer": "bn", "suggestion": "", "frozen": "", "start": "0"}, id="statistics",
        ),
    ],
)  # fmt: skip
def test_layers_that_are_run_as_they_start(
    tmp_path: Path, text: str, layers: Stored, values: dict[str, Any] | None
) -> None:
    problems = check(text, model(tmp_path / "x", layers), phase="TEST", trained=False)
    assert [one.values for one in problems] == ([{**values, "file": '"x"'}] if values else [])
    assert {one.kind for one in problems} <= {"weights-layer-not-filled"}
    assert not any(one.rejects for one in problems)


def test_a_frozen_layer_keeps_its_random_values(tmp_path: Path) -> None:
    text = DATA + ip("hidden", "data -> hidden", more=FROZEN) + IP + LOSS
    (problem,) = check(text, model(tmp_path / "x", {"ip": WEIGHTS["ip"]}))
    assert (problem.values["frozen"], problem.values["start"]) == ("its lr_mult is 0", "random")
    half = text.replace(FROZEN, "param { lr_mult: 0 } param { lr_mult: 1 }")
    assert told(check(half, model(tmp_path / "x", {"ip": WEIGHTS["ip"]}))) == [
        "weights-layer-fresh"
    ]


def test_each_file_tells_what_of_it_is_not_used(tmp_path: Path) -> None:
    first = model(tmp_path / "a", {"hidden": WEIGHTS["hidden"], "fc8": WEIGHTS["ip"], "x": [(9,)]})
    second = model(tmp_path / "b", {"y": [(9,)], "loss": []})
    third = model(tmp_path / "c", {"hidden": WEIGHTS["hidden"]})
    fresh, *ignored = check(NET, first, second, third)
    assert fresh.values["file"] == '"a", "b", "c"'
    assert [one.values for one in ignored] == [
        {"file": "a", "layers": '"fc8", "x"', "layer": "ip", "suggestion": "fc8"},
        {"file": "b", "layers": '"y"', "layer": "", "suggestion": ""},
    ]
    assert [NET[slice(*one.span)] for one in ignored] == ['"ip"', '"data"']
    assert not any(one.rejects for one in ignored)


def test_a_lost_layer_takes_its_namesake_with_it(tmp_path: Path) -> None:
    """What is suggested for one layer is not told again as unused."""
    text = DATA + HIDDEN + ip("top", "hidden -> ip", more=FROZEN) + LOSS
    stored = model(tmp_path / "x", {"hidden": WEIGHTS["hidden"], "top_1": WEIGHTS["ip"]})
    (problem,) = check(text, stored)
    assert (problem.kind, problem.values["suggestion"]) == ("weights-layer-not-filled", "top_1")


def test_blobs_that_hdf5_leaves_out_fit_no_other_layer(tmp_path: Path) -> None:
    file = h5(tmp_path / "x.h5", {"hidden_1": {"1": (2,)}, "ip": {"0": (2, 2), "1": (2,)}})
    assert told(check(NET, file)) == ["weights-layer-fresh", "weights-layer-ignored"]


@pytest.mark.parametrize(
    ("params", "names"),
    [
        pytest.param(SHARED, {"a", "b"}, id="all"),
        pytest.param('param { name: "w" }', {"a"}, id="some"),
        pytest.param('param { name: "w" } param { name: "" }', {"a"}, id="no-name-is-none"),
        pytest.param("", {"a"}, id="none"),
    ],
)
def test_layers_that_share_all_blobs_are_filled_too(
    tmp_path: Path, params: str, names: set[str]
) -> None:
    text = DATA + ip("a", "data -> a", more=params) + ip("b", "data -> b", more=params)
    more = layer("relu", "ReLU", "b -> b") + ip("c", "data -> c", more='param { name: "v" }')
    file = model(tmp_path / "x", {"a": WEIGHTS["hidden"], "z": []})
    assert filled_layers([net(text + more)], [file]) == names
