"""Put small faults into the code, one at a time, and see whether the tests notice.

usage: python scripts/mutate.py [--sample N] [--seed N] [--again REPORT] [PATH...]

needs: pip install 'coverage>=7.10'

PATH are modules or folders of linter/: linter/model and linter/engine unless told. All work is done
on copies of the checkout, which is left as it is. First the tests of ``TESTS`` run once, to learn
which of them execute which line; then each fault is met by just those tests, the most specific
first, until one fails. What no test notices is printed as ``file:line before -> after``, and a
score by module comes last. ``--again`` tries what survived in an earlier report. Tests that run
caffelint in a process of its own do not count: what they alone would notice is printed too.

mutmut was no choice, since it passes over functions with a decorator (all shapes have one), and
cosmic-ray neither, since it runs the same tests for every fault.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import multiprocessing
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
TESTS = (
    *("tests/model", "tests/engine", "tests/facts", "tests/rules", "tests/moments", "tests/data"),
    *("tests/log", "tests/test_check.py", "tests/test_check_weights.py", "tests/test_config.py"),
    *("tests/test_comparison.py", "tests/test_samples.py", "tests/test_show_net.py"),
    *("tests/test_show_signal.py", "tests/test_show_solver.py", "tests/test_show_weights.py"),
)
_SILENT = (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
_ELSEWHERE = 99  # exit status of a child that found another caffelint than its copy
_MEMORY = 8 << 30  # bytes of address space that a fault may take
_PREPARED = ("google.protobuf.descriptor_pool", "msgspec", "yaml", "click", "cel_expr_python.cel")

_SWAPPED: dict[type[ast.AST], tuple[Any, ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.FloorDiv,),
    ast.FloorDiv: (ast.Mult,),
    ast.Div: (ast.Mult,),
    ast.Mod: (ast.Mult,),
    ast.BitOr: (ast.BitAnd,),
    ast.BitAnd: (ast.BitOr,),
}
_NOTICED = ("killed", "timeout")
_FORK = multiprocessing.get_context("fork")
_NAMES = {"min": "max", "max": "min", "any": "all", "all": "any"}


@dataclass(frozen=True, slots=True)
class Fault:
    """One change of one module; ``number`` counts the faults of that module."""

    module: str
    number: int
    line: int
    lines: range
    before: str
    after: str

    @property
    def change(self) -> str:
        """The fault in one line."""
        return f"{_short(self.before)} -> {_short(self.after)}"

    def __str__(self) -> str:
        return f"{self.module}:{self.line} {self.change}"


@dataclass(frozen=True, slots=True)
class Known:
    """What the run without a fault has shown: seconds by test, tests that fail, tests by module and
    line.
    """

    seconds: dict[str, float]
    failed: frozenset[str]
    tests: dict[str, dict[int, list[str]]]

    def chosen(self, fault: Fault, most: float) -> list[str]:
        """Tests that execute a line of the fault: those named after the module or its folder, then
        of the others as many as run in ``most`` seconds, first those that execute few of its lines.
        What runs at import is met by all tests of the module.
        """
        lines = self.tests.get(fault.module, {})
        found = {test for line in fault.lines for test in lines.get(line, [])}
        if "" in found:
            found = {test for tests in lines.values() for test in tests}
        size = Counter(test for tests in lines.values() for test in tests)
        ordered = sorted(
            found - {""} - self.failed, key=lambda test: (size[test], self.seconds[test], test)
        )
        names = {f"test_{name}" for name in Path(fault.module).with_suffix("").parts}
        kept = [test for test in ordered if Path(test.partition("::")[0]).stem in names]
        sum_ = 0.0
        for test in ordered:
            sum_ += self.seconds[test]
            if kept and sum_ > most:
                break
            if test not in kept:
                kept.append(test)
        return kept


class Chosen:
    """Plugin: runs the chosen tests only, in their order."""

    def __init__(self, tests: Sequence[str]) -> None:
        self._place = {test: place for place, test in enumerate(tests)}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave out the others."""
        kept = [item for item in items if item.nodeid in self._place]
        items[:] = sorted(kept, key=lambda item: self._place[item.nodeid])


