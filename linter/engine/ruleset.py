"""Rules ready to run: their CEL expressions checked against the facts, and cached.

The expressions of shipped rules are there in Python as well (``translated``), which is what runs.
CEL itself is needed for what is not: rules from elsewhere, or rules that were changed since.

Rules are kept with serialised CEL in the user's cache directory, under a key that tells when and
what the files were that they were made from. A cache file that is missing, foreign or broken is
made anew.
"""

from __future__ import annotations

import os
import re
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from ..core.diagnostic import RuleText
from ..core.files import replace_file
from .rule import ROWS, Example, On, Rule, RuleError, read_rules, yaml_line

VARIABLES: Mapping[On, Mapping[str, str]] = {
    "solver": {"solver": "Solver", "net": "Net"},
    "net": {"net": "Net", "solver": "Solver"},
    "layer": {"layer": "Layer", "net": "Net", "solver": "Solver"},
    "param": {"param": "Param", "layer": "Layer", "net": "Net", "solver": "Solver"},
    "run": {"run": "Run"},
}
"""What the expressions of a rule may name, with the type of each in ``facts.proto``."""


# How many compiled rule sets the cache keeps: one for each project with rules of its own.
_KEPT_SETS = 8


class Facts:
    """The vocabulary as CEL knows it: the messages of ``facts.proto`` and environments for them."""

    def __init__(self, descriptor_set: bytes) -> None:
        self._descriptor_set = descriptor_set
        self._environments: dict[On, Any] = {}

    @cached_property
    def pool(self) -> Any:
        """The descriptors of ``facts.proto``."""
        from ..core.pool import pool_of

        return pool_of(self._descriptor_set)

    def message(self, fact: object, type_: str) -> Any:
        """A fact as the protobuf message of that type that CEL takes."""
        from google.protobuf.message_factory import GetMessageClass

        message = GetMessageClass(self.pool.FindMessageTypeByName(f"caffelint.{type_}"))()
        _fill(message, fact)
        return message

    def unknown_moments(self, rule: Rule) -> Iterator[tuple[str, str]]:
        """What a rule on runs points at that is no ``Moment`` of a run: where it does, and what."""
        if rule.on != "run":
            return
        named = [("at", path) for path in rule.places]
        named += [("also", path) for path in rule.also if path != ROWS]
        for where, path in named:
            kind: Any = self.pool.FindMessageTypeByName("caffelint.Run")
            for step in path.split("."):
                field = kind.fields_by_name.get(step) if kind is not None else None
                kind = field.message_type if field is not None else None
            if kind is None or kind.name != "Moment":
                yield where, path

    def environment(self, on: On) -> Any:
        """The CEL environment of the rules that look at ``on``."""
        if on not in self._environments:
            from cel_expr_python import cel

            variables = {name: cel.Type(f"caffelint.{t}") for name, t in VARIABLES[on].items()}
            variables["option"] = cel.Type.Map(cel.Type.STRING, cel.Type.DYN)
            self._environments[on] = cel.NewEnv(
                descriptor_pool=self.pool, container="caffelint", variables=variables
            )
        return self._environments[on]


def _fill(message: Any, fact: object) -> None:
    for field in message.DESCRIPTOR.fields:
        value = getattr(fact, field.name)
        if isinstance(value, list):
            several = getattr(message, field.name)
            for one in value:
                if field.message_type is None:
                    several.append(one)
                else:
                    _fill(several.add(), one)
        elif field.message_type is None:
            if value is not None:
                setattr(message, field.name, value)
        elif value is not None:
            getattr(message, field.name).SetInParent()
            _fill(getattr(message, field.name), value)


@cache
def _translated(on: On) -> Any:
    """The module with the translations of the expressions of rules on things of one sort."""
    return import_module(f"..translated.{on}", __name__)


class _Compiled(msgspec.Struct):
    """What a cache file holds. ``examples`` are those of the rules, which are without them;
    most runs need neither them nor ``expressions``, serialised CEL by ``on`` and text, so that both
    are packed once more.
    """

    key: str
    rules: list[Rule]
    examples: memoryview
    expressions: memoryview


class Group(Struct, frozen=True):
    """Rules that look at the same things. ``conditions`` gives for all of them at once what their
    ``when`` gives, with all options by rule in ``option``; None where that is not translated.
    """

    rules: Sequence[Rule]
    conditions: Callable[..., list[bool]] | None


