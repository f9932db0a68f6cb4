"""The facts of one layer, each worked out when a rule first asks for it.

``proto/facts.proto`` says what they mean. A rule mostly asks what kind of net it is in first, so
that of most layers most facts are never wanted.
"""

# ruff: noqa: D102 - the meanings stand in one place, facts.proto

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from msgspec import Struct

from ..engine import vocabulary as facts_of
from ..model.backward import gradients_down
from ..model.build import Shapes
from ..model.context import Context
from ..model.net import Blob, Layer, Net, Param
from ..model.shapes.setup import Shape, count
from ..model.sizes import batch_size
from ..schema.message import Message
from .signal import signal_of, update_of
from .structure import below, chain_below, classes, linear_below, scores_beside, window
from .text import plain, texts

if TYPE_CHECKING:
    from ..moments.outlook import Outlook

_PASS_THROUGH = frozenset(("Split", "Dropout", "Reshape", "Flatten"))
# How many layers a look through pass-through layers goes at most: it keeps chains linear.
_FAR = 32
_RECTIFIERS = frozenset(("ReLU", "PReLU", "ELU", "ReLU6", "Swish", "Clip"))
_AFFINE = frozenset(("BatchNorm", "Scale", "Bias", "Split"))
_TRANSPARENT = _AFFINE | _PASS_THROUGH

# Fields that the migration to transform_param moves in V1 layers only; in current ones no layer
# reads them (upgrade_proto.cpp, UpgradeNetDataTransformation). WindowData reads its own.
_OLD_TRANSFORMS = ("scale", "mean_file", "crop_size", "mirror")
_IGNORED_TRANSFORMS = {"Data": "data_param", "ImageData": "image_data_param"}


class Scene(Struct, frozen=True):
    """What the facts of a net's layers are told from: the net with the sizes of its blobs and how
    it starts, as far as they are known, and what its layers are among the others.
    """

    net: Net
    context: Context
    shapes: Shapes | None
    ahead: Outlook | None
    under_others: set[Layer]
    """Layers below others that learn; see ``under_others``."""
    untrained: Mapping[Layer, str]
    """Layers that the training net lacks; see ``only_here``."""
    namesakes: Mapping[Layer, Layer]
    """Layers that have the name of an earlier one."""


_T = TypeVar("_T")


class fact(Generic[_T]):  # noqa: N801 - a decorator
    """A property that is worked out once (``functools.cached_property`` takes a lock each time)."""

    def __init__(self, make: Callable[[Any], _T]) -> None:
        self._make = make
        self.__doc__ = make.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, one: None, owner: type) -> fact[_T]: ...
    @overload
    def __get__(self, one: object, owner: type) -> _T: ...
    def __get__(self, one: object | None, owner: type) -> fact[_T] | _T:
        if one is None:
            return self
        value = self._make(one)
        one.__dict__[self._name] = value
        return value


