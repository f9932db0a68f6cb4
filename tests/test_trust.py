"""Nothing of what is linted is run, and nothing in it is obeyed by a terminal or a web page."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from caffelint.check import Checker
from caffelint.cli.check import FORMATS
from caffelint.config import Config, ConfigError, read_config
from caffelint.model.weights import WeightsError, read_weights
from caffelint.report import render
from caffelint.resources import load_rules

# With nothing but what Python has loaded before it looks for modules in a directory.
EVIL = """\
import os
open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "RAN"), "w").close()
"""
NET = """\
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 } } }
layer {
  name: "own" type: "Python" bottom: "data" top: "own"
  python_param { module: "evil" layer: "Evil" param_str: "__import__('evil')" }
}
"""
OTHERS = ("click", "yaml", "msgspec", "google", "cel_expr_python", "h5py", "lmdb", "numpy", "PIL")
"""Modules that are not Python's own, which caffelint imports."""
OF_PYTHON = ("sitecustomize", "usercustomize", "caffelint", "re", "json", "typing", "contextlib")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree whose modules leave a file behind when they are imported."""
    (tmp_path / "net.prototxt").write_text(NET)
    (tmp_path / "s.prototxt").write_text('net: "net.prototxt" weights: "w.caffemodel"')
    (tmp_path / "w.caffemodel").write_bytes(pickle.dumps(Path("x")))
    for name in ("evil", "conftest", "setup", *OTHERS):
        (tmp_path / f"{name}.py").write_text(EVIL)
    return tmp_path


def ran(tree: Path, *command: str) -> bool:
    done = subprocess.run(command, cwd=tree, capture_output=True, timeout=60)
    assert b"CL117" in done.stdout, done.stderr
    return (tree / "RAN").exists()


def test_modules_of_the_tree_are_not_imported(tree: Path) -> None:
    arguments = (".", "--format", "concise")
    assert not ran(tree, sys.executable, "-m", "caffelint", *arguments)
    for name in OF_PYTHON:
        (tree / f"{name}.py").write_text(EVIL)
    assert not ran(tree, sys.executable, "-P", "-m", "caffelint", *arguments)
    script = Path(sys.executable).with_name("caffelint")
    if script.exists():
        assert not ran(tree, str(script), *arguments)
    subprocess.run([sys.executable, "evil.py"], cwd=tree, check=True)
    assert (tree / "RAN").exists()  # so it would have been seen


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("select: !!python/object/apply:os.mkdir [RAN]", id="apply"),
        pytest.param("select: !!python/name:os.system", id="name"),
        pytest.param("select: !!python/module:evil", id="module"),
        pytest.param("!!python/object/new:os.mkdir [RAN]", id="new"),
    ],
)
def test_tags_of_yaml_make_no_objects(
    tree: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.chdir(tree)
    (tree / ".caffelint.yaml").write_text(text)
    with pytest.raises(ConfigError, match="could not determine a constructor"):
        read_config(tree / ".caffelint.yaml")
    assert not (tree / "RAN").exists()


class _Pickled:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.mkdir, (self.folder / "RAN",)


@pytest.mark.parametrize("name", ["w.caffemodel", "w.solverstate", "m.binaryproto", "w.npy"])
def test_pickles_are_not_loaded(tree: Path, name: str) -> None:
    (tree / name).write_bytes(pickle.dumps(_Pickled(tree)))
    with pytest.raises(WeightsError):
        read_weights(tree / name)
    assert not (tree / "RAN").exists()


# What names may hold


BELL = "\x1b]0;owned\x07\x1b[31m\x9b2J\u202e"
HOSTILE = 'layer {{ name: "{0}" type: "{0}" bottom: "{0}" top: "t" }}'


def report(name: str, words: str) -> Any:
    text = HOSTILE.format(words.replace("\\", "\\\\").replace('"', '\\"'))
    return Checker(load_rules(), Config()).check_text(name, text.encode("utf-8", "surrogateescape"))


@pytest.mark.parametrize("style", [style for style in FORMATS if style != "html"])
def test_no_terminal_obeys_a_name(style: str) -> None:
    told = render(style, report(f"a{BELL}.prototxt", f"x{BELL}"))
    assert not {char for char in told if not char.isprintable() and char != "\n"}


def test_a_name_is_no_markup_of_markdown() -> None:
    told = render("markdown", report("a|b.prototxt", "<img src=x>|[a](javascript:b)`c`"))
    row = next(line for line in told.splitlines() if line.startswith("| 1:"))
    assert "<img" not in row.replace("\\<", "")
    assert "[a](" not in row
    assert row.replace("\\|", "").count("|") == 4


def test_a_name_is_no_command_of_github() -> None:
    told = render("github", report("a\n::error::b,line=9.prototxt", "x\n::set-env name=a::b%0A"))
    assert all(
        line.startswith(("::error file=", "::warning file=", "::notice file="))
        for line in told.splitlines()
    )
    assert "::set-env" not in {line[:9] for line in told.splitlines()}


@pytest.mark.parametrize("style", ["junit", "checkstyle"])
def test_a_name_is_no_markup_of_xml(style: str) -> None:
    told = render(style, report("a&b<c.prototxt", "]]><evil a='&x;'>"))
    assert "<evil" not in told
    assert "c.prototxt<" not in told.replace("&lt;", "")


def test_imports_of_a_proto_stay_in_its_folder(tree: Path) -> None:
    pytest.importorskip("grpc_tools")
    from caffelint.ownproto import ProtoError, compile_proto

    (tree / "sub").mkdir()
    (tree / "outside.proto").write_text('syntax = "proto2"; message Secret {}')
    for name in ("/etc/passwd", "../outside.proto", str(tree / "outside.proto")):
        path = tree / "sub" / "caffe.proto"
        path.write_text(f'syntax = "proto2"; import "{name}";')
        with pytest.raises(ProtoError) as error:
            compile_proto(path)
        assert "root:" not in str(error.value)