class RuleSet:
    """Rules with their expressions."""

    def __init__(self, facts: Facts, compiled: _Compiled) -> None:
        self.facts = facts
        self.rules = compiled.rules
        self._packed = compiled
        self._expressions: dict[tuple[On, str], Any] = {}
        self._groups: dict[tuple[On, str], list[Group]] = {}

    def translated(self, on: On, text: str) -> Callable[..., Any] | None:
        """The expression in Python, a function of the facts and ``option``; None if there is no
        translation.
        """
        found: Callable[..., Any] | None = _translated(on).EXPRESSIONS.get(text)
        return found

    def expression(self, on: On, text: str) -> Any:
        """The expression as CEL runs it; it must be one of the rules' own."""
        key = (on, text)
        if key not in self._expressions:
            environment = self.facts.environment(on)
            self._expressions[key] = environment.deserialize(self.serialised(on, text))
        return self._expressions[key]

    def serialised(self, on: On, text: str) -> bytes:
        """An expression as CEL has checked it: with its types and the functions that it calls."""
        return self._serialised[on][text]

    def groups(self, on: On, type_: str) -> Sequence[Group]:
        """The rules for all types, and those for one layer type, where there are any."""
        key = (on, type_)
        if key not in self._groups:
            self._groups[key] = [
                Group(rules, self._conditions(on, of, rules))
                for of in dict.fromkeys(("", type_))
                if (rules := self.by_type.get((on, of)))
            ]
        return self._groups[key]

    def _conditions(
        self, on: On, type_: str, rules: Sequence[Rule]
    ) -> Callable[..., list[bool]] | None:
        """The conditions of these rules together, where that is still what was translated."""
        ids, conditions = _translated(on).GROUPS.get(type_, ((), None))
        same = ids == tuple(rule.id for rule in rules)
        current = same and all(self.translated(on, rule.when) for rule in rules)
        return conditions if current else None

    @cached_property
    def _serialised(self) -> dict[str, dict[str, bytes]]:
        return msgspec.msgpack.decode(self._packed.expressions, type=dict[str, dict[str, bytes]])

    @cached_property
    def whole_rules(self) -> list[Rule]:
        """The rules with their examples."""
        examples = msgspec.msgpack.decode(self._packed.examples, type=list[list[Example]])
        pairs = zip(self.rules, examples, strict=True)
        return [replace(rule, examples=its) for rule, its in pairs]

    @cached_property
    def texts(self) -> dict[str, RuleText]:
        """The words of the rules for reports, by id."""
        return {rule.id: rule.text for rule in self.rules}

    @cached_property
    def by_kind(self) -> dict[str, Rule]:
        """Rules on problems, by the kind of problem."""
        return {rule.kind: rule for rule in self.rules if rule.on == "problem"}

    @cached_property
    def by_type(self) -> dict[tuple[On, str], list[Rule]]:
        """Rules on layers and params by layer type; those without ``types`` under ``""``."""
        return by_type(self.rules)

    def with_symptom(self, symptom: str) -> list[Rule]:
        """The rules that know a cause of a symptom, the worst first; not those on runs."""
        found = [rule for rule in self.rules if symptom in rule.symptoms and rule.on != "run"]
        return sorted(found, key=lambda rule: -rule.text.severity)


def load(
    paths: Sequence[Path],
    facts_descriptors: bytes,
    cache: Path | None,
    facts: Facts | None = None,
) -> RuleSet:
    """Read, check and compile rule files, or take them from the cache directory.

    ``facts`` are those of another rule set, if the rules are to run on the same facts.

    Raises:
        RuleError: for a rule file with a mistake; the message has its path and line.
    """
    facts = facts or Facts(facts_descriptors)
    key = _key(paths, facts_descriptors)
    if cache is not None and (compiled := _read_cache(cache, key)) is not None:
        return RuleSet(facts, compiled)
    compiled = _compile(paths, facts, key)
    if cache is not None:
        _write_cache(cache, compiled)
    return RuleSet(facts, compiled)


