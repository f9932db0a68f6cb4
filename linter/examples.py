"""A rule's examples as tests: what the rule must say, word for word, and where all is silent."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from difflib import unified_diff
from pathlib import Path, PurePath

import msgspec
import msgspec.structs

from .check import Checker
from .config import Config
from .core.diagnostic import Diagnostic, Report
from .data.samples import file_content
from .engine.rule import Example, Rule, RuleError, read_rule
from .engine.ruleset import RuleSet
from .fix.apply import fix_all
from .log.reader import read
from .reading import count_faults
from .resources import load_own_rules, load_rules, load_schema, rules_folder
from .training import Examiner

_EXPECT = re.compile(r"#\s*expect:\s*(\S+)\s+(.*?)\s*$")
_MARK = re.compile(r"[ \t]*#\s*expect:.*")
MAIN = "example.prototxt"
"""The name of an example's own file."""
LOG = "example.log"
"""Its name where it is a training log."""
_OF_LOGS = frozenset(("log-differs",))
"""Kinds of problems that are found only where there is a log."""


def failures_of_file(path: Path) -> tuple[Rule, list[str]]:
    """A rule file's rule, and what is wrong with its examples; the shipped rules run as well.

    Raises:
        caffelint.engine.rule.RuleError: if it is no rule file that can be used.
    """
    shipped = path.resolve().parent == rules_folder().resolve()
    config = Config() if shipped else Config(extend_rules=[str(path)])
    (rule,) = [read_rule(path)] if shipped else load_own_rules((path,)).whole_rules
    return rule, list(failures(rule, load_rules(), config))


def failures(rule: Rule, ruleset: RuleSet, base: Config | None = None) -> Iterator[str]:
    """What is wrong with a rule's examples; nothing where all hold. ``base`` is the config that
    they are checked with.
    """
    base = base or Config()
    if not any(example.bad for example in rule.examples):
        yield f"{rule.id}: no bad example"
    if not any(example.good for example in rule.examples):
        yield f"{rule.id}: no good example"
    if rule.fixes and not any(example.fixed for example in rule.examples):
        yield f"{rule.id}: no example of its fix"
    for number, example in enumerate(rule.examples, 1):
        for reason in _failures(rule, example, ruleset, _given(rule, example, base)):
            yield f"{rule.id}, example {number}: {reason}"


def _given(rule: Rule, example: Example, base: Config) -> Config:
    """The config with the options that the example sets for its rule."""
    options = {**base.options, rule.id: {**base.options.get(rule.id, {}), **example.options}}
    return msgspec.structs.replace(base, options=options)


def _failures(rule: Rule, example: Example, ruleset: RuleSet, base: Config) -> Iterator[str]:
    files = {main_of(rule): example.bad or example.good, **example.files}
    found = _run(rule, files, example, ruleset, base)
    if example.good:
        for one in found:
            yield f"says {_words(one)} where nothing should be said"
        return
    expected = {
        (name, number, *match.groups())
        for name, text in files.items()
        for number, line in enumerate(text.split("\n"), 1)
        if (match := _EXPECT.search(line))
    }
    given = {_key(one) for one in found if one.rule == rule.id}
    for name, line, id_, message in sorted(expected - given):
        yield f"expected {id_} {message} at {name}:{line}"
    for one in found:
        if one.rule == rule.id and _key(one) not in expected:
            yield f"unexpected {_words(one)}"
        elif one.rule == rule.id and example.severity not in (None, one.severity.name.lower()):
            yield f"{one.severity.name.lower()} for {_words(one)}"
    if example.fixed:
        yield from _fix_failures(rule, example, ruleset, base)


def _fix_failures(rule: Rule, example: Example, ruleset: RuleSet, base: Config) -> Iterator[str]:
    """What the rule's own fixes make of the example, where that is not as pinned."""
    fixed = fixed_text(rule, example, ruleset, base)
    if fixed != example.fixed:
        diff = unified_diff(example.fixed.split("\n"), fixed.split("\n"), "expected", "fixed", n=0)
        yield "its fix makes another text of it:\n" + "\n".join(diff)


def fixed_text(rule: Rule, example: Example, ruleset: RuleSet, base: Config | None = None) -> str:
    """The file that the fixes of its rule, safe or not, change in a bad example; without marks."""
    with _written(unmarked(rule, example), example, base or Config()) as (folder, config):
        config = msgspec.structs.replace(config, select=[rule.id])
        main = Path(folder) / MAIN

        def look(contents: Mapping[Path, bytes]) -> Report:
            checker = Checker(ruleset, config)
            checker.contents.update(contents)
            return checker.check([main])

        changed = fix_all(look, count_faults, unsafe=True).changed
        new = next((one.new for one in changed.values()), b"")
    return new.decode("utf-8", "surrogateescape")


def found_in(rule: Rule, example: Example, ruleset: RuleSet) -> tuple[str, Report]:
    """What the rule says of a bad example without its marks, and the directory that the names of
    the files begin with.
    """
    given = _given(rule, example, Config())
    with _written(unmarked(rule, example), example, given) as (folder, config):
        report = _report(rule, Path(folder), ruleset, config)
    own = tuple(one for one in report.diagnostics if one.rule == rule.id)
    return folder, msgspec.structs.replace(report, diagnostics=own)


def main_of(rule: Rule) -> str:
    """The name of the own file of a rule's examples: some rules look at logs."""
    return LOG if rule.on == "run" or rule.kind in _OF_LOGS else MAIN


def unmarked(rule: Rule, example: Example) -> dict[str, str]:
    """The files of an example by their names, without the marks of what is expected."""
    files = {main_of(rule): example.bad or example.good, **example.files}
    return {name: _MARK.sub("", text) for name, text in files.items()}


def _run(
    rule: Rule, files: dict[str, str], example: Example, ruleset: RuleSet, base: Config
) -> list[Diagnostic]:
    """The findings in all files of an example; files of other names stand for the rest."""
    with _written(files, example, base) as (folder, config):
        return list(_report(rule, Path(folder), ruleset, config).diagnostics)


def _report(rule: Rule, folder: Path, ruleset: RuleSet, config: Config) -> Report:
    """What is found in the own file of an example; in a log only what is said of its runs."""
    path = folder / main_of(rule)
    if path.name == MAIN:
        return Checker(ruleset, config).check([path])
    with path.open("rb") as stream:
        log = read(stream, path.as_posix())
    examination = Examiner(ruleset, config).examine(log, path)
    if rule.on != "run":
        return examination.report
    said = tuple(one.diagnostic for run in examination.runs for one in run.diagnoses)
    return msgspec.structs.replace(examination.report, diagnostics=said)


@contextmanager
def _written(files: dict[str, str], example: Example, base: Config) -> Iterator[tuple[str, Config]]:
    """A directory with the files of an example, and the config to check them with."""
    for name in files:
        if PurePath(name).is_absolute() or ".." in PurePath(name).parts:
            raise RuleError(f"the file {name} of an example is not beside it")
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            path = Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file_content(_as_written(name, text), load_schema()))
        yield folder, msgspec.structs.replace(base, context=example.context, root=folder)


def _as_written(name: str, text: str) -> str:
    """A file without the marks of what is expected, where they would not be comments."""
    return text if "prototxt" in name else _MARK.sub("", text)


def _key(one: Diagnostic) -> tuple[str, int, str, str]:
    source = one.place.source
    line = source.locate(one.place.span.start).line
    return (Path(source.name).name, line, one.rule, one.message)


def _words(one: Diagnostic) -> str:
    name, line, rule, message = _key(one)
    return f"{rule} {message} at {name}:{line}"
