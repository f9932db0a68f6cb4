"""What caffelint says of its own samples, pinned: a new false alarm shows up as a difference.

``pytest --accept`` rewrites the pinned files; the difference is what gets reviewed.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from caffelint.check import Checker
from caffelint.config import Config
from caffelint.report import render
from caffelint.resources import load_rules

ROOT = Path(__file__).parent.parent
PINNED = Path(__file__).parent / "samples"
SAMPLES = sorted(path.name for path in (ROOT / "samples").iterdir() if path.is_dir())


def report(folder: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(ROOT)
    checker = Checker(load_rules(), Config())
    return render("text", checker.check([Path(folder)]))


@pytest.mark.parametrize("sample", SAMPLES)
def test_sample(
    sample: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    pinned = PINNED / f"{sample}.txt"
    text = report(f"samples/{sample}", monkeypatch)
    if request.config.getoption("--accept"):
        pinned.parent.mkdir(exist_ok=True)
        pinned.write_text(text, encoding="utf-8")
    assert text == pinned.read_text(encoding="utf-8")


def test_the_healthy_sample_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    assert report("samples/lenet", monkeypatch) == "no findings in 3 files\n"


@pytest.mark.parametrize(
    ("sample", "rules"),
    [
        ("two_class_vgg", {"missing-weight-filler", "missing-decay-mult"}),
        ("frozen_batch_norm", {"global-stats-in-training"}),
        ("rate_too_high", {"base-lr-too-high"}),
        (
            "broken",
            {"unknown-field", "unknown-enum-value", "unknown-bottom", "unterminated-string"},
        ),
    ],
)
def test_the_risks_are_named(sample: str, rules: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    text = report(f"samples/{sample}", monkeypatch)
    assert rules <= set(re.findall(r"\[CL\d{3} ([a-z0-9-]+)\]", text))


def test_the_settings_in_the_readme_are_accepted(tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (settings,) = re.findall(r"```yaml\n(ignore:.*?)```", text, re.DOTALL)
    (tmp_path / ".caffelint.yaml").write_text(settings, encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "caffelint",
        str(ROOT / "samples" / "lenet" / "deploy.prototxt"),
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
