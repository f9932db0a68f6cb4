"""The command line as its users run it: exit status, formats, standard input, messages."""

from __future__ import annotations

import codecs
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SOUND = """\
name: "sound"
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 } } }
layer { name: "relu" type: "ReLU" bottom: "data" top: "out" }
"""
BROKEN = SOUND.replace('bottom: "data"', 'bottom: "dat"')


def run(*arguments: str, cwd: Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "caffelint", *arguments]
    return subprocess.run(command, cwd=cwd, input=stdin, capture_output=True, timeout=60)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sound.prototxt").write_text(SOUND)
    (tmp_path / "broken.prototxt").write_text(BROKEN)
    (tmp_path / "labels.prototxt").write_text('item { name: "cat" }')
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        pytest.param(["sound.prototxt"], 0, id="nothing-found"),
        pytest.param(["check", "sound.prototxt"], 0, id="check-said"),
        pytest.param(["broken.prototxt"], 1, id="found"),
        pytest.param(["--fail-on", "error", "broken.prototxt"], 1, id="option-before-path"),
        pytest.param(["broken.prototxt", "--ignore", "unknown-bottom"], 0, id="ignored"),
        pytest.param(["."], 1, id="directory"),
        pytest.param(["missing.prototxt"], 2, id="no-such-file"),
        pytest.param(["sound.prototxt", "--format", "xml"], 2, id="no-such-format"),
        pytest.param(["--nonsense"], 2, id="no-such-option"),
        pytest.param([], 2, id="no-path"),
        pytest.param(["check", "--select", "CL1"], 2, id="no-path-but-options"),
        pytest.param(["explain", "unknown-bottom"], 0, id="explain"),
        pytest.param(["explain", "CL999"], 2, id="explain-unknown"),
        pytest.param(["rules"], 0, id="rules"),
        pytest.param(["--version"], 0, id="version"),
        pytest.param(["--help"], 0, id="help"),
    ],
)
def test_exit_status(folder: Path, arguments: list[str], status: int) -> None:
    done = run(*arguments, cwd=folder)
    assert done.returncode == status, done.stderr
    assert b"Traceback" not in done.stderr


def test_text_shows_the_line_with_a_caret(folder: Path) -> None:
    out = run("broken.prototxt", cwd=folder).stdout.decode()
    assert out.startswith('broken.prototxt:3:43: error: bottom "dat" of layer "relu" ')
    assert '3 | layer { name: "relu" type: "ReLU" bottom: "dat" top: "out" }' in out
    assert "\x1b" not in out


def test_json_has_the_documented_form(folder: Path) -> None:
    data = json.loads(run("--format", "json", "broken.prototxt", cwd=folder).stdout)
    (one,) = data["diagnostics"]
    assert data["version"] == 1
    assert (one["file"], one["line"], one["column"]) == ("broken.prototxt", 3, 43)
    assert (one["end_line"], one["end_column"]) == (3, 48)
    assert (one["name"], one["severity"], one["layer"]) == ("unknown-bottom", "error", "relu")
    assert one["phases"] == ["TEST"]


def test_output_goes_into_a_file(folder: Path) -> None:
    done = run("broken.prototxt", "--format", "sarif", "--output", "out.sarif", cwd=folder)
    assert done.stdout == b""
    assert json.loads((folder / "out.sarif").read_bytes())["version"] == "2.1.0"
    assert sorted(path.name for path in folder.iterdir()) == [
        "broken.prototxt", "labels.prototxt", "out.sarif", "sound.prototxt",
    ]  # fmt: skip


def test_standard_input(folder: Path) -> None:
    done = run("-", "--stdin-filename", "my.prototxt", cwd=folder, stdin=BROKEN.encode())
    assert done.returncode == 1
    assert done.stdout.startswith(b"my.prototxt:3:43: error: ")
    assert run("-", "sound.prototxt", cwd=folder).returncode == 2


def test_a_directory_says_what_it_skipped(folder: Path) -> None:
    done = run(".", cwd=folder)
    assert done.stderr.decode() == "skipped labels.prototxt: neither a net nor a solver\n"


def test_a_closed_pipe_is_no_error(folder: Path) -> None:
    command = f'"{sys.executable}" -m caffelint rules | head -1'
    done = subprocess.run(command, shell=True, cwd=folder, capture_output=True, timeout=60)
    assert done.stderr == b""


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        (".caffelint.yaml", "selct: [CL101]", 'unknown setting "selct"; did you mean "select"?'),
        (".caffelint.yaml", "context: train", "Invalid enum value"),
        (".caffelint.yaml", "a: [", "caffelint.yaml"),
        ("pyproject.toml", "[tool.caffelint]\nfail-on = 3", "fail-on"),
    ],
)
def test_a_config_with_a_mistake_ends_the_run(
    folder: Path, name: str, text: str, reason: str
) -> None:
    (folder / name).write_text(text)
    done = run("sound.prototxt", cwd=folder)
    assert done.returncode == 2
    assert reason in done.stderr.decode()
    assert b"Traceback" not in done.stderr


