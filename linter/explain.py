"""What a rule, or a symptom of training, is about: pages for the terminal."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from .engine.rule import Rule
from .engine.symptom import Language, Symptom, Symptoms, printed


def page(rule: Rule) -> str:
    """Everything the rule file says to a person, as plain text."""
    parts = [f"{rule.id} {rule.name} ({rule.severity})", rule.summary, rule.why.strip()]
    hint = rule.text.hint
    if hint:
        parts.append(f"What to do: {hint}")
    for example in rule.examples:
        title, text = ("Bad", example.bad) if example.bad else ("Good", example.good)
        lines = "\n".join(f"    {line}".rstrip() for line in text.strip("\n").splitlines())
        parts.append(f"{title}:\n{lines}")
    for name, option in rule.options.items():
        parts.append(f"Option {name} = {option.value}: {option.why}")
    if rule.sources:
        parts.append("Sources:\n" + "\n".join(f"    {source}" for source in rule.sources))
    return "\n\n".join(parts) + "\n"


def symptom_page(symptom: Symptom, rules: Sequence[Rule], symptoms: Symptoms, by: Language) -> str:
    """A symptom and the rules that know a cause of it, in a language."""
    words = symptom.words(by)
    chinese = symptoms.chinese if by == "zh" else {}
    about = words.about if by == "en" else words.about.replace("\n", "")
    causes = symptom.rules(rules)
    width = max((len(rule.name) for rule in causes), default=0)
    lines = "\n".join(
        f"{rule.id} {rule.name:<{width}}  {chinese.get(rule.name, rule.summary)}" for rule in causes
    )
    return "\n\n".join([words.title, _LINK.sub(r"\1", about).strip(), lines]) + "\n"


_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_SHORTEST_MESSAGE = 6


def printed_page(text: str, rules: Iterable[Rule]) -> str:
    """The rules that quote a message of Caffe with this text in it; empty where none does."""
    wanted = text.casefold()
    if len(wanted) < _SHORTEST_MESSAGE:
        return ""
    lines = [
        f"{rule.id} {rule.name}: {rule.summary}\n    Caffe prints: {message}\n"
        for rule in rules
        for message in printed(rule)
        if wanted in message.casefold()
    ]
    return "".join(lines)