def _key(paths: Sequence[Path], facts_descriptors: bytes) -> str:
    """What compiled rules are known by: their format, and each file's name, size and times of
    change, which is as good as the contents and read much sooner.
    """
    parts = [f"format 9, python {sys.version_info[:2]}, facts {zlib.crc32(facts_descriptors)}"]
    for path in paths:
        one = os.stat(path)  # noqa: PTH116 - for hundreds of them
        parts.append(
            f"{str(path)!a} {one.st_size} {one.st_mtime_ns} {one.st_ctime_ns} {one.st_ino}"
        )
    return "\n".join(parts)


def _compile(paths: Sequence[Path], facts: Facts, key: str) -> _Compiled:
    rules = read_rules(paths)
    files = {_id_of(path): path for path in paths}
    compiled: dict[str, dict[str, bytes]] = {}
    for rule in rules:
        for where, name in facts.unknown_moments(rule):
            path = files.get(rule.id, Path(rule.name))
            line = yaml_line(path.read_text(encoding="utf-8"), where)
            raise RuleError(f"{path}:{line}: in {where}: a run has no moment {name}")
        for where, text in rule.expressions():
            kind = "BOOL" if where.endswith("when") else ""
            try:
                serialised = _compile_one(facts, rule, text, kind)
            except ValueError as error:
                path = files.get(rule.id, Path(rule.name))
                line = yaml_line(path.read_text(encoding="utf-8"), where)
                raise RuleError(f"{path}:{line}: in {where}: {error}") from error
            compiled.setdefault(rule.on, {})[text] = serialised
    return _Compiled(
        key=key,
        rules=[replace(rule, examples=[]) for rule in rules],
        examples=memoryview(msgspec.msgpack.encode([rule.examples for rule in rules])),
        expressions=memoryview(msgspec.msgpack.encode(compiled)),
    )


def by_type(rules: Iterable[Rule]) -> dict[tuple[On, str], list[Rule]]:
    """Rules by what they look at and by layer type; those for all types under ``""``."""
    table: dict[tuple[On, str], list[Rule]] = {}
    for rule in rules:
        for type_ in rule.types or [""]:
            table.setdefault((rule.on, type_), []).append(rule)
    return table


def _id_of(path: Path) -> str:
    match = re.search(r"^id:\s*(\S+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    return match[1] if match else path.stem


def _compile_one(facts: Facts, rule: Rule, text: str, wanted: str) -> bytes:
    for name in re.findall(r"\boption\.(\w+)", text):
        if name not in rule.options:
            raise ValueError(f"the rule has no option {name}")
    try:
        expression = facts.environment(rule.on).compile(text)
    except RuntimeError as error:
        raise ValueError(_cel_message(str(error))) from error
    if wanted and expression.return_type().name() != wanted:
        raise ValueError(
            f"the expression gives {expression.return_type().name()}, not true or false"
        )
    return bytes(expression.serialize())


def _cel_message(text: str) -> str:
    """CEL's own words with its line and column, without the decoration around them."""
    match = re.search(r"<input>:(\d+):(\d+): (.*)", text)
    return f"{match[3]} (line {match[1]}, column {match[2]} of the expression)" if match else text


def cache_directory() -> Path:
    """Where compiled rules are kept: ``CAFFELINT_CACHE_DIR``, or the user's cache directory."""
    given = os.environ.get("CAFFELINT_CACHE_DIR")
    if given:
        return Path(given)
    base = os.environ.get("LOCALAPPDATA" if os.name == "nt" else "XDG_CACHE_HOME")
    # The XDG specification says that a relative path is to be ignored.
    usual = Path(base) if base and Path(base).is_absolute() else Path.home() / ".cache"
    return usual / "caffelint"


def _cache_file(folder: Path, key: str) -> Path:
    return folder / f"rules-{zlib.crc32(key.encode()):08x}.msgpack"


def _read_cache(folder: Path, key: str) -> _Compiled | None:
    try:
        compiled = msgspec.msgpack.decode(_cache_file(folder, key).read_bytes(), type=_Compiled)
    except (OSError, msgspec.MsgspecError):
        return None
    return compiled if compiled.key == key else None


def _write_cache(folder: Path, compiled: _Compiled) -> None:
    """Keep the compiled rules; a cache that cannot be written is done without."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        replace_file(_cache_file(folder, compiled.key), msgspec.msgpack.encode(compiled))
        known = sorted(folder.glob("rules-*"), key=lambda path: path.stat().st_mtime)
        for old in known[:-_KEPT_SETS]:
            old.unlink(missing_ok=True)
    except OSError:
        pass