class Watched:
    """Plugin: tells coverage which test is running, and takes the time."""

    def __init__(self, measured: Any) -> None:
        self._measured = measured
        self.seconds: Counter[str] = Counter()
        self.failed = set[str]()

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """A test starts."""
        self._measured.switch_context(nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Part of a test has ended."""
        self.seconds[report.nodeid] += report.duration  # type: ignore[assignment]
        if report.failed:
            self.failed.add(report.nodeid)


def faults(path: Path, module: str) -> list[Fault]:
    """All faults of one module, in the order of the text."""
    tree = ast.parse(path.read_bytes())
    kept = list(_kept_results(tree))
    found = []
    for number, (old, new, _) in enumerate(_sites(tree)):
        lines = next((one for one in kept if old.lineno in one), _lines(old))
        texts = ast.unparse(old), ast.unparse(new)
        found.append(Fault(module, number, old.lineno, lines, *texts))
    return found


def _kept_results(tree: ast.AST) -> Iterator[range]:
    """Functions whose results are kept: they run for the first test that calls them, and matter to
    all. Their own lines include the one that runs at import, as that of the module's do.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and any(
            "cache" in ast.unparse(one) for one in node.decorator_list
        ):
            yield range(node.lineno, (node.end_lineno or node.lineno) + 1)


def with_fault(source: bytes, number: int) -> str:
    """The text of a module with its fault of that number."""
    tree = ast.parse(source)
    old, new, parent = list(_sites(tree))[number]
    for field, value in ast.iter_fields(parent):
        if value is old:
            setattr(parent, field, new)
        elif isinstance(value, list):
            value[:] = [new if one is old else one for one in value]
    return ast.unparse(tree)


_Node = ast.expr | ast.stmt
_Site = tuple[_Node, _Node, ast.AST]  # a node, what stands there with the fault, the node around it


def _sites(parent: ast.AST) -> Iterator[_Site]:
    for field, node in _parts(parent):
        if isinstance(node, ast.stmt):
            yield from ((node, new, parent) for new in _changed_statement(node))
        elif isinstance(node, ast.expr):
            if field in ("test", "ifs") and not isinstance(node, (ast.Compare, ast.BoolOp)):
                yield node, ast.UnaryOp(ast.Not(), node), parent
            yield from ((node, new, parent) for new in _changed_expression(node))
        yield from _sites(node)