class LayerFacts:
    """``Layer`` in the rules: what ``proto/facts.proto`` names, and nothing else in public."""

    def __init__(self, layer: Layer, scene: Scene) -> None:
        self._layer = layer
        self._scene = scene
        self.type = plain(layer.type)
        self.in_place = layer.in_place
        self.weighs = layer.weighs
        self.learns = layer.learns
        self.reaches_loss = layer.reaches_loss
        self.needs_backward = layer.needs_backward
        self.is_loss = layer.is_loss
        self.is_source = bool(layer.top_names) and not layer.bottom_names

    @fact
    def name(self) -> str:
        return plain(self._layer.name)

    @fact
    def known_type(self) -> bool:
        return not self._layer.opaque

    @fact
    def loss_type(self) -> bool:
        return self._layer.kind is not None and self._layer.kind.loss

    @fact
    def included_phases(self) -> list[str]:
        rules = self._layer.message.get("include")
        return [rule.get("phase") for rule in rules if rule.has("phase")]

    # How it is connected

    @fact
    def bottoms(self) -> list[str]:
        return texts(self._layer.bottom_names)

    @fact
    def tops(self) -> list[str]:
        return texts(self._layer.top_names)

    @fact
    def producer_types(self) -> list[str]:
        return texts(blob.producer.type for blob in self._layer.bottoms if blob is not None)

    @fact
    def reader_types(self) -> list[str]:
        return texts(reader.type for blob in self._layer.tops for reader, _ in blob.readers)

    @fact
    def deep_producer_types(self) -> list[str]:
        return texts(_deep_producer(blob).type for blob in self._layer.bottoms if blob is not None)

    @fact
    def deep_reader_types(self) -> list[str]:
        return texts(reader.type for reader in _deep_readers(self._layer))

    @fact
    def before_relu(self) -> bool:
        return any(one.type == "ReLU" for one in _deep_readers(self._layer, _TRANSPARENT))

    @fact
    def chain_below(self) -> list[str]:
        return texts(chain_below(self._layer))

    @fact
    def linear_below(self) -> str:
        return plain(linear_below(self._layer, self._scene.shapes))

    @fact
    def below_leaks(self) -> bool:
        one = below(self._layer)
        if one is None or one.type != "ReLU":
            return False
        return bool(one.message.sub("relu_param").get("negative_slope") != 0)

    @fact
    def scores_beside(self) -> int:
        return scores_beside(self._layer)

    @fact
    def gradient_to_bottoms(self) -> list[bool]:
        return gradients_down(self._layer, self._scene.net)

    @fact
    def last_to_learn(self) -> bool:
        return self._layer.learns and self._layer not in self._scene.under_others

    @fact
    def shares_bottom_with_loss(self) -> bool:
        return any(
            reader is not self._layer
            for blob in self._layer.bottoms
            if blob is not None
            for reader in blob.loss_readers
        )

    # Among other layers and nets

    @fact
    def namesake(self) -> str:
        first = self._scene.namesakes.get(self._layer)
        return plain(first.type) if first is not None else ""

    @fact
    def only_in_test(self) -> bool:
        return self._layer in self._scene.untrained

    @fact
    def trained_instead(self) -> str:
        return plain(self._scene.untrained.get(self._layer, ""))

    # What it learns

    @fact
    def params(self) -> list[facts_of.Param]:
        ahead = self._scene.ahead
        found = [_param(one) for one in self._layer.params]
        for step in ahead.updates.get(self._layer, ()) if ahead is not None else ():
            if step.index < len(found):
                found[step.index].update = update_of(step)
        return found

    @fact
    def has_bias(self) -> bool:
        return any(param.role == "bias" for param in self._layer.params)

    @fact
    def filled_from_weights(self) -> bool:
        return self._scene.context.fills(self._layer.name)

    @fact
    def takes_filler(self) -> bool:
        return takes_filler(self._layer)

    @fact
    def weight_filler(self) -> facts_of.Filler | None:
        return _filler(self._layer, "weight_filler")

    @fact
    def bias_filler(self) -> facts_of.Filler | None:
        return _filler(self._layer, "bias_filler")

    @fact
    def suggested_filler(self) -> str:
        layer = self._layer
        if layer.own is None or not takes_filler(layer):
            return ""
        if layer.type == "Deconvolution" and layer.own.get("group") > 1:
            return "bilinear"
        readers = _deep_readers(layer, _TRANSPARENT)
        return "msra" if any(reader.type in _RECTIFIERS for reader in readers) else "xavier"

    @fact
    def signal(self) -> facts_of.Signal | None:
        ahead = self._scene.ahead
        return signal_of(self._layer, ahead) if ahead is not None else None

    # BatchNorm

    @fact
    def global_stats(self) -> bool:
        return self._layer.type == "BatchNorm" and uses_global_stats(self._layer, self._scene.net)

    @fact
    def global_stats_written(self) -> bool:
        layer = self._layer
        own = layer.message.sub("batch_norm_param") if layer.type == "BatchNorm" else None
        return own is not None and own.has("use_global_stats")

    @fact
    def frozen_with_scale(self) -> bool:
        if self._layer.type != "BatchNorm":
            return False
        scales = [one for one in _deep_readers(self._layer) if one.type == "Scale"]
        return bool(scales) and not any(scale.learns for scale in scales)

    # Its own parameters

    @fact
    def own_fields(self) -> list[str]:
        return list(self._layer.own.values) if self._layer.own is not None else []

    def _own(self, name: str, default: Any) -> Any:
        """A field of the type's own block, if it has such a field."""
        own = self._layer.own
        return own.get(name) if own is not None and name in own.type.fields else default

    @fact
    def num_output(self) -> int:
        return outputs(self._layer)

    @fact
    def dropout_ratio(self) -> float:
        return float(self._own("dropout_ratio", 0.0)) if self._layer.type == "Dropout" else 0.0

    @fact
    def top_k(self) -> int:
        return int(self._own("top_k", 0))

    @fact
    def eps(self) -> float:
        return float(self._own("eps", 0.0))

    @fact
    def moving_average_fraction(self) -> float:
        return float(self._own("moving_average_fraction", 0.0))

    @fact
    def global_pooling(self) -> bool:
        return bool(self._own("global_pooling", False))

    @fact
    def bias_term(self) -> bool:
        return bool(self._own("bias_term", False))

    @fact
    def _window(self) -> tuple[list[int], list[int], list[int]]:
        own = self._layer.own
        if own is None or not {"stride", "kernel_size"} <= own.type.fields.keys():
            return [], [], []
        return window(own)

    @fact
    def kernel(self) -> list[int]:
        return self._window[0]

    @fact
    def stride(self) -> list[int]:
        return self._window[1]

    @fact
    def pad(self) -> list[int]:
        return self._window[2]

    # Data

    @fact
    def _transform(self) -> Message:
        return self._layer.message.sub("transform_param")

    @fact
    def mirror(self) -> bool:
        return bool(self._transform.get("mirror"))

    @fact
    def mean_values(self) -> int:
        return len(self._transform.get("mean_value")) if self.is_source else 0

    @fact
    def unscaled(self) -> bool:
        return gives_raw_pixels(self._layer)

    @fact
    def batch_size(self) -> int:
        return batch_size(self._layer) if self.is_source else 0

    @fact
    def image_channels(self) -> int:
        """Channels of an image, where the text decides it (io.cpp, ReadImageToCVMat)."""
        if not self.is_source:
            return 0
        if self.type == "ImageData":
            return 3 if self._layer.message.sub("image_data_param").get("is_color") else 1
        colour, grey = self._transform.get("force_color"), self._transform.get("force_gray")
        # Only encoded images are converted; but these fields are written for nothing else.
        if self.type == "Data" and colour != grey:
            return 3 if colour else 1
        return 0

    @fact
    def ignored_transforms(self) -> list[str]:
        block = _IGNORED_TRANSFORMS.get(self.type, "")
        # In a V1 layer the fields were moved away by the upgrade, and are no longer here.
        own = self._layer.message.sub(block) if block else None
        return [name for name in _OLD_TRANSFORMS if own is not None and own.has(name)]

    # Sizes, as far as they are known

    @fact
    def _bottom(self) -> Shape:
        blob = self._layer.bottoms[0] if self._layer.bottoms else None
        shapes = self._scene.shapes
        return shapes.blobs[blob] if blob is not None and shapes is not None else None

    @fact
    def bottom_dims(self) -> list[int]:
        return [size or 0 for size in self._bottom or ()]

    @fact
    def classes(self) -> int:
        return classes(self._layer, self._bottom)

    @fact
    def values_per_mean(self) -> int:
        bottom = self._bottom
        if self._layer.type != "BatchNorm" or bottom is None or len(bottom) < 2:
            return 0
        return count((bottom[0], *bottom[2:])) or 0

    @fact
    def printed_values(self) -> int:
        shapes = self._scene.shapes
        if shapes is None:
            return 0
        # What no layer reads is an output of the net, and printed value by value (solver.cpp).
        printed = (shapes.blobs[blob] for blob in self._layer.tops if not blob.readers)
        return sum(count(shape) or 0 for shape in printed)


