"""The GitHub action, the GitLab job and the pre-commit hooks, their commands run by hand."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from .running import BROKEN, SOUND, write

ROOT = Path(__file__).parent.parent.parent
ACTION = ROOT / "action.yml"
IN_BASH = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail"]

pytestmark = [
    pytest.mark.skipif(not ACTION.exists(), reason="runs in a checkout only"),
    pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash"),
]


class Runner:
    """As much of GitHub's runner as runs the scripts of a composite action."""

    def __init__(self, folder: Path, **inputs: str) -> None:
        self.action: dict[str, Any] = yaml.safe_load(ACTION.read_text(encoding="utf-8"))
        given = {name: one["default"] for name, one in self.action["inputs"].items()} | inputs
        assert given.keys() == self.action["inputs"].keys()
        self.workspace = folder / "work space"
        self.temp = folder / "temp"
        for path in (self.workspace, self.temp):
            path.mkdir()
        self.summary = folder / "summary"
        self.values = {f"inputs.{name}": value for name, value in given.items()}
        self.values["github.action_path"] = str(ROOT)
        self.path = os.environ["PATH"]

    def step(self, id_: str) -> subprocess.CompletedProcess[str]:
        """Run a step by its id or name; its outputs are values for later ones."""
        (step,) = (
            one for one in self.action["runs"]["steps"] if id_ in (one.get("id"), one["name"])
        )
        assert step["shell"] == "bash"
        output = self.temp / f"output-{id_}"
        output.write_text("")
        environment = {
            "PATH": self.path, "RUNNER_TEMP": str(self.temp), "GITHUB_OUTPUT": str(output),
            "GITHUB_STEP_SUMMARY": str(self.summary),
            **{name: self._filled(text) for name, text in step["env"].items()},
        }  # fmt: skip
        done = subprocess.run(
            [*IN_BASH, "-c", step["run"]], cwd=self.workspace, env=environment, timeout=120,
            capture_output=True, text=True,
        )  # fmt: skip
        for line in output.read_text().splitlines():
            name, _, value = line.partition("=")
            self.values[f"steps.{id_}.outputs.{name}"] = value
        return done

    def _filled(self, text: str) -> str:
        return re.sub(r"\$\{\{ ([\w.-]+) \}\}", lambda match: self.values[match[1]], text)

    def checked(self) -> tuple[str, subprocess.CompletedProcess[str]]:
        """Run all but the installation; gives what was printed, and how the last step ended."""
        command = self.temp / "caffelint"
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m caffelint "$@"\n')
        command.chmod(0o755)
        self.values["steps.install.outputs.command"] = str(command)
        done = self.step("check")
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr, self.step("Result")


