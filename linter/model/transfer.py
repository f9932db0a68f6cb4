"""Which layer of a net is filled from which weights file, and where Caffe would abort on it.

Follows Net::CopyTrainedLayersFrom and its twin for HDF5 (net.cpp): by layer name, file after file,
so that later files overwrite earlier ones.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from math import prod
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

from ..core.alike import closest
from ..core.looking import open_file
from ..core.problem import Problem
from ..core.source import Span
from ..schema.message import Message
from .blob_values import all_finite, all_zero
from .files import is_absolute, resolve
from .net import Layer, Net, Param
from .shapes.setup import Shape, in_words, shapes_differ, shown
from .weights import LibraryMissingError, StoredBlob, StoredLayer, Weights, WeightsError

Shapes = Mapping[Layer, Sequence[Shape]]
"""The shapes of every layer's learned blobs."""

_MOST_NAMES = 4
_MOST_COMPARED = 200


# The files that a solver names


class Sources(Struct, frozen=True):
    """The weights files that a net is filled from, in order.

    ``whole`` is false where one of them could not be read: what they fill is not known then.
    ``problems`` are those of the text that names them, ``skipped`` files that Caffe may well read,
    each with the reason why they were not looked at.
    """

    files: tuple[Weights, ...] = ()
    whole: bool = True
    problems: tuple[Problem, ...] = ()
    skipped: tuple[str, ...] = ()


def find_weights(
    solver: Message, named_in: Path, root: Path | None, read: Callable[[Path], Weights]
) -> Sources:
    """The files in a solver's ``weights``, each entry of which may be a list with commas."""
    files: list[Weights] = []
    problems: list[Problem] = []
    skipped: list[str] = []
    for i, entry in enumerate(solver.get("weights")):
        span = solver.span("weights", i)
        for name in entry.split(","):
            try:
                found = _find(name.strip(), span, named_in, root, read)
            except LibraryMissingError as error:
                skipped.append(f"{name.strip()}: {error.reason}")
                continue
            if isinstance(found, Problem):
                problems.append(found)
            else:
                files.append(found)
    whole = not problems and not skipped
    return Sources(tuple(files), whole, tuple(problems), tuple(skipped))


def _find(
    name: str, span: Span, named_in: Path, root: Path | None, read: Callable[[Path], Weights]
) -> Weights | Problem:
    if not name:
        return Problem("weights-name-empty", span)
    path, tried = resolve(name, named_in, root)
    if path is None:
        places = ", ".join(str(folder) for folder in tried[:3]) + (", …" if tried[3:] else "")
        kind = "weights-elsewhere" if is_absolute(name) else "weights-not-found"
        return Problem(kind, span, {"file": name, "tried": places}, rejects=False)
    try:
        return read(path)
    except LibraryMissingError:
        raise
    except WeightsError as error:
        return Problem("weights-unreadable", span, {"file": name, "reason": error.reason})


# What is filled


def filled_layers(views: Iterable[Net], files: Iterable[Weights]) -> frozenset[str]:
    """Names of the layers that get values, be it through blobs that they share with others."""
    names = frozenset[str]().union(*(file.filled for file in files))
    return names.union(*(_sharing_with(names, view) for view in views))


def _sharing_with(names: Collection[str], view: Net) -> Iterator[str]:
    """Layers all of whose blobs are those of layers with these names."""
    owners = _owners(view)
    for layer in view.layers:
        makers = [owners.get(_shared_name(param)) for param in layer.params]
        if makers and all(maker is not None and maker.name in names for maker in makers):
            yield layer.name


def _owners(view: Net) -> dict[str, Layer]:
    """The layers that make the blobs with a param name; later ones share them."""
    owners: dict[str, Layer] = {}
    for layer in view.layers:
        for param in layer.params:
            if name := _shared_name(param):
                owners.setdefault(name, layer)
    return owners


def _shared_name(param: Param) -> str:
    return param.spec.get("name") if param.spec is not None else ""


# Copying


