"""caffelint init: what it finds, what it writes, and that what it writes can be used."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from caffelint.cli import cli
from caffelint.config import read_config

from .running import BROKEN, SOLVER, SOUND, run, write

SSD = """\
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 } } }
layer { name: "norm" type: "Normalize" bottom: "data" top: "norm"
        norm_param { across_spatial: false } }
"""
CONFIG = ".caffelint.yaml"
CAFFE = {"ext/caffe/src/caffe/proto/caffe.proto": "", "ext/caffe/examples/net.prototxt": BROKEN}


def init(folder: Path) -> str:
    done = run("init", cwd=folder)
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout.decode()


@pytest.mark.parametrize(
    ("files", "told", "set_to"),
    [
        pytest.param({}, "found 0 nets, 0 solvers\n", {}, id="nothing"),
        pytest.param({"a/net.prototxt": SOUND,
                      "a/solver.prototxt": SOLVER.format(net="net.prototxt"),
                      "labels.prototxt": 'item { name: "cat" }'},
                     "found 1 net, 1 solver, 1 file of another kind\n", {}, id="net-and-solver"),
        pytest.param({"net.prototxt": SOUND, **CAFFE},
                     "found 1 net, 0 solvers\nexcluded: ext/caffe (Caffe's own source)\n",
                     {"exclude": ["ext/caffe"]}, id="caffe"),
        pytest.param({"third_party/[x]/net.prototxt": BROKEN, "vendor/notes.txt": ""},
                     "excluded: third_party (code of others)\n", {"exclude": ["third_party"]},
                     id="vendored"),
        pytest.param({"vendor/a.prototxt": BROKEN, "vendor/b/c.prototxt": BROKEN},
                     "found 0 nets, 0 solvers\nexcluded: vendor (code of others)\n",
                     {"exclude": ["vendor"]}, id="several-files-of-others"),
        pytest.param({"a/solver.prototxt": "train_net_param { name: 'n' }\nbase_lr: 0.1\n"},
                     "found 0 nets, 1 solver\n", {}, id="solver-with-its-net-inside"),
        pytest.param({"ssd.prototxt": SSD, "net.prototxt": SOUND},
                     "written for ssd, a fork of Caffe: 1 file\n", {"dialect": "ssd"}, id="fork"),
        pytest.param({"nets/a.prototxt": SOUND,
                      "nets/solver.prototxt": SOLVER.format(net="nets/a.prototxt")},
                     "Caffe is started in .:", {"root": "."}, id="root"),
        pytest.param({"nets/solver.prototxt": SOLVER.format(net="nets/a.prototxt")},
                     "found 0 nets, 1 solver\n", {}, id="net-is-missing"),
    ],
)  # fmt: skip
def test_what_is_found_is_told_and_set(
    tmp_path: Path, files: dict[str, str], told: str, set_to: dict[str, Any]
) -> None:
    write(tmp_path, files)
    assert told in init(tmp_path)
    config = read_config(tmp_path / CONFIG)
    assert config.dialect == set_to.get("dialect", "auto")
    root = set_to.get("root")
    assert (config.root and Path(config.root).resolve()) == (tmp_path / root if root else None)
    assert config.exclude == [f"{tmp_path}/{one}" for one in set_to.get("exclude", [])]


def test_the_config_does_what_it_says(tmp_path: Path) -> None:
    write(tmp_path, {"net.prototxt": SOUND, "third_party/a.prototxt": BROKEN, **CAFFE})
    assert run(".", cwd=tmp_path).returncode == 1
    init(tmp_path)
    done = run(".", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, b"no findings in 1 file\n")
    assert run("third_party/a.prototxt", cwd=tmp_path).returncode == 1  # named itself


def test_what_stands_as_a_comment_is_a_config_too(tmp_path: Path) -> None:
    init(tmp_path)
    text = (tmp_path / CONFIG).read_text()
    settings = re.findall(r"^# ([a-z-]+: \S.*)$", text, re.MULTILINE)
    assert {one.split(":")[0] for one in settings} == {
        "context", "data", "dialect", "exclude", "fail-on", "ignore", "options", "overrides",
        "root", "severity", "shapes",
    }  # fmt: skip
    (tmp_path / CONFIG).write_text("\n".join(settings))
    config = read_config(tmp_path / CONFIG)
    assert (config.context, config.fail_on, config.data) == ("scratch", "error", False)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param(CONFIG, "ignore: [CL1]\n", id="yaml"),
        pytest.param("pyproject.toml", "[tool.caffelint]\nignore = ['CL1']\n", id="toml"),
    ],
)
def test_a_config_that_is_there_is_left_as_it_is(tmp_path: Path, name: str, text: str) -> None:
    write(tmp_path, {name: text})
    assert init(tmp_path) == f"{name} is there already, and was left as it is\n"
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [(name, text)]


def test_a_link_that_leads_nowhere_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / CONFIG).symlink_to("elsewhere.yaml")
    assert "is there already" in init(tmp_path)
    assert not (tmp_path / "elsewhere.yaml").exists()


def test_a_second_time_changes_nothing(tmp_path: Path) -> None:
    write(tmp_path, {"net.prototxt": SOUND, "pyproject.toml": "[tool.ruff]\n"})
    init(tmp_path)
    text = (tmp_path / CONFIG).read_bytes()
    assert init(tmp_path) == f"{CONFIG} is there already, and was left as it is\n"
    assert (tmp_path / CONFIG).read_bytes() == text
    assert len(list(tmp_path.iterdir())) == 3  # nothing left over


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (".pre-commit-config.yaml", "  pre-commit hook: "),
        (".github/workflows/test.yml", "  GitHub action: "),
        (".gitlab-ci.yml", "  GitLab job: "),
        (".git/HEAD", "  pre-commit hook, GitHub action, GitLab job: "),
    ],
)
def test_the_next_steps_are_those_of_what_is_used(tmp_path: Path, name: str, told: str) -> None:
    write(tmp_path, {name: "", ".git/config": ""})
    assert told in init(tmp_path)


def test_a_config_that_comes_in_between_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The survey of a large tree takes a while, in which somebody else may write one."""
    from caffelint import survey

    looked = survey.survey

    def slow(directory: Path) -> survey.Survey:
        (tmp_path / CONFIG).write_text("ignore: [CL1]\n")
        return looked(directory)

    monkeypatch.setattr(survey, "survey", slow)
    result = CliRunner().invoke(cli, ["init", str(tmp_path)])
    assert result.exit_code == 0
    assert "is there already, and was left as it is" in result.output
    assert (tmp_path / CONFIG).read_text() == "ignore: [CL1]\n"
