"""What is too large, endless, in the way or gone: a clear word each, no hang, and nothing lost."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from caffelint import reading
from caffelint.check import Checker
from caffelint.config import Config, ConfigError, read_config
from caffelint.core.files import replace_file
from caffelint.model import net
from caffelint.reading import CheckError, read_text
from caffelint.resources import load_rules
from caffelint.schema import bind
from caffelint.walk import parts_match

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs pipes, links and signals")

NET = 'layer { name: "a" type: "Input" top: "a" input_param { shape { dim: 1 dim: 3 } } }\n'
FIXABLE = NET + 'layer { name: "r" type: "relu" bottom: "a" top: "r" }\n'


def run(
    *arguments: str | bytes, cwd: Path, before: Callable[[], None] | None = None, stdin: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "caffelint", *arguments],
        cwd=cwd,
        input=stdin,
        capture_output=True,
        timeout=60,
        preexec_fn=before,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "net.prototxt").write_text(NET)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "pipe.prototxt").symlink_to("pipe")
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(["pipe"], "pipe: not a file", id="a-pipe-as-net"),
        pytest.param(["loop"], "loop: not found", id="a-loop-of-links"),
        pytest.param(["/dev/zero"], "/dev/zero: not a file", id="a-device-as-net"),
        pytest.param(["log", "/dev/zero"], "a device, not a log", id="a-device-as-log"),
        pytest.param(["net.prototxt", "--weights", "pipe"], "no regular file", id="as-weights"),
        pytest.param(["net.prototxt", "--config", "pipe"], "not a file", id="as-config"),
        pytest.param(["net.prototxt", "--baseline", "pipe"], "not a file", id="as-baseline"),
        pytest.param(["net.prototxt", "--proto", "pipe"], "not a file", id="as-proto"),
        pytest.param(["show", "pipe"], "not a file", id="to-show"),
        pytest.param(["upgrade", "pipe"], "not a file", id="to-upgrade"),
        pytest.param(["data", "pipe"], "not a regular file", id="as-data"),
        pytest.param(["x" * 5000], "File name too long", id="a-name-that-is-too-long"),
        pytest.param(["net.prototxt", "--output", "no/such"], "'", id="nowhere-to-write"),
    ],
)
def test_what_no_run_may_wait_for(folder: Path, arguments: list[str], words: str) -> None:
    done = run(*arguments, cwd=folder)
    told = done.stderr.decode()
    assert words in told
    assert "Traceback" not in told
    assert "internal error" not in told
    assert done.returncode == 2


@pytest.mark.parametrize("setting", ["weights: [pipe]", "proto: pipe", "extend-rules: [pipe]"])
def test_a_config_that_names_a_pipe(folder: Path, setting: str) -> None:
    (folder / ".caffelint.yaml").write_text(setting)
    assert run("net.prototxt", cwd=folder).returncode == 2


def test_a_directory_with_pipes_and_loops_is_walked(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "back").symlink_to("..")
    (folder / "sub" / "gone.prototxt").symlink_to("nothing")
    (folder / "sub" / "s.prototxt").write_text('net: "pipe" base_lr: 1 weights: "pipe"')
    done = run(".", "--format", "concise", cwd=folder)
    assert done.stderr == b""
    assert {line.split(b":")[0] for line in done.stdout.splitlines()} == {b"sub/s.prototxt"}


def test_endless_standard_input_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("/dev/zero").open("rb") as endless:
        done = subprocess.run(
            [sys.executable, "-m", "caffelint", "-"],
            cwd=tmp_path, stdin=endless, capture_output=True, timeout=60,
        )  # fmt: skip
    assert done.stderr == b"caffelint: <stdin>: larger than 64 MiB\n"
    assert done.returncode == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("=\n" * 120, "more than 100 lines and values", id="lines"),
        pytest.param("}" * 120, "more than 100 lines and values", id="brackets"),
        pytest.param("dim: [" + "1," * 120, "more than 100 lines and values", id="elements"),
        pytest.param("layer{} " * 40, "more than 30 layers, blocks", id="layers"),
        pytest.param("layer {" + ' top: "a"' * 40 + "}", "more than 30 layers", id="tops"),
        pytest.param("dim: 1 " * 40, "more than 30 layers", id="sizes"),
    ],
)
def test_too_many_things_in_a_file(monkeypatch: pytest.MonkeyPatch, text: str, words: str) -> None:
    monkeypatch.setattr(reading, "_SHORT", 10)
    monkeypatch.setattr(reading, "MAX_SIGNS", 100)
    monkeypatch.setattr(reading, "MAX_BLOCKS", 30)
    with pytest.raises(CheckError, match=words):
        read_text(Path("net.prototxt"), text.encode())


def test_too_many_fields_that_do_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are neither told of one by one, nor compared with the known names."""
    monkeypatch.setattr(reading, "MOST_PROBLEMS", 20)
    monkeypatch.setattr(bind, "MOST_PROBLEMS", 20)
    unknown = "".join(f"x{number}: 1 " for number in range(30))
    with pytest.raises(CheckError, match="20 fields and more that do not fit"):
        read_text(Path("net.prototxt"), f"{NET} {unknown}".encode())
    wrong = "layer { %s }"
    assert read_text(Path("net.prototxt"), (wrong % ("top: 1 " * 19)).encode()).kind == "net"
    with pytest.raises(CheckError, match="20 fields"):
        read_text(Path("net.prototxt"), (wrong % ("top: 1 " * 30)).encode())