def under_others(net: Net) -> set[Layer]:
    """The layers that have another layer with filled weights between them and a loss.

    Scale and the like start at 1, so they only pass on what is below them. Every reader stands
    behind what it reads, so one pass from the end is enough.
    """
    found: set[Layer] = set()
    for layer in reversed(net.layers):
        readers = (reader for blob in layer.tops for reader, _ in blob.readers)
        if any(
            reader.reaches_loss
            and (reader in found or reader.kind is None or (reader.learns and takes_filler(reader)))
            for reader in readers
        ):
            found.add(layer)
    return found


def takes_filler(layer: Layer) -> bool:
    """Whether its weights start from a filler."""
    return layer.kind is not None and layer.kind.fillers


def has_filler(layer: Layer, name: str) -> bool:
    """Whether a filler is written."""
    own = layer.own
    return own is not None and name in own.type.fields and own.has(name)


def writes(param: Param, name: str) -> bool:
    """Whether a multiplier of a learned blob is written."""
    return param.spec is not None and param.spec.has(name)


def outputs(layer: Layer) -> int:
    """Its num_output, 0 for a type without one."""
    own = layer.own
    return own.get("num_output") if own is not None and "num_output" in own.type.fields else 0


def uses_global_stats(layer: Layer, net: Net) -> bool:
    """As written, or else true in TEST only (batch_norm_layer.cpp, LayerSetUp).

    The layer's own phase field, where it is set, counts for the net's.
    """
    own = layer.message.sub("batch_norm_param")
    if own.has("use_global_stats"):
        return bool(own.get("use_global_stats"))
    phase = layer.message.get("phase") if layer.message.has("phase") else net.state.phase
    return bool(phase == "TEST")


