"""Several reports of one run, and files that a config leaves out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .running import BROKEN, SOUND, run, write


def test_further_reports_are_of_the_same_run(tmp_path: Path) -> None:
    write(tmp_path, {"net.prototxt": BROKEN})
    reports = ["--report", "sarif=a.sarif", "--report", "json=b=c.json"]
    done = run("net.prototxt", "--format", "concise", *reports, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout.startswith(b"net.prototxt:3:43: error: ")
    (result,) = json.loads((tmp_path / "a.sarif").read_bytes())["runs"][0]["results"]
    (found,) = json.loads((tmp_path / "b=c.json").read_bytes())["diagnostics"]
    assert result["ruleId"] == found["rule"] == "CL101"


@pytest.mark.parametrize("report", ["sarif", "xml=a", "sarif=", "=a", ""])
def test_a_report_that_is_none(tmp_path: Path, report: str) -> None:
    write(tmp_path, {"net.prototxt": SOUND})
    done = run("net.prototxt", "--report", report, cwd=tmp_path)
    assert done.returncode == 2
    assert "is not FORMAT=FILE; formats: text, json," in " ".join(done.stderr.decode().split())
    assert [one.name for one in tmp_path.iterdir()] == ["net.prototxt"]


def test_a_report_that_cannot_be_written_ends_the_run(tmp_path: Path) -> None:
    write(tmp_path, {"net.prototxt": SOUND})
    done = run("net.prototxt", "--report", "json=none/a.json", cwd=tmp_path)
    assert done.returncode == 2
    assert b"none/a.json" in done.stderr


@pytest.mark.parametrize(
    ("exclude", "checked"),
    [
        pytest.param([], 4, id="nothing"),
        pytest.param(["b"], 2, id="name-in-any-directory"),
        pytest.param(["b/"], 2, id="name-with-a-slash"),
        pytest.param(["/b"], 3, id="from-the-config-on"),
        pytest.param(["a/b"], 3, id="path"),
        pytest.param(["a/**"], 2, id="all-below"),
        pytest.param(["y.*"], 2, id="files"),
        pytest.param(["project"], 4, id="a-directory-above-the-config"),
        pytest.param(["**"], 0, id="everything"),
    ],
)
def test_excluded_files_are_not_checked(tmp_path: Path, exclude: list[str], checked: int) -> None:
    top = tmp_path / "project"
    names = ("x.prototxt", "a/y.prototxt", "a/b/x.prototxt", "b/y.prototxt")
    write(top, dict.fromkeys(names, SOUND))
    write(top, {".caffelint.yaml": f"exclude: {json.dumps(exclude)}"})
    told = f"no findings in {checked} file{'' if checked == 1 else 's'}\n"
    assert run(".", cwd=top).stdout.decode() == told
    assert run("project", cwd=tmp_path).stdout.decode() == told
    assert run("b/y.prototxt", cwd=top).stdout == b"no findings in 1 file\n"


def test_the_exit_status_stands_in_the_help(tmp_path: Path) -> None:
    for words in (["--help"], ["check", "--help"]):
        text = " ".join(run(*words, cwd=tmp_path).stdout.decode().split())
        assert "Exit status: 0 nothing at or above --fail-on (warning), 1 findings, 2 " in text