def _parts(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """The parts of a node that matter to a run, with their fields: no types, decorators, arguments
    of classes, assertions, or widths of numbers in messages.
    """
    left_out = {"annotation", "returns", "decorator_list", "bases", "format_spec"}
    if isinstance(node, ast.ClassDef):
        left_out.add("keywords")
    if isinstance(node, ast.Assert) or (isinstance(node, ast.keyword) and node.arg == "strict"):
        return
    for field, value in ast.iter_fields(node):
        if field not in left_out:
            for one in value if isinstance(value, list) else [value]:
                if isinstance(one, ast.AST):
                    yield field, one


def _changed_statement(node: ast.stmt) -> Iterator[ast.stmt]:
    """A return without its value; nothing where something was done."""
    match node:
        case ast.Return(value=ast.expr() as value) if ast.unparse(value) != "None":
            yield ast.Return(ast.Constant(None))
        case ast.AugAssign(target, op, value):
            yield from (ast.AugAssign(target, new(), value) for new in _SWAPPED.get(type(op), ()))
            yield ast.Pass()
        case ast.Expr(ast.Call() | ast.Yield() | ast.YieldFrom()):
            yield ast.Pass()
        case ast.Assign([ast.Attribute() | ast.Subscript()]):
            yield ast.Pass()
        case ast.Raise() | ast.Continue() | ast.Break() | ast.Delete():
            yield ast.Pass()


def _changed_expression(node: ast.expr) -> Iterator[ast.expr]:
    match node:
        case ast.Compare(left, operators, right):
            for place, old in enumerate(operators):
                for new in _SWAPPED[type(old)]:
                    changed = [*operators[:place], new(), *operators[place + 1 :]]
                    yield ast.Compare(left, changed, right)
        case ast.BoolOp(op, values):
            yield ast.BoolOp(ast.Or() if isinstance(op, ast.And) else ast.And(), values)
            for place in range(len(values)):
                rest = [*values[:place], *values[place + 1 :]]
                yield rest[0] if len(rest) == 1 else ast.BoolOp(op, rest)
        case ast.BinOp(left, op, right) if not _is_text(left) and not _is_text(right):
            yield from (ast.BinOp(left, new(), right) for new in _SWAPPED.get(type(op), ()))
        case ast.UnaryOp(ast.Not() | ast.USub(), operand):
            yield operand
        case ast.Constant(bool() as value):
            yield ast.Constant(not value)
        case ast.Constant(int() as value):
            yield from (ast.Constant(value + 1), ast.Constant(value - 1))
        case ast.Call(ast.Name(name), arguments, keywords) if name in _NAMES:
            yield ast.Call(ast.Name(_NAMES[name]), arguments, keywords)


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def _lines(node: _Node) -> range:
    """The lines that run where a node does: its own, or the first of a statement with a body."""
    compound = hasattr(node, "body") and isinstance(node, ast.stmt)
    return range(node.lineno, (node.lineno if compound else node.end_lineno or node.lineno) + 1)


def _short(text: str) -> str:
    line = re.sub(r"\s+", " ", text)
    return line if len(line) <= 90 else f"{line[:80]}… {len(line)} characters"


class Bench:
    """One copy of the checkout, with one fault at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607
            cwd=ROOT,
            capture_output=True,
            check=True,
        )
        for name in filter(None, os.fsdecode(listed.stdout).split("\0")):
            if (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, folder / name)
        (folder / ".git").mkdir()  # paths in solvers are sought up to the repository's root
        shutil.copytree(folder / "linter", folder / "caffelint")
        for name in ("proto", "rules"):
            shutil.copytree(folder / name, folder / "caffelint" / name)

    def copy_of(self, module: str) -> Path:
        """Where a module stands that is ``linter/…`` in the checkout."""
        return self.folder / "caffelint" / Path(module).relative_to("linter")

    def enter(self) -> None:
        """Make this process import the copy, and what it prints go to a file."""
        os.setsid()
        os.chdir(self.folder)
        log = os.open("log.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(log, 1)
        os.dup2(log, 2)
        sys.path.insert(0, str(self.folder))
        os.environ["PYTHONPATH"] = str(self.folder)
        os.environ["CAFFELINT_CACHE_DIR"] = str(self.folder / "cache")
        import caffelint

        if not Path(caffelint.__file__).is_relative_to(self.folder):
            os._exit(_ELSEWHERE)

    def pytest(self, tests: Sequence[str], plugin: object, *options: str) -> int:
        """Run tests in this process."""
        base = f"--basetemp={self.folder}-files"  # beside it, so in no repository
        common = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", base, *options]
        return int(pytest.main([*common, *tests], [plugin]))

    def watch(self, modules: Sequence[str], tests: Sequence[str], out: Connection) -> None:
        """Run all tests without a fault, and send what is ``Known`` then.

        The process must be one of its own: it ends here.
        """
        self.enter()
        include = [str(self.copy_of(module)) for module in modules]
        measured = importlib.import_module("coverage").Coverage(
            data_file=None, include=include, config_file=False
        )
        watched = Watched(measured)
        measured.start()
        status = self.pytest(tests, watched)
        measured.stop()
        data = measured.get_data()
        lines = {module: data.contexts_by_lineno(str(self.copy_of(module))) for module in modules}
        out.send((status, Known(dict(watched.seconds), frozenset(watched.failed), lines)))

    def meet(self, tests: Sequence[str]) -> None:
        """Run tests on the copy with the fault in it, and end the process with their status."""
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        self.enter()
        files = sorted({test.partition("::")[0] for test in tests})
        os._exit(self.pytest(files, Chosen(tests), "-x"))

    def put(self, fault: Fault, tick: int) -> None:
        """Write a module with its fault; ``tick`` makes its time of change one never seen before,
        by which Python knows whether compiled code is old.
        """
        self.take_back(fault)
        path, changed = self.copy_of(fault.module), (ROOT / fault.module).stat().st_mtime
        path.write_text(with_fault(path.read_bytes(), fault.number), encoding="utf-8")
        os.utime(path, (changed, changed + tick))
        if "/engine/" in fault.module:  # rules compiled without the fault would hide it
            shutil.rmtree(self.folder / "cache", ignore_errors=True)

    def take_back(self, fault: Fault) -> None:
        """Write a module as it was when the copy was made."""
        shutil.copy2(self.folder / fault.module, self.copy_of(fault.module))


@dataclass(slots=True)
class Trial:
    """A fault with the process that meets it."""

    fault: Fault
    bench: Bench
    process: ForkProcess
    ends: float  # when it has taken too long, by ``time.monotonic``

    def outcome(self) -> str | None:
        """``killed``, ``timeout`` or ``survived``; None while it runs.

        Raises:
            RuntimeError: if the tests did not meet the copy.
        """
        if self.process.is_alive():
            if time.monotonic() < self.ends:
                return None
            end(self.process)
            return "timeout"
        if self.process.exitcode == _ELSEWHERE:
            raise RuntimeError(f"{self.bench.folder}: another caffelint was imported")
        end(self.process)
        return "survived" if self.process.exitcode in _SILENT else "killed"


def end(process: ForkProcess) -> None:
    """End a process with all that it has started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid or 0, signal.SIGKILL)
    process.join()


