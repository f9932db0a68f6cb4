"""The settings of each file, ready for use: the rules that are on in it, and how Caffe is started.

A file's own config says which rules are on in it, how bad they are and what their options are.
Files with the same settings share what is made of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from .config import Config, own_rules
from .control.suppress import Ignores, split
from .core.diagnostic import Diagnostic, Report, RuleText, Severity
from .core.looking import content_of, note
from .core.naming import RuleNames
from .core.problem import Problem
from .core.source import Source
from .data.limits import Limits, Progress
from .engine.ruleset import RuleSet
from .engine.run import BoundedRun, Clock, Editor, Run, Target, merge
from .model.launch import LaunchFinder
from .model.shapes.setup import Shape
from .resources import load_schema
from .told import Told

if TYPE_CHECKING:
    from .data.look import DataReader
    from .engine.diagnosis import Diagnosis

Readers = dict[tuple[Path | None, int], "DataReader"]
"""What was read of data, by the directory that Caffe is started in and how much is sampled."""

_OWN_RULES_SECONDS = 10
"""The rules of ``extend-rules`` may take so long in one run."""


class Configured(Protocol):
    """Knows the settings of every file: a ``Config``, or ``Configs`` from config files."""

    def of(self, path: Path) -> Config:
        """The settings of a file."""


class _Rules(Struct, frozen=True):
    """Rules under one config. ``severities`` are those that the config gives, by id; ``on`` the
    ids of the rules that are on.
    """

    runs: tuple[Run, ...]
    texts: dict[str, RuleText]
    names: RuleNames
    severities: dict[str, Severity]
    on: frozenset[str]

    def graded(self, found: Iterable[Diagnostic]) -> Iterator[Diagnostic]:
        """Findings with the severity that the config says."""
        for one in found:
            severity = self.severities.get(one.rule)
            yield one if severity is None else replace(one, severity=severity)


class FileRules:
    """The rules over facts and problems, in each file as its config has them."""

    def __init__(
        self, ruleset: RuleSet, configured: Configured, editor: Callable[[], Editor]
    ) -> None:
        self._ruleset = ruleset
        self._configured = configured
        self._editor = editor
        self._clock = Clock(_OWN_RULES_SECONDS)
        self._by_name: dict[str, _Rules] = {}
        self._by_config: dict[bytes, _Rules] = {}
        self._commented: dict[str, Source] = {}

    def ask(self, file: str, words: tuple[str, ...]) -> bool:
        """Whether an expression of a rule that is on in a file holds one of some words."""
        rules = self._of(file)
        return any(
            word in text
            for run in rules.runs
            for rule in run.ruleset.rules
            if rule.id in rules.on
            for _, text in rule.expressions()
            for word in words
        )

    def on_problems(
        self, source: Source, problems: Iterable[Problem], phase: str = ""
    ) -> Iterator[Diagnostic]:
        """The diagnostics that the rules make of problems."""
        rules = self._of(source.name)
        return rules.graded(rules.runs[0].on_problems(source, problems, phase))

    def on_targets(self, targets: Iterable[Target]) -> Iterator[Diagnostic]:
        """The diagnostics of all rules over targets."""
        name: str | None = None
        for target in targets:
            if target.source.name != name:  # mostly they are all of one file
                name = target.source.name
                rules = self._of(name)
            for run in rules.runs:
                if found := run.on_target(target):
                    yield from rules.graded(found)

    def on_run(self, target: Target, findings: Sequence[Diagnostic]) -> Iterator[Diagnosis]:
        """What the rules say of a training run; ``findings`` are those in its net and solver."""
        from .engine.diagnosis import diagnoses

        rules = self._of(target.source.name)
        for run in rules.runs:
            for one in diagnoses(run, target, findings):
                (graded,) = rules.graded([one.diagnostic])
                yield replace(one, diagnostic=graded)

    def note(self, source: Source) -> None:
        """Remember a file with comments that speak to caffelint."""
        self._commented[source.name] = source

    def report(self, found: Sequence[Diagnostic], files: Iterable[str]) -> Report:
        """All findings in order, without those that comments in the files silence."""
        names = tuple(sorted(files))
        for name in names:  # which may have been checked in another process
            self._of(name)
        ignores = {
            name: Ignores(self._commented[name], self._of(name).names)
            for name in names
            if name in self._commented
        }
        flaws = [
            one
            for ignore in ignores.values()
            for one in self.on_problems(ignore.source, ignore.flaws())
        ]
        kept, silenced = split(merge([*found, *flaws]), ignores)
        unused = [
            one
            for name, ignore in ignores.items()
            for one in self.on_problems(ignore.source, list(ignore.unused(self._of(name).on)))
        ]
        told, silent = split(unused, ignores)
        return Report(tuple(merge([*kept, *told])), self.texts(), names, (*silenced, *silent))

    def texts(self) -> dict[str, RuleText]:
        """The texts of all rules that there are in any of the files."""
        return {
            id_: text
            for texts in (self._ruleset.texts, *(rules.texts for rules in self._by_config.values()))
            for id_, text in texts.items()
        }

    def names(self, file: str) -> RuleNames:
        """The names of the rules that there are in a file."""
        return self._of(file).names

    def switched_on(self) -> frozenset[str]:
        """Ids of the rules that were on in any file."""
        return frozenset().union(*(rules.on for rules in self._by_config.values()))

    def key(self, file: str) -> bytes:
        """What tells the rules in a file, and all that is set of them, from others."""
        config = self._configured.of(Path(file))
        own = [content_of(path) for path in config.extend_rules]
        return msgspec.json.encode((_about_rules(config), own))

    def _of(self, name: str) -> _Rules:
        note("rules", (name,), self.key)
        if name not in self._by_name:
            config = self._configured.of(Path(name))
            key = msgspec.json.encode(_about_rules(config))
            if key not in self._by_config:
                self._by_config[key] = self._made(config)
            self._by_name[name] = self._by_config[key]
        return self._by_name[name]

    def _made(self, config: Config) -> _Rules:
        own = own_rules(config)
        texts = {**self._ruleset.texts, **(own.texts if own is not None else {})}
        names = RuleNames(texts.values())
        severities = _severities(config, names)
        on = (names.all_ids(config.select) if config.select else frozenset(texts)) - (
            names.all_ids(config.ignore) | {id_ for id_, one in severities.items() if one is None}
        )
        runs: list[Run] = [Run(self._ruleset, config.options, on, self._editor)]
        if own is not None:
            runs.append(BoundedRun(own, config.options, on, self._editor, clock=self._clock))
        given = {id_: severity for id_, severity in severities.items() if severity is not None}
        return _Rules(tuple(runs), texts, names, given, on)


def _about_rules(config: Config) -> tuple[object, ...]:
    return (config.select, config.ignore, config.severity, config.options, config.extend_rules)


def _severities(config: Config, names: RuleNames) -> dict[str, Severity | None]:
    """What the config says of rules, by id; a word about fewer rules wins, None is off."""
    severities: dict[str, Severity | None] = {}
    for word in sorted(config.severity, key=lambda word: -len(names.ids(word))):
        choice = config.severity[word]
        severity = None if choice == "off" else Severity[choice.upper()]
        severities |= dict.fromkeys(names.ids(word), severity)
    return severities


def written_for(config: Config) -> Told:
    """The Caffe that files are written for, as far as their config tells.

    Raises:
        caffelint.ownproto.ProtoError: for a ``proto`` that cannot be used.
    """
    proto = b""
    if config.proto is not None:
        from .ownproto import compile_proto

        proto = compile_proto(Path(config.proto))
    layers = tuple(layer.facts(name) for name, layer in config.layers.items())
    return Told(config.dialect, proto, layers)


class Start:
    """How Caffe is started on a file, as far as its config says."""

    def __init__(
        self, config: Config, progress: Progress, missing: set[str], readers: Readers
    ) -> None:
        self.config = config
        self.root = Path(config.root) if config.root is not None else None
        self.launches = LaunchFinder(self.root)
        self.shapes: dict[str, Shape] = {
            name: tuple(sizes) for name, sizes in config.shapes.items()
        }
        self._progress = progress
        self._missing = missing
        self._readers = readers

    @property
    def told(self) -> bool:
        """Whether the config says what nets are for."""
        return self.config.context is not None or bool(self.config.weights)

    @cached_property
    def written_for(self) -> Told:
        """The Caffe that files are written for, as far as it is told.

        Raises:
            caffelint.ownproto.ProtoError: for a ``proto`` that cannot be used.
        """
        return written_for(self.config)

    @cached_property
    def data(self) -> DataReader:
        """What reads the data that nets name."""
        from .data.look import DataReader

        key = (self.root, self.config.data_sample)
        if key not in self._readers:
            limits = Limits(self.config.data_sample, progress=self._progress)
            self._readers[key] = DataReader(load_schema(), self.root, limits, self._missing)
        return self._readers[key]


class Starts:
    """How Caffe is started on each file. ``missing`` collects the libraries without which some data
    is not looked into.
    """

    def __init__(self, configured: Configured, missing: set[str]) -> None:
        self._configured = configured
        self._missing = missing
        self.readers: Readers = {}
        """Where what is read of data is kept; a later run may go on with it."""
        self._by_name: dict[str, Start] = {}
        self._by_config: dict[bytes, Start] = {}

    def key(self, file: str) -> bytes:
        """What tells the settings of a file from others, with all that they lead to."""
        config = self._configured.of(Path(file))
        return msgspec.json.encode((config, written_for(config).proto))

    def of(self, path: Path, progress: Progress) -> Start:
        """How Caffe is started on a file; ``progress`` shows how far a look at its data is."""
        name = path.as_posix()
        note("start", (name,), self.key)
        if name not in self._by_name:
            config = self._configured.of(path)
            key = msgspec.json.encode(config)
            if key not in self._by_config:
                self._by_config[key] = Start(config, progress, self._missing, self.readers)
            self._by_name[name] = self._by_config[key]
        return self._by_name[name]
