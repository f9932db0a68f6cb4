"""Over a folder of nets and solvers: which forks they are read as, and what does not fit those.

usage: python scripts/check_dialects.py FOLDER [--expected TSV] [--verbose]

Every prototxt-like file below FOLDER is read with the dialect found out. Printed are how many have
no error of syntax or schema, how many are read in each dialect, and what is wrong with the rest, by
kind. ``--expected`` is a table with the columns ``path`` and ``dialect``: ``bvlc``, or
``fork:NAME,NAME …`` with the forks that a file may be for, by the names of dialects; forks under
names that no dialect has are counted apart. Exit 1 if a name that the dialects know is called
unknown: then a better set of dialects was missed.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from caffelint.core.problem import Problem
from caffelint.model.forks import layer_type
from caffelint.reading import CheckError, File, read_file
from caffelint.resources import load_dialects
from caffelint.told import AUTO
from caffelint.walk import looks_like_prototxt


def main() -> int:
    """Read all, print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--expected", type=Path)
    parser.add_argument("--verbose", action="store_true", help="name the files")
    options = parser.parse_args()
    read_as: dict[str, tuple[str, ...]] = {}
    kinds: Counter[str] = Counter()
    clean = missed = 0
    for path in sorted(options.folder.rglob("*")):
        if not path.is_file() or not looks_like_prototxt(path.name):
            continue
        name = path.relative_to(options.folder).as_posix()
        try:
            file = read_file(path)
        except CheckError as error:
            print(error)
            continue
        dialects = file.message.type.schema.dialects if file.message is not None else ()
        read_as[name] = dialects or (("bvlc",) if file.message is not None else ("neither",))
        wrong = [one for one in file.problems if one.rejects]
        clean += not wrong
        kinds.update({one.kind for one in wrong})
        unknown = list(unknown_but_known(file, wrong))
        missed += bool(unknown)
        if options.verbose or unknown:
            told = sorted({one.kind for one in wrong})
            print(f"{name}: {'+'.join(read_as[name])}", *told, *unknown)
    print(f"files: {clean}/{len(read_as)} without an error of syntax or schema")
    print(f"files with a name called unknown that a dialect knows: {missed}")
    table("read as", Counter("+".join(one) for one in read_as.values()))
    table("files with an error", kinds)
    if options.expected is not None:
        table("against what is expected", compared(options.expected, read_as, options.verbose))
    return 1 if missed else 0


def unknown_but_known(file: File, wrong: list[Problem]) -> Iterator[str]:
    """Fields, values and layer types that some dialect has, and that the file's does not."""
    for one in wrong:
        if one.values.get("forks"):
            yield f"{one.values.get('value') or one.values.get('field')} ({one.values['forks']})"
    if file.kind == "net" and file.message is not None:
        for layer in file.message.get("layer"):
            known_to = load_dialects().with_type(layer.get("type"))
            if layer_type(layer) is None and known_to:
                yield f"{layer.get('type')} ({load_dialects().in_words(known_to)})"


def compared(expected: Path, read_as: dict[str, tuple[str, ...]], verbose: bool) -> Counter[str]:
    """How many files are read as expected, as a relative of that, or otherwise."""
    found: Counter[str] = Counter()
    with expected.open(encoding="utf-8", newline="") as rows:
        for row in csv.DictReader(rows, delimiter="\t"):
            if row["path"] in read_as:
                what = verdict(row["dialect"], read_as[row["path"]])
                found[what] += 1
                if verbose and what not in ("bvlc, as expected", "the same"):
                    names = "+".join(read_as[row["path"]])
                    print(f"{what}: {row['path']}: {names}, expected {row['dialect']}")
    return found


def verdict(expected: str, names: tuple[str, ...]) -> str:
    """How the dialects that a file is read as go with the forks that it is expected to be for."""
    known = load_dialects()
    if not expected.startswith("fork:"):
        what = expected if expected in ("bvlc", AUTO) else "no fork"
        return f"{what}, {'as expected' if names in (('bvlc',), ('neither',)) else 'but a fork'}"
    wanted = {dialect_of(name) for name in expected.removeprefix("fork:").split()[0].split(",")}
    wanted &= known.by_name.keys()
    if not wanted:
        return "fork that is not known: " + ("bvlc" if names == ("bvlc",) else "some fork")
    if not known.by_name.keys() >= set(names):
        return "a fork, but read as bvlc"
    if wanted.issuperset(names):
        return "the same"
    family = {one.name for one in known.family(names)}
    parents = {one.name for one in known.family(sorted(wanted))}
    return (
        "one that builds on it, or the other way round"
        if (family & wanted or parents.intersection(names))
        else "another"
    )


def table(title: str, counts: Counter[str]) -> None:
    """Print counts, the largest first."""
    print(f"{title}:")
    for name, count in sorted(counts.items(), key=lambda one: (-one[1], one[0])):
        print(f"{count:6}  {name}")


_PREFIXES = ("nvcaffe", "yjxiong-3d", "yjxiong", "xilinx", "deeplab", "openvino", "opencl")
_OTHER_NAMES = {
    "py-faster-rcnn": "faster-rcnn", "fast-rcnn": "faster-rcnn",
    "caffe-fast-rcnn-old": "faster-rcnn", "caffe_train": "caffe-train",
    "Caffe_custom": "lane-detection", "c3d-v1.0": "c3d-1.0", "c3d-v1.1": "c3d",
    "caffe-jacinto": "jacinto", "ti-jacinto-0.17": "jacinto", "ti-jacinto-0.16": "jacinto",
    "Net_caffe-person_search": "person-search", "rtpose": "openpose",
    "Net_caffe-StructuredFeaturePoseEstimation": "structured-pose",
    "Net_caffe-Realtime_Multi-Person_Pose_Estimation": "openpose",
    "SSD_windows_caffe": "ssd-windows", "R-C3D": "r-c3d", "pose_action_caffe": "pose-action",
    "caffe-3dnormal_joint_pose": "surface-normals", "lstm-junhyukoh": "lstm",
    "caffe_deep_learning_for_steganalysis": "steganalysis", "OSVOS-caffe": "osvos",
    "scnn-wenwei": "scnn", "caffe_segtask": "segtask", "caffe-luolongqiang": "locnet",
    "lrcn-lisa": "lrcn", "caffe-windows-for-fr": "caffe-windows-fr", "pva-mobilenet-v2": "pva",
}  # fmt: skip
"""Dialects by other names of their forks, such as those of their repositories."""


def dialect_of(fork: str) -> str:
    """The dialect of a fork, by its own name, that of a version of it, or ``OWNER__REPOSITORY``."""
    name = fork.rpartition("__")[2]
    prefix = next((one for one in _PREFIXES if name.startswith(one)), name)
    return _OTHER_NAMES.get(name, prefix)


if __name__ == "__main__":
    sys.exit(main())
