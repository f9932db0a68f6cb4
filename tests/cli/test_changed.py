"""--changed: what differs from a commit, and what hangs on it, in real repositories of git."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from caffelint.git import GitError, Repository

from .running import BROKEN, SOLVER, SOUND, run, write

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")

TRAIN = """\
layer { name: "data" type: "Data" top: "data" top: "label"
        data_param { source: "train_lmdb" batch_size: 8 } }
layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip"
        inner_product_param { num_output: 2 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" }
"""
DEPLOY = """\
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 } } }
layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip"
        inner_product_param { num_output: 2 } }
"""
LISTED = """\
layer { name: "data" type: "ImageData" top: "data" top: "label"
        image_data_param { source: "lists/a list.txt" batch_size: 8 } }
"""
FILES = {
    "nets/a/train.prototxt": TRAIN,
    "nets/a/deploy.prototxt": DEPLOY,
    "nets/a/solver.prototxt": SOLVER.format(net="nets/a/train.prototxt"),
    "nets/b/net.prototxt": SOUND,
    "nets/b/solver.prototxt": SOLVER.format(net="net.prototxt"),
    "listed.prototxt": LISTED,
    "lists/a list.txt": "one.jpg 0\n",
    "train.sh": "caffe train --solver nets/b/solver.prototxt\n",
    "README": "nothing of interest\n",
    "other/labels.prototxt": 'item { name: "cat" }',
    "other/.caffelint.yaml": "ignore: [CL5]\n",
    "other/net.prototxt": SOUND,
}


def git(*arguments: str, cwd: Path) -> str:
    command = ["git", "-c", "user.name=n", "-c", "user.email=n@example.com", *arguments]
    return subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    top = tmp_path / "a repository"
    top.mkdir()
    write(top, FILES)
    git("init", "-q", cwd=top)
    git("add", "-A", cwd=top)
    git("commit", "-q", "-m", "first", cwd=top)
    return top


def checked(*arguments: str | bytes, cwd: Path) -> list[str]:
    """Names of the checked files: each is a test suite in the JUnit report."""
    done = run("check", "--changed", *arguments, "--format", "junit", cwd=cwd)
    assert done.returncode in (0, 1), done.stderr
    assert b"Traceback" not in done.stderr
    lines = done.stdout.decode().splitlines()
    return sorted(line.split('name="')[1].split('"')[0] for line in lines if "<testsuite " in line)


def append(path: Path, text: str = "# more\n") -> None:
    with path.open("a") as file:
        file.write(text)


A = ["nets/a/solver.prototxt", "nets/a/train.prototxt"]
B = ["nets/b/net.prototxt", "nets/b/solver.prototxt"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param(lambda top: None, [], id="nothing"),
        pytest.param(lambda top: append(top / "nets/b/net.prototxt"), B, id="net-and-its-solver"),
        pytest.param(lambda top: append(top / "nets/b/solver.prototxt"), B, id="solver"),
        pytest.param(lambda top: append(top / "nets/a/train.prototxt"),
                     ["nets/a/deploy.prototxt", *A], id="training-net-and-deploy-net"),
        pytest.param(lambda top: append(top / "nets/a/deploy.prototxt"),
                     ["nets/a/deploy.prototxt"], id="deploy-net"),
        pytest.param(lambda top: append(top / "lists/a list.txt", "x 1\n"), ["listed.prototxt"],
                     id="list"),
        pytest.param(lambda top: (top / "lists/a list.txt").unlink(), ["listed.prototxt"],
                     id="list-is-gone"),
        pytest.param(lambda top: (top / "nets/b/net.prototxt").unlink(), B[1:], id="net-is-gone"),
        pytest.param(lambda top: write(top, {"train_lmdb/data.mdb": ""}), A, id="database"),
        pytest.param(lambda top: append(top / "train.sh"), B, id="script"),
        pytest.param(lambda top: append(top / "README"), [], id="of-no-interest"),
        pytest.param(lambda top: append(top / "other/.caffelint.yaml"), ["other/net.prototxt"],
                     id="config"),
        pytest.param(lambda top: write(top, {"other/pyproject.toml": "[tool.ruff]\n"}), [],
                     id="config-of-others"),
        pytest.param(lambda top: write(top, {"new net.prototxt": SOUND}), ["new net.prototxt"],
                     id="untracked"),
        pytest.param(lambda top: write(top, {"x.prototxt": SOUND, ".gitignore": "x.*\n"}), [],
                     id="ignored"),
        pytest.param(lambda top: git("mv", "nets/b/net.prototxt", "nets/b/new.prototxt", cwd=top),
                     ["nets/b/new.prototxt", B[1]], id="renamed"),
        pytest.param(lambda top: os.utime(top / "nets/b/net.prototxt", (1, 1)), [], id="touched"),
        pytest.param(lambda top: (top / "nets/b/net.prototxt").chmod(0o755), B, id="mode"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("staged", [False, True])
def test_what_has_changed_is_checked_with_what_hangs_on_it(
    repository: Path, change: Callable[[Path], object], expected: list[str], staged: bool
) -> None:
    change(repository)
    if staged:
        git("add", "-A", cwd=repository)
    assert checked(cwd=repository) == expected


def test_since_an_earlier_commit(repository: Path) -> None:
    append(repository / "nets/b/net.prototxt")
    git("commit", "-aqm", "second", cwd=repository)
    append(repository / "listed.prototxt")
    assert checked(cwd=repository) == ["listed.prototxt"]
    assert checked("HEAD~1", cwd=repository) == ["listed.prototxt", *B]
    assert checked("HEAD~1", "nets", cwd=repository) == B


def test_from_a_directory_below(repository: Path) -> None:
    append(repository / "nets/b/net.prototxt")
    append(repository / "listed.prototxt")
    names = ["../../listed.prototxt", "../../nets/b/net.prototxt", "../../nets/b/solver.prototxt"]
    assert checked(cwd=repository / "nets" / "b") == names
    assert checked("HEAD", ".", cwd=repository / "nets" / "b") == [
        "net.prototxt", "solver.prototxt",
    ]  # fmt: skip


def test_before_the_first_commit(tmp_path: Path) -> None:
    write(tmp_path, {"net.prototxt": SOUND, "other.prototxt": SOUND})
    git("init", "-q", cwd=tmp_path)
    git("add", "net.prototxt", cwd=tmp_path)
    assert checked(cwd=tmp_path) == ["net.prototxt", "other.prototxt"]


def test_names_that_are_no_text(repository: Path) -> None:
    name = os.fsdecode(b"n\xff\n.prototxt")
    try:
        (repository / name).write_text(BROKEN)
    except OSError:
        pytest.skip("the file system takes only text as names")
    done = run("--changed", "--format", "concise", cwd=repository)
    assert done.returncode == 1
    assert b"CL101" in done.stdout


def test_a_path_may_stand_where_the_commit_may(repository: Path) -> None:
    append(repository / "nets/b/net.prototxt")
    append(repository / "listed.prototxt")
    assert checked("nets", cwd=repository) == B
    git("branch", "nets", cwd=repository)
    done = run("--changed", "nets", cwd=repository)
    assert done.returncode == 2
    assert b"both a commit and a path" in done.stderr
    assert checked("HEAD", "nets", cwd=repository) == B


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        pytest.param(["--changed", "no-such"], 'there is no commit "no-such"', id="no-commit"),
        pytest.param(["--changed", "-"], 'there is no commit "-"', id="a-dash"),
        pytest.param(["--changed", "HEAD:README"], "there is no commit", id="a-file"),
        pytest.param(["--changed", "HEAD", "-"], "goes with files", id="standard-input"),
        pytest.param(["--changed", "HEAD", "--write-baseline", "x"], "without", id="baseline"),
    ],
)
def test_what_is_no_commit_is_refused(repository: Path, arguments: list[str], reason: str) -> None:
    done = run("check", *arguments, cwd=repository)
    assert done.returncode == 2
    assert reason in done.stderr.decode()
    assert not (repository / "x").exists()


@pytest.mark.parametrize("revision", ["--output=x", "-p", "", "HEAD\0", "HEAD --output=x"])
def test_no_commit_is_an_option_of_git(repository: Path, revision: str) -> None:
    with pytest.raises(GitError, match="there is no commit"):
        Repository(repository).changed(revision)
    assert not (repository / "x").exists()


def test_without_a_repository(tmp_path: Path) -> None:
    done = run("--changed", cwd=tmp_path, GIT_CEILING_DIRECTORIES=str(tmp_path.parent))
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"caffelint: git: not a git repository" in done.stderr


def test_in_the_directory_of_git_itself(repository: Path) -> None:
    done = run("--changed", cwd=repository / ".git")
    assert done.returncode == 2
    assert b"caffelint: git: this operation must be run in a work tree" in done.stderr


def test_without_git(repository: Path) -> None:
    done = run("--changed", cwd=repository, PATH=str(repository))
    assert done.returncode == 2
    assert done.stderr == b"caffelint: --changed needs git, which is not installed\n"


def test_a_filter_whose_name_would_end_an_option_of_git(repository: Path) -> None:
    git("config", "filter.a=b.clean", "touch was-run", cwd=repository)
    done = run("--changed", cwd=repository)
    assert done.returncode == 2
    assert b"the config of git has a filter with a strange name: 'filter.a=b.clean'" in done.stderr


@pytest.mark.parametrize(
    ("settings", "attributes"),
    [
        pytest.param({"core.fsmonitor": "{}"}, "", id="file-system-monitor"),
        pytest.param({"filter.f.clean": "{}", "filter.f.process": "{}"}, "* filter=f", id="filter"),
        pytest.param({"diff.external": "{}", "diff.d.command": "{}", "diff.d.textconv": "{}"},
                     "* diff=d", id="diff"),
        pytest.param({"core.hooksPath": "hooks", "core.pager": "{}"}, "", id="hooks-and-pager"),
    ],
)  # fmt: skip
def test_nothing_that_a_repository_names_is_run(
    repository: Path, settings: dict[str, str], attributes: str
) -> None:
    script = repository / ".git" / "script"
    script.write_text(f"#!/bin/sh\ntouch '{repository}/.git/was-run'\ncat\n")
    script.chmod(0o755)
    (repository / ".git" / "hooks").mkdir(exist_ok=True)
    shutil.copy(script, repository / ".git" / "hooks" / "post-index-change")
    (repository / ".git" / "info").mkdir(exist_ok=True)
    (repository / ".git" / "info" / "attributes").write_text(attributes)
    for name, value in settings.items():
        git("config", name, value.format(f"'{script}'"), cwd=repository)
    append(repository / "nets/b/net.prototxt")
    os.utime(repository / "listed.prototxt", (1, 1))
    assert checked(cwd=repository) == B
    assert not (repository / ".git" / "was-run").exists()
