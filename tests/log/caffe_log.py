"""Small training logs in Caffe's own format, written here line by line."""

from __future__ import annotations

from collections.abc import Iterable


def glog(
    message: str,
    *,
    second: float = 0.0,
    thread: int = 1972,
    place: str = "solver.cpp:239",
    level: str = "I",
    date: str = "1124",
) -> str:
    """A line with glog's prefix, ``second`` seconds after noon."""
    minutes, rest = divmod(second, 60)
    hours, minutes = divmod(int(minutes), 60)
    return (
        f"{level}{date} {12 + hours:02d}:{minutes:02d}:{rest:09.6f} {thread:5d} {place}] {message}"
    )


def loss(iteration: int, value: str, **where: object) -> str:
    """The line of a displayed iteration, as Caffe has printed it since 2017."""
    return glog(f"Iteration {iteration} (4.5 iter/s, 22s/100 iters), loss = {value}", **where)  # type: ignore[arg-type]


def text(lines: Iterable[str]) -> bytes:
    return "".join(line + "\n" for line in lines).encode()


SOLVER_ECHO = """\
test_iter: 2
test_interval: 100
base_lr: 0.01
display: 100
max_iter: 300
lr_policy: "fixed"
momentum: 0.9
weight_decay: 0.0005
snapshot_prefix: "solver"
solver_mode: CPU
net: "net.prototxt"
train_state {
  level: 0
  stage: ""
}"""

NET_ECHO = """\
name: "Tiny"
state {
  phase: TRAIN
  level: 0
  stage: ""
}
layer {
  name: "data"
  type: "Input"
  top: "data"
  input_param {
    shape {
      dim: 2
      dim: 3
    }
  }
}
layer {
  name: "ip"
  type: "InnerProduct"
  bottom: "data"
  top: "ip"
  inner_product_param {
    num_output: 2
    weight_filler {
      type: "xavier"
    }
  }
}"""


def run(*, start: float = 0.0, thread: int = 1972, first: int = 0, last: int = 300) -> list[str]:
    """A whole run: solver and net echoed, then a display each 100 iterations with a test."""
    where = {"second": start, "thread": thread}
    lines = [
        glog("Use CPU.", place="caffe.cpp:197", **where),  # type: ignore[arg-type]
        glog("Initializing solver from parameters: ", place="solver.cpp:45", **where),  # type: ignore[arg-type]
        *SOLVER_ECHO.split("\n"),
        glog("Creating training net from net file: net.prototxt", **where),  # type: ignore[arg-type]
        glog("Initializing net from parameters: ", place="net.cpp:53", **where),  # type: ignore[arg-type]
        *NET_ECHO.split("\n"),
        glog("Creating Layer data", place="net.cpp:86", **where),  # type: ignore[arg-type]
        glog("Setting up data", place="net.cpp:124", **where),  # type: ignore[arg-type]
        glog("Starting Optimization", place="caffe.cpp:239", **where),  # type: ignore[arg-type]
    ]
    for count in range(first, last + 1, 100):
        where["second"] = start + 1 + count / 10
        lines += [
            glog(f"Iteration {count}, Testing net (#0)", **where),  # type: ignore[arg-type]
            glog(f"    Test net output #0: accuracy = {0.5 + count / 1000:g}", **where),  # type: ignore[arg-type]
            glog(f"    Test net output #1: loss = {2 - count / 300:g} (* 1 = 1 loss)", **where),  # type: ignore[arg-type]
        ]
        if count < last:
            lines += [
                loss(count, f"{2.3 - count / 300:g}", **where),
                glog("    Train net output #0: loss = 2.25 (* 1 = 2.25 loss)", **where),  # type: ignore[arg-type]
                glog(f"Iteration {count}, lr = 0.01", place="sgd_solver.cpp:112", **where),  # type: ignore[arg-type]
            ]
    return [*lines, glog("Optimization Done.", place="caffe.cpp:250", **where)]  # type: ignore[arg-type]