def test_too_many_faults_in_a_net(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(net, "_MOST_PROBLEMS", 10)
    tops = " ".join(['top: "t"'] * 40)
    text = f'layer {{ name: "a" type: "Input" {tops} }}'
    report = Checker(load_rules(), Config()).check_text("net.prototxt", text.encode())
    assert sum(one.rule == "CL102" for one in report.diagnostics) == 10


def test_a_net_of_60000_layers_is_no_such_file() -> None:
    layer = NET + "  param { lr_mult: 1 } param { lr_mult: 2 }\n"
    data = layer.encode() * 60_000
    assert len(data) - len(data.translate(None, reading._SIGNS)) < reading.MAX_SIGNS


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        pytest.param(NET.replace("dim: 3", "dim: " + "9" * 1_000_000), "CL024", id="digits"),
        pytest.param(NET.replace("dim: 3", "dim: 9223372036854775807"), "CL181", id="int-overflow"),
        pytest.param(NET.replace("dim: 1", "dim: 65536 dim: 65536"), "CL181", id="product"),
        pytest.param("layer { " * 60 + "}" * 60, "CL017", id="nesting"),
        pytest.param(NET + "\0", "CL002", id="nul"),
        pytest.param("\ufeff" + NET, "CL013", id="byte-order-mark"),
    ],
)
def test_hostile_values_are_findings(text: str, rule: str) -> None:
    report = Checker(load_rules(), Config()).check_text("net.prototxt", text.encode())
    assert rule in {one.rule for one in report.diagnostics}


def test_lines_of_windows_are_no_finding() -> None:
    data = NET.replace(" }", "\r\n}").encode()
    report = Checker(load_rules(), Config(ignore=["CL8"])).check_text("net.prototxt", data)
    assert not [one for one in report.diagnostics if one.rule.startswith("CL0")]


