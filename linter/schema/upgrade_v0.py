"""Nets of V0 layers brought to V1, padding layers folded first.

Follows UpgradeV0PaddingLayers and UpgradeV0Net of upgrade_proto.cpp. What becomes of V1 is left
to ``upgrade_v1``, when which step is taken to ``upgrade``.

Problems, with their values; those marked * make Caffe abort, the others it logs or passes over:

- ``v0-unknown-type`` *: type, suggestion
- ``v0-unknown-parameter``: field, type, takers (the types that take the field)
- ``v0-dropped-field``: field, message (whose field it is)
- ``v0-unknown-bottom`` *: bottom, suggestion
- ``padding-consumer`` *: padding (name of the padding layer), bottom, type (of the layer that
  reads it), reason
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ..core.alike import closest
from ..core.problem import Problem
from ..core.source import Span
from . import scalar
from .message import Message
from .upgrade_v1 import V1_TYPES, Upgraded


class V0Type(NamedTuple):
    """One V0 layer type: its V1 name, and which of the flat V0 fields go into which block.

    An empty ``block`` is the V1 layer itself.
    """

    v1: str
    block: str = ""
    fields: Mapping[str, str] = {}


def _same(*names: str) -> dict[str, str]:
    return {name: name for name in names}


_WEIGHTS = {"biasterm": "bias_term", **_same("num_output", "weight_filler", "bias_filler")}
_WINDOW = {"kernelsize": "kernel_size", **_same("pad", "stride")}
_BATCHES = {"batchsize": "batch_size", **_same("source")}
_IMAGES = {"shuffle_images": "shuffle", **_same("rand_skip", "new_height", "new_width")}
_DETECTION = {
    f"det_{name}": name
    for name in ("fg_threshold", "bg_threshold", "fg_fraction", "context_pad", "crop_mode")
}

V0_TYPES: dict[str, V0Type] = {
    "accuracy": V0Type("ACCURACY"),
    "bnll": V0Type("BNLL"),
    "concat": V0Type("CONCAT", "concat_param", _same("concat_dim")),
    "conv": V0Type("CONVOLUTION", "convolution_param", _WEIGHTS | _WINDOW | _same("group")),
    "data": V0Type("DATA", "data_param", _BATCHES | _same("rand_skip")),
    "dropout": V0Type("DROPOUT", "dropout_param", _same("dropout_ratio")),
    "euclidean_loss": V0Type("EUCLIDEAN_LOSS"),
    "flatten": V0Type("FLATTEN"),
    "hdf5_data": V0Type("HDF5_DATA", "hdf5_data_param", _BATCHES),
    "hdf5_output": V0Type("HDF5_OUTPUT", "", _same("hdf5_output_param")),
    "im2col": V0Type("IM2COL"),
    "images": V0Type("IMAGE_DATA", "image_data_param", _BATCHES | _IMAGES),
    "infogain_loss": V0Type("INFOGAIN_LOSS", "infogain_loss_param", _same("source")),
    "innerproduct": V0Type("INNER_PRODUCT", "inner_product_param", _WEIGHTS),
    "lrn": V0Type("LRN", "lrn_param", _same("local_size", "alpha", "beta", "k")),
    "multinomial_logistic_loss": V0Type("MULTINOMIAL_LOGISTIC_LOSS"),
    "pool": V0Type("POOLING", "pooling_param", _WINDOW | _same("pool")),
    "relu": V0Type("RELU"),
    "sigmoid": V0Type("SIGMOID"),
    "softmax": V0Type("SOFTMAX"),
    "softmax_loss": V0Type("SOFTMAX_LOSS"),
    "split": V0Type("SPLIT"),
    "tanh": V0Type("TANH"),
    "window_data": V0Type("WINDOW_DATA", "window_data_param", _BATCHES | _DETECTION),
}
"""V0 types (upgrade_proto.cpp, UpgradeV0LayerType and UpgradeV0LayerParameter)."""

_V0_PADDING = "padding"
_V0_FOLDS_PADDING = ("conv", "pool")

# What UpgradeV0Net keeps of a net, and of the block around a V0 layer.
_V0_NET = ("name", "layers", "input", "input_dim", "force_backward")
_V0_CONNECTION = ("bottom", "top", "layer")
# Fields that all V0 types keep, and those that become transform_param whatever the type.
_V0_KEPT = ("name", "blobs", "blobs_lr", "weight_decay")
_V0_TRANSFORM = {"meanfile": "mean_file", "cropsize": "crop_size", **_same("scale", "mirror")}
_V0_TYPED = {field for type_ in V0_TYPES.values() for field in type_.fields}

# Names from later formats lead to the V0 type too: people mix the generations up.
_V0_ALIASES: dict[str, str] = {
    alias.lower(): name
    for name, type_ in V0_TYPES.items()
    for alias in (type_.v1, V1_TYPES[type_.v1], name)
}


def has_v0_layers(net: Message) -> bool:
    """Whether any layer of the net is V0."""
    return any(layer.has("layer") for layer in net.get("layers"))


def upgrade_v0_padding(net: Message) -> Upgraded:
    """Fold padding layers into the layers that read them (UpgradeV0PaddingLayers).

    Caffe takes only a ``conv`` or ``pool`` with one bottom after a padding layer with one bottom
    and one top, and aborts on a bottom that no input and no earlier layer makes.
    """
    padding = _Padding(net)
    for layer in net.get("layers"):
        padding.take(layer)
    return net.replaced("layers", padding.kept()), padding.problems


class _Padding:
    def __init__(self, net: Message) -> None:
        self.problems: list[Problem] = []
        self.layers: list[Message] = []
        self.makers: dict[str, Message | None] = dict.fromkeys(net.get("input"))

    def kept(self) -> list[Message]:
        """All layers but the padding."""
        return [layer for layer in self.layers if _v0_type(layer) != _V0_PADDING]

    def take(self, layer: Message) -> None:
        """Add a layer: look its bottoms up, then let it make its tops."""
        upgraded = layer.copy()
        for index, bottom in enumerate(layer.get("bottom")):
            if bottom not in self.makers:
                self._unknown_bottom(layer, index)
                continue
            maker = self.makers[bottom]
            if maker is not None and _v0_type(maker) == _V0_PADDING:
                self._fold(upgraded, index, maker)
        self.layers.append(upgraded)
        self.makers.update(dict.fromkeys(layer.get("top"), upgraded))

    def _fold(self, layer: Message, index: int, padding: Message) -> None:
        reason = _why_not_folded(layer, padding)
        if reason:
            self._report(
                "padding-consumer",
                layer,
                index,
                (padding.span("layer"), "the padding layer"),
                padding=_v0_name(padding),
                type=_v0_type(layer),
                reason=reason,
            )
        else:
            source = padding.get("layer")
            v0 = layer.get("layer").copy()
            v0.set("pad", source.get("pad"), source.field("pad") or source.node)
            layer.set("layer", v0, layer.field("layer"))
        if padding.has("bottom"):
            _redirect(layer, index, padding)

    def _unknown_bottom(self, layer: Message, index: int) -> None:
        bottom = layer.get("bottom")[index]
        suggestion = closest(bottom, self.makers)
        self._report("v0-unknown-bottom", layer, index, suggestion=suggestion)

    def _report(
        self, kind: str, layer: Message, index: int, *also: tuple[Span, str], **values: str
    ) -> None:
        bottom = {"bottom": layer.get("bottom")[index]}
        span = layer.span("bottom", index)
        self.problems.append(Problem(kind, span, bottom | values, also, _v0_name(layer)))


def _why_not_folded(layer: Message, padding: Message) -> str:
    """Which check of UpgradeV0PaddingLayers the two layers fail; empty when they pass all."""
    if _v0_type(layer) not in _V0_FOLDS_PADDING:
        return f'only "conv" and "pool" take padding, not "{_v0_type(layer)}"'
    for subject, message, field in (
        ("it", layer, "bottom"),
        ("the padding layer", padding, "bottom"),
        ("the padding layer", padding, "top"),
    ):
        count = len(message.get(field))
        if count != 1:
            return f"{subject} has {count} {field}s, not 1"
    return ""


def _redirect(layer: Message, index: int, padding: Message) -> None:
    """Let a bottom read what the padding layer reads; it still points at where it was written."""
    names = list(layer.get("bottom"))
    names[index] = padding.get("bottom")[0]
    layer.values["bottom"] = names


def upgrade_v0_to_v1(net: Message) -> Upgraded:
    """Bring V0 layers to V1 (UpgradeV0Net), padding layers folded.

    As soon as one layer is V0, all are taken for V0: of the net only name, layers, inputs,
    input_dim and force_backward remain, and of each layer's outer block only bottoms and tops.
    """
    result, problems = upgrade_v0_padding(net)
    _drop(result, _V0_NET, "", problems)
    layers = [_v0_layer(layer, problems) for layer in result.get("layers")]
    return result.replaced("layers", layers), problems


def _v0_layer(connection: Message, problems: list[Problem]) -> Message:
    layer = connection.copy()
    _drop(layer, _V0_CONNECTION, _v0_name(connection), problems)
    if layer.has("layer"):
        v0 = layer.get("layer")
        layer = layer.without("layer")
        _V0Layer(v0, layer, problems).upgrade()
    return layer


class _V0Layer:
    """One V0 block and the V1 layer that takes its content (UpgradeV0LayerParameter)."""

    def __init__(self, v0: Message, layer: Message, problems: list[Problem]) -> None:
        self.v0 = v0
        self.layer = layer
        self.problems = problems
        self.name: str = v0.get("type")
        self.type = V0_TYPES.get(self.name)

    def upgrade(self) -> None:
        """Move every field to its place."""
        for name in self.v0.values:
            if name == "type":
                self._type()
            elif name in _V0_KEPT:
                self.layer.copy_field(self.v0, name)
            elif name in _V0_TRANSFORM:
                self._move(name, "transform_param", _V0_TRANSFORM[name])
            elif self.type is not None and name in self.type.fields:
                self._move(name, self.type.block, self.type.fields[name])
            else:
                self._misfit(name)

    def _type(self) -> None:
        if self.type is not None:
            self.layer.set("type", self.type.v1, self.v0.field("type"))
            return
        suggestion = _V0_ALIASES.get(closest(self.name.lower(), _V0_ALIASES), "")
        self._report("v0-unknown-type", "type", {"type": self.name, "suggestion": suggestion})

    def _move(self, name: str, block: str, to: str) -> None:
        target = self.layer.own_block(block, self.v0.node) if block else self.layer
        field, value = target.type.fields[to], self.v0.get(name)
        if field.type == scalar.UINT32:
            # new_height and new_width were int32; C++ lets a negative number wrap round.
            value %= 1 << 32
        # A convolution's sizes are lists since it can be of any dimension.
        put = target.add if field.repeated else target.set
        put(to, value, self.v0.field(name))

    def _misfit(self, name: str) -> None:
        if name not in _V0_TYPED:
            # UpgradeV0LayerParameter never looks at new_num and new_channels.
            self.problems.append(_dropped(self.v0, name, self.v0.get("name")))
        elif self.type is not None or not self.v0.has("type"):
            takers = [type_ for type_, v0 in V0_TYPES.items() if name in v0.fields]
            values = {"field": name, "type": self.name, "takers": ", ".join(takers)}
            self._report("v0-unknown-parameter", name, values, rejects=False)

    def _report(
        self, kind: str, name: str, values: Mapping[str, str], *, rejects: bool = True
    ) -> None:
        layer, span = self.v0.get("name"), self.v0.span(name)
        self.problems.append(Problem(kind, span, values, layer=layer, rejects=rejects))


def _drop(message: Message, kept: tuple[str, ...], layer: str, problems: list[Problem]) -> None:
    """Remove all other fields, as Caffe does without a word."""
    for name in [name for name in message.values if name not in kept]:
        problems.append(_dropped(message, name, layer))
        del message.values[name], message.nodes[name]


def _dropped(message: Message, name: str, layer: str) -> Problem:
    node = message.field(name)
    span = node.name_span if node is not None else message.span(name)
    values = {"field": name, "message": message.type.name}
    return Problem("v0-dropped-field", span, values, layer=layer, rejects=False)


def _v0_type(layer: Message) -> str:
    return layer.sub("layer").get("type")  # type: ignore[no-any-return]


def _v0_name(layer: Message) -> str:
    return layer.sub("layer").get("name") or layer.get("name")  # type: ignore[no-any-return]