def check_transfer(view: Net, shapes: Shapes, sources: Sources, trained: bool) -> list[Problem]:
    """What copying the files into a net meets, and what it leaves.

    ``trained`` tells that the net is trained in some view, if not in this one: what this view has
    alone is then learned there, or shared from there.
    """
    copies = [_Copy(view, shapes, file) for file in sources.files]
    problems = [problem for copy in copies for problem in copy.problems]
    last: dict[Layer, tuple[_Copy, StoredLayer]] = {}
    for copy in copies:
        last.update({layer: (copy, stored) for layer, stored in copy.matched})
    for layer, (copy, stored) in last.items():
        problems += _check_values(layer, stored, copy.file, view, trained)
    if not sources.whole or not copies or (trained and view.state.phase != "TRAIN"):
        return problems
    learned = [layer for layer in view.layers if layer.params]
    if learned and all(copy.fills_nothing for copy in copies):
        return [*problems, _matches_nothing(view, learned, copies)]
    names = filled_layers((view,), sources.files)
    unfilled = tuple(layer for layer in learned if layer.name not in names)
    return problems + _Rest(view, shapes, copies, unfilled, trained).problems()


class _Copy:
    """One file copied into one net: the pairs of layers, and the problems on the way."""

    def __init__(self, view: Net, shapes: Shapes, file: Weights) -> None:
        self.file = file
        self.name = file.path.name
        self.problems: list[Problem] = []
        self.matched: list[tuple[Layer, StoredLayer]] = []
        self.ignored: list[StoredLayer] = []
        self._shapes = shapes
        owners = _owners(view)
        self._shared = {
            (layer, param.index)
            for layer in view.layers
            for param in layer.params
            if owners.get(_shared_name(param), layer) is not layer
        }
        # Of several layers with one name HDF5 fills the last, the binary form the first.
        ordered = view.layers if file.is_hdf5 else reversed(view.layers)
        targets = {layer.name: layer for layer in ordered}
        for stored in file.layers:
            target = targets.get(stored.name)
            if target is not None:
                self._copy(target, stored)
            elif stored.held:
                self.ignored.append(stored)

    @property
    def fills_nothing(self) -> bool:
        """Whether no layer of the net gets a value."""
        return not any(stored.held for _, stored in self.matched)

    def _copy(self, layer: Layer, stored: StoredLayer) -> None:
        # What learned blobs a layer of unknown type has is unknown.
        known = not layer.opaque and layer.type != "Python"
        problem = (self._counts(layer, stored) or self._blobs(layer, stored)) if known else None
        if problem is not None:
            self.problems.append(problem)
        if stored.held:
            self.matched.append((layer, stored))

    def _counts(self, layer: Layer, stored: StoredLayer) -> Problem | None:
        wanted, held = len(layer.params), stored.held
        if self.file.is_hdf5:
            missing = [
                i
                for i in range(wanted)
                if (i >= len(stored.blobs) or stored.blobs[i] is None)
                and (layer, i) not in self._shared
            ]
            clash = held > wanted or bool(missing)
        else:
            clash = held != wanted
        if not clash:
            return None
        values = {
            "file": self.name,
            "layer": layer.name,
            "type": layer.type,
            "stored": in_words(held, "blob"),
            "wanted": ", ".join(param.role for param in layer.params) or "none",
            "remedy": _bias_remedy(layer, held),
        }
        return Problem("weights-blob-count", layer.message.span("name"), values, (), layer.name)

    def _blobs(self, layer: Layer, stored: StoredLayer) -> Problem | None:
        """The first blob that does not fit: Caffe stops there."""
        shapes = self._shapes.get(layer, ())
        for param, shape, blob in zip(layer.params, shapes, stored.blobs, strict=False):
            if blob is None:
                continue
            if not same_shape(shape, blob):
                return self._mismatch(layer, param, shape, blob)
            if blob.raw:
                values = {"file": self.name, "layer": layer.name}
                span = layer.message.span("name")
                return Problem("weights-raw-data", span, values, (), layer.name)
            if prod(blob.shape) != blob.stored:
                return self._incomplete(layer, param, blob)
        return None

    def _mismatch(self, layer: Layer, param: Param, shape: Shape, blob: StoredBlob) -> Problem:
        span, outputs = layer.message.span("name"), ""
        if layer.own is not None and _outputs_differ(layer, layer.own, shape, blob):
            span, outputs = layer.own.span("num_output"), str(_current(blob)[0])
        values = {
            "file": self.name,
            "layer": layer.name,
            "index": param.index,
            "role": param.role,
            "stored": shown(_current(blob)),
            "wanted": shown(shape),
            "outputs": outputs,
        }
        return Problem("weights-shape-mismatch", span, values, (), layer.name)

    def _incomplete(self, layer: Layer, param: Param, blob: StoredBlob) -> Problem:
        values = {
            "file": self.name,
            "layer": layer.name,
            "role": param.role,
            "stored": blob.stored,
            "wanted": prod(blob.shape),
            "shape": shown(blob.shape),
        }
        return Problem("weights-value-count", layer.message.span("name"), values, (), layer.name)


