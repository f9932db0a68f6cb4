"""What a terminal gets: colours, charts, how far long work is, nothing that files smuggle in."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ..log.caffe_log import glog, loss, run, text
from .running import BROKEN, SOUND, write

pty = pytest.importorskip("pty")  # not on Windows


def shown(*arguments: str, cwd: Path, before: str = "pass", **environment: str) -> str:
    """What caffelint prints on a terminal, both streams; ``before`` is run in its process."""
    program = f"import sys; {before}; from caffelint.cli import main; sys.exit(main())"
    ours, theirs = pty.openpty()
    clean = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    process = subprocess.Popen(
        [sys.executable, "-c", program, *arguments], cwd=cwd, stdin=subprocess.DEVNULL,
        stdout=theirs, stderr=theirs, env={**clean, "TERM": "xterm", **environment},
    )  # fmt: skip
    os.close(theirs)
    data = b""
    try:
        while chunk := os.read(ours, 1 << 16):
            data += chunk
    except OSError:  # Linux says so at the end
        pass
    os.close(ours)
    process.wait(timeout=60)
    return data.decode().replace("\r\n", "\n")


def test_findings_have_colours_unless_nobody_wants_them(tmp_path: Path) -> None:
    write(tmp_path, {"net.prototxt": BROKEN})
    assert "\x1b[31m" in shown("net.prototxt", cwd=tmp_path)
    assert "\x1b" not in shown("net.prototxt", cwd=tmp_path, NO_COLOR="1")


def test_a_difference_cannot_command_the_terminal(tmp_path: Path) -> None:
    write(tmp_path, {"net.prototxt": SOUND.replace("ReLU", "relu") + "# \x1b[2J\x07 ü\n"})
    said = shown("--diff", "net.prototxt", cwd=tmp_path)
    assert '+layer { name: "relu" type: "ReLU"' in said
    assert " # ␛[2J␇ ü" in said


def test_a_log_is_drawn_above_its_summary(tmp_path: Path) -> None:
    (tmp_path / "train.log").write_bytes(text(run()))
    said = shown("log", "train.log", cwd=tmp_path, COLUMNS="60", PYTHONIOENCODING="utf-8")
    chart, _, summary = said.partition("train.log: one run")
    assert "\x1b[" in chart
    assert "train loss" in chart
    assert "iterations" in summary
    assert "train loss" not in shown("log", "--no-chart", "train.log", cwd=tmp_path)


def test_how_far_the_reading_of_a_large_log_is(tmp_path: Path) -> None:
    rows = [loss(count, "1") for count in range(40_000)]
    (tmp_path / "train.log").write_bytes(text([*rows, glog("Optimization Done.")]))
    large = "import caffelint.cli.log as log; log._LARGE = 1000"
    said = shown("log", "--no-chart", "train.log", cwd=tmp_path, before=large)
    assert "reading train.log" in said
    assert "100%" in said
    assert "0 to 39999, done" in said


def test_how_far_the_opening_of_many_images_is(tmp_path: Path) -> None:
    pytest.importorskip("PIL")
    names = [f"{number}.jpg" for number in range(40)]
    write(tmp_path, {
        "list.txt": "".join(f"{name} 0\n" for name in names),
        "net.prototxt": 'layer { name: "data" type: "ImageData" top: "data" top: "label" '
                        'image_data_param { source: "list.txt" batch_size: 1 } }',
        **dict.fromkeys(names, "no image"),
    })  # fmt: skip
    said = shown("--no-cache", "net.prototxt", cwd=tmp_path)
    assert "opening images" in said
    few = shown("--no-cache", "--data-sample", "5", "net.prototxt", cwd=tmp_path)
    assert "opening images" not in few
