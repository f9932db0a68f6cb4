"""Symptoms: what a user sees when training goes wrong, and the rules that may be the cause.

A rule names its symptoms; ``symptoms.yaml`` gives them words, in English and in Chinese. What Caffe
prints when it aborts needs no words of its own: the rules quote it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from .rule import Rule, RuleError

Language = Literal["en", "zh"]

_SHORTEST_WORD = 3
"""Letters; fewer are in every title. In Chinese two are a word."""


class Page(msgspec.Struct, forbid_unknown_fields=True, frozen=True, rename="kebab"):
    """What stands around the symptoms, and above the messages of Caffe, in one language."""

    introduction: str
    less_often: str
    in_logs: str
    messages: str


class Group(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A heading over symptoms."""

    id: str
    en: str
    zh: str


class Words(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A symptom in one language; ``about`` is markdown."""

    title: str
    about: str


class Symptom(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One thing that a user sees; ``likely`` are names of rules, the most frequent cause first."""

    id: str
    group: str
    en: Words
    zh: Words
    likely: list[str]

    def words(self, language: Language) -> Words:
        """Title and explanation in a language."""
        return self.en if language == "en" else self.zh

    def rules(self, rules: Iterable[Rule]) -> list[Rule]:
        """The causes among ``rules``: the likely ones in order, then the others, worst first; and
        the rules that see the symptom in a log.
        """
        last = len(self.likely)
        return sorted(
            (rule for rule in rules if self.id in rule.symptoms),
            key=lambda rule: (
                rule.on == "run",
                self.likely.index(rule.name) if rule.name in self.likely else last,
                -rule.text.severity,
                rule.id,
            ),
        )


class Symptoms(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The file: what stands around them, headings, symptoms in the order of the page, and summaries
    of rules in Chinese by the rules' names.
    """

    pages: dict[Language, Page]
    groups: list[Group]
    symptoms: list[Symptom]
    chinese: dict[str, str]

    def matching(self, text: str) -> list[Symptom]:
        """The symptoms with this id, or with ``text``, if it is a word, in their title."""
        wanted = text.casefold()
        if wanted.isascii() and len(wanted) < _SHORTEST_WORD:
            return []
        named = [one for one in self.symptoms if one.id == wanted]
        return named or [
            one
            for one in self.symptoms
            if wanted in one.en.title.casefold() or wanted in one.zh.title.casefold()
        ]


def read_symptoms(path: Path) -> Symptoms:
    """Read ``symptoms.yaml``.

    Raises:
        msgspec.ValidationError: if the file does not have the form of ``Symptoms``.
    """
    from .yaml import load

    return msgspec.convert(load(path.read_text(encoding="utf-8")), Symptoms)


def check_symptoms(rules: Sequence[Rule], symptoms: Symptoms) -> None:
    """See that rules and symptoms know each other.

    Raises:
        RuleError: for a symptom that is not known, or a likely cause that does not say so.
    """
    known = {one.id for one in symptoms.symptoms}
    for rule in rules:
        for id_ in set(rule.symptoms) - known:
            raise RuleError(f"{rule.id}: there is no symptom {id_} in symptoms.yaml")
    names = {rule.name for rule in rules}
    for name in set(symptoms.chinese) - names:
        raise RuleError(f"symptoms.yaml: there is no rule {name}")
    for one in symptoms.symptoms:
        causes = {rule.name for rule in one.rules(rules)}
        for name in one.likely:
            if name not in causes:
                raise RuleError(f"symptoms.yaml: {name} does not have {one.id} in its symptoms")


_QUOTED = re.compile(r'"([^"]+)"')
_VALUES = re.compile(r" \(-?\d+ vs\. -?\d+\)$")
_SHORTEST = 10
_NO_MESSAGE = "Check failed"
"""What many messages begin with."""


def printed(rule: Rule) -> Iterator[str]:
    """What Caffe prints, as the rule's ``why`` quotes it: without the numbers compared and the
    full stop. Shorter quotations are fields and values.
    """
    for text in _QUOTED.findall(" ".join(rule.why.split())):
        message = _VALUES.sub("", text.strip(" .…:"))
        if " " in message and len(message) >= _SHORTEST and message != _NO_MESSAGE:
            yield message
