"""The whole of a run: start-up on one net, and a tree of files with one process and with several.

usage: python benchmarks/lint.py [DIRECTORY | --growth]

One net: processor time of a whole process, against the least that a Python program could do: import
``text_format`` and a generated ``caffe_pb2``, and parse the file. A tree: time on the clock with
``--jobs 1``, with a job for each core, and once more with what the run before has kept; without
DIRECTORY, projects made here. ``--growth``: nets of 600 to 60,000 layers. The contestants take
turns, with all modules compiled; the least time of each counts. Needs ``grpcio-tools``.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from parse import residual_net

from caffelint.resources import proto_folder
from caffelint.walk import cores, files_below

ROUNDS = 7
_ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
_PARSE = """\
import sys
sys.path.insert(0, {folder!r})
from google.protobuf import text_format
import caffe_pb2
text_format.Parse(open({net!r}).read(), caffe_pb2.NetParameter())
"""
_LENET = """\
name: "LeNet"
layer {
  name: "data" type: "Data" top: "data" top: "label"
  transform_param { scale: 0.00390625 }
  data_param { source: "train" batch_size: 64 backend: LMDB }
}
layer {
  name: "conv1" type: "Convolution" bottom: "data" top: "conv1"
  convolution_param { num_output: 20 kernel_size: 5 weight_filler { type: "xavier" } }
}
layer {
  name: "pool1" type: "Pooling" bottom: "conv1" top: "pool1"
  pooling_param { pool: MAX kernel_size: 2 stride: 2 }
}
layer {
  name: "ip1" type: "InnerProduct" bottom: "pool1" top: "ip1"
  inner_product_param { num_output: 500 weight_filler { type: "xavier" } }
}
layer { name: "relu1" type: "ReLU" bottom: "ip1" top: "ip1" }
layer {
  name: "ip2" type: "InnerProduct" bottom: "ip1" top: "ip2"
  inner_product_param { num_output: 10 weight_filler { type: "xavier" } }
}
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip2" bottom: "label" top: "loss" }
"""
_DATA = """\
layer {{
  name: "data" type: "Data" top: "conv0" top: "label" include {{ phase: {phase} }}
  transform_param {{ crop_size: 32 mean_value: 120 scale: 0.02 }}
  data_param {{ source: "{phase}" batch_size: 64 backend: LMDB }}
}}
"""
_HEAD = """\
layer {{
  name: "pool" type: "Pooling" bottom: "{below}" top: "pool"
  pooling_param {{ pool: AVE global_pooling: true }}
}}
layer {{
  name: "fc" type: "InnerProduct" bottom: "pool" top: "fc"
  inner_product_param {{ num_output: 10 weight_filler {{ type: "xavier" }} }}
}}
layer {{ name: "loss" type: "SoftmaxWithLoss" bottom: "fc" bottom: "label" top: "loss" }}
layer {{
  name: "accuracy" type: "Accuracy" bottom: "fc" bottom: "label" top: "accuracy"
  include {{ phase: TEST }}
}}
"""
_SOLVER = """\
net: "net.prototxt"
base_lr: 0.01
lr_policy: "fixed"
max_iter: 10000
momentum: 0.9
snapshot_prefix: "net"
"""


def training_net(layers: int) -> str:
    """A net of so many layers, trained and tested: the residual one between data and loss."""
    convolutions = (layers - 6) // 4
    body = residual_net(convolutions).partition("}\n")[2]  # without its input
    data = "".join(_DATA.format(phase=phase) for phase in ("TRAIN", "TEST"))
    return data + body + _HEAD.format(below=f"conv{convolutions}")


def seconds(command: list[str]) -> tuple[float, float]:
    """Processor time and time on the clock of a process with its children."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=False,
        env=_ENVIRONMENT,
        cwd=tempfile.gettempdir(),  # not among the settings of this repository
    )
    clock, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in (0, 1):
        raise SystemExit(done.stderr.decode())
    spent = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return spent, clock