def test_the_command_line_wins_over_the_config(folder: Path) -> None:
    (folder / ".caffelint.yaml").write_text("ignore: [unknown-bottom]\nfail-on: error\n")
    assert run("broken.prototxt", cwd=folder).returncode == 0
    assert run("broken.prototxt", "--ignore", "CL9", cwd=folder).returncode == 1


def test_statistics_of_nothing(folder: Path) -> None:
    done = run("--statistics", "sound.prototxt", cwd=folder)
    assert (done.returncode, done.stdout) == (0, b"no findings\n")


def test_the_root_is_where_paths_count_from(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "s.prototxt").write_text('net: "broken.prototxt"\nbase_lr: 0.1\n')
    done = run("sub/s.prototxt", "--root", ".", "--select", "CL101", cwd=folder)
    assert done.stdout.startswith(b"broken.prototxt:3:43: error: ")
    assert run("sub/s.prototxt", "--root", "gone", cwd=folder).returncode == 2


def test_where_an_internal_error_is_shows_on_demand(folder: Path) -> None:
    program = (
        "import caffelint.check as one, caffelint.cli as cli, sys;"
        "one.Checker.check = None; sys.exit(cli.main())"
    )
    command = [sys.executable, "-c", program, "sound.prototxt"]
    for told, environment in ((False, {}), (True, {"CAFFELINT_TRACEBACK": "1"})):
        done = subprocess.run(
            command, cwd=folder, capture_output=True, timeout=60, env={**os.environ, **environment}
        )
        assert (b"Traceback" in done.stderr) is told
        assert (b"CAFFELINT_TRACEBACK=1 shows where" in done.stderr) is not told
        assert done.returncode == (1 if told else 2)  # Python's own status with a traceback


def test_data_that_takes_a_library_is_told_of(folder: Path) -> None:
    (folder / "list.txt").write_text("a.h5\n")
    (folder / "a.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    (folder / "data.prototxt").write_text(
        'layer { name: "d" type: "HDF5Data" top: "x" hdf5_data_param { source: "list.txt" '
        "batch_size: 1 } }"
    )
    program = "import sys; sys.modules['h5py'] = None; from caffelint.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "--no-cache", "data.prototxt"],
        cwd=folder, capture_output=True, timeout=60,
    )  # fmt: skip
    assert b"some data was not looked into: that takes h5py" in done.stderr


@pytest.mark.parametrize("bom", [codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE])
def test_utf_16_is_told_of_by_its_name(folder: Path, bom: bytes) -> None:
    """Protobuf's parser stops at the first byte: it reads ASCII, and UTF-8 in quotes."""
    endian = "utf-16-le" if bom == codecs.BOM_UTF16_LE else "utf-16-be"
    (folder / "wide.prototxt").write_bytes(bom + SOUND.encode(endian))
    (folder / "solver.prototxt").write_text('net: "wide.prototxt"\nbase_lr: 0.1\n')
    reason = "UTF-16 text, which Caffe cannot read; save it as UTF-8"
    done = run("wide.prototxt", cwd=folder)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.decode() == f"caffelint: wide.prototxt: {reason}\n"
    done = run("solver.prototxt", cwd=folder)
    assert done.returncode == 1
    assert f'"wide.prototxt" cannot be read: {reason}' in done.stdout.decode()


def test_names_of_any_language_and_with_blanks_are_followed(folder: Path) -> None:
    (folder / "ü 名.prototxt").write_text(BROKEN, encoding="utf-8")
    solver = 'net: "ü 名.prototxt"\nbase_lr: 0.1\n'
    (folder / "solver.prototxt").write_text(solver, encoding="utf-8")
    done = run("solver.prototxt", "--format", "json", cwd=folder)
    names = {one["file"] for one in json.loads(done.stdout)["diagnostics"]}
    assert "ü 名.prototxt" in names


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\0" * 100, id="nuls"),
        pytest.param(bytes(range(256)) * 4, id="every-byte"),
        pytest.param(b"layer {" * 5000, id="deep"),
        pytest.param(b"a: [{" * 5000, id="deep-lists"),
        pytest.param("\ufeff".encode() + SOUND.encode(), id="byte-order-mark"),
        pytest.param(SOUND.encode("utf-16-be"), id="utf-16-without-its-mark"),
        pytest.param(b'layer { name: "' + b"x" * 100_000 + b'" }', id="long-name"),
        pytest.param(b'layer { name: "\xff\xfe" type: "\xc3" bottom: "\xff" }', id="not-utf-8"),
    ],
)
@pytest.mark.parametrize("style", ["text", "json", "sarif"])
def test_any_bytes_give_a_report(tmp_path: Path, data: bytes, style: str) -> None:
    (tmp_path / "x.prototxt").write_bytes(data)
    done = run("--format", style, "x.prototxt", cwd=tmp_path)
    assert b"Traceback" not in done.stderr
    assert done.returncode in (0, 1)
