"""Feed caffelint what no user would write, guided by the code that it reaches.

usage: python scripts/fuzz.py TARGET [--runs N] [--seconds S] [--longest BYTES] [--findings FOLDER]

Targets: parse (text, schema and verdict, held against protobuf's C++ parser where it can be
compiled), lint (all rules on a text), fix (what --fix makes of it), log, weights (caffemodels, mean
files, LMDB, HDF5), config (YAML, TOML and rule files). Each starts from the texts in
``tests/fuzz/seeds/TARGET``; inputs that reach new code are kept in memory, or in --corpus. That
takes ``atheris``; --plain does without, and tries changes of the seeds and of the corpus only. An
input that raises, takes seconds or is judged wrongly is written into --findings and told of, one
for each kind; the run goes on. The last lines say how many inputs were tried in which time, and how
often what was found. Exit 1 when something was.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import re
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

_SEEDS = Path(__file__).parent.parent / "tests" / "fuzz" / "seeds"
_LONGEST = {"parse": 300, "lint": 2000, "fix": 2000, "log": 4000, "weights": 13_000, "config": 2000}
_SLOW_SECONDS = 5.0
_EACH = 50_000  # inputs between two lines on how far it is
_OF_BYTES = 0.3  # the share of inputs that are changed byte by byte, not word by word

Target = Callable[[bytes], None]


class _WrongError(Exception):
    """A promise that was not kept; the message says which."""


# Targets. What they need is imported when they are made, so that atheris can watch it.


def parse_target() -> Target:
    """Text and schema: the text comes back, and the verdict is that of the C++ parser."""
    from caffelint.core.source import Source
    from caffelint.resources import load_schema
    from caffelint.schema.bind import bind
    from caffelint.schema.kind import detect
    from caffelint.syntax.parser import parse
    from referee import Referee, RefereeError

    schema = load_schema()
    try:
        referee = Referee(Path(tempfile.mkdtemp()))
    except RefereeError as error:
        print(f"without the C++ parser: {error}")
        referee = None

    def target(data: bytes) -> None:
        source = Source.from_bytes("net.prototxt", data)
        tree = parse(source)
        if tree.render() != source.text:
            raise _WrongError("the text does not come back")
        type_ = detect(tree, schema) or schema.net
        message, problems = bind(tree, type_)
        refused = bool(tree.problems or problems)
        for problem in (*tree.problems, *problems):
            if not 0 <= problem.span.start <= problem.span.end <= len(source.text):
                raise _WrongError(f"{problem.kind} lies outside of the text")
        if referee is None:
            return
        wire = referee.read(data, type_.name)
        if refused != (wire is None):
            kinds = " ".join(sorted({one.kind for one in (*tree.problems, *problems)}))
            raise _WrongError(f"refused here: {kinds}" if refused else "taken here only")
        if wire is None or b"\xc3\xaf\xc2\xbf\xc2\xbd" in wire:
            return
        ours = message.to_protobuf().SerializeToString(deterministic=True)
        if ours != wire and source.text.isascii() and not re.search(r"\\[xX0-7uU]", source.text):
            raise _WrongError("another message")

    return target


def lint_target() -> Target:
    """All rules on a text: no exception, and findings that lie in it."""
    from caffelint.check import Checker
    from caffelint.config import Config
    from caffelint.report import render
    from caffelint.resources import load_rules

    rules, config = load_rules(), Config(data=False)

    def target(data: bytes) -> None:
        report = Checker(rules, config).check_text("fuzz/net.prototxt", data)
        for one in report.diagnostics:
            span, text = one.place.span, one.place.source.text
            if not 0 <= span.start <= span.end <= len(text):
                raise _WrongError(f"{one.rule} lies outside of the text")
        if len(data) % 8 == 0:
            render(("text", "json", "markdown")[len(data) // 8 % 3], report)

    return target


def fix_target() -> Target:
    """What --fix makes of a text: no more that Caffe refuses, and nothing left to fix."""
    from caffelint.check import Checker
    from caffelint.config import Config
    from caffelint.core.diagnostic import Severity
    from caffelint.fix.apply import fix_all
    from caffelint.reading import count_faults
    from caffelint.resources import load_rules

    rules, config = load_rules(), Config(data=False)
    name = "fuzz/net.prototxt"
    real = Path(os.path.realpath(name))

    def fixed(data: bytes) -> tuple[bytes, Any]:
        outcome = fix_all(
            lambda contents: Checker(rules, config).check_text(name, contents.get(real, data)),
            count_faults,
            unsafe=False,
        )
        new = next((one.new for one in outcome.files.values()), data)
        return new, outcome.report

    def errors(report: Any) -> int:
        return sum(one.severity == Severity.ERROR for one in report.diagnostics)

    def target(data: bytes) -> None:
        once, report = fixed(data)
        if once == data:
            return
        if count_faults(name, once) > count_faults(name, data):
            raise _WrongError("the fixed text has more faults")
        before = Checker(rules, config).check_text(name, data)
        # A fault of the text may hide errors of the net.
        if not count_faults(name, data) and errors(report) > errors(before):
            old = {one.rule for one in before.diagnostics}
            new = {one.rule for one in report.diagnostics if one.severity == Severity.ERROR} - old
            raise _WrongError(f"fixing brings errors: {' '.join(sorted(new))}")
        if fixed(once)[0] != once:
            raise _WrongError("a second run changes more")

    return target


def log_target() -> Target:
    """A log, read and judged."""
    import io

    from caffelint.config import Config
    from caffelint.log.reader import read
    from caffelint.resources import load_rules
    from caffelint.training import Examiner

    rules, config = load_rules(), Config(data=False)

    def target(data: bytes) -> None:
        Examiner(rules, config).examine(read(io.BytesIO(data), "train.log"))

    return target


def weights_target() -> Target:
    """Files that nets and solvers name: every reader gets the bytes."""
    from caffelint.data.database import read_database
    from caffelint.data.hdf5 import Hdf5Error, h5py, read_hdf5
    from caffelint.data.limits import Limits
    from caffelint.data.lmdb import LmdbError
    from caffelint.data.mean import MeanError, read_mean
    from caffelint.model.weights import WeightsError, read_state, read_weights
    from caffelint.resources import load_schema

    folder = _folder()
    path = folder / "data.mdb"
    module, schema = h5py(), load_schema()
    blob, datum = schema.find_message("BlobProto"), schema.find_message("Datum")
    assert blob is not None
    assert datum is not None

    def target(data: bytes) -> None:
        path.write_bytes(data)
        for read, errors in (
            (lambda: read_weights(path), (WeightsError,)),
            (lambda: read_state(path), (WeightsError,)),
            (lambda: read_mean(path, blob), (MeanError,)),
            (lambda: read_database(folder, datum, Limits()), (LmdbError, OSError)),
            (lambda: module and read_hdf5(path, None, Limits(), module), (Hdf5Error,)),
        ):
            with suppress(*errors):
                read()

    return target


def config_target() -> Target:
    """Config files, and rule files of the user's own."""
    from caffelint.config import ConfigError, read_config
    from caffelint.engine.rule import RuleError
    from caffelint.resources import load_own_rules

    folder = _folder()
    os.environ["XDG_CACHE_HOME"] = str(folder)
    files = [folder / name for name in (".caffelint.yaml", "pyproject.toml", "CL999-own.yaml")]

    def target(data: bytes) -> None:
        for path in files:
            path.write_bytes(data)
        for path in files[:2]:
            with suppress(ConfigError, RuleError):
                read_config(path)
        with suppress(RuleError):
            load_own_rules.__wrapped__((files[2],))

    return target