def gives_raw_pixels(layer: Layer) -> bool:
    """Whether a layer reads images and leaves their values as they are, up to a mean."""
    if layer.type not in ("Data", "ImageData"):
        return False
    return bool(layer.message.sub("transform_param").get("scale") == 1)


def _param(param: Param) -> facts_of.Param:
    return facts_of.Param(
        index=param.index,
        role=param.role,
        lr_mult=param.lr_mult,
        decay_mult=param.decay_mult,
        written=param.spec is not None,
        has_lr_mult=writes(param, "lr_mult"),
        has_decay_mult=writes(param, "decay_mult"),
        name=plain(param.spec.get("name")) if param.spec else "",
    )


def _filler(layer: Layer, name: str) -> facts_of.Filler | None:
    if layer.own is None or not has_filler(layer, name):
        return None
    filler: Message = layer.own.get(name)
    numbers = ("value", "min", "max", "mean", "std", "sparse")
    return facts_of.Filler(
        type=plain(filler.get("type")),
        variance_norm=filler.get("variance_norm"),
        **{number: filler.get(number) for number in numbers if filler.has(number)},
    )


def _deep_producer(blob: Blob) -> Layer:
    layer = blob.producer
    for _ in range(_FAR):
        if not layer.bottoms or not (layer.in_place or layer.type in _PASS_THROUGH):
            break
        bottom = layer.bottoms[0]
        if bottom is None:
            break
        layer = bottom.producer
    return layer


def _deep_readers(layer: Layer, through: frozenset[str] = _PASS_THROUGH) -> list[Layer]:
    """The layers that really use a layer's tops, in order, looking through some types."""
    found: dict[Layer, None] = {}
    pending = [reader for blob in layer.tops for reader, _ in blob.readers]
    pending.reverse()  # the next one stands last
    while pending and len(found) < _FAR:
        reader = pending.pop()
        if reader in found:
            continue
        found[reader] = None
        if reader.in_place or reader.type in through:
            pending += [r for blob in reader.tops for r, _ in blob.readers][::-1]
    return list(found)
