"""What must not change a finding: names of blobs, the order of layers that have nothing to do with
each other, the way that a net is written down. And what fixing may do.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from caffelint.check import Checker
from caffelint.config import Config
from caffelint.core.diagnostic import Report, Severity
from caffelint.fix.apply import fix_all
from caffelint.reading import count_faults
from caffelint.resources import load_rules

from .strategies import Layer, examples, net_fields, nets, plain, written

NAME = "fuzz/net.prototxt"
SEEDS = st.integers(0, 1 << 30)


def lint(text: str) -> Report:
    return Checker(load_rules(), Config(data=False)).check_text(NAME, text.encode())


def findings(report: Report, names: Mapping[str, str] | None = None) -> Counter[tuple[object, ...]]:
    """What is found, but for where; blobs by the names that ``names`` gives them. What a name may
    be a misspelling of depends on the names, and so do fixes then.
    """

    def told(message: str) -> str:
        for new, old in (names or {}).items():
            message = message.replace(new, old)
        return message if names is None else message.partition("; did you mean")[0]

    return Counter(
        (
            one.rule,
            one.severity,
            one.layer,
            told(one.message),
            one.phases,
            names is None and one.fix is not None,
        )
        for one in report.diagnostics
    )


@examples(60)
@given(nets(), SEEDS)
def test_the_way_of_writing_does_not_matter(layers: list[Layer], seed: int) -> None:
    tree = net_fields(layers)
    assert findings(lint(written(tree, Random(seed)))) == findings(lint(plain(tree)))


@examples(60)
@given(nets())
def test_names_of_blobs_do_not_matter(layers: list[Layer]) -> None:
    new = {blob: f"zq{number}k" for number, blob in enumerate(dict.fromkeys(
        blob for layer in layers for blob in (*layer.bottoms, *layer.tops)
    ))}  # fmt: skip
    renamed = [
        replace(
            layer,
            bottoms=tuple(map(new.__getitem__, layer.bottoms)),
            tops=tuple(map(new.__getitem__, layer.tops)),
        )
        for layer in layers
    ]
    old = {name: blob for blob, name in new.items()}
    wanted = findings(lint(plain(net_fields(layers))), {})
    assert findings(lint(plain(net_fields(renamed))), old) == wanted


@examples(60)
@given(nets(), SEEDS)
def test_the_order_of_layers_that_share_no_blob_does_not_matter(
    layers: list[Layer], seed: int
) -> None:
    rng, moved = Random(seed), list(layers)
    for _ in range(12):
        at = rng.randrange(len(moved) - 1)
        if not moved[at].blobs & moved[at + 1].blobs:
            moved[at], moved[at + 1] = moved[at + 1], moved[at]
    assert findings(lint(plain(net_fields(moved)))) == findings(lint(plain(net_fields(layers))))


@examples(60)
@given(nets(), SEEDS, st.booleans())
def test_fixing_is_done_once_and_brings_no_error(
    layers: list[Layer], seed: int, unsafe: bool
) -> None:
    text = written(net_fields(layers), Random(seed))
    once, report = fixed(text, unsafe)
    assert fixed(once, unsafe)[0] == once
    assert count_faults(NAME, once.encode()) <= count_faults(NAME, text.encode())
    if not unsafe:
        assert errors(report) <= errors(lint(text))


def fixed(text: str, unsafe: bool) -> tuple[str, Report]:
    real = Path(os.path.realpath(NAME))
    outcome = fix_all(
        lambda contents: lint(contents.get(real, text.encode()).decode()), count_faults, unsafe
    )
    new = next((one.new.decode() for one in outcome.files.values()), text)
    return new, outcome.report


def errors(report: Report) -> int:
    return sum(one.severity == Severity.ERROR for one in report.diagnostics)
