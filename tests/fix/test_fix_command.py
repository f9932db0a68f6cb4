"""``caffelint --fix`` as its users run it: what is written, printed and returned."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

WRONG = """\
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 } } }
layer { name: "relu" type: "Relu" bottom: "data" top: "out" }
"""
RIGHT = WRONG.replace("Relu", "ReLU")
DIFF = """\
--- a/net.prototxt
+++ b/net.prototxt
@@ -1,2 +1,2 @@
 layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 } } }
-layer { name: "relu" type: "Relu" bottom: "data" top: "out" }
+layer { name: "relu" type: "ReLU" bottom: "data" top: "out" }
"""


def run(*arguments: str, cwd: Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "caffelint", *arguments]
    done = subprocess.run(command, cwd=cwd, input=stdin, capture_output=True, timeout=60)
    assert b"Traceback" not in done.stderr, done.stderr
    return done


@pytest.fixture
def net(tmp_path: Path) -> Path:
    path = tmp_path / "net.prototxt"
    path.write_text(WRONG)
    return path


def test_fix_writes_and_reports_what_is_left(net: Path) -> None:
    net.chmod(0o640)
    done = run("--fix", "net.prototxt", cwd=net.parent)
    assert (done.returncode, done.stdout) == (0, b"no findings in 1 file\n")
    assert done.stderr == b"1 fix in 1 file\n"
    assert (net.read_text(), net.stat().st_mode & 0o777) == (RIGHT, 0o640)
    assert [path.name for path in net.parent.iterdir()] == ["net.prototxt"]
    assert run("--fix", "net.prototxt", cwd=net.parent).stderr == b"0 fixes in 0 files\n"


def test_nothing_is_written_without_being_asked(net: Path) -> None:
    done = run("net.prototxt", cwd=net.parent)
    assert done.returncode == 1
    assert b'= fix: write "ReLU" (caffelint --fix)\n' in done.stdout
    assert net.read_text() == WRONG


def test_diff_writes_nothing(net: Path) -> None:
    done = run("--diff", "net.prototxt", cwd=net.parent)
    assert (done.returncode, done.stdout.decode()) == (0, DIFF)
    assert net.read_text() == WRONG
    subprocess.run(["patch", "-p1"], input=done.stdout, cwd=net.parent, check=True, timeout=60)
    assert net.read_text() == RIGHT


def test_diff_of_a_last_line_without_end(net: Path) -> None:
    net.write_text(WRONG.rstrip("\n"))
    out = run("--diff", "net.prototxt", cwd=net.parent).stdout
    assert out.count(b"\\ No newline at end of file\n") == 2


def test_show_fixes(net: Path) -> None:
    done = run("--fix", "--show-fixes", "net.prototxt", cwd=net.parent)
    first = b'net.prototxt:2, layer "relu": write "ReLU" [CL105 misspelt-layer-type]'
    assert done.stderr.splitlines() == [first, b"1 fix in 1 file"]


def test_unsafe_fixes_are_made_when_asked_for(net: Path) -> None:
    wrong = RIGHT.replace('bottom: "data"', 'bottom: "dat"')
    net.write_text(wrong)
    assert run("--fix", "net.prototxt", cwd=net.parent).returncode == 1
    assert net.read_text() == wrong
    done = run("--fix", "--unsafe-fixes", "net.prototxt", cwd=net.parent)
    assert (done.returncode, net.read_text()) == (0, RIGHT)
    assert run("--unsafe-fixes", "net.prototxt", cwd=net.parent).returncode == 2
    assert run("--show-fixes", "net.prototxt", cwd=net.parent).returncode == 2


def test_standard_input_is_printed_fixed(tmp_path: Path) -> None:
    done = run("--fix", "-", cwd=tmp_path, stdin=WRONG.encode())
    assert (done.returncode, done.stdout.decode()) == (0, RIGHT)
    assert done.stderr == b"1 fix in 1 file\nno findings in 1 file\n"
    done = run(
        "--diff", "-", "--stdin-filename", "net.prototxt", cwd=tmp_path, stdin=WRONG.encode()
    )
    assert done.stdout.decode() == DIFF
    done = run("--fix", "-", cwd=tmp_path, stdin=RIGHT.encode())
    assert done.stdout.decode() == RIGHT


def test_of_a_link_the_target_is_fixed(net: Path) -> None:
    folder = net.parent / "links"
    folder.mkdir()
    (folder / "link.prototxt").symlink_to(net)
    run("--fix", "links", cwd=net.parent)
    assert (folder / "link.prototxt").is_symlink()
    assert net.read_text() == RIGHT


def test_the_net_of_a_checked_solver_is_fixed(net: Path) -> None:
    (net.parent / "solver.prototxt").write_text('net: "net.prototxt" type: "adam"')
    run("--fix", "solver.prototxt", cwd=net.parent)
    assert net.read_text() == RIGHT
    assert (net.parent / "solver.prototxt").read_text() == 'net: "net.prototxt" type: "Adam"'


def test_what_cannot_be_written_is_told(net: Path, tmp_path: Path) -> None:
    other = tmp_path / "sub" / "other.prototxt"
    other.parent.mkdir()
    other.write_text(WRONG)
    script = (
        "import os, sys\n"
        "from caffelint import cli\n"
        "from caffelint.fix import apply\n"
        "replace = apply.replace_file\n"
        "def refuse(path, data):\n"
        "    if path.name == 'net.prototxt':\n"
        "        raise PermissionError(13, 'Permission denied')\n"
        "    replace(path, data)\n"
        "apply.replace_file = refuse\n"
        "sys.argv = ['caffelint', '--fix', '.']\n"
        "sys.exit(cli.main())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, timeout=60
    )
    assert done.returncode == 2
    assert b"net.prototxt: Permission denied, so it was not fixed" in done.stderr
    assert (net.read_text(), other.read_text()) == (WRONG, RIGHT)


def test_fixes_stand_in_json_and_sarif(net: Path) -> None:
    (one,) = json.loads(run("--format", "json", "net.prototxt", cwd=net.parent).stdout)[
        "diagnostics"
    ]
    assert one["fix"] == {
        "title": 'write "ReLU"',
        "safe": True,
        "edits": [{"line": 2, "column": 28, "end_line": 2, "end_column": 34, "text": '"ReLU"'}],
    }
    sarif = json.loads(run("--format", "sarif", "net.prototxt", cwd=net.parent).stdout)
    (fix,) = sarif["runs"][0]["results"][0]["fixes"]
    assert fix["artifactChanges"][0]["replacements"][0]["insertedContent"] == {"text": '"ReLU"'}
