"""Rules over facts and problems: the diagnostics they give."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import compress
from time import perf_counter
from typing import Any, Protocol

from msgspec import Struct, field
from msgspec.structs import replace

from ..core.diagnostic import Diagnostic, Edit, Fix, Place, Related, Severity
from ..core.late import late
from ..core.problem import Problem
from ..core.source import Source, Span
from .rule import (
    Change,
    FixRule,
    On,
    Rule,
    RuleError,
    filled,
    split_template,
    template_of,
)
from .ruleset import VARIABLES, Group, RuleSet


class Anchor(Protocol):
    """Something whose fields have places in the text: finds the span of a field path."""

    def find(self, path: str) -> Span | None:
        """Span of the field, None where it is not written; an empty path is the thing itself."""

    def is_unread(self, path: str) -> bool:
        """Whether the field is written with a value that cannot be known."""


class Target(Struct, frozen=True):
    """One thing that rules look at.

    ``variables`` are the facts that the expressions see, ``anchors`` where a rule's ``at`` is
    looked up, the first one that has it. ``context`` says which training context was assumed.
    """

    on: On
    source: Source
    anchors: Sequence[Anchor]
    variables: Mapping[str, Any]
    type: str = ""
    layer: str = ""
    phase: str = ""
    context: str = ""

    def place(self, paths: Sequence[str]) -> Place:
        """Where a rule points that names these field paths."""
        for path in (*paths, ""):
            for anchor in self.anchors:
                span = anchor.find(path)
                if span is not None:
                    return Place(self.source, span)
        return Place(self.source, Span(0, 0))

    def is_unread(self, paths: Sequence[str]) -> bool:
        """Whether one of these field paths is written with a value that cannot be known."""
        return any(anchor.is_unread(path) for path in paths for anchor in self.anchors)


class Editor(Protocol):
    """Makes the edits of a fix; none where the text is not such that all changes can be made."""

    def edit_target(self, changes: Sequence[Change], target: Target) -> tuple[Edit, ...]:
        """Edits for changes at something that rules look at."""

    def edit_problem(
        self, changes: Sequence[Change], source: Source, problem: Problem
    ) -> tuple[Edit, ...]:
        """Edits for changes at a problem."""


class Seen(Struct, frozen=True):
    """What the expressions of a rule see: the facts of a target, and the rule's options."""

    variables: Mapping[str, Any]
    option: Mapping[str, Any]


# What Python has no result for may be an error in CEL, or none: 1.0 / 0.0, ``error || true``.
_FAILURES = (ArithmeticError, IndexError, KeyError, TypeError, ValueError)


