"""What Caffe refuses of a net layer by layer, before any shape matters.

Follows Net::Init (net.cpp), Layer::CheckBlobCounts and SetLossWeights (layer.hpp). Of layers whose
type BVLC Caffe does not have nothing is known but that.

Problems, with their values:

- ``missing-layer-type``: layer
- ``misspelt-layer-type``: layer, type, suggestion
- ``unknown-layer-type``: layer, type, suggestion (may be empty), caffe, forks (that have it)
- ``bottom-count``, ``top-count``: layer, type, found, wanted (both in words)
- ``loss-weight-count``: layer, found, wanted
- ``propagate-down-count``: layer, found, wanted
- ``too-many-params``: layer, type, found, wanted
- ``batch-norm-params``: layer, number (of the param block, from 1), lr_mult
- ``python-layer``: layer (Caffe's default build has no Python layer)
"""

from __future__ import annotations

from bisect import bisect, bisect_left
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache

from ..core.alike import closest
from ..core.problem import Problem
from ..core.source import Span
from ..schema.descriptor import Schema
from ..schema.upgrade_v1 import V1_TYPES
from .layers import LAYER_TYPES, Count
from .net import Layer, Net

# A fork's own type, not LSTM in the wrong case.
_FORK_TYPES = frozenset(("Lstm",))
_CLOSE = 0.7
_SURELY_CLOSE = 0.82
_MOST_LETTERS = 2
_LONGEST_TYPE = 60


def check_net(net: Net) -> list[Problem]:
    """The problems of all layers, in the order of the net."""
    return [problem for layer in net.layers for problem in _check(layer)]


def with_faults(net: Net, faults: Iterable[Problem]) -> frozenset[str]:
    """Names of the layers in whose own text Caffe's parser or the upgrade finds a fault: what is
    set up of such a layer is not what was meant.
    """
    starts = sorted(problem.span.start for problem in faults if problem.rejects)
    if not starts:
        return frozenset()
    found = set()
    for layer in net.layers:
        node = layer.message.node
        if node is not None:
            begin, end = node.whole_span
            found.update([layer.name] if bisect(starts, end) > bisect_left(starts, begin) else [])
    return frozenset(found)


def _check(layer: Layer) -> Iterator[Problem]:
    yield from _check_propagate_down(layer)
    if layer.kind is None:
        yield from _check_type(layer)
        return
    if layer.message.has_unknown:
        return  # a fork's layer, whatever its type says
    if not layer.kind.opaque:  # forks change such numbers from one version to the next
        yield from _if_all_bound(layer, "bottom", _check_bottoms(layer, layer.kind.bottoms))
        yield from _if_all_bound(layer, "top", _check_tops(layer))
        if layer.type in LAYER_TYPES:  # a fork's losses need not weigh their tops as BVLC's do
            yield from _if_all_bound(layer, "top", _check_loss_weights(layer))
    if layer.type == "Python":
        yield _problem("python-layer", layer, layer.message.span("type"))
    elif not layer.opaque:
        yield from _check_params(layer)


def _problem(kind: str, layer: Layer, span: Span, **values: object) -> Problem:
    return Problem(kind, span, {"layer": layer.name, **values}, (), layer.name)


def _if_all_bound(layer: Layer, field: str, found: Iterable[Problem]) -> list[Problem]:
    """What was found wrong with the number of bottoms (or tops), if each of them as written has
    come through; one that is broken has been told of, and is missing in any count.
    """
    problems = list(found)
    return problems if problems and _all_bound(layer, field) else []


def _all_bound(layer: Layer, field: str) -> bool:
    node = layer.message.node
    children = node.children if node is not None else None
    written = sum(child.name == field for child in children or ())
    return written <= len(layer.message.get(field))


# Types


def _check_type(layer: Layer) -> Iterator[Problem]:
    span = layer.message.span("type")
    if not layer.type:
        if not _writes_type(layer):
            yield _problem("missing-layer-type", layer, span)
        return
    schema = layer.message.type.schema
    forks = schema.known().with_type(layer.type) if schema.known is not None else frozenset()
    if forks and layer.message.has_unknown:
        return  # of its fork too, on which Caffe stops first: that has been told, with the forks
    suggestion, sure = ("", False) if forks else _meant_type(layer.type)
    values = {"type": layer.type, "suggestion": suggestion, "caffe": schema.title}
    if not sure:
        names = schema.known().in_words(forks) if schema.known is not None else ""
        similar = "" if forks else _similar_type(layer.type, schema)
        values |= {"forks": names, "suggestion": similar}
    yield _problem("misspelt-layer-type" if sure else "unknown-layer-type", layer, span, **values)


def _writes_type(layer: Layer) -> bool:
    """Whether the text gives a type that did not come through, which has been told of."""
    node = layer.message.node
    fields = list(node.children or ()) if node is not None else []
    inner = [child for field in fields if field.name == "layer" for child in field.children or ()]
    written = any(field.name == "type" and field.text != "NONE" for field in fields + inner)
    return written and not layer.message.has("type")


@cache
def _meant_type(type_: str) -> tuple[str, bool]:
    """The type that was meant, empty where none is alike, and whether that is beyond doubt.

    Forks name their types after BVLC's (``ReLU6``, ``Convolution3D``, ``ImageSegData``): a slip of
    the pen leaves capitals and digits as they are, and changes a letter or two.
    """
    if len(type_) > _LONGEST_TYPE:
        return "", False
    plain, known = _plain(type_), _plain_types()
    if plain in known:
        return known[plain], type_ not in _FORK_TYPES
    match = closest(plain, known, _CLOSE)
    if not match:
        return "", False
    alike = bool(closest(plain, [match], _SURELY_CLOSE))
    shape = type_ in (type_.lower(), type_.upper()) or _capitals(type_) == _capitals(known[match])
    near = abs(len(plain) - len(match)) <= _MOST_LETTERS
    return known[match], alike and shape and near and len(plain) > _MOST_LETTERS + 1


