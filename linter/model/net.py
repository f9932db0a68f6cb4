"""A net as one state builds it: layers, blobs and how they connect.

Follows Net::Init (net.cpp) and InsertSplits (insert_splits.cpp): a bottom takes the latest blob of
its name, an in-place top starts a new version of it, and a blob with several readers is split. All
problems of a net are found in one pass; Caffe stops at the first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice

from msgspec import Struct

from ..core.alike import closest
from ..core.problem import Problem
from ..core.source import Span
from ..schema.message import Message
from .forks import layer_type
from .layers import STATISTICS, LayerType
from .phase import State, keeps

# Names are compared with one another, so the work is limited: a net with more wrong names than
# this has another fault than its spelling, and the name that was meant stands close by.
_MOST_SUGGESTIONS = 20
_MOST_COMPARED = 1000
_LONGEST_NAME = 200


class Blob(Struct, eq=False):
    """One version of a named blob: made by top ``index`` of ``producer``, read by ``readers``,
    those among them that are losses once more in ``loss_readers``.

    ``loss_weight`` is how many times Caffe adds it to the loss, 0 for most.
    """

    name: str
    producer: Layer
    index: int
    loss_weight: float = 0.0
    readers: list[tuple[Layer, int]] = []
    loss_readers: list[Layer] = []

    def __repr__(self) -> str:
        return f"Blob({self.name!r} of {self.producer.name!r})"


class Param(Struct, eq=False):
    """One learned blob of a layer, with the multipliers that its ``param`` block gives it.

    ``spec`` is that block, or None where the layer has none for this blob. BatchNorm's statistics
    are learned blobs too, but no gradient reaches them.
    """

    layer: Layer
    index: int
    role: str
    spec: Message | None
    lr_mult: float
    decay_mult: float


class Layer:
    """One layer of the net. ``bottoms`` has None where the blob is unknown; ``is_loss`` tells
    whether it adds to the loss.
    """

    # Slots, for a net of thousands of layers is built in each of its states.
    __slots__ = (
        *("message", "index", "name", "type", "kind", "bottom_names", "top_names", "loss_weights"),
        *("is_loss", "bottoms", "tops", "in_place", "needs_backward", "reaches_loss", "own"),
        *("params", "weighs", "learns"),
    )

    def __init__(self, message: Message, index: int) -> None:
        self.message = message
        self.index = index
        self.name: str = message.get("name")
        self.type: str = message.get("type")
        self.kind: LayerType | None = layer_type(message)
        self.bottom_names: list[str] = message.get("bottom")
        self.top_names: list[str] = message.get("top")
        self.loss_weights: list[float] = message.get("loss_weight")
        # A loss layer adds to the loss itself, and may do so without a named top.
        self.is_loss = (
            any(self.loss_weight(i) != 0 for i in range(max(1, len(self.top_names))))
            if self.loss_weights
            else self.default_loss_weight(0) != 0
        )
        self.bottoms: list[Blob | None] = []
        self.tops: list[Blob] = []
        self.in_place = False
        self.needs_backward = False
        self.reaches_loss = False
        self.own: Message | None = None
        """Its type's own parameter block, empty if not written; None for types without one."""
        if self.kind is not None and self.kind.param:
            self.own = message.sub(self.kind.param)
        self.params: list[Param] = []
        """The learned blobs in Caffe's order; none for layers of unknown types."""
        self.weighs = False
        """Whether it has learned blobs that gradients change: statistics do not count."""
        self.learns = False
        """Whether an update can change it: a learned blob whose lr_mult is not 0."""

    def __repr__(self) -> str:
        return f"Layer({self.name!r}, {self.type!r})"

    def add_params(self) -> None:
        """Make the learned blobs; they point back at the layer, so that only a net's have them."""
        roles = self.kind.blobs(self.message, len(self.bottom_names)) if self.kind else ()
        specs: list[Message] = self.message.get("param") if roles else []
        for i, role in enumerate(roles):
            spec, rate, decay = None, 1.0, 1.0
            if i < len(specs):
                spec = specs[i]
                rate, decay = spec.get("lr_mult"), spec.get("decay_mult")
            self.params.append(Param(self, i, role, spec, rate, decay))
            if role not in STATISTICS:
                self.weighs = True
                self.learns = self.learns or rate != 0

    @property
    def opaque(self) -> bool:
        """Whether it is unknown what the layer learns and makes."""
        return self.kind is None or self.kind.opaque

    @property
    def is_source(self) -> bool:
        """Whether it brings data in: it takes no bottoms."""
        return not self.bottom_names and bool(self.top_names) and self.type != "Parameter"

    def rewrites(self, number: int) -> bool:
        """Whether the top (or bottom) of that number has one name with the bottom (or top) of that
        number: in place, as far as it goes.
        """
        return self.bottom_names[number : number + 1] == self.top_names[number : number + 1]

    def loss_weight(self, top: int) -> float:
        """How much of top number ``top`` Caffe adds to the loss (layer.hpp, SetLossWeights)."""
        if self.loss_weights:
            return self.loss_weights[top] if top < len(self.loss_weights) else 0.0
        return self.default_loss_weight(top)

    def default_loss_weight(self, top: int) -> float:
        """The same for a layer without ``loss_weight``: 1 for a loss layer's first top."""
        # A fork's own losses are known by their names only (MultiBoxLoss, SmoothL1Loss, …).
        loss = self.kind.loss if self.kind else "Loss" in self.type
        return 1.0 if top == 0 and loss else 0.0


