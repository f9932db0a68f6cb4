"""What makes a finding the same one after an edit elsewhere: its rule, file, layer and lines."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from hashlib import sha256

from .diagnostic import Diagnostic

# A comment that silences another finding of the line makes this one no other.
_IGNORE = re.compile(r"#[ \t]*caffelint:[^\n]*")

_MOST_TEXT = 2000
"""More text is not read: a span or a line may be a whole file, many findings may be in it."""


def fingerprints(diagnostics: Iterable[Diagnostic], file_key: Callable[[str], str]) -> list[str]:
    """One fingerprint a finding, free of line numbers; equal findings are told apart by a count.

    ``file_key`` makes of a file's name what stands for the file in its fingerprints.
    """
    seen: Counter[tuple[str, str]] = Counter()
    prints = []
    for one in diagnostics:
        identity = _identity(one, file_key)
        key = (one.place.source.name, identity)
        counted = f"{identity}\0{seen[key]}"
        seen[key] += 1
        prints.append(sha256(counted.encode("utf-8", "surrogatepass")).hexdigest()[:16])
    return prints


def _identity(diagnostic: Diagnostic, file_key: Callable[[str], str]) -> str:
    source, span = diagnostic.place.source, diagnostic.place.span
    lines = source.lines(
        source.locate(span.start).line, source.locate(span.end).line, most=_MOST_TEXT
    )
    # Too long to read for every finding in it: the beginning of the place itself must do.
    words = (
        _IGNORE.sub("", lines) or source.text[span.start : min(span.end, span.start + _MOST_TEXT)]
    )
    named = (diagnostic.rule, file_key(source.name), diagnostic.layer)
    return "\0".join([*named, " ".join(words.split())])
