"""``caffelint upgrade`` as a process: standard input, what is left as it is, and why."""

from __future__ import annotations

from pathlib import Path

from .running import run, write

OLD, NEW = 'layers { name: "r" type: RELU }\n', 'layer { name: "r" type: "ReLU" }\n'


def test_standard_input_is_printed_in_the_current_form(tmp_path: Path) -> None:
    done = run("upgrade", "-", cwd=tmp_path, stdin=OLD.encode())
    assert (done.returncode, done.stdout) == (0, NEW.encode())
    assert done.stderr == b"<stdin>: upgraded\n"


def test_what_is_neither_net_nor_solver_is_left(tmp_path: Path) -> None:
    write(tmp_path, {"map.prototxt": 'item { name: "cat" }', "old.prototxt": OLD})
    done = run("upgrade", "map.prototxt", "old.prototxt", cwd=tmp_path)
    assert done.returncode == 1
    assert b"map.prototxt: left as it is: neither a net nor a solver\n" in done.stderr
    assert (tmp_path / "map.prototxt").read_text() == 'item { name: "cat" }'
    assert (tmp_path / "old.prototxt").read_text() == NEW


def test_of_many_reasons_the_first_are_told(tmp_path: Path) -> None:
    write(tmp_path, {"old.prototxt": OLD + "nonsense: 1\n" * 9})
    done = run("upgrade", "old.prototxt", cwd=tmp_path)
    assert done.returncode == 1
    lines = done.stderr.decode().splitlines()
    assert lines[0].startswith("old.prototxt: left as it is: ")
    assert [line[:17] for line in lines[1:4]] == [f"  old.prototxt:{row}:" for row in (2, 3, 4)]
    assert lines[4:] == ["  and 6 more"]
