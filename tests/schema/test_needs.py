"""Which forks a file needs, by the names in it that BVLC Caffe lacks."""

from __future__ import annotations

import pytest

from caffelint.core.source import Source, Span
from caffelint.model.layers import LAYER_TYPES
from caffelint.resources import load_dialects, load_schema
from caffelint.schema.needs import Need, choices, least, needs
from caffelint.syntax.parser import parse


def known_to(*several: str) -> list[Need]:
    """A need for each text, with the dialects that know it."""
    return [Need(f"n{i}", Span(i, i + 1), frozenset(names.split()))
            for i, names in enumerate(several)]  # fmt: skip


@pytest.mark.parametrize(
    ("several", "want"),
    [
        pytest.param([], [], id="nothing-is-needed"),
        pytest.param([""], [], id="nobody-knows-it"),
        pytest.param(["ssd"], [("ssd",)], id="one-knows-it"),
        pytest.param(["ssd", ""], [("ssd",)], id="what-nobody-knows-decides-nothing"),
        pytest.param(["ssd", "segnet"], [("segnet", "ssd")], id="two-together"),
        pytest.param(["ssd", "segnet ssd"], [("ssd",)], id="one-for-both"),
        pytest.param(["ssd", "segnet", "c3d"], [("ssd", "c3d", "segnet")], id="no-two-know-all"),
    ],
)
def test_choices(several: list[str], want: list[tuple[str, ...]]) -> None:
    found = [tuple(sorted(one)) for one in choices(known_to(*several), load_dialects())]
    assert found == [tuple(sorted(one)) for one in want]


def test_the_likelier_fork_comes_first() -> None:
    dialects = load_dialects()
    names = sorted(dialects.by_name, key=lambda name: (dialects.by_name[name].rank, name))
    first, last = names[0], names[-1]
    assert dialects.by_name[first].rank < dialects.by_name[last].rank
    sets = choices(known_to(f"{last} {first}"), dialects)
    assert sets.index((first,)) < sets.index((last,))


def test_a_file_mixes_so_many_forks_and_the_most_telling() -> None:
    names = sorted(load_dialects().by_name)[:6]
    twice = known_to(*names, f"{names[5]} {names[4]}")
    (found,) = choices(twice, load_dialects())
    assert len(found) == 4
    assert {names[4], names[5]} & set(found)


def test_least() -> None:
    found = known_to("ssd", "segnet ssd", "")
    assert least(found, ("segnet", "ssd")) == ("ssd",)
    assert least(found, ("segnet",)) == ()


def needed(text: str) -> dict[str, bool]:
    """What is needed, and whether some fork knows it."""
    tree = parse(Source("", text))
    found = needs(tree, load_schema().net, frozenset(LAYER_TYPES), load_dialects())
    return {need.what: bool(need.known_to) for need in found}


@pytest.mark.parametrize(
    ("text", "want"),
    [
        pytest.param('layer { type: "ReLU" bottom: "a" bottom: "b" }', {}, id="bvlc"),
        pytest.param('layer { type: "PriorBox" }', {"type PriorBox": True}, id="type"),
        pytest.param('layer { type: "Nonsense" }', {"type Nonsense": False}, id="no-such-type"),
        pytest.param("layer { nonsense: 1 }", {"nonsense": False}, id="no-such-field"),
        pytest.param(
            "layer { bn_param { bn_mode: INFERENCE } }",
            {"bn_param": True, "bn_mode": True, "INFERENCE": True},
            id="value-in-a-block-of-a-fork",
        ),
        pytest.param(
            "layer { bn_param { bn_mode: NONSENSE } }",
            {"bn_param": True, "bn_mode": True, "NONSENSE": False},
            id="no-such-value-in-a-block-of-a-fork",
        ),
        pytest.param(
            "layer { pooling_param { pool: NONSENSE } }", {"NONSENSE": False}, id="no-such-value"
        ),
        pytest.param(
            "layer { name: 'a' name: 'b' }", {"several values of name": False}, id="given-twice"
        ),
        pytest.param("layer { nonsense: foo bar: }", {"nonsense": False}, id="broken-field"),
    ],
)
def test_needs(text: str, want: dict[str, bool]) -> None:
    assert needed(text) == want
