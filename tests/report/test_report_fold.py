"""Folding: which findings become one, what it says, and that no place is lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from caffelint.core.diagnostic import Diagnostic, Edit, Fix, Place, Related, Severity
from caffelint.core.source import Span
from caffelint.report.fold import fold

Mark = Callable[..., list[Place]]
Finding = Callable[..., Diagnostic]


@pytest.mark.parametrize(
    ("layers", "suffix"),
    [
        pytest.param(["conv1"], "", id="alone"),
        pytest.param(["conv1", "conv2"], " (and 1 more layer: conv2)", id="two"),
        pytest.param(["conv1", "conv2", "conv3"], " (and 2 more layers: conv2, conv3)", id="three"),
        pytest.param(
            ["conv1", "conv2", "conv3", "conv4"],
            " (and 3 more layers: conv2, conv3, conv4)",
            id="all-are-listed-up-to-three",
        ),
        pytest.param(
            [f"conv{n}" for n in range(1, 17)],
            " (and 15 more layers: conv2 … conv16)",
            id="first-and-last-of-many",
        ),
        pytest.param(
            ["conv1", "conv2", "conv1", "conv2"], " (and 1 more layer: conv2)", id="named-twice"
        ),
        pytest.param(["conv1", "conv1"], "", id="only-the-same-layer"),
    ],
)
def test_words_and_places(mark: Mark, finding: Finding, layers: list[str], suffix: str) -> None:
    places = mark("«x» " * len(layers))
    own = Related(places[0], "own")
    found = [finding(each, layer=layer) for each, layer in zip(places, layers, strict=True)]
    found[0] = finding(places[0], layer=layers[0], related=(own,))
    (folded,) = fold(found)
    also = [
        Related(place, f'also "{layer}"')
        for place, layer in zip(places[1:], layers[1:], strict=True)
    ]
    assert folded.message == found[0].message + suffix
    assert folded.related == (own, *also)
    assert (folded.place, folded.layer) == (places[0], layers[0])


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"rule": "CL102"}, id="rule"),
        pytest.param({"severity": Severity.WARNING}, id="severity"),
        pytest.param({"context": "assumed fine-tuning"}, id="context"),
        pytest.param({"layer": ""}, id="no-layer"),
    ],
)
def test_what_differs_stays_apart(mark: Mark, finding: Finding, other: dict[str, Any]) -> None:
    first, second = mark("«a» «b»")
    found = (finding(first, layer="a"), finding(second, **({"layer": "b"} | other)))
    assert fold(found) == found


def test_files_stay_apart(mark: Mark, finding: Finding) -> None:
    found = tuple(finding(*mark("«a»", name=name), layer="a") for name in ("one", "two"))
    assert fold(found) == found


@pytest.mark.parametrize(
    ("number", "suffix"),
    [(1, ""), (2, " (and 1 more place)"), (3, " (and 2 more places)")],
)
def test_the_same_words_without_a_layer_fold(
    mark: Mark, finding: Finding, number: int, suffix: str
) -> None:
    places = mark("«a» " * number)
    (folded,) = fold([finding(place) for place in places])
    assert folded.message == finding(places[0]).message + suffix
    assert folded.related == tuple(Related(place, "also here") for place in places[1:])


def test_other_words_stay_apart(mark: Mark, finding: Finding) -> None:
    places = mark("«a» «b» «c»")
    messages = ['bottom "x" of layer "a"', 'bottom "y" of layer "b"', 'bottom "x" of layer "c"']
    found = [
        finding(place, layer=layer, message=message)
        for place, layer, message in zip(places, "abc", messages, strict=True)
    ]
    assert [one.message for one in fold(found)] == [
        'bottom "x" of layer "a" (and 1 more layer: c)',
        'bottom "y" of layer "b"',
    ]


def test_order_is_that_of_the_first_ones(mark: Mark, finding: Finding) -> None:
    one, two, three = mark("«a» «b» «c»")
    found = (
        finding(one, layer="a"),
        finding(two, layer="b", rule="CL201"),
        finding(three, layer="c"),
    )
    assert [each.place for each in fold(found)] == [one, two]


def test_phases_are_united_in_order(mark: Mark, finding: Finding) -> None:
    one, two, three = mark("«a» «b» «c»")
    (folded,) = fold(
        [
            finding(one, layer="a", phases=("TRAIN",)),
            finding(two, layer="b", phases=("TRAIN", "TEST")),
            finding(three, layer="c", phases=("TEST",)),
        ]
    )
    assert folded.phases == ("TRAIN", "TEST")


_FIRST, _SECOND = Edit(Span(0, 1), "x"), Edit(Span(2, 3), "y")


@pytest.mark.parametrize(
    ("fixes", "want"),
    [
        pytest.param(
            [Fix("mend", (_FIRST,), safe=True), Fix("mend", (_SECOND,), safe=True)],
            Fix("mend", (_FIRST, _SECOND), safe=True),
            id="same-title-and-safety-merge",
        ),
        pytest.param(
            [Fix("mend", (_FIRST,), safe=True), Fix("mend", (_FIRST,), safe=True)],
            Fix("mend", (_FIRST,), safe=True),
            id="the-same-edit-is-made-once",
        ),
        pytest.param(
            [Fix("mend", (_FIRST,), safe=True), Fix("other", (_SECOND,), safe=True)],
            Fix("mend", (_FIRST,), safe=True),
            id="other-title",
        ),
        pytest.param(
            [Fix("mend", (_FIRST,), safe=True), Fix("mend", (_SECOND,), safe=False)],
            Fix("mend", (_FIRST,), safe=True),
            id="other-safety",
        ),
        pytest.param(
            [Fix("mend", (_FIRST,), safe=True), None, Fix("mend", (_SECOND,), safe=True)],
            Fix("mend", (_FIRST,), safe=True),
            id="one-has-none",
        ),
        pytest.param([None, Fix("mend", (_SECOND,), safe=True)], None, id="first-has-none"),
    ],
)
def test_fixes(mark: Mark, finding: Finding, fixes: list[Fix | None], want: Fix | None) -> None:
    places = mark("«a» " * len(fixes))
    (folded,) = fold(
        finding(place, layer=str(n), fix=fix)
        for n, (place, fix) in enumerate(zip(places, fixes, strict=True))
    )
    assert folded.fix == want