# Config files


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        pytest.param(".caffelint.yaml", "a: &a [x]\nb: *a", "aliases", id="alias"),
        pytest.param(".caffelint.yaml", "[" * 100_000, "depth", id="yaml-depth"),
        pytest.param(".caffelint.yaml", "#" * (1 << 20) + "\n#", "larger than 1 MiB", id="large"),
        pytest.param("pyproject.toml", "[tool.caffelint]\nselect=" + "[" * 9999, "recursion",
                     id="toml-depth"),
        pytest.param("pyproject.toml", "[tool.caffelint]\n" + "a." * 99_999 + "b=1", "1000 dots",
                     id="dotted-keys"),
    ],
)  # fmt: skip
def test_config_bombs(tmp_path: Path, name: str, text: str, words: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(ConfigError, match=words):
        read_config(path)


def test_globs_of_many_stars_take_no_time() -> None:
    start = time.process_time()
    assert not parts_match(["a"] * 200, ["**", "a"] * 60 + ["b"])
    assert parts_match(["a"] * 200, ["**", "a"] * 60)
    assert time.process_time() - start < 5


@pytest.mark.parametrize(
    ("parts", "globs", "match"),
    [
        ("a/b/c", "**/c", True), ("c", "**/c", True), ("a/b", "**", True), ("a/b", "*", False),
        ("a/b", "a/**/b", True), ("a/x/y/b", "a/**/b", True), ("a", "a/**", True),
        ("a/b", "**/a", False), ("b", "a/**", False),
    ],
)  # fmt: skip
def test_stars(parts: str, globs: str, match: bool) -> None:
    assert parts_match(parts.split("/"), globs.split("/")) is match


def test_a_glob_of_rules_follows_no_loops(folder: Path) -> None:
    for name in ("x", "y", "z"):
        (folder / name).symlink_to(".")
    (folder / ".caffelint.yaml").write_text('extend-rules: ["**/*.nothing"]')
    assert b'no file is named "**/*.nothing"' in run("net.prototxt", cwd=folder).stderr


def test_a_glob_of_rules_looks_at_so_much_only(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("caffelint.walk._MOST_ENTRIES", 2)
    (folder / ".caffelint.yaml").write_text('extend-rules: ["**/*.nothing"]')
    with pytest.raises(ConfigError, match="more than 2 files and directories below"):
        read_config(folder / ".caffelint.yaml")


# Writing


def test_what_is_no_file_is_written_into_and_stays(folder: Path) -> None:
    os.mkfifo(folder / "out")
    reader = subprocess.Popen(["cat", "out"], cwd=folder, stdout=subprocess.PIPE)
    replace_file(folder / "out", b"told")
    assert reader.communicate(timeout=20)[0] == b"told"
    assert (folder / "out").is_fifo()


def test_of_a_link_the_target_is_replaced(folder: Path) -> None:
    (folder / "report").symlink_to("real")
    replace_file(folder / "report", b"told")
    assert (folder / "report").is_symlink()
    assert (folder / "real").read_bytes() == b"told"


def test_no_space_left_while_fixing_loses_nothing(folder: Path) -> None:
    net = folder / "net.prototxt"
    net.write_text("#" * 5000 + "\n" + FIXABLE)
    old, there = net.read_bytes(), sorted(folder.iterdir())
    full = run(
        "--fix", "net.prototxt", cwd=folder,
        before=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000)),
    )  # fmt: skip
    assert b"File too large, so it was not fixed" in full.stderr
    assert full.returncode == 2
    assert net.read_bytes() == old
    assert sorted(folder.iterdir()) == there
    assert run("--fix", "net.prototxt", cwd=folder).stderr
    assert net.read_bytes() != old


def test_two_runs_at_once_leave_a_whole_file(folder: Path) -> None:
    net = folder / "net.prototxt"
    net.write_text(FIXABLE)
    command = [sys.executable, "-m", "caffelint", "--fix", "net.prototxt"]
    runs = [
        subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(3)
    ]
    told = [one.communicate(timeout=60)[1] for one in runs]
    assert not any(b"Traceback" in one or b"internal" in one for one in told)
    assert net.read_text() == FIXABLE.replace('"relu"', '"ReLU"')


# Streams and signals


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&-"])
def test_closed_streams(folder: Path, closed: str) -> None:
    command = f'"{sys.executable}" -m caffelint net.prototxt {closed}'
    done = subprocess.run(command, shell=True, cwd=folder, capture_output=True, timeout=60)
    assert done.returncode in (0, 1)
    assert b"rror" not in done.stderr


@pytest.mark.parametrize("command", ["net.prototxt --format json", "show net.prototxt", "rules"])
def test_a_reader_that_goes_away(folder: Path, command: str) -> None:
    (folder / "net.prototxt").write_text(FIXABLE * 2000)
    line = f'"{sys.executable}" -m caffelint {command} | head -c 10'
    done = subprocess.run(line, shell=True, cwd=folder, capture_output=True, timeout=60)
    assert done.stderr == b""


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="needs /dev/full")
def test_a_full_device(folder: Path) -> None:
    line = f'"{sys.executable}" -m caffelint rules > /dev/full'
    done = subprocess.run(line, shell=True, cwd=folder, capture_output=True, timeout=60)
    assert b"No space left on device" in done.stderr
    assert b"Traceback" not in done.stderr
    assert done.returncode == 2


