"""Rules that do not ship with caffelint: read with bounds, since they may come from anywhere.

An expression of CEL can read the facts and nothing else, and takes at most 10,000 steps. What is
left is to keep files small, and memory: whatever could make texts or lists longer is refused.
``BoundedRun`` bounds the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..core.late import late
from .rule import Rule, RuleError, read_rule
from .ruleset import RuleSet, load

MOST_RULES = 200
_MOST_BYTES = 64 * 1024
_LONGEST_EXPRESSION = 1000

# Names of CEL's overloads in the checked expression. What is not typed may become any of them.
_GROWING = {
    b"add_string": '"+" of texts (in messages, write {a}{b})',
    b"add_bytes": '"+" of bytes',
    b"add_list": '"+" of lists',
    b"string_to_bytes": "bytes()",
    b"bytes_to_string": "string() of bytes",
}
_NEW_MESSAGE = late(r"\b[A-Z]\w*\s*\{")


def load_own(
    paths: Sequence[Path], facts_descriptors: bytes, cache: Path | None, shipped: RuleSet
) -> RuleSet:
    """Read and compile rule files that go with the shipped rules.

    Raises:
        RuleError: for a file with a mistake, one that goes beyond the bounds, or a rule whose id
            or name is taken.
    """
    if len(paths) > MOST_RULES:
        raise RuleError(f"{paths[0]}: more than {MOST_RULES} rule files")
    taken = {word: rule.id for rule in shipped.rules for word in (rule.id, rule.name)}
    for path in paths:
        rule = _read(path)
        for word in (rule.id, rule.name):
            if word in taken:
                raise RuleError(f"{path}: {word} is taken by the rule {taken[word]}")
            taken[word] = rule.id
    own = load(paths, facts_descriptors, cache, shipped.facts)
    for path in paths:
        _check_expressions(path, read_rule(path), own)
    return own


def _read(path: Path) -> Rule:
    from yaml import YAMLError

    from .yaml import load_plain

    try:
        if not path.is_file():
            raise RuleError(f"{path}: not a file")
        if path.stat().st_size > _MOST_BYTES:
            raise RuleError(f"{path}: larger than {_MOST_BYTES >> 10} KiB")
        load_plain(path.read_text(encoding="utf-8"))
        rule = read_rule(path)
    except OSError as error:
        raise RuleError(f"{path}: {error.strerror or error}") from error
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise RuleError(f"{path}{line}: {getattr(error, 'problem', error)}") from error
    except (ValueError, RecursionError) as error:
        raise RuleError(f"{path}: {error}") from error
    if rule.on == "problem":
        raise RuleError(f"{path}: rules on problems are caffelint's own; write a when")
    for where, text in rule.expressions():
        if len(text) > _LONGEST_EXPRESSION:
            raise RuleError(f"{path}: in {where}: longer than {_LONGEST_EXPRESSION} characters")
    return rule


def _check_expressions(path: Path, rule: Rule, ruleset: RuleSet) -> None:
    """Refuse what could fill the memory."""
    for where, text in rule.expressions():
        serialised = ruleset.serialised(rule.on, text)
        for name, what in _GROWING.items():
            if name in serialised:
                raise RuleError(f"{path}: in {where}: {what} is not for rules of your own")
        if _NEW_MESSAGE().search(text):
            raise RuleError(f"{path}: in {where}: messages cannot be made in rules of your own")
