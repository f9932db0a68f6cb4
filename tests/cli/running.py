"""caffelint as a process, and nets to run it on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SOUND = """\
name: "sound"
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 } } }
layer { name: "relu" type: "ReLU" bottom: "data" top: "out" }
"""
BROKEN = SOUND.replace('bottom: "data"', 'bottom: "dat"')

SOLVER = """\
net: "{net}"
base_lr: 0.01
lr_policy: "fixed"
max_iter: 100
display: 10
momentum: 0.9
type: "SGD"
"""

COMMAND = [sys.executable, "-m", "caffelint"]


def run(
    *arguments: str | bytes, cwd: Path, stdin: bytes = b"", **environment: str
) -> subprocess.CompletedProcess[bytes]:
    """Run caffelint to its end, with further variables in the environment."""
    return subprocess.run(
        [*COMMAND, *arguments], cwd=cwd, input=stdin, capture_output=True, timeout=120,
        env={**os.environ, **environment},
    )  # fmt: skip


def write(folder: Path, files: dict[str, str]) -> None:
    """Write files with the directories that they lie in."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