def learn(bench: Bench, modules: Sequence[str], tests: Sequence[str]) -> Known:
    """What the tests execute without a fault; those that fail without one are left out.

    Raises:
        RuntimeError: if pytest could not run them.
    """
    here, there = _FORK.Pipe(duplex=False)
    process = _FORK.Process(target=bench.watch, args=(modules, tests, there))
    process.start()
    there.close()
    try:
        status, known = here.recv()
    except EOFError:
        status, known = process.exitcode, None
    process.join()
    if status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) or known is None:
        log = (bench.folder / "log.txt").read_text(encoding="utf-8")
        raise RuntimeError(f"exit status {status} without a fault:\n{log[-3000:]}")
    assert isinstance(known, Known)
    return known


def outcomes(
    benches: Sequence[Bench], chosen: Sequence[Fault], known: Known, most: float
) -> Iterator[tuple[Fault, str]]:
    """Each fault with what came of it, as they end, on all copies at once."""
    free, running, tick = list(benches), list[Trial](), 0
    waiting = list(reversed(chosen))
    while waiting or running:
        while waiting and free:
            fault = waiting.pop()
            tests = known.chosen(fault, most)
            if not tests:
                yield fault, "unreached"
                continue
            bench, tick = free.pop(), tick + 1
            bench.put(fault, tick)
            process = _FORK.Process(target=bench.meet, args=(tests,))
            process.start()
            limit = 20 + 4 * sum(known.seconds[test] for test in tests)
            running.append(Trial(fault, bench, process, time.monotonic() + limit))
        wait([trial.process.sentinel for trial in running], timeout=1)
        for trial in list(running):
            if (outcome := trial.outcome()) is not None:
                trial.bench.take_back(trial.fault)
                running.remove(trial)
                free.append(trial.bench)
                yield trial.fault, outcome


def survivors(report: Path, known: Sequence[Fault]) -> list[Fault]:
    """The faults of today that survived in a report: same module and text, nearest line."""
    found = []
    for line in report.read_text(encoding="utf-8").splitlines():
        if match := re.match(r"(?:survived|unreached) (\S+?):(\d+) (.*)", line):
            wanted = (match[1], match[3])
            same = [one for one in known if (one.module, one.change) == wanted]
            if same:
                found.append(min(same, key=lambda one: abs(one.line - int(match[2]))))
            else:
                print(f"no longer there: {line}")
    return found


def main() -> int:
    """Run what the command line asks for; exit status 0."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("paths", nargs="*", default=["linter/model", "linter/engine"])
    parser.add_argument("--sample", type=int, metavar="N", help="so many at random, not all")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--again", type=Path, metavar="REPORT", help="what survived there")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--most", type=float, default=15, help="seconds of tests for one fault")
    parser.add_argument("--tests", nargs="*", default=TESTS)
    given = parser.parse_args()
    paths = [(ROOT / path).resolve() for path in given.paths]
    files = [f for path in paths for f in (sorted(path.rglob("*.py")) if path.is_dir() else [path])]
    modules = [file.relative_to(ROOT).as_posix() for file in files if not is_generated(file)]
    every = [fault for module in modules for fault in faults(ROOT / module, module)]
    chosen = survivors(given.again, every) if given.again else every
    if given.sample is not None and given.sample < len(chosen):
        chosen = random.Random(given.seed).sample(chosen, given.sample)
    for name in _PREPARED:  # once for all children
        importlib.import_module(name)
    with tempfile.TemporaryDirectory(prefix="mutate-") as folder:
        sys.pycache_prefix = os.environ["PYTHONPYCACHEPREFIX"] = f"{folder}/compiled"
        sys.dont_write_bytecode = False
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        benches = [Bench(Path(folder, str(number)).resolve()) for number in range(given.jobs)]
        known = learn(benches[0], modules, given.tests)
        for test in sorted(known.failed):
            print(f"fails without a fault: {test}")
        print(f"{len(chosen)} of {len(every)} faults, {len(known.seconds)} tests", flush=True)
        results = dict[Fault, str]()
        for fault, outcome in outcomes(benches, chosen, known, given.most):
            results[fault] = outcome
            if outcome != "killed":
                print(outcome, fault, flush=True)
    print_score(results)
    return 0


def is_generated(module: Path) -> bool:
    """Whether a script writes it, whose own tests hold it to its source."""
    return module.read_bytes().startswith(b"# Written by ")


def print_score(results: dict[Fault, str]) -> None:
    """How many faults were noticed, by module; one that made a test too slow counts as noticed."""
    all_ = Counter(fault.module for fault in results)
    noticed = Counter(f.module for f, outcome in results.items() if outcome in _NOTICED)
    rows = [(module, noticed[module], all_[module]) for module in sorted(all_)]
    for name, some, many in [*rows, ("all", noticed.total(), all_.total())]:
        print(f"{some:5} of {many:5}  {some / max(many, 1):6.1%}  {name}")


if __name__ == "__main__":
    sys.exit(main())