TARGETS: dict[str, Callable[[], Target]] = {
    "parse": parse_target,
    "lint": lint_target,
    "fix": fix_target,
    "log": log_target,
    "weights": weights_target,
    "config": config_target,
}


def _folder() -> Path:
    """A directory for files to read, in memory where there is such a place."""
    memory = Path("/dev/shm")  # noqa: S108
    return Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))


# Inputs


_PIECE = re.compile(rb"\s+|\w+|\"[^\"\n]*\"|.", re.DOTALL)
_NUMBERS = (
    b"0 1 -1 2 3 5 0.5 1e30 1e400 nan -inf 0x7f 017 2147483647 2147483648 -2147483648 4294967295 "
    b"4294967296 9223372036854775807 18446744073709551616"
).split()
_SIGNS = (b"{", b"}", b"<", b">", b"[", b"]", b":", b";", b",", b"#", b'"', b"'", b"\n", b"-", b" ")


def words(target: str) -> list[bytes]:
    """What the texts of a target are made of: names of Caffe's schema, and words of the seeds."""
    found = {piece for path in (_SEEDS / target).glob("*") for piece in pieces(path.read_bytes())}
    if target in ("parse", "lint", "fix"):
        from caffelint.model.layers import LAYER_TYPES
        from caffelint.resources import load_schema

        schema = load_schema()
        todo, seen = [schema.net, schema.solver], set()
        while todo:
            type_ = todo.pop()
            if type_.path in seen:
                continue
            seen.add(type_.path)
            for field in type_.fields.values():
                found.add(field.name.encode())
                found |= {value.encode() for value in (field.enum.numbers if field.enum else ())}
                if field.message is not None:
                    todo.append(field.message)
        found |= {f'"{name}"'.encode() for name in LAYER_TYPES}
    return sorted(found | set(_NUMBERS) | set(_SIGNS))