def same_shape(shape: Shape, blob: StoredBlob) -> bool:
    """Whether a blob of the net takes a stored one, as far as its sizes are known.

    An old blob has four sizes always; the net's are filled up with ones in front (blob.cpp,
    ShapeEquals).
    """
    if shape is None:
        return True
    if blob.legacy:
        if len(shape) > len(blob.shape):
            return False
        shape = (1,) * (len(blob.shape) - len(shape)) + shape
    return not shapes_differ(shape, blob.shape)


def _outputs_differ(layer: Layer, own: Message, shape: Shape, blob: StoredBlob) -> bool:
    """Whether the number of outputs is all that is in the way."""
    if layer.type not in ("Convolution", "InnerProduct") or not own.has("num_output"):
        return False
    if layer.type == "InnerProduct" and own.get("transpose"):
        return False
    sizes = _current(blob)
    return bool(shape and sizes) and not shapes_differ((shape or ())[1:], sizes[1:])


def _current(blob: StoredBlob) -> tuple[int, ...]:
    """The shape of a blob; of an old one without the ones in front that it was filled up with."""
    if not blob.legacy or blob.shape[:2] != (1, 1):
        return blob.shape
    return blob.shape[2:] if blob.shape[2] != 1 else blob.shape[3:]


def _bias_remedy(layer: Layer, held: int) -> str:
    """What to write where the bias alone is too much or missing; empty where it is not that."""
    wanted = len(layer.params)
    if layer.own is None or "bias_term" not in layer.own.type.fields:
        return ""
    biased = any(param.role == "bias" for param in layer.params)
    if held == wanted - 1 and biased:
        return "bias_term: false"
    return "bias_term: true" if held == wanted + 1 and not biased else ""


# Values


def _check_values(
    layer: Layer, stored: StoredLayer, file: Weights, view: Net, trained: bool
) -> list[Problem]:
    values = {"file": file.path.name, "layer": layer.name}
    span = layer.message.span("name")

    def problem(kind: str, **more: object) -> Problem:
        return Problem(kind, span, {**values, **more}, (), layer.name, rejects=False)

    found: list[Problem] = []
    try:
        with open_file(file.path) as opened:
            blobs = [(i, blob) for i, blob in enumerate(stored.blobs) if blob is not None]
            bad = [i for i, blob in blobs if not all_finite(opened, blob)]
            if bad:
                found.append(problem("weights-not-finite", blobs=_roles(layer, bad)))
            elif layer.type == "BatchNorm" and _stored_statistics_count(layer, view, trained):
                if why := _empty_statistics(opened, stored):
                    found.append(problem("batch-norm-statistics-empty", reason=why))
            elif (
                layer.kind is not None
                and layer.kind.fillers
                and stored.blobs[0] is not None
                and all_zero(opened, stored.blobs[0])
            ):
                found.append(problem("weights-all-zero"))
    except OSError:
        # The file went away after it was read.
        return []
    return found


def _roles(layer: Layer, numbers: Iterable[int]) -> str:
    names = [param.role for param in layer.params]
    return ", ".join(names[i] if i < len(names) else f"blob {i}" for i in numbers)


