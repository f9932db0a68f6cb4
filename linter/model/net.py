"""A net as one state builds it: layers, blobs and how they connect.

Follows Net::Init (net.cpp) and InsertSplits (insert_splits.cpp): a bottom takes the latest blob of
its name, an in-place top starts a new version of it, and a blob with several readers is split. All
problems of a net are found in one pass; Caffe stops at the first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from functools import cached_property

from ..core.problem import Problem
from ..core.source import Span
from ..schema.message import Message
from .layers import LAYER_TYPES, LayerType
from .phase import State, keeps


class Blob:
    """One version of a named blob: made by top ``index`` of ``producer``, read by ``readers``.

    ``loss_weight`` is what Caffe adds of it to the loss, 0 for most.
    """

    __slots__ = ("name", "producer", "index", "readers", "loss_weight")

    def __init__(self, name: str, producer: Layer, index: int) -> None:
        self.name = name
        self.producer = producer
        self.index = index
        self.readers: list[tuple[Layer, int]] = []
        self.loss_weight = 0.0

    def __repr__(self) -> str:
        return f"Blob({self.name!r} of {self.producer.name!r})"


class Param:
    """One learned blob of a layer, with the multipliers that its ``param`` block gives it.

    ``spec`` is that block, or None where the layer has none for this blob. BatchNorm's statistics
    are learned blobs too, but no gradient reaches them.
    """

    __slots__ = ("layer", "index", "role", "spec", "lr_mult", "decay_mult")

    def __init__(self, layer: Layer, index: int, role: str, spec: Message | None) -> None:
        self.layer = layer
        self.index = index
        self.role = role
        self.spec = spec
        self.lr_mult: float = spec.get("lr_mult") if spec else 1.0
        self.decay_mult: float = spec.get("decay_mult") if spec else 1.0


class Layer:
    """One layer of the net. ``bottoms`` has None where the blob is unknown."""

    def __init__(self, message: Message, index: int) -> None:
        self.message = message
        self.index = index
        self.name: str = message.get("name")
        self.type: str = message.get("type")
        self.kind: LayerType | None = LAYER_TYPES.get(self.type)
        self.bottom_names: list[str] = message.get("bottom")
        self.top_names: list[str] = message.get("top")
        self.bottoms: list[Blob | None] = []
        self.tops: list[Blob] = []
        self.in_place = False
        self.needs_backward = False
        self.reaches_loss = False

    def __repr__(self) -> str:
        return f"Layer({self.name!r}, {self.type!r})"

    @cached_property
    def params(self) -> list[Param]:
        """The learned blobs in Caffe's order; empty for layers of unknown types."""
        if self.kind is None:
            return []
        roles = self.kind.blobs(self.message, len(self.bottom_names))
        specs: list[Message] = self.message.get("param")
        return [
            Param(self, i, role, specs[i] if i < len(specs) else None)
            for i, role in enumerate(roles)
        ]

    @property
    def weighs(self) -> bool:
        """Whether it has learned blobs that gradients change: BatchNorm's do not count."""
        return bool(self.params) and self.type != "BatchNorm"

    @property
    def learns(self) -> bool:
        """Whether an update can change it: a learned blob whose lr_mult is not 0."""
        return self.weighs and any(param.lr_mult != 0 for param in self.params)

    @property
    def own(self) -> Message | None:
        """Its type's own parameter block, empty if not written; None for types without one."""
        if self.kind is None or not self.kind.param:
            return None
        return self.message.sub(self.kind.param)

    def loss_weight(self, top: int) -> float:
        """How much of top number ``top`` Caffe adds to the loss (layer.hpp, SetLossWeights)."""
        weights: list[float] = self.message.get("loss_weight")
        if weights:
            return weights[top] if top < len(weights) else 0.0
        # A fork's own losses are known by their names only (MultiBoxLoss, SmoothL1Loss, …).
        loss = self.kind.loss if self.kind else "Loss" in self.type
        return 1.0 if top == 0 and loss else 0.0

    @property
    def is_loss(self) -> bool:
        """Whether it adds to the loss itself; a loss layer may do so without a named top."""
        return any(self.loss_weight(i) != 0 for i in range(max(1, len(self.top_names))))


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
        self._connect()
        self._check_tops()
        self._find_backward()

    @property
    def blobs(self) -> list[Blob]:
        """Every version of every blob, in order of making."""
        return [blob for layer in self.layers for blob in layer.tops]

    @property
    def sources(self) -> list[Layer]:
        """Layers that bring data in: they take no bottoms."""
        return [
            layer
            for layer in self.layers
            if not layer.bottom_names and layer.top_names and layer.type != "Parameter"
        ]

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
            for i, name in enumerate(layer.top_names):
                blob = Blob(name, layer, i)
                blob.loss_weight = layer.loss_weight(i)
                layer.tops.append(blob)
                latest[name] = blob
        for name, uses in unknown.items():
            self._report_unknown_bottom(name, uses)

    def _report_unknown_bottom(self, name: str, uses: Sequence[tuple[Layer, int]]) -> None:
        layer, index = uses[0]
        known = {top for other in self.layers[: layer.index] for top in other.top_names}
        later = next((other for other in self.layers if name in other.top_names), None)
        elsewhere = next((other for other in self.dropped if name in other.get("top")), None)
        match = [] if later or elsewhere else get_close_matches(name, known, n=1, cutoff=0.6)
        also = [(other.message.span("bottom", i), f'also read by "{other.name}"')
                for other, i in uses[1:]]  # fmt: skip
        if later is not None:
            top = later.message.span("top", later.top_names.index(name))
            also.insert(0, (top, "produced only here"))
        values = {
            "bottom": name,
            "layer": layer.name,
            "index": index,
            "suggestion": match[0] if match else "",
            "later": later.name if later else "",
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
        for layer in self.layers:
            for i, blob in enumerate(layer.tops):
                below = layer.bottoms[i] if i < len(layer.bottoms) else None
                same_name = below is not None and below.name == blob.name
                if same_name and below is not None and self.uses(below) == 1:
                    layer.in_place = True
                elif same_name and below is not None:
                    self._report_shared_in_place(layer, i, below)
                elif blob.name in made:
                    self._report_second_producer(layer, i, made[blob.name])
                made.setdefault(blob.name, blob)

    def uses(self, blob: Blob) -> int:
        """How often a blob is used: by its readers, and once more by an explicit loss_weight."""
        weights = blob.producer.message.get("loss_weight")
        explicit_loss = blob.index < len(weights) and weights[blob.index] != 0
        return len(blob.readers) + explicit_loss

    def _report_shared_in_place(self, layer: Layer, top: int, blob: Blob) -> None:
        others = [other for other, _ in blob.readers if other is not layer]
        values = {"top": blob.name, "layer": layer.name, "reader": others[0].name if others else ""}
        also = [
            (other.message.span("bottom", i), f'read here by "{other.name}"')
            for other, i in blob.readers
            if other is not layer
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
        self.problems.append(Problem(kind, span, values, tuple(also), layer.name))

    # Gradients (the two passes over the layers in Net::Init)

    def _find_backward(self) -> None:
        carries: set[Blob] = set()
        for layer in self.layers:
            # What a layer of unknown type learns is unknown; it is taken to learn something.
            own = any(param.lr_mult != 0 for param in layer.params) or layer.kind is None
            layer.needs_backward = own or any(blob in carries for blob in layer.bottoms)
            if layer.needs_backward:
                carries.update(layer.tops)
        self._cut_backward(carries)

    def _cut_backward(self, carries: set[Blob]) -> None:
        """Leave out what no loss needs, and what only ``propagate_down: false`` readers read."""
        under_loss: set[Blob] = set()
        wanted: set[Blob] = set()  # read by at least one layer that passes a gradient down to it
        for layer in reversed(self.layers):
            layer.reaches_loss = layer.is_loss or any(
                blob.loss_weight != 0 or blob in under_loss for blob in layer.tops
            )
            passes = layer.is_loss or any(
                blob in wanted or not blob.readers or blob.loss_weight != 0 for blob in layer.tops
            )
            if not passes or not layer.reaches_loss:
                layer.needs_backward = False
            flags: list[bool] = layer.message.get("propagate_down")
            for i, blob in enumerate(layer.bottoms):
                if blob is None or not layer.reaches_loss:
                    continue
                under_loss.add(blob)
                if passes and (flags[i] if i < len(flags) else blob in carries):
                    wanted.add(blob)
