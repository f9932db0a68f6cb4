"""YAML as rule and config files are written: ``on``, ``off``, ``yes`` and ``no`` are plain words.

PyYAML follows YAML 1.1, where they are booleans; ``on:`` is a key of every rule.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    _Loader = yaml.SafeLoader
else:
    _Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_BOOL = "tag:yaml.org,2002:bool"
_MOST_DEEP = 100


class _PlainWords(_Loader):
    yaml_implicit_resolvers = {  # noqa: RUF012
        first: [(tag, pattern) for tag, pattern in resolvers if tag != _BOOL]
        for first, resolvers in _Loader.yaml_implicit_resolvers.items()
    }


_PlainWords.add_implicit_resolver(_BOOL, re.compile(r"^(?:true|false)$"), list("tf"))


def load(text: str | bytes) -> Any:
    """The content of a YAML text.

    Raises:
        yaml.YAMLError: if it is not YAML.
    """
    return yaml.load(text, _PlainWords)  # noqa: S506 - a SafeLoader


def load_plain(text: str) -> Any:
    """The content of a YAML text from anywhere: without aliases, which blow up what they name, and
    not nested so deep that PyYAML's loader, which calls itself in C, runs out of stack.

    Raises:
        yaml.YAMLError: if it is not YAML.
        ValueError: for an alias, deep nesting, or a number or date that there is none.
    """
    depth = 0
    for event in yaml.parse(text, _PlainWords):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _MOST_DEEP:
            line = event.start_mark.line + 1 if event.start_mark else 0
            raise ValueError(f"line {line}: nesting depth over {_MOST_DEEP}")
        if isinstance(event, yaml.AliasEvent):
            line = event.start_mark.line + 1 if event.start_mark else 0
            raise ValueError(f"line {line}: aliases (*name) are not allowed here")  # noqa: TRY004
    return load(text)


def compose(text: str) -> Any:
    """The node tree of a YAML text, for the lines of its values."""
    return yaml.compose(text, _PlainWords)