def _stored_statistics_count(layer: Layer, view: Net, trained: bool) -> bool:
    """Whether a BatchNorm puts its stored statistics to use before training has renewed them."""
    own = layer.message.sub("batch_norm_param")
    phase = layer.message.get("phase") if layer.message.has("phase") else view.state.phase
    used = own.get("use_global_stats") if own.has("use_global_stats") else phase == "TEST"
    return bool(used) and (view.state.phase == "TRAIN" or not trained)


def _empty_statistics(file: BinaryIO, stored: StoredLayer) -> str:
    """In what way the statistics of a BatchNorm (mean, variance, factor) are empty, if at all."""
    blobs = [blob for blob in stored.blobs if blob is not None]
    if len(blobs) != 3:
        return ""
    if all_zero(file, blobs[2]):
        return "their factor is 0"
    return "their variances are 0 throughout" if all_zero(file, blobs[1]) else ""


# What is left over


def _matches_nothing(view: Net, learned: Sequence[Layer], copies: Sequence[_Copy]) -> Problem:
    stored = [layer.name for copy in copies for layer in copy.ignored]
    values = {
        "file": _few([copy.name for copy in copies]),
        "layers": _few([layer.name for layer in learned]),
        "stored": _few(stored),
    }
    return Problem("weights-match-nothing", _net_span(view), values, rejects=False)


def _net_span(view: Net) -> Span:
    """A net's name stands for it, or its first layer's."""
    span = view.message.find("name")
    if span is not None:
        return span
    return view.layers[0].message.span("name")