class Run(Struct):
    """One run: a rule set, the option values in force, the rules that are switched on, and what
    makes the edits of fixes, without which none are offered.
    """

    ruleset: RuleSet
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    selected: frozenset[str] | None = None
    editor: Callable[[], Editor] | None = None
    _option_values: dict[str, dict[str, Any]] = field(default_factory=dict)
    _all_options: dict[str, dict[str, Any]] | None = None
    _messages: dict[str, tuple[Any, Any]] = field(default_factory=dict)

    def on_problems(
        self, source: Source, problems: Iterable[Problem], phase: str = ""
    ) -> Iterator[Diagnostic]:
        """The diagnostics that the rules make of problems."""
        for problem in problems:
            rule = self.ruleset.by_kind.get(problem.kind)
            if rule is not None and self._is_on(rule):
                yield self._problem(rule, source, problem, phase)

    def on_target(self, target: Target) -> list[Diagnostic]:
        """The diagnostics of all rules over a target."""
        return [self.finding(rule, target, seen) for rule, seen in self.speaking(target)]

    def speaking(self, target: Target) -> list[tuple[Rule, Seen]]:
        """The rules that have something to say of a target, each with what its expressions see."""
        found = []
        for group in self.ruleset.groups(target.on, target.type):
            results = self._together(group, target)
            for rule in group.rules if results is None else compress(group.rules, results):
                if not self._is_on(rule):
                    continue
                seen = Seen(target.variables, self._options_of(rule))
                if results is None and not self.holds(rule, rule.when, seen):
                    continue
                # Of a value that cannot be known nothing is said but that.
                if not target.is_unread(rule.places):
                    found.append((rule, seen))
        return found

    def _together(self, group: Group, target: Target) -> list[bool] | None:
        """What the conditions of rules give, asked all at once. None where that cannot be, or one
        of them fails, which may belong to a rule that is off.
        """
        if group.conditions is None:
            return None
        try:
            return group.conditions(**target.variables, option=self._options_of_all())
        except _FAILURES:
            return None

    def _is_on(self, rule: Rule) -> bool:
        return self.selected is None or rule.id in self.selected

    def _options_of(self, rule: Rule) -> dict[str, Any]:
        if rule.id not in self._option_values:
            given = {**self.options.get(rule.name, {}), **self.options.get(rule.id, {})}
            self._option_values[rule.id] = {
                name: given.get(name, option.value) for name, option in rule.options.items()
            }
        return self._option_values[rule.id]

    def _options_of_all(self) -> dict[str, dict[str, Any]]:
        """The options of all rules that have any, by their ids."""
        if self._all_options is None:
            rules = (rule for rule in self.ruleset.rules if rule.options)
            self._all_options = {rule.id: self._options_of(rule) for rule in rules}
        return self._all_options

    def value(self, rule: Rule, text: str, seen: Seen) -> Any:
        """What an expression of a rule gives.

        Raises:
            RuleError: where it gives nothing.
        """
        translated = self.ruleset.translated(rule.on, text)
        if translated is not None:
            try:
                return translated(**seen.variables, option=seen.option)
            except _FAILURES:
                pass
        return self._in_cel(rule, text, seen)

    def _in_cel(self, rule: Rule, text: str, seen: Seen) -> Any:
        """What CEL's own interpreter gives."""
        value = self.ruleset.expression(rule.on, text).eval(self._activation(rule.on, seen))
        result = value.plain_value()
        if value.type().name() == "ERROR":
            raise RuleError(f"rule {rule.id}: {text!r} fails: {result}")
        return result

    def _activation(self, on: On, seen: Seen) -> Any:
        """The same for CEL, which takes facts as protobuf messages; rules ask of one thing in turn,
        so that its message is kept until they ask of the next.
        """
        facts, given = self.ruleset.facts, {}
        for name, one in seen.variables.items():
            known = self._messages.get(name)
            if known is None or known[0] is not one:
                type_ = VARIABLES[on][name]
                known = self._messages[name] = one, facts.message(one, type_)
            given[name] = known[1]
        return facts.environment(on).Activation({**given, "option": seen.option})

    def holds(self, rule: Rule, text: str, seen: Seen) -> bool:
        """Whether a condition of a rule is true.

        Raises:
            RuleError: where that cannot be said.
        """
        result = self.value(rule, text, seen)
        if result is True or result is False:
            return result
        raise RuleError(f"rule {rule.id}: {text!r} fails: {result}")

    def rendered(self, rule: Rule, template: str, seen: Seen) -> str:
        """A template of a rule, filled."""
        return _render(template, lambda part: _shown(self.value(rule, part, seen)))

    def filled(self, rule: Rule, templates: Iterable[str], seen: Seen) -> Iterator[str]:
        """Templates of a rule, filled; without those of which a placeholder is empty."""
        for template in templates:
            if text := _first_filled([template], lambda part: _shown(self.value(rule, part, seen))):
                yield text

    def finding(self, rule: Rule, target: Target, seen: Seen) -> Diagnostic:
        """The diagnostic of a rule that speaks of a target."""
        severity, confidence = rule.severity, rule.confidence
        for softer in rule.softer:
            if self.holds(rule, softer.when, seen):
                severity, confidence = softer.severity, softer.confidence or confidence
                break

        def fill(text: str) -> str:
            return _shown(self.value(rule, text, seen))

        return Diagnostic(
            rule=rule.id,
            name=rule.name,
            severity=Severity[severity.upper()],
            confidence=confidence,
            message=_render(rule.message, fill),
            hint=_first_filled(rule.hints, fill),
            place=target.place(rule.places),
            layer=target.layer,
            phases=(target.phase,) if target.phase else (),
            context=target.context if _speaks_of_context(rule) else "",
            fix=self._target_fix(rule, target, seen, fill),
            tag=rule.tag,
        )

    def _target_fix(
        self, rule: Rule, target: Target, seen: Seen, fill: Callable[[str], str]
    ) -> Fix | None:
        if self.editor is None:
            return None
        edit = partial(self.editor().edit_target, target=target)
        ready = (fix for fix in rule.fixes if not fix.when or self.holds(rule, fix.when, seen))
        return _first_fix(ready, fill, edit)

    def _problem(self, rule: Rule, source: Source, problem: Problem, phase: str) -> Diagnostic:
        def fill(name: str) -> str:
            return _shown(problem.values[name])

        also = tuple(Related(Place(source, span), words) for span, words in problem.also)
        return Diagnostic(
            rule=rule.id,
            name=rule.name,
            severity=Severity[rule.severity.upper()],
            confidence=rule.confidence,
            message=_render(rule.message, fill),
            hint=_first_filled(rule.hints, fill),
            place=Place(source, problem.span),
            layer=problem.layer,
            phases=(phase,) if phase else (),
            related=also,
            fix=self._problem_fix(rule, source, problem, fill),
            tag=rule.tag,
        )

    def _problem_fix(
        self, rule: Rule, source: Source, problem: Problem, fill: Callable[[str], str]
    ) -> Fix | None:
        if self.editor is None:
            return None
        edit = partial(self.editor().edit_problem, source=source, problem=problem)
        return _first_fix(rule.fixes, fill, edit)