def least(commands: dict[str, list[str]], rounds: int, what: int) -> dict[str, float]:
    """The least time of each command, all of them once in every round."""
    times = dict.fromkeys(commands, float("inf"))
    for _ in range(rounds):
        for name, command in commands.items():
            times[name] = min(times[name], seconds(command)[what])
    return times


def caffelint(*arguments: object) -> list[str]:
    """The command that checks nets without their data, and without results of an earlier run."""
    command = [sys.executable, "-m", "caffelint", "check", "--no-data", "--no-cache"]
    return [*command, *map(str, arguments)]


def one_net(name: str, text: str, folder: Path) -> None:
    """Print a whole process on one net beside one that only parses it."""
    net = folder / "net.prototxt"
    net.write_text(text, encoding="utf-8")
    program = _PARSE.format(folder=str(folder), net=str(net))
    commands = {"caffelint": caffelint(net), "parse": [sys.executable, "-c", program]}
    for command in commands.values():
        seconds(command)  # fills the caches
    times = least(commands, ROUNDS, 0)
    ours, theirs = times["caffelint"], times["parse"]
    print(
        f"{name:<24} caffelint {ours * 1e3:6.0f} ms   "
        f"import and text_format.Parse {theirs * 1e3:6.0f} ms   ratio {ours / theirs:.2f}"
    )


def projects(folder: Path) -> Path:
    """Sixty projects of a net and a solver, made in a new folder."""
    for number in range(60):
        project = folder / f"project{number}"
        project.mkdir(parents=True)
        (project / "net.prototxt").write_text(training_net(80 + 4 * number), encoding="utf-8")
        (project / "solver.prototxt").write_text(_SOLVER, encoding="utf-8")
    return folder


def tree(folder: Path) -> None:
    """Print the times on a directory with one process, with several, and with kept results."""
    files = [path for path, _ in files_below([folder], [])]
    size = sum(path.stat().st_size for path in files)
    commands = {f"--jobs {jobs}": caffelint("--jobs", jobs, folder) for jobs in (1, cores())}
    with tempfile.TemporaryDirectory() as kept:
        again = [one for one in commands["--jobs 1"] if one != "--no-cache"]
        commands["--jobs 1, unchanged"] = [*again, "--cache-dir", kept]
        seconds(commands["--jobs 1, unchanged"])  # fills it
        times = least(commands, 2, 1)
    print(f"{len(files)} files, {size / 1e6:.1f} MB")
    for name, spent in times.items():
        speed = f"{size / spent / 1e6:.2f} MB/s   ratio {times['--jobs 1'] / spent:.2f}"
        print(f"{name:<24} {spent:6.2f} s   {speed}")


def growth(folder: Path) -> None:
    """Print what each layer costs in nets of more and more layers, beside what starting costs."""
    net = folder / "net.prototxt"
    net.write_text(_LENET, encoding="utf-8")
    seconds(caffelint(net))
    start = least({"start": caffelint(net)}, ROUNDS, 0)["start"]
    for layers in (600, 6_000, 60_000):
        net.write_text(training_net(layers), encoding="utf-8")
        spent = least({"net": caffelint(net)}, 3 if layers < 60_000 else 1, 0)["net"] - start
        # The largest net is always the last.
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(
            f"{layers:>6} layers   {spent:6.2f} s   {spent / layers * 1e6:4.0f} µs a layer   "
            f"peak memory {peak:4.0f} MiB"
        )


def main() -> None:
    """Compare on nets made here, and on a tree."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _ENVIRONMENT["PYTHONPYCACHEPREFIX"] = str(folder / "compiled")
        if "--growth" in sys.argv:
            growth(folder)
            return
        protoc = [sys.executable, "-m", "grpc_tools.protoc", f"-I{proto_folder()}"]
        subprocess.run([*protoc, f"--python_out={folder}", "caffe.proto"], check=True)
        one_net("LeNet", _LENET, folder)
        one_net("150 layers", training_net(150), folder)
        tree(Path(sys.argv[1]) if len(sys.argv) > 1 else projects(folder / "tree"))


if __name__ == "__main__":
    main()
