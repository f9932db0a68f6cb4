"""Parsing with places and schema check against ``google.protobuf.text_format`` on the same text.

usage: python benchmarks/parse.py [FILE …]

Without a file it takes a residual net of 150 convolutions made here. Best of several rounds, the
contestants in turn, in one process; a table with the ratio is printed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

from google.protobuf import text_format

from caffelint.core.source import Source
from caffelint.resources import load_schema
from caffelint.schema.bind import bind
from caffelint.syntax.parser import parse

ROUNDS = 9

_BLOCK = """\
layer {{
  name: "conv{n}"
  type: "Convolution"
  bottom: "{below}"
  top: "conv{n}"
  param {{ lr_mult: 1 decay_mult: 1 }}
  convolution_param {{
    num_output: 64
    kernel_size: 3
    pad: 1
    bias_term: false
    weight_filler {{ type: "msra" }}
  }}
}}
layer {{
  name: "conv{n}_bn"
  type: "BatchNorm"
  bottom: "conv{n}"
  top: "conv{n}"
  batch_norm_param {{ moving_average_fraction: 0.95 eps: 1e-05 }}
}}
layer {{
  name: "conv{n}_scale"
  type: "Scale"
  bottom: "conv{n}"
  top: "conv{n}"
  scale_param {{ bias_term: true }}
}}
layer {{
  name: "conv{n}_relu"
  type: "ReLU"
  bottom: "conv{n}"
  top: "conv{n}"
}}
"""


def residual_net(convolutions: int) -> str:
    """A chain of convolution, batch norm, scale and ReLU, as deep as asked."""
    head = 'name: "chain"\ninput: "conv0"\ninput_shape { dim: 8 dim: 64 dim: 32 dim: 32 }\n'
    blocks = (_BLOCK.format(n=n, below=f"conv{n - 1}") for n in range(1, convolutions + 1))
    return head + "".join(blocks)


def best(contestants: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Least time of each contestant in seconds, all of them once in every round."""
    times = dict.fromkeys(contestants, float("inf"))
    for _ in range(ROUNDS):
        for name, run in contestants.items():
            start = time.perf_counter()
            run()
            times[name] = min(times[name], time.perf_counter() - start)
    return times


def compare(name: str, text: str) -> None:
    """Print one row: the times on a text, and how many times faster caffelint is."""
    schema = load_schema()
    times = best(
        {
            "caffelint": lambda: bind(parse(Source(name, text)), schema.net),
            "text_format": lambda: text_format.Parse(text, schema.net.new_message()),
        }
    )
    ours, theirs = times["caffelint"], times["text_format"]
    size = len(text.encode())
    print(
        f"{name:<30} {size / 1e3:6.0f} kB"
        f"   caffelint {ours * 1e3:6.1f} ms ({size / ours / 1e6:4.1f} MB/s)"
        f"   text_format {theirs * 1e3:6.1f} ms   ratio {theirs / ours:.2f}"
    )


def main() -> None:
    """Compare on the given files, or on the net made here."""
    if len(sys.argv) == 1:
        compare("150 convolutions", residual_net(150))
    for path in sys.argv[1:]:
        compare(Path(path).name, Path(path).read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
