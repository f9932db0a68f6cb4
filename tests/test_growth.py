"""The work on a net grows with its layers, whatever joins them: calls are counted, not timed."""

from __future__ import annotations

import cProfile
import pstats
from collections.abc import Callable
from pathlib import Path

import pytest

from caffelint.check import Checker
from caffelint.config import Config
from caffelint.resources import load_rules

INPUT = 'layer { name: "in" type: "Input" top: "d" input_param { shape { dim: 1 dim: 3 } } }\n'
DATA = (
    'layer { name: "data" type: "Data" top: "d" top: "label"\n'
    '  data_param { batch_size: 3 source: "x" } }\n'
)


def layer(name: str, type_: str, bottoms: list[str], tops: list[str], more: str = "") -> str:
    named = [f'bottom: "{one}"' for one in bottoms] + [f'top: "{one}"' for one in tops]
    return f'layer {{ name: "{name}" type: "{type_}" {" ".join(named)} {more} }}\n'


def below(i: int) -> str:
    return f"t{i - 1}" if i else "d"


def wide(n: int) -> str:
    """Many readers of one blob, all of them joined again."""
    names = [f"t{i}" for i in range(n)]
    readers = "".join(layer(name, "ReLU", ["d"], [name]) for name in names)
    return INPUT + readers + layer("c", "Concat", names, ["c"])


def each(type_: str, more: str = "", *, head: str = INPUT) -> Callable[[int], str]:
    """A chain of layers of one type."""
    return lambda n: (
        head + "".join(layer(f"n{i}", type_, [below(i)], [f"t{i}"], more) for i in range(n))
    )


INNER = "inner_product_param { num_output: 3 weight_filler { type: 'xavier' } }"
SHAPES: dict[str, Callable[[int], str]] = {
    "wide": wide,
    "chain that learns": each("InnerProduct", INNER),
    "chain of unknown types": each("Foo", "bogus_field: 3"),
    "in place": lambda n: INPUT + layer("r", "ReLU", ["d"], ["d"]) * n,
    "one blob read by all": lambda n: INPUT
    + "".join(layer(f"n{i}", "Eltwise", [below(i), "d"], [f"t{i}"]) for i in range(n)),
    "losses": lambda n: DATA
    + "".join(layer(f"n{i}", "SoftmaxWithLoss", ["d", "label"], [f"t{i}"]) for i in range(n)),
    "missing blobs": lambda n: INPUT
    + "".join(layer(f"n{i}", "Power", [f"q{i}"], [f"t{i}"]) for i in range(n)),
    "shared weights": lambda n: INPUT
    + "".join(layer("n", "InnerProduct", ["d"], [f"t{i}"], 'param { name: "w" } ' + INNER)
              for i in range(n)),
    "stages": lambda n: INPUT
    + "".join(layer(f"n{i}", "ReLU", ["d"], [f"t{i}"], f'include {{ stage: "s{i}" }}')
              for i in range(n)),
    "old form": lambda n: 'input: "d" input_dim: 1\n'
    + "".join(f'layers {{ name: "n{i}" type: RELU bottom: "{below(i)}" top: "t{i}" }}\n'
              for i in range(n)),
    "brackets": lambda n: INPUT + "}\n" * n,
    "quotes": lambda n: INPUT + 'name: "a\n' * n,
    "values": lambda n: "layer { name: 'in' type: 'Input' top: 'd' input_param { shape {"
    + "dim: 1 " * n + "} } }\n",
}  # fmt: skip


def calls(path: Path, text: str) -> int:
    """How many functions are called to check a net."""
    path.write_text(text, encoding="utf-8")
    checker, profile = Checker(load_rules(), Config(data=False)), cProfile.Profile()
    profile.enable()
    checker.check([path])
    profile.disable()
    return int(vars(pstats.Stats(profile))["total_calls"])


@pytest.mark.parametrize("shape", SHAPES)
def test_four_times_the_layers_are_four_times_the_work(shape: str, tmp_path: Path) -> None:
    path = tmp_path / "net.prototxt"
    calls(path, SHAPES[shape](20))  # what is made once for all nets
    few, many = (calls(path, SHAPES[shape](n)) for n in (80, 320))
    assert many < 4.6 * few