def pieces(data: bytes) -> list[bytes]:
    """A text cut into words, signs and blanks."""
    return _PIECE.findall(data)


def mutated(data: bytes, known: list[bytes], rng: random.Random) -> bytes:
    """A text with a few pieces dropped, doubled, moved or put in the place of others."""
    parts = pieces(data) or [b""]
    for _ in range(rng.choice((1, 1, 2, 4))):
        at = rng.randrange(len(parts))
        to = rng.randrange(len(parts))
        run = parts[at : at + rng.choice((1, 1, 2, 5, 12, 30))]
        match rng.randrange(6):
            case 0:
                del parts[at : at + len(run)]
            case 1:
                parts[to:to] = run
            case 2:
                parts[to : to + len(run)] = run
            case 3:
                parts[at] = rng.choice(known)
            case 4:
                parts[at:at] = [b" ", rng.choice(known)]
            case _:
                parts[at], parts[to] = parts[to], parts[at]
        parts = parts or [b""]
    return b"".join(parts)


def damaged(data: bytes, rng: random.Random) -> bytes:
    """The bytes with a few of them changed, dropped, or put elsewhere as well."""
    changed = bytearray(data or b" ")
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        at, to = rng.randrange(len(changed)), rng.randrange(len(changed))
        size = rng.choice((1, 1, 4, 8, 50))
        match rng.randrange(5):
            case 0 | 1:
                changed[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
            case 2:
                changed[to : to + size] = changed[at : at + size]
            case 3:
                changed[to:to] = changed[at : at + size]
            case _:
                del changed[at : at + size]
        changed = changed or bytearray(b" ")
    return bytes(changed)


class Fuzzer:
    """Runs a target, counts, and keeps one input of each kind of failure."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._target: Target = lambda _: None
        self._longest = options.longest or _LONGEST[options.target]
        self._started = time.monotonic()
        self._tried = 0
        self._slowest = 0.0
        self._found: dict[str, int] = {}

    def run(self) -> NoReturn:
        """Feed the target until the runs or seconds are over."""
        make = TARGETS[self._options.target]
        if self._options.plain:
            self._target = make()
            self._blind()
        atheris: Any = import_module("atheris")
        with atheris.instrument_imports(include=["caffelint"]):
            self._target = make()
        self._guided(atheris)

    def _guided(self, atheris: Any) -> NoReturn:
        """Inputs from libFuzzer, which keeps those that reach new code."""
        options = self._options
        known = words(options.target)

        def mutator(data: bytes, most: int, seed: int) -> bytes:
            rng = random.Random(seed)
            if options.target == "weights" or rng.random() < _OF_BYTES:
                changed: bytes = atheris.Mutate(data, most)
                return changed
            return mutated(data, known, rng)[:most]

        arguments = [
            *(sys.argv[0], f"-max_len={self._longest}", f"-seed={options.seed}", "-verbosity=0"),
            *("-rss_limit_mb=4000", "-timeout=60", "-reload=0"),
            *(str(options.corpus or tempfile.mkdtemp()), str(_SEEDS / options.target)),
        ]
        atheris.Setup(arguments, self._one, custom_mutator=mutator)
        self._started = time.monotonic()
        atheris.Fuzz()
        self._end()

    def _blind(self) -> NoReturn:
        """Inputs made from the seeds, and from what guided runs have kept."""
        options, rng = self._options, random.Random(self._options.seed)
        folders = [_SEEDS / options.target, *([options.corpus] if options.corpus else [])]
        texts = [path.read_bytes() for folder in folders for path in sorted(folder.glob("*"))]
        known = words(options.target)
        self._started = time.monotonic()
        while True:
            data = rng.choice(texts)
            if options.target == "weights" or rng.random() < _OF_BYTES:
                data = damaged(data, rng)
            if options.target != "weights":
                data = mutated(data, known, rng)
            self._one(data[: self._longest])

    def _one(self, data: bytes) -> None:
        self._tried += 1
        start = time.monotonic()
        try:
            self._target(data)
        except Exception as error:  # noqa: BLE001 - it is what is looked for
            self._keep(error, data)
        now = time.monotonic()
        if now - start > _SLOW_SECONDS:
            self._keep(_WrongError(f"slow: {now - start:.0f} s"), data)
        self._slowest = max(self._slowest, now - start)
        if self._tried % _EACH == 0:
            self._tell()
        if self._tried == self._options.runs or now - self._started > self._options.seconds:
            self._end()

    def _keep(self, error: Exception, data: bytes) -> None:
        kind = str(error)
        if not isinstance(error, _WrongError):
            last = traceback.extract_tb(error.__traceback__)[-1]
            words = re.sub(r"[0-9]+", "N", kind)[:80]
            kind = f"{type(error).__name__} {Path(last.filename).name}:{last.lineno} {words}"
        self._found[kind] = self._found.get(kind, 0) + 1
        if self._found[kind] <= self._options.keep:
            folder: Path = self._options.findings
            folder.mkdir(parents=True, exist_ok=True)
            name = hashlib.sha256(data).hexdigest()[:12]
            (folder / f"{self._options.target}-{name}").write_bytes(data)
            text = "" if isinstance(error, _WrongError) else traceback.format_exc(limit=-4)
            print(f"found: {kind}: {name} ({len(data)} bytes)\n{text}", flush=True)

    def _tell(self) -> None:
        seconds = time.monotonic() - self._started
        print(
            f"{self._options.target}: {self._tried} inputs in {seconds:.0f} s"
            f" ({self._tried / seconds:.0f}/s), slowest {self._slowest:.2f} s,"
            f" {len(self._found)} kinds of failure",
            flush=True,
        )

    def _end(self) -> NoReturn:
        self._tell()
        for kind, number in sorted(self._found.items(), key=lambda item: -item[1]):
            print(f"  {number} times {kind}")
        sys.stdout.flush()
        os._exit(1 if self._found else 0)


def main() -> NoReturn:
    """Run one target."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    arguments.add_argument("target", choices=TARGETS)
    arguments.add_argument("--runs", type=int, default=0, help="0 for no limit")
    arguments.add_argument("--seconds", type=float, default=float("inf"))
    arguments.add_argument("--longest", type=int, default=0, help="bytes of an input")
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--keep", type=int, default=1, help="inputs of each kind of failure")
    arguments.add_argument("--corpus", type=Path, help="folder that keeps inputs between runs")
    arguments.add_argument("--findings", type=Path, default=Path("fuzz-findings"))
    arguments.add_argument(
        "--plain", action="store_true", help="without atheris: faster, and blind"
    )
    Fuzzer(arguments.parse_args()).run()


if __name__ == "__main__":
    main()
