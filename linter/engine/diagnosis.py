"""What happened in a training run, and why: rules on runs, their causes joined with findings.

A rule on runs names what may lie behind it: findings of other rules in the run's net and solver, or
words on what to look at. Those that apply are put in order here; what applies and in which order is
the rule's to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from msgspec import Struct

from ..core.diagnostic import Diagnostic, Severity
from .rule import Cause, Rule
from .run import Run, Seen, Target
from .symptom import printed

_CONFIDENCES = ("certain", "high", "medium")

# So many rules that quote the same message are named where none of them has found anything.
_MOST_KNOWN = 3


class FoundCause(Struct, frozen=True):
    """One cause: a finding in net or solver, ``more`` others like it not told; or only words.

    ``name`` is the finding's rule, or the cause's own name.
    """

    name: str
    words: str
    finding: Diagnostic | None = None
    more: int = 0


class Diagnosis(Struct, frozen=True):
    """What a rule says of a run.

    ``since`` is the iteration from which on it holds, None where it has none; ``evidence`` are
    lines on what the log shows; ``causes`` stand in order, the most likely first; ``otherwise``
    says what to do where there is none. ``moments`` are further lines of the log by the paths of
    their facts, with a word on each.
    """

    diagnostic: Diagnostic
    since: int | None
    evidence: tuple[str, ...]
    causes: tuple[FoundCause, ...]
    otherwise: str
    moments: tuple[tuple[str, str], ...]


def diagnoses(run: Run, target: Target, findings: Sequence[Diagnostic]) -> Iterator[Diagnosis]:
    """What the rules say of a run; ``findings`` are those in its net and solver."""
    facts = target.variables["run"]
    for rule, seen in run.speaking(target):
        at = next((path for path in rule.places if moment_at(facts, path) is not None), "")
        moment = moment_at(facts, at) if at else None
        yield Diagnosis(
            diagnostic=run.finding(rule, target, seen),
            since=moment.iteration if moment is not None else None,
            evidence=tuple(run.filled(rule, rule.evidence, seen)),
            causes=tuple(_causes(run, rule, seen, findings)),
            otherwise=run.rendered(rule, rule.otherwise, seen),
            moments=tuple(rule.also.items()),
        )


def moment_at(facts: Any, path: str) -> Any | None:
    """The moment at a path like ``train.first``; None where it is absent."""
    for name in path.split("."):
        facts = getattr(facts, name)
        if facts is None:
            return None
    return facts


def _causes(run: Run, rule: Rule, seen: Seen, findings: Sequence[Diagnostic]) -> list[FoundCause]:
    """The causes that apply. What is only worth knowing comes last, however likely it is."""
    found: list[tuple[tuple[int, ...], FoundCause]] = []
    told: set[str] = set()
    for place, cause in enumerate(rule.causes):
        if cause.when and not run.holds(rule, cause.when, seen):
            continue
        known = _quoting(run, run.value(rule, cause.printed, seen)) if cause.printed else []
        showing = run.ruleset.with_symptom(cause.symptom) if cause.symptom else []
        wanted = [*cause.rules, *(one.id for one in (*showing, *known))]
        groups = [
            (id_, group)
            for id_ in wanted
            if id_ not in told and (group := [one for one in findings if one.rule == id_])
        ]
        for at, (id_, group) in enumerate(groups):
            told.add(id_)
            first = max(group, key=lambda one: one.severity)
            rank = (first.severity == Severity.INFO, place, -first.severity, _unsure(first), at)
            found.append((rank, FoundCause(first.name, first.message, first, len(group) - 1)))
        # Words are for what no finding says.
        if not groups and told.isdisjoint(wanted):
            found += [
                ((0, place, 0, 0, at), one)
                for at, one in enumerate(_worded(run, rule, cause, known, seen))
            ]
    return [cause for _, cause in sorted(found, key=lambda pair: pair[0])]


def _worded(
    run: Run, rule: Rule, cause: Cause, known: Sequence[Rule], seen: Seen
) -> Iterator[FoundCause]:
    """A cause without a finding: what the rule says of it, or the rules that know the message."""
    words = run.rendered(rule, cause.words, seen)
    if words:
        yield FoundCause(cause.name, words)
    elif cause.printed:
        message = run.value(rule, cause.printed, seen)
        for one in known[:_MOST_KNOWN]:
            if _quoted_size(one, message) == _quoted_size(known[0], message):
                advice = one.text.hint or _first_sentence(one.why)
                yield FoundCause(one.name, f"{one.summary} ({one.id}): {advice}")


def _first_sentence(why: str) -> str:
    text = " ".join(why.split())
    return re.split(r"(?<=[.!?])\s", text, maxsplit=1)[0]


def _unsure(finding: Diagnostic) -> int:
    return _CONFIDENCES.index(finding.confidence)


def _quoting(run: Run, message: str) -> list[Rule]:
    """The rules that quote a message of Caffe, those first that quote most of it."""
    sizes = {
        rule.id: size
        for rule in run.ruleset.rules
        if rule.on != "run" and (size := _quoted_size(rule, message))
    }
    known = [rule for rule in run.ruleset.rules if rule.id in sizes]
    return sorted(known, key=lambda rule: (-sizes[rule.id], -rule.text.severity, rule.id))


def _quoted_size(rule: Rule, message: str) -> int:
    """How many characters of a message the rule quotes; 0 for none."""
    return max((len(text) for text in printed(rule) if _pattern(text).search(message)), default=0)


@lru_cache(maxsize=1024)
def _pattern(text: str) -> re.Pattern[str]:
    """What a quoted message is like with other names and numbers in it."""
    parts = re.split(r"('[^']*'|…|\d+)", text)
    names = {"'": "'[^']*'", "…": ".*?"}
    return re.compile(
        "".join(
            re.escape(part) if not at % 2 else names.get(part[:1], r"\d+")
            for at, part in enumerate(parts)
        )
    )


def unknown_causes(rules: Sequence[Rule]) -> list[str]:
    """Rules that name a cause which no rule has: ``CL901: there is no rule CL999``."""
    known = {rule.id for rule in rules}
    return [
        f"{rule.id}: there is no rule {id_}"
        for rule in rules
        for cause in rule.causes
        for id_ in cause.rules
        if id_ not in known
    ]
