"""Completion as the shells ask for it, and in a real bash."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .running import SOUND, run, write


def completed(words: str, cwd: Path) -> list[str]:
    """What bash is told for a line whose last word is being written."""
    done = run(
        cwd=cwd, COMP_WORDS=f"caffelint {words}", COMP_CWORD=str(words.count(" ") + 1),
        _CAFFELINT_COMPLETE="bash_complete",
    )  # fmt: skip
    assert done.stderr == b""
    return done.stdout.decode().split()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, {"solver.prototxt": SOUND, "net.prototxt": SOUND, "notes.txt": ""})
    return tmp_path


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        pytest.param("expl", ["plain,explain"], id="command"),
        pytest.param("s", ["plain,show", "plain,solver.prototxt"], id="command-or-file"),
        pytest.param("nets/", ["file,nets/"], id="file"),
        pytest.param("--stat", ["plain,--statistics"], id="option-without-command"),
        pytest.param("check --wa", ["plain,--watch"], id="option"),
        pytest.param("--select missing-w", ["plain,missing-weight-filler"], id="rule-name"),
        pytest.param("check --ignore cl20", [f"plain,CL20{n}" for n in range(1, 6)], id="rule-id"),
        pytest.param("--select learning-", ["plain,learning-rate"], id="topic"),
        pytest.param("explain unknown-bo", ["plain,unknown-bottom"], id="rule-to-explain"),
        pytest.param("check --format sa", ["plain,sarif"], id="format"),
        pytest.param("check --context f", ["plain,finetune"], id="choice"),
        pytest.param("--dialect nvc", ["plain,nvcaffe"], id="dialect"),
        pytest.param("check n", ["file,n"], id="file-of-a-command"),
        pytest.param("completion z", ["plain,zsh"], id="shell"),
    ],
)
def test_words(folder: Path, words: str, expected: list[str]) -> None:
    assert completed(words, folder) == expected


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell(folder: Path, shell: str) -> None:
    done = run("completion", shell, cwd=folder)
    assert done.returncode == 0
    assert f"_CAFFELINT_COMPLETE={shell}_complete".encode() in done.stdout


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_in_bash(folder: Path) -> None:
    bin_ = folder / "bin"
    bin_.mkdir()
    (bin_ / "caffelint").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m caffelint "$@"\n')
    (bin_ / "caffelint").chmod(0o755)
    script = f"""
        PATH={bin_}:$PATH
        eval "$(caffelint completion bash)"
        complete -p caffelint
        COMP_WORDS=(caffelint explain unknown-bo) COMP_CWORD=2
        _caffelint_completion caffelint
        echo "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "--norc", "-c", script], capture_output=True, cwd=folder)
    assert done.stderr == b""
    first, second = done.stdout.decode().splitlines()
    assert first.endswith("-F _caffelint_completion caffelint")
    assert second == "unknown-bottom"
