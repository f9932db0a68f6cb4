"""What is shown for the word under the pointer: field, value, blob, layer; and findings there.

Texts are markdown. What a file holds is shown as code, so that it cannot be taken for markup.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from ..core.diagnostic import Diagnostic, RuleText
from ..core.source import Span
from ..model.forks import layer_types
from ..model.layers import LayerType
from ..model.net import Blob, Layer
from ..model.shapes.setup import count, shown
from ..syntax.tree import Field
from .document import Document, View, Written
from .fielddocs import comment, default_words, field_comment, type_words
from .names import Named, all_names, name_at, string_value

_MOST_READERS = 6
_LONGEST = 120


class Hover(Struct, frozen=True):
    """A markdown text about a span."""

    text: str
    span: Span


def hover(
    document: Document,
    offset: int,
    findings: Iterable[Diagnostic] = (),
    rules: Mapping[str, RuleText] | None = None,
) -> Hover | None:
    """What there is to say at an offset; findings there come first, with why they matter."""
    parts = [
        _finding(one, (rules or {}).get(one.rule))
        for one in findings
        if one.place.span.start <= offset <= one.place.span.end
    ]
    about = _about(document, offset)
    if about is not None:
        parts.append(about.text)
    if not parts:
        return None
    span = about.span if about is not None else Span(offset, offset)
    return Hover("\n\n---\n\n".join(parts), span)


def _finding(one: Diagnostic, rule: RuleText | None) -> str:
    text = f"**{one.rule} {one.name}** ({one.severity.word})"
    return f"{text}\n\n{rule.why.strip()}" if rule is not None else text


def code(text: str) -> str:
    """A text of the file as inline code: on one line, cut, and safe from its own backticks."""
    text = " ".join(text.split())
    text = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
    ticks = "`"
    while ticks in text:
        ticks += "`"
    gap = " " if text[:1] == "`" or text[-1:] == "`" else ""
    return f"{ticks}{gap}{text}{gap}{ticks}" if text else "(empty)"


def _about(document: Document, offset: int) -> Hover | None:
    around = document.fields_at(offset)
    if not around:
        return None
    inner = around[-1]
    field = inner.field
    if field.name_span.start <= offset <= field.name_span.end:
        text = _field(document, around)
        return Hover(text, field.name_span) if text else None
    if field.children is None and field.start <= offset <= field.end:
        text = _value(document, inner, offset)
        return Hover(text, Span(field.start, field.end)) if text else None
    return None


# Fields


def _field(document: Document, around: list[Written]) -> str:
    inner = around[-1]
    if inner.parent is None or inner.type is None:
        return ""
    parts = [f"{code(inner.field.name)}: {type_words(inner.type)}"]
    if default := default_words(inner.type):
        parts[0] += f", default {code(default)}"
    parts.append(field_comment(inner.parent, inner.type))
    if inner.type.enum is not None:
        parts.append("One of " + ", ".join(map(code, inner.type.enum.numbers)))
    if inner.field.name in ("layer", "layers"):
        parts += _layers(document, inner.field)
    return "\n\n".join(filter(None, parts))


# Values


def _value(document: Document, inner: Written, offset: int) -> str:
    field, type_ = inner.field, inner.type
    if type_ is not None and type_.enum is not None:
        about = comment(document.schema, f"{type_.enum.path}.{field.text}")
        return f"{code(field.text)}: {about}" if about else ""
    named = name_at(all_names(document.tree), offset)
    if named is not None and named.kind == "blob":
        return "\n\n".join(_blob(document, named))
    if named is not None and named.kind == "layer" and named.layer is not None:
        return "\n\n".join(_layers(document, named.layer))
    if field.name == "type" and inner.parent is not None:
        return _layer_type(document, inner)
    return ""


def _layer_type(document: Document, inner: Written) -> str:
    assert inner.parent is not None
    type_ = layer_types(document.schema).get(string_value(inner.field))
    if inner.parent.name != "LayerParameter" or type_ is None:
        return ""
    return about_type(document, type_)


def about_type(document: Document, type_: LayerType) -> str:
    """What a layer type takes and makes, in markdown."""
    lines = [f"{code(type_.name)} layer: {_counts(type_.bottoms)} in, {_counts(type_.tops)} out"]
    layer = document.schema.net.fields["layer"].message
    if type_.param and layer is not None and type_.param in layer.fields:
        about = field_comment(layer, layer.fields[type_.param])
        lines.append(f"{code(type_.param)}: {about}" if about else code(type_.param))
    return "\n\n".join(lines)


def _counts(limits: tuple[int, int | None]) -> str:
    least, most = limits
    if most is None:
        return f"{least} or more blobs" if least else "any number of blobs"
    if least == most:
        return f"{least or 'no'} blob{'' if least == 1 else 's'}"
    return f"{least} to {most} blobs"


def _blob(document: Document, named: Named) -> Iterator[str]:
    """A blob in each view: its shape, who makes it and who reads it."""
    yield f"blob {code(named.name)}"
    told: dict[str, list[str]] = {}
    for view, blob in _blobs(document, named):
        told.setdefault(_blob_words(view, blob), []).append(view.phase)
    for words, phases in told.items():
        one = len(told) == 1 and len(phases) == len(document.views)
        yield words if one else f"In {'/'.join(dict.fromkeys(phases))}: {words}"


def _blobs(document: Document, named: Named) -> Iterator[tuple[View, Blob]]:
    """The versions of a blob that a place means, one for each view that has it."""
    if named.layer is None:  # an input of the net
        for view in document.views:
            for layer in view.net.sources:
                yield from (
                    (view, blob)
                    for blob in layer.tops
                    if blob.name == named.name and layer.message.field("top") is named.field
                )
        return
    for view, layer in document.layers_at(named.layer):
        for index, blob in enumerate(layer.bottoms if named.role == "bottom" else layer.tops):
            if blob is not None and layer.message.field(named.role, index) is named.field:
                yield view, blob


def _blob_words(view: View, blob: Blob) -> str:
    made = blob.producer
    by = f"made by {code(made.name)} ({code(made.type)})"
    readers = list(dict.fromkeys(layer.name for layer, _ in blob.readers))
    read = "read by nothing" if not readers else "read by " + _few(readers)
    return f"{shown(view.shapes.blobs.get(blob))}, {by}, {read}"


def _few(names: list[str]) -> str:
    more = len(names) - _MOST_READERS
    return ", ".join(map(code, names[:_MOST_READERS])) + (f" and {more} more" if more > 0 else "")


def _layers(document: Document, block: Field) -> list[str]:
    """A layer in each view: its type, the shapes of its tops and its parameters."""
    told: dict[str, list[str]] = {}
    for view, layer in document.layers_at(block):
        told.setdefault(_layer_words(view, layer), []).append(view.phase)
    everywhere = sum(map(len, told.values())) == len(document.views)
    return [
        words if len(told) == 1 and everywhere else f"In {'/'.join(dict.fromkeys(phases))}: {words}"
        for words, phases in told.items()
    ]


def _layer_words(view: View, layer: Layer) -> str:
    shapes = view.shapes
    tops = ", ".join(f"{code(blob.name)} {shown(shapes.blobs.get(blob))}" for blob in layer.tops)
    words = f"{code(layer.name)} ({code(layer.type)})"
    if tops:
        words += f" makes {tops}"
    return f"{words}; {_parameters(view, layer)}"


def _parameters(view: View, layer: Layer) -> str:
    params = view.shapes.params.get(layer, [])
    if layer.opaque:
        return "what it learns is unknown"
    if not params:
        return "no parameters"
    sizes = [count(shape) for shape in params]
    total = sum(size for size in sizes if size is not None)
    parts = [
        f"{param.role} {shown(shape)}" for param, shape in zip(layer.params, params, strict=False)
    ]
    number = "unknown number of" if None in sizes else f"{total:,}"
    return f"{number} parameter{'' if total == 1 else 's'} ({', '.join(parts)})"
