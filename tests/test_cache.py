"""Results of earlier runs: used where nothing has changed, and only there."""

from __future__ import annotations

import ast
import os
import random
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import run
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from caffelint import cache as caching
from caffelint import check as checking
from caffelint.cache import Results
from caffelint.check import Checker
from caffelint.config import Configs
from caffelint.core import looking
from caffelint.model.weights import WeightsError
from caffelint.report import render
from caffelint.resources import load_own_rules, load_rules, load_schema

from .data.make import datum, lmdb

NET = """\
name: "n"
layer { name: "data" type: "Data" top: "data" top: "label" include { phase: TRAIN }
  data_param { source: "lmdb" batch_size: 4 } transform_param { mean_file: "mean.binaryproto" } }
layer { name: "list" type: "ImageData" top: "other" image_data_param { source: "list.txt" batch_size: 2 } }
layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" inner_product_param { num_output: 2 } }
layer { name: "fc" type: "InnerProduct" bottom: "ip" top: "fc" inner_product_param { num_output: 2 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc" bottom: "label" top: "loss" }
"""  # noqa: E501
DEPLOY = """\
name: "n"
layer { name: "in" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 9 dim: 9 } } }
layer { name: "ip1" type: "InnerProduct" bottom: "data" top: "ip" inner_product_param { num_output: 2 } }
layer { name: "fc" type: "InnerProduct" bottom: "ip" top: "fc" inner_product_param { num_output: 2 } }
"""  # noqa: E501
SOLVER = (
    'net: "train.prototxt" base_lr: 0.01 lr_policy: "fixed" max_iter: 9 snapshot_prefix: "s/n"\n'
)
RULE = """\
id: MY001
name: loss-named-badly
summary: A loss is not called my_loss
on: layer
types: [SoftmaxWithLoss]
when: layer.name != "my_loss"
severity: info
message: '{layer.name} is a loss'
why: Names tell.
examples:
  - good: |
      layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 } } }
"""


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two projects, looked at from their directory; results are kept for the few bytes of them."""
    monkeypatch.setattr(checking, "_BYTES_FOR_ONE", 1)
    monkeypatch.setattr(looking, "_SETTLED_NS", 0)
    monkeypatch.setenv("CAFFELINT_CACHE_DIR", str(tmp_path / "cache"))
    for project in ("a", "b"):
        folder = tmp_path / "tree" / project
        folder.mkdir(parents=True)
        (folder / "train.prototxt").write_text(NET)
        (folder / "deploy.prototxt").write_text(DEPLOY)
        (folder / "solver.prototxt").write_text(SOLVER)
        (folder / "list.txt").write_text("one.png 0\ntwo.png 1\n")
    monkeypatch.chdir(tmp_path / "tree")
    return tmp_path / "tree"


def told(
    cached: bool, paths: tuple[str, ...] = (".",), **given: object
) -> tuple[list[object], int]:
    """All that a run tells, and how many parts it made."""
    configs = Configs(given)
    checker = Checker(load_rules(), configs)
    made = 0

    def counted(work: Callable[[Checker, object], object]) -> Callable[[Checker, object], object]:
        def counting(worker: Checker, item: object) -> object:
            nonlocal made
            made += 1
            return work(worker, item)

        counting.__name__ = work.__name__
        return counting

    if cached:
        checker.results = lambda: Results(Path(os.environ["CAFFELINT_CACHE_DIR"]), configs.given)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("check_part", "check_deploy"):
            patch.setattr(Checker, name, counted(getattr(Checker, name)))
        report = checker.check(map(Path, paths))
    styles = ("json", "sarif", "rdjson", "text", "gitlab")
    told = [render(style, report, expand=True) for style in styles]
    return [*told, report.files, checker.skipped, checker.missing], made


def test_nothing_is_made_twice(tree: Path) -> None:
    first, made = told(cached=True)
    assert made == 6
    assert "deploy-layer-renamed" in str(first)
    again, made = told(cached=True)
    assert (again, made) == (first, 0)
    assert told(cached=False)[0] == first


Content = str | bytes | Callable[[], bytes]


def database(*labels: int) -> bytes:
    """What an LMDB of images with these labels holds."""
    with TemporaryDirectory() as folder:
        records = [datum(label=label) for label in labels]
        return (lmdb(Path(folder) / "db", records) / "data.mdb").read_bytes()


def write(name: str, text: Content) -> Callable[[], None]:
    def change() -> None:
        content = text() if callable(text) else text
        data = content.encode() if isinstance(content, str) else content
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    return change


def same_size_and_time() -> None:
    path = Path("a/train.prototxt")
    before = path.stat()
    path.write_text(NET.replace("num_output: 2", "num_output: 9"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def list_as_pipe() -> None:
    Path("a/list.txt").unlink()
    os.mkfifo("a/list.txt")


@pytest.mark.parametrize(
    ("change", "remade"),
    [
        pytest.param(write("a/train.prototxt", NET + "# more\n"), 1, id="net"),
        pytest.param(same_size_and_time, 1, id="net-with-the-same-size-and-time"),
        pytest.param(write("a/solver.prototxt", SOLVER + "iter_size: 2\n"), 1, id="solver"),
        pytest.param(write("a/deploy.prototxt", DEPLOY + "# more\n"), 2, id="deploy"),
        pytest.param(lambda: Path("a/train.prototxt").unlink(), 1, id="net-that-goes"),
        pytest.param(write("a/train2.prototxt", NET), 2, id="net-that-comes"),
        pytest.param(write("a/s/x", ""), 1, id="snapshot-directory-that-comes"),
        pytest.param(write("s/x", ""), 2, id="snapshot-directory-above-that-comes"),
        pytest.param(write("a/list.txt", "one.png 0\n\n"), 1, id="list"),
        pytest.param(lambda: Path("a/list.txt").unlink(), 1, id="list-that-goes"),
        pytest.param(list_as_pipe, 1, id="list-that-is-a-pipe"),
        pytest.param(write("a/one.png", b"no image"), 1, id="image-that-comes"),
        pytest.param(write("a/lmdb/data.mdb", b"no database"), 1, id="database-that-comes"),
        pytest.param(write("a/mean.binaryproto", b"x"), 1, id="mean-that-comes"),
        pytest.param(
            write("a/go.sh", "caffe train --solver=solver.prototxt --weights=w.caffemodel\n"),
            1,
            id="launch-script-that-comes",
        ),
        pytest.param(write("a/go.sh", "echo hello\n"), 0, id="script-about-something-else"),
        pytest.param(write("a/notes.md", "nothing\n"), 0, id="file-that-nobody-reads"),
        pytest.param(write("a/.caffelint.yaml", "ignore: [CL201]\n"), 2, id="config"),
        pytest.param(write(".caffelint.yaml", "context: scratch\n"), 4, id="config-above"),
        pytest.param(write("../.caffelint.yaml", "data: false\n"), 4, id="config-above-that"),
    ],
)
def test_what_has_changed_is_made_anew(
    tree: Path, change: Callable[[], object], remade: int
) -> None:
    told(cached=True)
    change()
    new, made = told(cached=True)
    assert new == told(cached=False)[0]
    # A deploy net is looked at twice: by itself, and against its training net.
    assert made >= remade
    assert (made == 0) == (remade == 0)
    assert made < 7
    assert told(cached=True) == (new, 0)


@pytest.mark.parametrize(
    ("given", "paths"),
    [
        pytest.param({"select": ["CL5"]}, (".",), id="select"),
        pytest.param({"context": "scratch"}, (".",), id="context"),
        pytest.param({"data": False}, (".",), id="no-data"),
        pytest.param({"shapes": {"data": [4, 3, 9, 9]}}, (".",), id="shape"),
        pytest.param({}, ("a/train.prototxt", "a/deploy.prototxt"), id="fewer-files"),
        pytest.param({}, ("a/../a", "b"), id="other-names"),
    ],
)
def test_another_run_is_another_run(
    tree: Path, given: dict[str, object], paths: tuple[str, ...]
) -> None:
    told(cached=True)
    new, _ = told(cached=True, paths=paths, **given)
    assert new == told(cached=False, paths=paths, **given)[0]
    assert told(cached=True)[1] == 0


def weights(layer: str) -> bytes:
    """A file with learned blobs for one layer of the nets here."""
    stored: Any = load_schema().net.new_message()
    blob = stored.layer.add(name=layer).blobs.add()
    blob.shape.dim.extend((2, 2))
    blob.data.extend([0.5] * 4)
    content: bytes = stored.SerializeToString()
    return content


PROTO = """\
syntax = "proto2";
package caffe;
message LayerParameter { optional MyParameter my_param = 200; }
message MyParameter { optional float gain = 1; }
"""
IN_LMDB = NET.replace("batch_size: 4 }", "batch_size: 4 backend: LMDB }")
OWN = 'layer { name: "my" type: "MyLoss" bottom: "fc" my_param { gain: 1 more: 2 } }\n'


@pytest.mark.parametrize(
    ("given", "files", "change"),
    [
        pytest.param(
            {"weights": ["w.caffemodel"]},
            {"w.caffemodel": weights("fc")},
            write("w.caffemodel", weights("ip")),
            id="weights-of-the-run",
        ),
        pytest.param(
            {},
            {"a/solver.prototxt": f'{SOLVER}weights: "w.caffemodel"\n', "a/w.caffemodel": b""},
            write("a/w.caffemodel", weights("fc")),
            id="weights-of-a-solver",
        ),
        pytest.param(
            {},
            {".caffelint.yaml": "weights: [w.caffemodel]\n", "w.caffemodel": weights("fc")},
            write("w.caffemodel", weights("ip")),
            id="weights-of-the-config",
        ),
        pytest.param(
            {},
            {"a/train.prototxt": IN_LMDB, "a/lmdb/data.mdb": lambda: database(0, 1)},
            write("a/lmdb/data.mdb", lambda: database(0, 7)),
            id="labels-in-a-database",
        ),
        pytest.param(
            {"proto": "own.proto"},
            {"own.proto": PROTO, "a/train.prototxt": NET + OWN},
            write("own.proto", PROTO.replace("gain = 1;", "gain = 1; optional float more = 2;")),
            id="the-users-own-schema",
        ),
    ],
)
def test_what_findings_hang_on_besides(
    tree: Path,
    given: dict[str, object],
    files: dict[str, Content],
    change: Callable[[], None],
) -> None:
    here = (".",)
    for name, content in files.items():
        write(name, content)()
    first, _ = told(cached=True, paths=here, **given)
    assert told(cached=True, paths=here, **given) == (first, 0)
    change()
    new, made = told(cached=True, paths=here, **given)
    assert made
    assert new != first
    assert new == told(cached=False, paths=here, **given)[0]
    assert told(cached=True, paths=here, **given) == (new, 0)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda: Path("w.caffemodel").unlink(), id="gone"),
        pytest.param(write("w.caffemodel", weights("fc")[:-1]), id="cut-short"),
    ],
)
def test_weights_that_cannot_be_read_any_more_end_the_run(
    tree: Path, change: Callable[[], None]
) -> None:
    write("w.caffemodel", weights("fc"))()
    told(cached=True, weights=["w.caffemodel"])
    change()
    for _ in range(2):
        with pytest.raises(WeightsError):
            told(cached=True, weights=["w.caffemodel"])


def test_own_rules_count(tree: Path) -> None:
    Path("own.yaml").write_text(RULE)
    Path(".caffelint.yaml").write_text("extend-rules: [own.yaml]\n")
    first, _ = told(cached=True)
    assert told(cached=True) == (first, 0)
    Path("own.yaml").write_text(RULE.replace("severity: info", "severity: error"))
    load_own_rules.cache_clear()  # as in another process
    new, made = told(cached=True)
    assert made
    assert new != first
    assert new == told(cached=False)[0]


def test_a_changed_file_just_now_is_not_trusted(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "_SETTLED_NS", 3_600_000_000_000)
    told(cached=True)
    # Both solvers with their nets have opened a list.
    assert 0 < told(cached=True)[1] < 6


def test_fixed_contents_are_not_those_on_disk(tree: Path) -> None:
    told(cached=True)
    new = NET.replace('"ip"', '"pi"').encode()
    reports = []
    for cached in (True, False):
        checker = Checker(load_rules(), Configs({}))
        if cached:
            checker.results = lambda: Results(Path(os.environ["CAFFELINT_CACHE_DIR"]), {})
        checker.contents[Path(os.path.realpath("a/train.prototxt"))] = new
        reports.append(render("json", checker.check([Path()]), expand=True))
    assert reports[0] == reports[1]
    assert told(cached=True)[0] == told(cached=False)[0]


def results_file() -> Path:
    (file,) = (Path(os.environ["CAFFELINT_CACHE_DIR"]) / "results").iterdir()
    return file


@pytest.mark.parametrize(
    "harm",
    [
        pytest.param(lambda file: file.write_bytes(b""), id="empty"),
        pytest.param(lambda file: file.write_bytes(file.read_bytes()[:-9]), id="truncated"),
        pytest.param(
            lambda file: file.write_bytes(file.read_bytes().replace(b"CL201", b"CL202")),
            id="changed",
        ),
        pytest.param(lambda file: file.write_bytes(b"\x80\x04cposix\nsystem\n"), id="pickle"),
        pytest.param(lambda file: (file.unlink(), file.mkdir()), id="directory"),
        pytest.param(lambda file: file.parent.chmod(0o777), id="writable-for-all"),
        pytest.param(
            lambda file: (file.parent.rename(file.parent.parent / "x"),
                          file.parent.symlink_to(file.parent.parent / "x")),
            id="link",
        ),
    ],
)  # fmt: skip
def test_a_cache_that_is_none_is_done_without(tree: Path, harm: Callable[[Path], object]) -> None:
    first, _ = told(cached=True)
    harm(results_file())
    assert told(cached=True) == (first, 6)


def test_a_directory_that_cannot_be_written_is_no_error(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("file").write_text("")
    monkeypatch.setenv("CAFFELINT_CACHE_DIR", str(tree / "file" / "x"))
    assert told(cached=True) == told(cached=True)


def test_a_full_disk_is_no_error(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(caching, "replace_file", full)
    assert told(cached=True) == told(cached=True)


def test_the_cache_stays_small(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told(cached=True)
    size = results_file().stat().st_size
    monkeypatch.setattr(caching, "_MOST_OF_FILE", size // 2)
    Path("a/train.prototxt").write_text(NET + "# more")
    told(cached=True)
    assert results_file().stat().st_size < size * 2 // 3
    monkeypatch.setattr(caching, "_MOST_OF_ALL", 1000)
    told(cached=True, select=["CL5"])
    folder = Path(os.environ["CAFFELINT_CACHE_DIR"]) / "results"
    assert sum(one.stat().st_size for one in folder.iterdir()) <= 1000


def test_a_file_of_others_is_kept_out(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told(cached=True)
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert told(cached=True)[1] == 6


def test_other_code_is_another_cache(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told(cached=True)
    monkeypatch.setattr(caching, "_version", lambda library: f"{library} 99")
    assert told(cached=True)[1] == 6


def test_random_edits(tree: Path) -> None:
    random_ = random.Random(7)
    for number in range(3, 6):
        shutil.copytree("a", f"c{number}")
    told(cached=True)
    for number in range(15):
        files = sorted(path for path in Path().rglob("*") if path.is_file())
        path = random_.choice(files)
        match random_.randrange(6):
            case 0:
                path.unlink()
            case 1:
                lines = path.read_text().splitlines(keepends=True)
                del lines[random_.randrange(len(lines) or 1) :][:1]
                path.write_text("".join(lines))
            case 2:
                path.rename(path.with_name(f"{number}.prototxt"))
            case 3:
                shutil.copy(random_.choice(files), path.parent / f"train{number}.prototxt")
            case 4:
                (path.parent / random_.choice(("s", "lmdb"))).mkdir(exist_ok=True)
            case _:
                path.write_text(path.read_text().replace("9", "8", 1))
        new, made = told(cached=True)
        assert new == told(cached=False)[0], (number, path)
        assert told(cached=True) == (new, 0), (number, path, made)


def test_the_command_uses_it(tree: Path) -> None:
    shutil.copytree("a", "big")
    Path("big/train.prototxt").write_text(NET + "# " + "x" * 300_000)
    caffelint = [sys.executable, "-m", "caffelint", "check", "--format", "json", "."]

    def output(*more: str) -> bytes:
        return run([*caffelint, *more], capture_output=True, check=False).stdout

    plain = output("--no-cache")
    folder = Path(os.environ["CAFFELINT_CACHE_DIR"]) / "results"
    assert not folder.exists()
    assert output() == plain
    assert results_file().is_file()
    assert output() == plain
    assert output("--cache-dir", "elsewhere") == plain
    assert any(Path("elsewhere/results").iterdir())


# Nothing on the way to a finding reads the file system but through questions

CODE = Path(checking.__file__).parent
RAW = {
    *("open", "read_bytes", "read_text", "stat", "lstat", "exists", "lexists", "is_file", "is_dir"),
    *("is_symlink", "iterdir", "glob", "rglob", "iglob", "walk", "scandir", "listdir", "resolve"),
    *("realpath", "samefile", "readlink", "isfile", "isdir", "getsize", "getmtime", "access"),
}
# Of model/launch.py only its answers are used, which is a question about the run.
FREE = {
    *("core/files.py", "model/launch.py", "data/summary.py", "data/samples.py"),
    *("schema/dialects.py", "engine/ruleset.py", "engine/own.py", "engine/symptom.py"),
    *("engine/rule.py", "control/baseline.py", "control/add_ignores.py"),
}
# Calls of other things that go by these names, and what is given an open file.
OTHERS = {
    ("data/images.py", "open"),
    ("data/look.py", "resolve"),
    ("model/files.py", "resolve"),
    ("model/transfer.py", "resolve"),
    ("check.py", "resolve"),
    ("model/weights.py", "read"),
}


def raw_calls(path: Path) -> set[str]:
    """Names of what reads the file system in a module, outside of its questions."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    asked = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        and any(isinstance(one, ast.Name) and one.id == "question" for one in node.decorator_list)
        for inner in ast.walk(node)
    }
    names = set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or id(node) in asked:
            continue
        if isinstance(node.func, ast.Attribute):
            names.add(node.func.attr)
        elif isinstance(node.func, ast.Name) and node.func.id == "open":
            names.add("open")
    return names & RAW