class Clock:
    """How long rules may take, all together; what they have taken so far."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._spent: dict[str, float] = {}

    def add(self, rule: str, seconds: float) -> None:
        """Note how long a rule took.

        Raises:
            RuleError: if that was too long.
        """
        self._spent[rule] = self._spent.get(rule, 0) + seconds
        if sum(self._spent.values()) > self._seconds:
            slowest = max(self._spent, key=self._spent.__getitem__)
            raise RuleError(
                f"the rules of your own took more than {self._seconds:g} s, "
                f"{slowest} {self._spent[slowest]:.1f} s of it"
            )


class BoundedRun(Run):
    """A run of rules from anywhere, which stops when they take too long."""

    clock: Clock = field(default_factory=lambda: Clock(10))

    def value(self, rule: Rule, text: str, seen: Seen) -> Any:
        """The same within the bounds, which only CEL's interpreter has."""
        with self._bounds(rule, text):
            return self._in_cel(rule, text, seen)

    @contextmanager
    def _bounds(self, rule: Rule, text: str) -> Iterator[None]:
        start = perf_counter()
        try:
            yield
        except RuntimeError as error:  # CEL's own bound: 10,000 steps of all(), exists() and map()
            raise RuleError(f"rule {rule.id}: {text!r} takes too many steps: {error}") from error
        self.clock.add(rule.id, perf_counter() - start)


def merge(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """One diagnostic for what several phases or solvers found alike, in report order."""
    merged: dict[tuple[object, ...], Diagnostic] = {}
    for one in diagnostics:
        key = (one.rule, one.place.source.name, one.place.span, one.message, one.layer)
        known = merged.get(key)
        if known is None:
            merged[key] = one
            continue
        worse = max(known, one, key=lambda d: d.severity)
        phases = known.phases + tuple(p for p in one.phases if p not in known.phases)
        merged[key] = replace(worse, phases=phases)
    return sorted(merged.values(), key=lambda one: one.sort_key)


def _speaks_of_context(rule: Rule) -> bool:
    return any("net.context" in text for _, text in rule.expressions())


def _render(template: str, fill: Callable[[str], str]) -> str:
    parts = split_template(template)
    parts[1::2] = [fill(part) for part in parts[1::2]]
    return "".join(parts)


def _first_filled(templates: Sequence[str], fill: Callable[[str], str]) -> str:
    """The first template none of whose placeholders is empty, filled; else an empty text."""
    for template in templates:
        if all(fill(part) for part in split_template(template)[1::2]):
            return _render(template, fill)
    return ""


# What a name may hold and an edit may not write: it was shortened, or is no plain text.
_UNWRITABLE = late("[\x00-\x1f\x7f\u2026\ufffd\ud800-\udfff]")


def _first_fix(
    fixes: Iterable[FixRule],
    fill: Callable[[str], str],
    edit: Callable[[Sequence[Change]], tuple[Edit, ...]],
) -> Fix | None:
    """The first fix that can be made: no placeholder of it is empty, and the text allows it."""
    for fix in fixes:
        parts = [
            part for change in fix.changes for part in split_template(template_of(change))[1::2]
        ]
        if not all((value := fill(part)) and not _UNWRITABLE().search(value) for part in parts):
            continue
        if edits := edit([filled(one, _render(template_of(one), fill)) for one in fix.changes]):
            return Fix(_render(fix.title, fill), edits, fix.safe)
    return None


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.7g}"
    if isinstance(value, list | tuple):
        return ", ".join(_shown(item) for item in value)
    return str(value)