# Caffe stops at the first; nobody reads more than these.
_MOST_PROBLEMS = 10_000

_short_lived: list[Net] | None = None


@contextmanager
def short_lived_nets() -> Iterator[None]:
    """Nets that are made in the block are taken apart at its end: layers and blobs point at each
    other in circles, which the garbage collector would have to find.
    """
    global _short_lived  # one check at a time
    outer, _short_lived = _short_lived, []
    try:
        yield
    finally:
        inner, _short_lived = _short_lived, outer
        for net in inner:
            net.take_apart()


class Net:
    """All layers that a state keeps, connected. ``dropped`` are the ones it leaves out."""

    def __init__(self, message: Message, state: State) -> None:
        self.message = message
        self.state = state
        self.name: str = message.get("name")
        self.layers: list[Layer] = []
        self.dropped: list[Message] = []
        self.problems: list[Problem] = []
        for layer in message.get("layer"):
            if keeps(state, layer):
                self.layers.append(Layer(layer, len(self.layers)))
            else:
                self.dropped.append(layer)
        for one in self.layers:
            one.add_params()
        self._connect()
        self._move_loss_weights()
        self._check_tops()
        self._find_backward()
        if _short_lived is not None:
            _short_lived.append(self)

    def take_apart(self) -> None:
        """Cut the connections; the net is of no use any more."""
        for layer in self.layers:
            layer.tops.clear()
            layer.bottoms.clear()
            layer.params.clear()

    @property
    def blobs(self) -> list[Blob]:
        """Every version of every blob, in order of making."""
        return [blob for layer in self.layers for blob in layer.tops]

    @property
    def sources(self) -> list[Layer]:
        """Layers that bring data in."""
        return [layer for layer in self.layers if layer.is_source]

    # Connection

    def _connect(self) -> None:
        latest: dict[str, Blob] = {}
        unknown: dict[str, list[tuple[Layer, int]]] = {}
        for layer in self.layers:
            for i, name in enumerate(layer.bottom_names):
                blob = latest.get(name)
                layer.bottoms.append(blob)
                if blob is None:
                    unknown.setdefault(name, []).append((layer, i))
                else:
                    blob.readers.append((layer, i))
                    if layer.is_loss:
                        blob.loss_readers.append(layer)
            for i, name in enumerate(layer.top_names):
                blob = Blob(name, layer, i, layer.loss_weight(i))
                layer.tops.append(blob)
                latest[name] = blob
        self._report_unknown_bottoms(unknown)

    def _move_loss_weights(self) -> None:
        """Where a top with a weight is read as well, its Split takes the weight over, and the layer
        loses all of its own (insert_splits.cpp). A loss layer that is left with none then falls
        back on its default, so that its loss counts twice (loss_layer.cpp, LayerSetUp).
        """
        for layer in self.layers:
            if any(blob.readers and self._weighted(blob) for blob in layer.tops):
                for blob in layer.tops:
                    kept = blob.loss_weight if self.uses(blob) > 1 else 0.0
                    blob.loss_weight = kept + layer.default_loss_weight(blob.index)

    def _report_unknown_bottoms(self, unknown: dict[str, list[tuple[Layer, int]]]) -> None:
        if not unknown:
            return
        kept = _makers(layer.message for layer in self.layers)
        dropped = _makers(self.dropped)
        suggestions = 0
        for name, uses in unknown.items():
            later, elsewhere = kept.get(name), dropped.get(name)
            suggestion = ""
            if later is None and elsewhere is None and suggestions < _MOST_SUGGESTIONS:
                suggestion = self._closest_top(name, uses[0][0].index)
                suggestions += 1
            self._report_unknown_bottom(name, uses, later, elsewhere, suggestion)

    def _closest_top(self, name: str, before: int) -> str:
        """The name most like ``name`` among the tops of the layers before, the nearest ones."""
        if len(name) > _LONGEST_NAME:
            return ""
        tops = (top for layer in reversed(self.layers[:before]) for top in layer.top_names)
        known = dict.fromkeys(islice(tops, _MOST_COMPARED))
        return closest(name, known)

    def _report_unknown_bottom(
        self,
        name: str,
        uses: Sequence[tuple[Layer, int]],
        later: Message | None,
        elsewhere: Message | None,
        suggestion: str,
    ) -> None:
        layer, index = uses[0]
        also = [(other.message.span("bottom", i), f'also read by "{other.name}"')
                for other, i in uses[1:]]  # fmt: skip
        if later is not None:
            top = later.span("top", later.get("top").index(name))
            also.insert(0, (top, "produced only here"))
        values = {
            "bottom": name,
            "layer": layer.name,
            "index": index,
            "suggestion": suggestion,
            "later": later.get("name") if later else "",
            "dropped": elsewhere.get("name") if elsewhere else "",
            "phase": self.state.phase,
        }
        span = layer.message.span("bottom", index)
        self._report("unknown-bottom", span, layer, values, also)

    def _check_tops(self) -> None:
        """A top may repeat an earlier name only in place, and only if no one else reads the blob:
        a second reader makes Caffe split the blob, and then the names no longer match.
        """
        made: dict[str, Blob] = {}
        shared: set[Blob] = set()
        for layer in self.layers:
            for i, blob in enumerate(layer.tops):
                if not layer.rewrites(i):
                    if blob.name in made:
                        self._report_second_producer(layer, i, made[blob.name])
                elif (below := layer.bottoms[i]) is None or self.uses(below) == 1:
                    layer.in_place = True
                elif below not in shared:
                    shared.add(below)
                    self._report_shared_in_place(layer, i, below)
                made.setdefault(blob.name, blob)

    def uses(self, blob: Blob) -> int:
        """How often a blob is used: by its readers, and once more by an explicit loss_weight."""
        return len(blob.readers) + self._weighted(blob)

    @staticmethod
    def _weighted(blob: Blob) -> bool:
        weights = blob.producer.loss_weights
        return blob.index < len(weights) and weights[blob.index] != 0

    def _report_shared_in_place(self, layer: Layer, top: int, blob: Blob) -> None:
        others = [(other, i) for other, i in blob.readers if other is not layer or i != top]
        reader = others[0][0].name if others else ""
        values = {"top": blob.name, "layer": layer.name, "reader": reader}
        also = [
            (other.message.span("bottom", i), f'read here by "{other.name}"') for other, i in others
        ]
        self._report("in-place-with-other-readers", layer.message.span("top", top), layer, values,
                     also)  # fmt: skip

    def _report_second_producer(self, layer: Layer, top: int, first: Blob) -> None:
        values = {"top": first.name, "layer": layer.name, "first": first.producer.name}
        span = first.producer.message.span("top", first.index)
        also = [(span, f'first produced here, by "{first.producer.name}"')]
        self._report("top-produced-twice", layer.message.span("top", top), layer, values, also)

    def _report(
        self,
        kind: str,
        span: Span,
        layer: Layer,
        values: Mapping[str, object],
        also: Sequence[tuple[Span, str]] = (),
    ) -> None:
        if len(self.problems) < _MOST_PROBLEMS:
            self.problems.append(Problem(kind, span, values, tuple(also), layer.name))

    # Gradients (the two passes over the layers in Net::Init)

    def _find_backward(self) -> None:
        for layer in self.layers:
            # What a layer of unknown type learns is unknown; it is taken to learn something.
            own = any(param.lr_mult != 0 for param in layer.params) or layer.opaque
            layer.needs_backward = own or any(
                blob is not None and blob.producer.needs_backward for blob in layer.bottoms
            )
        self._cut_backward()
        if self.message.get("force_backward"):
            for layer in self.layers:
                layer.needs_backward = True

    def _cut_backward(self) -> None:
        """Leave out what no loss needs, and what only ``propagate_down: false`` readers read.

        A loss layer whose top is read only by layers off the loss passes nothing down either.
        """
        wanted: set[Blob] = set()  # read by at least one layer that passes a gradient down to it
        for layer in reversed(self.layers):
            layer.reaches_loss = layer.reaches_loss or layer.is_loss
            open_ = [
                blob in wanted or not blob.readers or self._weighted(blob) for blob in layer.tops
            ]
            # Caffe gives a loss layer without tops one of its own, which nothing reads.
            passes = layer.reaches_loss and (any(open_) or not layer.tops)
            layer.needs_backward = layer.needs_backward and passes
            flags: list[bool] = layer.message.get("propagate_down")
            for i, blob in enumerate(layer.bottoms):
                if blob is None or not layer.reaches_loss:
                    continue
                blob.producer.reaches_loss = True
                # An in-place top and its bottom are one blob: closed above is closed below.
                closed = layer.rewrites(i) and not open_[i]
                if passes and not closed and (i >= len(flags) or flags[i]):
                    wanted.add(blob)


def _makers(layers: Iterable[Message]) -> dict[str, Message]:
    """For every blob the first layer that makes it; in-place layers only pass it on."""
    makers: dict[str, Message] = {}
    for layer in layers:
        bottoms = set(layer.get("bottom"))
        for top in layer.get("top"):
            if top not in bottoms:
                makers.setdefault(top, layer)
    return makers