@lru_cache(maxsize=64)
def _similar_type(type_: str, schema: Schema) -> str:
    """The type of this Caffe or of any fork that a slip of the pen has made into another one."""
    if len(type_) > _LONGEST_TYPE or schema.known is None:
        return ""
    plain, known = _plain(type_), _plain_fork_types(schema)
    match = closest(plain, known, _SURELY_CLOSE)
    near = abs(len(plain) - len(match)) <= _MOST_LETTERS and len(plain) > _MOST_LETTERS + 1
    digits = [c for c in plain if c.isdigit()] == [c for c in match if c.isdigit()]
    return known[match] if match and near and digits else ""


@lru_cache(maxsize=4)
def _plain_fork_types(schema: Schema) -> dict[str, str]:
    assert schema.known is not None
    return {_plain(name): name for name in (*schema.known().all_types, *schema.layers)}


@cache
def _plain_types() -> dict[str, str]:
    old = {_plain(name): type_ for name, type_ in V1_TYPES.items() if type_}
    return old | {_plain(type_): type_ for type_ in LAYER_TYPES}


def _plain(type_: str) -> str:
    return "".join(filter(str.isalnum, type_)).lower()


def _capitals(type_: str) -> str:
    return "".join(c for c in type_ if not c.islower())


# Counts


def _number(count: int, what: str) -> str:
    """A count in words: ``no bottom``, ``1 bottom``, ``2 bottoms``."""
    return f"{count or 'no'} {what}{'s' if count > 1 else ''}"


def _violated(found: int, count: Count) -> str:
    """The bound that a number breaks, in words; empty if it breaks none."""
    least, most = count
    if found < least:
        return str(least) if least == most else f"at least {least}"
    if most is not None and found > most:
        return str(most or "none") if least == most else f"at most {most}"
    return ""


def _check_bottoms(layer: Layer, count: Count) -> Iterator[Problem]:
    yield from _check_count(layer, "bottom", len(layer.bottom_names), count)


def _check_tops(layer: Layer) -> Iterator[Problem]:
    assert layer.kind is not None
    count, found = layer.kind.tops, len(layer.top_names)
    if layer.type == "Pooling" and layer.message.sub("pooling_param").get("pool") != "MAX":
        count = (1, 1)  # the second top is the mask of the maxima
    yield from _check_count(layer, "top", found, count)
    bottoms = len(layer.bottom_names)
    if layer.kind.equal_counts and found and bottoms and found != bottoms:
        span = layer.message.span("top", bottoms if found > bottoms else 0)
        wanted = f"one for each bottom, {bottoms}"
        yield _problem(
            "top-count", layer, span, type=layer.type, found=_number(found, "top"), wanted=wanted
        )


def _check_count(layer: Layer, field: str, found: int, count: Count) -> Iterator[Problem]:
    wanted = _violated(found, count)
    if wanted:
        most = count[1]
        surplus = most is not None and found > most
        span = layer.message.span(field, most or 0) if surplus else layer.message.span("type")
        words = _number(found, field)
        yield _problem(f"{field}-count", layer, span, type=layer.type, found=words, wanted=wanted)


def _check_loss_weights(layer: Layer) -> Iterator[Problem]:
    assert layer.kind is not None
    weights = layer.message.get("loss_weight")
    # A weighted top that others read hands its weight to a Split, and the layer loses all of its
    # own (insert_splits.cpp); a loss layer without any gets one (loss_layer.cpp).
    if any(blob.readers and any(weights[blob.index : blob.index + 1]) for blob in layer.tops):
        weights = []
    given = len(weights) or int(layer.kind.loss)
    tops = max(len(layer.top_names), layer.kind.loss)
    if given and given != tops:
        span = layer.message.span("loss_weight", tops if given > tops else 0)
        if not layer.message.has("loss_weight"):
            span = layer.message.span("top", 1)
        yield _problem(
            "loss-weight-count",
            layer,
            span,
            found=_number(len(weights), "loss_weight"),
            wanted=_number(tops, "top"),
        )


def _check_propagate_down(layer: Layer) -> Iterator[Problem]:
    found, bottoms = len(layer.message.get("propagate_down")), len(layer.bottom_names)
    if found and found != bottoms and _all_bound(layer, "bottom"):
        span = layer.message.span("propagate_down", bottoms if found > bottoms else 0)
        yield _problem(
            "propagate-down-count",
            layer,
            span,
            found=_number(found, "propagate_down"),
            wanted=_number(bottoms, "bottom"),
        )


def _check_params(layer: Layer) -> Iterator[Problem]:
    specs, blobs = layer.message.get("param"), len(layer.params)
    if len(specs) > blobs:
        yield _problem(
            "too-many-params",
            layer,
            layer.message.span("param", blobs),
            type=layer.type,
            found=_number(len(specs), "param block"),
            wanted=_number(blobs, "learned blob"),
        )
    elif layer.kind is LAYER_TYPES["BatchNorm"]:  # NVCaffe sets them itself
        for i, spec in enumerate(specs):
            if (lr_mult := spec.get("lr_mult")) != 0:
                span = spec.span("lr_mult")
                yield _problem("batch-norm-params", layer, span, number=i + 1, lr_mult=lr_mult)
                return