def test_ctrl_c(folder: Path) -> None:
    (folder / "net.prototxt").write_text(FIXABLE.replace('"a"', '"b"') * 30_000)
    one = subprocess.Popen(
        [sys.executable, "-m", "caffelint", "--jobs", "1", "net.prototxt"],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    time.sleep(1.5)
    assert one.poll() is None
    one.send_signal(signal.SIGINT)
    _, told = one.communicate(timeout=30)
    assert one.returncode == 130
    assert b"Traceback" not in told


# Names and rights


def test_names_that_are_not_utf_8(tmp_path: Path) -> None:
    name = b"n\xff\xfe.prototxt"
    (tmp_path / os.fsdecode(name)).write_text(FIXABLE)
    for style in ("text", "json", "sarif", "concise", "github", "markdown", "junit"):
        done = run("--format", style, ".", cwd=tmp_path)
        assert done.stderr == b""
        done.stdout.decode("utf-8")
    assert run("--fix", name, cwd=tmp_path).returncode == 0
    assert '"ReLU"' in (tmp_path / os.fsdecode(name)).read_text()


def test_a_directory_that_cannot_be_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "shut").mkdir()
    scandir = os.scandir

    def guarded(path: str) -> object:
        if str(path).endswith("shut"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    checker = Checker(load_rules(), Config())
    checker.check([folder])
    assert checker.skipped == [f"{folder / 'shut'}: Permission denied"]
    with pytest.raises(PermissionError):
        checker.check([folder / "shut"])


def test_a_tree_that_is_read_only(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**place: object) -> object:
        raise PermissionError(13, "Permission denied", f"{place['dir']}/{place['prefix']}xyz")

    monkeypatch.setattr("tempfile.mkstemp", refuse)
    with pytest.raises(PermissionError) as error:
        replace_file(folder / "net.prototxt", b"new")
    assert error.value.filename == str(folder / "net.prototxt")
    assert (folder / "net.prototxt").read_text() == NET


def test_a_file_that_is_gone_before_it_is_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "a.prototxt").write_text(NET)
    checker = Checker(load_rules(), Config())
    part = checker.check_part

    def late(file: tuple[Path, bool]) -> object:
        file[0].unlink(missing_ok=True)
        return part(file)

    monkeypatch.setattr(Checker, "check_part", lambda _, file: late(file))
    checker.check([folder])
    assert [one.rpartition(": ")[2] for one in checker.skipped] == ["not found"] * 2


# Traps in binary files


def test_hdf5_of_huge_shapes_chunks_and_loops(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    from caffelint.data.hdf5 import Hdf5Error, read_hdf5
    from caffelint.data.limits import Limits

    path = tmp_path / "data.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("huge", shape=(1 << 40,), dtype="f4", chunks=(1024,))
        file.create_dataset("bomb", shape=(1 << 30,), dtype="i1", chunks=((1 << 30) - 1,))
        file.create_dataset("wide", shape=(4, 1 << 28), dtype="f4", chunks=(1, 1 << 20))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sets = read_hdf5(path, None, Limits(), h5py).sets
    assert {name: one.fault for name, one in sets.items()} == {
        "bomb": "", "huge": "large", "wide": "",
    }  # fmt: skip
    assert not any(one.whole for one in sets.values())
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000  # kB
    with h5py.File(path, "a") as file:
        file["a"], file["b"] = h5py.SoftLink("/b"), h5py.SoftLink("/a")
    with pytest.raises(Hdf5Error, match="too many links"):
        read_hdf5(path, None, Limits(), h5py)


def test_weights_in_hdf5_with_loops(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    from caffelint.model.weights import WeightsError, read_weights

    path = tmp_path / "w.h5"
    with h5py.File(path, "w") as file:
        layer = file.create_group("data/conv")
        layer.create_dataset("0", shape=(1 << 40,), dtype="f4", chunks=(1024,))
        file["data/loop"] = file["data"]
    with pytest.raises(WeightsError, match="where blobs are numbered"):
        read_weights(path)


def test_a_pipe_in_a_database(folder: Path) -> None:
    (folder / "db").mkdir()
    os.mkfifo(folder / "db" / "data.mdb")
    param = 'data_param { source: "db" batch_size: 1 }'
    (folder / "net.prototxt").write_text(f'layer {{ name: "d" type: "Data" top: "d" {param} }}')
    assert b"Traceback" not in run("net.prototxt", cwd=folder).stderr