class _Rest(Struct, frozen=True):
    """What the files do not fill, and what of them is not used."""

    view: Net
    shapes: Shapes
    copies: Sequence[_Copy]
    unfilled: Sequence[Layer]
    trained: bool

    def problems(self) -> list[Problem]:
        if not self.unfilled:
            return []  # a file with more than the net needs is nothing unusual
        pairs = self._pairs()
        renamed = [layer for layer in self.unfilled if layer in pairs and self._is_below(layer)]
        found = [self._renamed(layer, pairs[layer]) for layer in renamed]
        rest = [layer for layer in self.unfilled if layer not in renamed]
        lost = [layer for layer in rest if self._is_lost(layer)]
        found += [self._not_filled(layer, pairs.get(layer)) for layer in lost]
        fresh = [layer for layer in rest if layer not in lost and self._starts_anew(layer)]
        if fresh:
            found.append(self._fresh(fresh))
        told = {pairs[layer].name for layer in (*renamed, *lost) if layer in pairs}
        found += self._ignored({layer: pairs[layer] for layer in fresh if layer in pairs}, told)
        return found

    def _pairs(self) -> dict[Layer, StoredLayer]:
        """For layers that are not filled, the unused one of a file that they may be: its blobs
        have the same shapes, and its name is similar or no other comes into question.
        """
        unused = [stored for copy in self.copies for stored in copy.ignored][:_MOST_COMPARED]
        pairs: dict[Layer, StoredLayer] = {}
        for layer in self.unfilled[:_MOST_COMPARED]:
            fitting = {stored.name: stored for stored in unused if self._fits(layer, stored)}
            close = closest(layer.name, fitting)
            if not close and len(fitting) == 1 and self._is_only(layer, *fitting.values()):
                close = next(iter(fitting))
            if close:
                pairs[layer] = fitting[close]
        return pairs

    def _fits(self, layer: Layer, stored: StoredLayer) -> bool:
        shapes = self.shapes.get(layer, ())
        return len(shapes) == len(stored.blobs) and all(
            shape is not None and None not in shape and blob is not None and same_shape(shape, blob)
            for shape, blob in zip(shapes, stored.blobs, strict=True)
        )

    def _is_only(self, layer: Layer, stored: StoredLayer) -> bool:
        return all(
            other is layer or not self._fits(other, stored)
            for other in self.unfilled[:_MOST_COMPARED]
        )

    def _is_below(self, layer: Layer) -> bool:
        """Whether a filled layer stands behind it. New heads have none; a layer in the midst of
        filled ones was hardly meant to start anew.
        """
        unfilled = set(self.unfilled)
        pending, seen = [layer], {layer}
        while pending:
            for blob in pending.pop().tops:
                for reader, _ in blob.readers:
                    if reader.params and reader not in unfilled:
                        return True
                    if reader not in seen:
                        seen.add(reader)
                        pending.append(reader)
        return False

    def _is_lost(self, layer: Layer) -> bool:
        """Whether the layer keeps values that no one has chosen.

        In a net that is trained, a frozen layer that starts at 0 is a matter of its filler alone,
        and is reported as that.
        """
        if self.trained:
            return (
                layer.weighs and not layer.learns and _starts_random(layer) and _filler(layer) != ""
            )
        return _starts_random(layer)

    def _starts_anew(self, layer: Layer) -> bool:
        """Whether training gives it values of its own."""
        return self.trained and (layer.learns or layer.type == "BatchNorm")

    def _renamed(self, layer: Layer, stored: StoredLayer) -> Problem:
        values = {"layer": layer.name, "file": self._files, "stored": stored.name}
        return self._problem("weights-layer-renamed", layer, values)

    def _not_filled(self, layer: Layer, stored: StoredLayer | None) -> Problem:
        values = {
            "layer": layer.name,
            "file": self._files,
            "suggestion": stored.name if stored is not None else "",
            "frozen": "its lr_mult is 0" if self.trained else "",
            "start": "random" if _filler(layer) else "0",
        }
        return self._problem("weights-layer-not-filled", layer, values)

    def _problem(self, kind: str, layer: Layer, values: dict[str, str]) -> Problem:
        return Problem(kind, layer.message.span("name"), values, (), layer.name, rejects=False)

    def _fresh(self, layers: Sequence[Layer]) -> Problem:
        spans = [layer.message.span("name") for layer in layers]
        values = {
            "layers": _few([layer.name for layer in layers]),
            "file": self._files,
            "number": len(layers),
        }
        also = tuple((span, "not in it either") for span in spans[1:])
        return Problem("weights-layer-fresh", spans[0], values, also, rejects=False)

    def _ignored(
        self, pairs: Mapping[Layer, StoredLayer], told: Collection[str]
    ) -> Iterator[Problem]:
        for copy in self.copies:
            names = [stored.name for stored in copy.ignored if stored.name not in told]
            if not names:
                continue
            layer = next((layer for layer, stored in pairs.items() if stored in copy.ignored), None)
            values = {
                "file": copy.name,
                "layers": _few(names),
                "layer": layer.name if layer is not None else "",
                "suggestion": pairs[layer].name if layer is not None else "",
            }
            span = layer.message.span("name") if layer is not None else _net_span(self.view)
            yield Problem("weights-layer-ignored", span, values, rejects=False)

    @property
    def _files(self) -> str:
        return _few([copy.name for copy in self.copies])


_FIXED_FILLERS = ("constant", "bilinear")


def _starts_random(layer: Layer) -> bool:
    """Whether it starts with values that no one has chosen: random, or 0 for want of a filler.

    Fixed kernels, such as a bilinear upsampling, are chosen; what starts with ones does no harm.
    """
    if layer.type == "BatchNorm":
        return True
    if layer.kind is None or not layer.kind.fillers:
        return False
    return _filler(layer) not in _FIXED_FILLERS


def _filler(layer: Layer) -> str:
    """Type of the weight_filler that is written; empty where none is."""
    own = layer.own
    if own is None or "weight_filler" not in own.type.fields or not own.has("weight_filler"):
        return ""
    return str(own.sub("weight_filler").get("type"))


def _few(names: Iterable[str]) -> str:
    """Names for a message; of many the ends, and how many there are."""
    listed = list(dict.fromkeys(names))
    if len(listed) <= _MOST_NAMES:
        return ", ".join(f'"{name}"' for name in listed)
    return f'"{listed[0]}", "{listed[1]}" … "{listed[-1]}" ({len(listed)} in all)'
