"""Where a region-based detector states another number of classes than in the rest of its net."""

from __future__ import annotations

import pytest

from caffelint.model.detectors import check_detectors

from .build import layer, net, unmark


def python(name: str, told: str, wiring: str) -> str:
    own = f'python_param {{ module: "m" layer: "L" param_str: "{told}" }}'
    return layer(name, "Python", wiring, own)


def scores(outputs: int, labels: str = "labels") -> str:
    own = f"inner_product_param {{ num_output: {outputs} }}"
    return layer("cls", "InnerProduct", "data -> cls", own) + layer(
        "loss", "SoftmaxWithLoss", f"cls {labels} -> loss"
    )


def data(told: str) -> str:
    return python("data", told, "-> data gt")


def targets(told: str) -> str:
    return python("targets", told, "gt -> labels")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (data("'num_classes': 3") + targets("'num_classes': 3") + scores(3), []),
        (data("'num_classes': 3") + targets("'num_classes': 21") + scores(3),
         [("targets", "'num_classes': 21", "'num_classes': 3")]),
        (data("'num_classes': 3") + targets("'num_classes': 3") + scores(21),
         [("cls", "num_output: 21", "num_output: 3")]),
        (data("") + targets("{'num_classes': 4, 'agnostic': 1}") + scores(21),
         [("cls", "num_output: 21", "num_output: 4")]),
        # Scores that another type makes are not compared: it may make several for each class.
        (data("'num_classes': 3") + targets("'num_classes': 3")
         + layer("cls", "Convolution", "data -> cls", "convolution_param { num_output: 21 }")
         + layer("loss", "SoftmaxWithLoss", "cls labels -> loss"), []),
        (data("'num_classes': 3") + targets("'num_classes': 3")
         + layer("shaped", "Reshape", "data -> shaped", "reshape_param { shape { dim: 0 } }")
         + layer("loss", "SoftmaxWithLoss", "shaped labels -> loss"), []),
        # As Python writes it, whatever it is told beside that.
        (python("a", "classes=3 num_classes = 4", "-> a") + python("b", "num_classes:4", "-> b")
         + python("c", r'\"num_classes\": 5,', "-> c"),
         [("c", "'num_classes': 5", "'num_classes': 4")]),
        (python("a", "num_classes: 3", "-> a") + python("b", "num_classes: n", "-> b")
         + python("c", "num_classes: 1234567", "-> c"), []),
        # A Python layer and the scores that it labels outweigh another Python layer.
        (data("'num_classes': 3") + targets("") + scores(3, "gt")
         + python("x", "num_classes: 21", "-> x"),
         [("x", "'num_classes': 21", "'num_classes': 3")]),
        (layer("loss", "SoftmaxWithLoss", "none labels -> loss"), []),
        (layer("loss", "SoftmaxWithLoss", "labels -> loss"), []),
        (data("'num_classes': 3") + scores(3, "none"), []),
        ("", []),
        # Which of two is wrong cannot be seen.
        (data("'num_classes': 3") + targets("num_classes: 21"), []),
        # Labels of another kind, such as those of proposals: object or not.
        (data("'num_classes': 3") + python("anchors", "'stride': 16", "gt -> labels") + scores(2),
         []),
    ],
)  # fmt: skip
def test_numbers_of_classes(text: str, wanted: list[tuple[str, str, str]]) -> None:
    found = check_detectors(net(text))
    assert [(p.layer, p.values["what"], p.values["write"]) for p in found] == wanted
    assert not any(problem.rejects for problem in found)


def test_where_numbers_of_classes_stand() -> None:
    told = "\"'num_classes': 3\""
    marked = (data("'num_classes': 3") + targets("'num_classes': 3")).replace(told, f"«{told}»")
    marked += scores(21).replace("num_output: 21", "num_output: «21»")
    text, (first, second, other) = unmark(marked)
    (problem,) = check_detectors(net(text))
    assert (problem.kind, problem.span) == ("detector-classes-differ", other)
    assert problem.also == ((first, "3 here"), (second, "3 here"))
    assert (problem.values["layer"], problem.values["wanted"]) == ("cls", 3)
