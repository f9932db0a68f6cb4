"""A rule's page for the terminal."""

from __future__ import annotations

from .engine.rule import Rule


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