def test_no_module_reads_around_the_questions() -> None:
    packages = (
        "core",
        "syntax",
        "schema",
        "model",
        "data",
        "moments",
        "facts",
        "control",
        "engine",
    )
    modules = [path for package in packages for path in (CODE / package).rglob("*.py")]
    modules += [CODE / name for name in ("check.py", "settings.py", "reading.py", "dialects.py")]
    around = {
        (name, call)
        for path in modules
        if (name := path.relative_to(CODE).as_posix()) not in FREE
        for call in raw_calls(path)
    }
    assert around - OTHERS - {("core/looking.py", "open")} == set()


READING = ("bytes_of", "content_of", "differ", "names_in", "state_of")

_opened: list[str] | None = None


def _hear(event: str, given: tuple[object, ...]) -> None:
    if _opened is None or event not in ("open", "os.listdir", "os.scandir"):
        return
    if looking.is_noting() and not any(part in str(given[0]) for part in ("site-packages", "lib/")):
        _opened.append(f"{event} {given[0]}")


def test_what_is_opened_was_asked_for(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file or directory of the tree that is opened for a part stands in a question of it."""
    global _opened
    sys.addaudithook(_hear)
    packed: list[str] = []
    keep = caching._packed

    def packing(part: object, looks: looking.Looks) -> bytes | None:
        packed.extend(str(about[0]) for name, about in looks if name.rpartition(".")[2] in READING)
        return keep(part, looks)  # type: ignore[arg-type]

    monkeypatch.setattr(caching, "_packed", packing)
    _opened = []
    try:
        told(cached=True)
        opened = {one.partition(" ")[2] for one in _opened}
    finally:
        _opened = None
    ours = {one for one in opened if not Path(one).is_absolute()}
    assert "a/list.txt" in ours
    assert ours - set(packed) == set()