def test_findings_are_told_everywhere_and_fail_the_last_step(tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    write(runner.workspace, {"nets/net.prototxt": BROKEN})
    printed, last = runner.checked()
    assert "::error file=nets/net.prototxt,line=3," in printed
    assert "CL101" in runner.summary.read_text()
    sarif = Path(runner.values["steps.check.outputs.sarif-file"])
    assert json.loads(sarif.read_bytes())["runs"][0]["results"][0]["ruleId"] == "CL101"
    assert last.returncode == 1
    assert runner.values["steps.check.outputs.status"] == "1"


def test_a_sound_net_passes(tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    write(runner.workspace, {"net.prototxt": SOUND})
    assert runner.checked()[1].returncode == 0


def test_a_run_that_fails_has_no_report(tmp_path: Path) -> None:
    runner = Runner(tmp_path, paths="missing.prototxt")
    printed, last = runner.checked()
    assert "missing.prototxt: not found" in printed
    assert last.returncode == 2
    assert "steps.check.outputs.sarif-file" not in runner.values


@pytest.mark.parametrize(
    ("inputs", "status"),
    [
        pytest.param({"paths": "a b.prototxt"}, 1, id="a-path-with-a-blank"),
        pytest.param({"paths": "c.prototxt\r\n\n  \nd"}, 2, id="blank-lines-are-no-paths"),
        pytest.param({"paths": "c.prototxt\nd\n"}, 0, id="several-paths"),
        pytest.param(
            {"paths": "c.prototxt", "args": "--select  CL1\n--context scratch"}, 0, id="args"
        ),
        pytest.param({"paths": "a b.prototxt", "args": "--ignore unknown-bottom"}, 0, id="ignored"),
        pytest.param({"paths": "a b.prototxt", "args": "--ignore *"}, 2, id="no-names-of-files"),
        pytest.param({"fail-on": "error"}, 1, id="fail-on"),
        pytest.param({"fail-on": "nothing"}, 2, id="fail-on-what-there-is-not"),
        pytest.param({"paths": "--version"}, 2, id="a-path-like-an-option"),
        pytest.param(
            {"paths": "$(touch was-run)\n`touch was-run`\n;touch was-run"},
            2,
            id="paths-with-commands",
        ),
        pytest.param(
            {"args": "$(touch was-run) ;touch was-run '\"`touch was-run`"},
            2,
            id="args-with-commands",
        ),
        pytest.param(
            {"fail-on": "x;touch was-run $(touch was-run)"}, 2, id="fail-on-with-commands"
        ),
    ],
)
def test_inputs(tmp_path: Path, inputs: dict[str, str], status: int) -> None:
    runner = Runner(tmp_path, **inputs)
    write(runner.workspace, {"a b.prototxt": BROKEN, "c.prototxt": SOUND, "d/e.prototxt": SOUND})
    assert runner.checked()[1].returncode == status
    assert not (runner.workspace / "was-run").exists()


@pytest.mark.parametrize(
    ("version", "installed"),
    [
        pytest.param("", str(ROOT), id="the-action-itself"),
        pytest.param("0.1.0", "caffelint==0.1.0", id="from-PyPI"),
        pytest.param("; touch was-run $(touch was-run)",
                     "caffelint==; touch was-run $(touch was-run)", id="with-commands"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("bin_", ["bin", "Scripts"])
def test_what_is_installed(tmp_path: Path, version: str, installed: str, bin_: str) -> None:
    runner = Runner(tmp_path, version=version)
    fake = tmp_path / "fake"
    fake.mkdir()
    (fake / "python").write_text(
        "#!/bin/sh\n"
        f"[ $2 = venv ] || {{ shift 3; printf '%s\\n' \"$@\" > '{tmp_path}/args'; exit; }}\n"
        f'mkdir -p "$3/{bin_}" && cp "$0" "$3/{bin_}/python"\n'
    )
    (fake / "python").chmod(0o755)
    runner.path = f"{fake}:{runner.path}"
    done = runner.step("install")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "args").read_text().splitlines()[-1] == installed
    assert (
        runner.values["steps.install.outputs.command"]
        == f"{runner.temp}/caffelint/{bin_}/caffelint"
    )
    assert not (runner.workspace / "was-run").exists()


def test_no_script_holds_an_expression() -> None:
    for step in yaml.safe_load(ACTION.read_text(encoding="utf-8"))["runs"]["steps"]:
        assert "${{" not in step.get("run", "")


def test_the_page_names_all_inputs() -> None:
    page = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
    action = yaml.safe_load(ACTION.read_text(encoding="utf-8"))
    named = re.findall(r"^\| `([a-z-]+)` \|", page, re.MULTILINE)
    assert named == list(action["inputs"])
    for name in action["outputs"]:
        assert f"`{name}`" in page
    for text in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL):
        for job in yaml.safe_load(text).get("jobs", {}).values():
            for step in job["steps"]:
                if step["uses"].startswith("caffelint/"):
                    assert step["with"].keys() <= action["inputs"].keys()


def test_the_job_for_gitlab(tmp_path: Path) -> None:
    document = yaml.safe_load((ROOT / "ci" / "gitlab.yml").read_text(encoding="utf-8"))
    job = document["caffelint"]
    write(tmp_path, {"nets/net.prototxt": BROKEN})
    command = job["script"][-1].replace("caffelint check", f'"{sys.executable}" -m caffelint check')
    assert command != job["script"][-1]
    environment = {**os.environ, **document["variables"]}
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, env=environment, timeout=120)
    assert done.returncode == 1
    reports = job["artifacts"]["reports"]
    (finding,) = json.loads((tmp_path / reports["codequality"]).read_bytes())
    assert finding["location"]["path"] == "nets/net.prototxt"
    assert "<testsuite " in (tmp_path / reports["junit"]).read_text()


HOOKS = {
    one["id"]: one for one in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
} if ACTION.exists() else {}  # fmt: skip
MISSPELT = SOUND.replace("input_param", "input_parm")


def hook(id_: str, *names: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    program, *words = shlex.split(HOOKS[id_]["entry"])
    assert program == "caffelint"
    command = [sys.executable, "-m", "caffelint", *words, *names]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize(
    ("id_", "text", "status", "after"),
    [
        pytest.param("caffelint", SOUND, 0, SOUND, id="sound"),
        pytest.param("caffelint", MISSPELT, 1, MISSPELT, id="misspelt"),
        pytest.param("caffelint-fix", SOUND, 0, SOUND, id="sound-fix"),
        # pre-commit itself fails a hook that has changed a file.
        pytest.param("caffelint-fix", MISSPELT, 0, SOUND, id="misspelt-fix"),
        pytest.param("caffelint-fix", BROKEN, 1, BROKEN, id="broken-fix"),
    ],
)
def test_hooks(tmp_path: Path, id_: str, text: str, status: int, after: str) -> None:
    write(tmp_path, {"a b.prototxt": text, "sound.prototxt": SOUND})
    done = hook(id_, "a b.prototxt", "sound.prototxt", cwd=tmp_path)
    assert done.returncode == status, done.stdout + done.stderr
    assert (tmp_path / "a b.prototxt").read_text() == after


def test_hooks_take_nets_and_solvers() -> None:
    for one in HOOKS.values():
        assert one["require_serial"]
        assert re.search(one["files"], "nets/train.prototxt")
        assert not re.search(one["files"], "nets/train.prototxt.py")
