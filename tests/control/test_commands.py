"""Baseline, ignores, statistics and rule tests as the command line has them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

NET = """\
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 } } }
layer { name: "a" type: "ReLU" bottom: "dat" top: "a" }
layer { name: "b" type: "ReLU" bottom: "dta" top: "b" }
"""


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "caffelint", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, timeout=60, text=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "net.prototxt").write_text(NET)
    return tmp_path


def test_a_baseline_silences_what_is_known_and_tells_what_is_gone(folder: Path) -> None:
    done = run("net.prototxt", "--write-baseline", "b.json", cwd=folder)
    assert (done.returncode, done.stdout) == (0, "no findings in 1 file\n")
    assert done.stderr == "2 findings put into b.json\n"
    done = run("net.prototxt", "--baseline", "b.json", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    changed = NET.replace("dta", "data") + NET.split("\n")[2].replace('"b"', '"c"') + "\n"
    (folder / "net.prototxt").write_text("# new\n" + changed)
    done = run("net.prototxt", "--baseline", "b.json", cwd=folder)
    assert done.returncode == 1
    assert done.stdout.startswith("net.prototxt:5:")
    assert done.stdout.count("error:") == 1
    assert done.stderr.startswith('b.json: no longer found: CL101 in net.prototxt (layer "b"): ')


def test_a_missing_baseline_ends_the_run(folder: Path) -> None:
    done = run("net.prototxt", "--baseline", "b.json", cwd=folder)
    assert done.returncode == 2
    assert done.stderr == "caffelint: b.json: No such file or directory\n"


def test_ignores_are_added_once(folder: Path) -> None:
    path = folder / "net.prototxt"
    path.chmod(0o640)
    done = run("net.prototxt", "--add-ignores", cwd=folder)
    assert (done.returncode, done.stdout) == (0, "no findings in 1 file\n")
    assert done.stderr == "net.prototxt: ignores added\n"
    first = path.read_text()
    assert first.count("# caffelint: ignore[CL101]") == 2
    assert path.stat().st_mode & 0o777 == 0o640
    done = run("net.prototxt", "--add-ignores", cwd=folder)
    assert (done.stderr, path.read_text()) == ("", first)
    assert run("net.prototxt", cwd=folder).returncode == 0


def test_ignored_findings_are_suppressed_in_sarif_only(folder: Path) -> None:
    run("net.prototxt", "--add-ignores", cwd=folder)
    sarif = json.loads(run("net.prototxt", "--format", "sarif", cwd=folder).stdout)
    results = sarif["runs"][0]["results"]
    assert [one["suppressions"][0]["kind"] for one in results] == ["inSource", "inSource"]
    plain = json.loads(run("net.prototxt", "--format", "json", cwd=folder).stdout)
    assert plain["diagnostics"] == []


def test_known_findings_get_no_ignores(folder: Path) -> None:
    (folder / "b.json").write_text('{"version": 1, "findings": []}')
    run("net.prototxt", "--write-baseline", "b.json", cwd=folder)
    done = run("net.prototxt", "--baseline", "b.json", "--add-ignores", cwd=folder)
    assert (done.returncode, (folder / "net.prototxt").read_text()) == (0, NET)


def test_statistics_count_every_finding(folder: Path) -> None:
    done = run("net.prototxt", "--statistics", cwd=folder)
    assert done.returncode == 1
    assert done.stdout.startswith("2  error    CL101 unknown-bottom: ")
    done = run("net.prototxt", "--statistics", "--format", "json", cwd=folder)
    assert json.loads(done.stdout)["statistics"] == [
        {"rule": "CL101", "name": "unknown-bottom", "severity": "error", "count": 2}
    ]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        pytest.param(["--statistics", "--format", "sarif", "net.prototxt"], "text or json",
                     id="statistics-as-sarif"),
        pytest.param(["--show-fixes", "net.prototxt"], "go with --fix or --diff", id="no-fixes"),
        pytest.param(["--add-ignores", "-"], "needs files", id="ignores-in-stdin"),
        pytest.param(["--add-ignores", "--fix", "net.prototxt"], "without --fix", id="and-fix"),
        pytest.param(["--ignore", "unknown-botom", "net.prototxt"], "did you mean",
                     id="unknown-rule"),
        pytest.param(["rules", "--test"], "go together", id="test-without-files"),
        pytest.param(["rules", "x.yaml"], "go together", id="files-without-test"),
    ],
)  # fmt: skip
def test_what_does_not_go_together(folder: Path, arguments: list[str], reason: str) -> None:
    done = run(*arguments, cwd=folder)
    assert done.returncode == 2
    assert reason in done.stderr


def test_rule_files_are_tried(folder: Path) -> None:
    page = Path(__file__).parent.parent.parent / "docs" / "write-a-rule.md"
    rule = page.read_text(encoding="utf-8").split("```yaml\n")[1].split("```")[0]
    (folder / "good.yaml").write_text(rule)
    (folder / "bad.yaml").write_text(rule.replace("% 8 != 0", "% 8 == 0"))
    (folder / "broken.yaml").write_text(rule.replace("layer.num_output > 1", "layer.num_outpt > 1"))
    done = run("rules", "--test", "good.yaml", cwd=folder)
    assert (done.returncode, done.stdout) == (0, "good.yaml: all 2 examples of MY001 hold\n")
    done = run("rules", "--test", "bad.yaml", "good.yaml", "broken.yaml", cwd=folder)
    assert done.returncode == 1
    assert 'bad.yaml: MY001, example 1: expected MY001 "conv1" has 30 outputs' in done.stdout
    assert "good.yaml: all 2 examples of MY001 hold" in done.stdout
    assert "broken.yaml:6: in when: undefined field 'num_outpt'" in done.stdout
    (folder / ".caffelint.yaml").write_text("extend-rules: [good.yaml]")
    assert "MY001  info" in run("rules", cwd=folder).stdout
    assert run("explain", "MY001", cwd=folder).stdout.startswith("MY001 odd-number-of-outputs")
