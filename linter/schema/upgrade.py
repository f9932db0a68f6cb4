"""Nets and solvers in Caffe's older forms, brought to the current one as Caffe does when it reads.

Each step follows a function of upgrade_proto.cpp, in the order of UpgradeNetAsNeeded. What is
given is never changed; what is new points at the fields that it came from. Where Caffe aborts,
a problem says so, and the upgrade goes on with what the user most likely meant.

Problems, with their values; those marked * make Caffe abort, the others it logs or passes over:

- ``layer-and-layers`` *: form, count, other, other_count (``form`` is the rarer one)
- ``v0-unknown-type`` *: type, suggestion
- ``v0-unknown-parameter``: field, type, takers (the types that take the field)
- ``v0-dropped-field``: field, message (whose field it is)
- ``v0-unknown-bottom`` *: bottom, suggestion
- ``padding-consumer`` *: padding (name of the padding layer), bottom, type (of the layer that
  reads it), reason
- ``input-dims-missing`` *: input, field (``input_dim`` or ``input_shape``), needed, given
- ``input-without-shape``: input
- ``solver-type-twice`` *: old, type
- ``old-net-form``: form (``V0`` or ``V1``), count (of the layers)
- ``old-input-form``: count (of the inputs)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from functools import cache
from typing import NamedTuple

from google.protobuf.descriptor import FieldDescriptor

from ..core.problem import Problem
from ..core.source import Span
from ..syntax.tree import Field
from .descriptor import FieldType, MessageType
from .message import Message

Upgraded = tuple[Message, list[Problem]]

V1_TYPES: dict[str, str] = {
    "NONE": "",
    "ABSVAL": "AbsVal",
    "ACCURACY": "Accuracy",
    "ARGMAX": "ArgMax",
    "BNLL": "BNLL",
    "CONCAT": "Concat",
    "CONTRASTIVE_LOSS": "ContrastiveLoss",
    "CONVOLUTION": "Convolution",
    "DATA": "Data",
    "DECONVOLUTION": "Deconvolution",
    "DROPOUT": "Dropout",
    "DUMMY_DATA": "DummyData",
    "ELTWISE": "Eltwise",
    "EUCLIDEAN_LOSS": "EuclideanLoss",
    "EXP": "Exp",
    "FLATTEN": "Flatten",
    "HDF5_DATA": "HDF5Data",
    "HDF5_OUTPUT": "HDF5Output",
    "HINGE_LOSS": "HingeLoss",
    "IM2COL": "Im2col",
    "IMAGE_DATA": "ImageData",
    "INFOGAIN_LOSS": "InfogainLoss",
    "INNER_PRODUCT": "InnerProduct",
    "LRN": "LRN",
    "MEMORY_DATA": "MemoryData",
    "MULTINOMIAL_LOGISTIC_LOSS": "MultinomialLogisticLoss",
    "MVN": "MVN",
    "POOLING": "Pooling",
    "POWER": "Power",
    "RELU": "ReLU",
    "SIGMOID": "Sigmoid",
    "SIGMOID_CROSS_ENTROPY_LOSS": "SigmoidCrossEntropyLoss",
    "SILENCE": "Silence",
    "SLICE": "Slice",
    "SOFTMAX": "Softmax",
    "SOFTMAX_LOSS": "SoftmaxWithLoss",
    "SPLIT": "Split",
    "TANH": "TanH",
    "THRESHOLD": "Threshold",
    "WINDOW_DATA": "WindowData",
}
"""V1 enum to current type (upgrade_proto.cpp, UpgradeV1LayerType)."""

SOLVER_TYPES: dict[str, str] = {
    "SGD": "SGD",
    "NESTEROV": "Nesterov",
    "ADAGRAD": "AdaGrad",
    "RMSPROP": "RMSProp",
    "ADADELTA": "AdaDelta",
    "ADAM": "Adam",
}
"""Old ``solver_type`` to ``type`` (upgrade_proto.cpp, UpgradeSolverType)."""


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

_V1_TRANSFORMED = {
    "DATA": "data_param",
    "IMAGE_DATA": "image_data_param",
    "WINDOW_DATA": "window_data_param",
}
_V1_TRANSFORM = ("scale", "mean_file", "crop_size", "mirror")

# V1's parallel lists, one element per learned blob; a ParamSpec points at the first it has.
_V1_PARAM_LISTS = {
    "blobs_lr": "lr_mult",
    "weight_decay": "decay_mult",
    "param": "name",
    "blob_share_mode": "share_mode",
}

# Where the sizes of inputs are given; the first outranks the other.
_INPUT_SHAPES = ("input_shape", "input_dim")
_DIMS_PER_INPUT = 4
_OLD_BATCH_NORM_PARAMS = 3


def upgrade_net(net: Message) -> Upgraded:
    """The net in current form: the very same message where there is nothing to upgrade."""
    problems: list[Problem] = []
    for is_needed, step in _NET_STEPS:
        if is_needed(net):
            net, found = step(net)
            problems += found
    return net, sorted(problems, key=lambda problem: problem.span)


def old_forms(net: Message) -> list[Problem]:
    """That a net as written has an older form, told where that starts: of its layers, else of its
    inputs. Layers of both forms are another problem.
    """
    if net.has("layers") and not net.has("layer"):
        form = "V0" if _has_v0(net) else "V1"
        count = len(net.get("layers"))
        values: dict[str, object] = {"form": form, "count": count}
        return [Problem("old-net-form", net.span("layers"), values, rejects=False)]
    if not net.has("layers") and net.has("input") and any(map(net.has, _INPUT_SHAPES)):
        values = {"count": len(net.get("input"))}
        return [Problem("old-input-form", net.span("input"), values, rejects=False)]
    return []


def upgrade_solver(solver: Message) -> Upgraded:
    """Replace ``solver_type`` by ``type`` (upgrade_proto.cpp, UpgradeSolverType).

    With both given Caffe aborts; here ``type`` stays.
    """
    if not solver.has("solver_type"):
        return solver, []
    result = _without(solver, "solver_type")
    old, node = solver.get("solver_type"), solver.field("solver_type")
    if not solver.has("type"):
        result.set("type", SOLVER_TYPES.get(old, ""), node)
        return result, []
    problem = Problem(
        "solver-type-twice",
        solver.span("solver_type"),
        {"old": old, "type": solver.get("type")},
        ((solver.span("type"), "also given here"),),
    )
    return result, [problem]


# V0


def upgrade_v0_padding(net: Message) -> Upgraded:
    """Fold padding layers into the layers that read them (UpgradeV0PaddingLayers).

    Caffe takes only a ``conv`` or ``pool`` with one bottom after a padding layer with one bottom
    and one top, and aborts on a bottom that no input and no earlier layer makes.
    """
    padding = _Padding(net)
    for layer in net.get("layers"):
        padding.take(layer)
    return _replaced(net, "layers", padding.kept()), padding.problems


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
        suggestion = _closest(bottom, self.makers)
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
    return _replaced(result, "layers", layers), problems


def _v0_layer(connection: Message, problems: list[Problem]) -> Message:
    layer = connection.copy()
    _drop(layer, _V0_CONNECTION, _v0_name(connection), problems)
    if layer.has("layer"):
        v0 = layer.get("layer")
        layer = _without(layer, "layer")
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
        suggestion = _V0_ALIASES.get(_closest(self.name.lower(), _V0_ALIASES), "")
        self._report("v0-unknown-type", "type", {"type": self.name, "suggestion": suggestion})

    def _move(self, name: str, block: str, to: str) -> None:
        target = _own_block(self.layer, block, self.v0.node) if block else self.layer
        field, value = target.type.fields[to], self.v0.get(name)
        if field.type == FieldDescriptor.TYPE_UINT32:
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


# V1


def upgrade_data_transform(net: Message) -> Upgraded:
    """Move scale, mean_file, crop_size and mirror to transform_param (V1 only).

    upgrade_proto.cpp, UpgradeNetDataTransformation: once a single layer has such a field, every
    DATA, IMAGE_DATA and WINDOW_DATA layer is left with both blocks, empty if need be.
    """
    layers = [
        _transform(layer, _V1_TRANSFORMED[layer.get("type")])
        if layer.get("type") in _V1_TRANSFORMED
        else layer
        for layer in net.get("layers")
    ]
    return _replaced(net, "layers", layers), []


def _transform(layer: Message, block: str) -> Message:
    layer = layer.copy()
    data = _own_block(layer, block, layer.node)
    transform = _own_block(layer, "transform_param", data.node)
    for name in _V1_TRANSFORM:
        transform.copy_field(data, name)
        data.values.pop(name, None)
        data.nodes.pop(name, None)
    return layer


def upgrade_v1_to_v2(net: Message) -> Upgraded:
    """Bring V1 layers to the current form (UpgradeV1Net).

    Caffe aborts when there are ``layer`` blocks as well; here they are kept, in the order of the
    text.
    """
    type_ = net.type.fields["layer"].message
    assert type_ is not None
    upgraded = [_v1_layer(layer, type_) for layer in net.get("layers")]
    problems = [_mixed(net)] if net.has("layer") else []
    layers = sorted(upgraded + net.get("layer"), key=_start)
    return _replaced(_without(net, "layers"), "layer", layers), problems


def _start(layer: Message) -> int:
    return layer.node.name_start if layer.node is not None else 0


def _mixed(net: Message) -> Problem:
    """``layer`` and ``layers`` in one net, told where the rarer form starts, else the later."""
    counts = {form: len(net.get(form)) for form in ("layer", "layers")}
    form, other = sorted(counts, key=lambda form: (counts[form], -net.span(form).start))
    return Problem(
        "layer-and-layers",
        net.span(form),
        {"form": form, "count": counts[form], "other": other, "other_count": counts[other]},
        ((net.span(other), f"the first {other} block"),),
        net.get(form)[0].get("name"),
    )


def _v1_layer(v1: Message, type_: MessageType) -> Message:
    """One layer in current form (UpgradeV1LayerParameter); a type of NONE becomes empty."""
    layer = Message(type_, v1.node)
    common = _common_fields(v1.type, type_)
    for name in v1.values:
        if name in common:
            layer.copy_field(v1, name)
    if v1.has("type"):
        layer.set("type", V1_TYPES.get(v1.get("type"), ""), v1.field("type"))
    for index in range(max(len(v1.get(name)) for name in _V1_PARAM_LISTS)):
        param = _param_spec(v1, index, type_.fields["param"])
        layer.add("param", param, param.node)
    return layer


def _param_spec(v1: Message, index: int, field: FieldType) -> Message:
    assert field.message is not None
    nodes = (v1.field(name, index) for name in _V1_PARAM_LISTS)
    param = Message(field.message, next(filter(None, nodes), v1.node))
    for old, new in _V1_PARAM_LISTS.items():
        values = v1.get(old)
        if index < len(values):
            param.set(new, values[index], v1.field(old, index))
    return param


@cache
def _common_fields(old: MessageType, new: MessageType) -> frozenset[str]:
    """Names of the fields that are of one type in both."""
    return frozenset(
        name
        for name, field in old.fields.items()
        if (other := new.fields.get(name)) is not None
        and (field.type, field.message, field.repeated)
        == (other.type, other.message, other.repeated)
    )


# Inputs and BatchNorm


def upgrade_input(net: Message) -> Upgraded:
    """Make an Input layer, in front, of ``input`` and its shapes (UpgradeNetInput).

    ``input_shape`` outranks ``input_dim``. With neither Caffe strips ``input`` and says nothing,
    so that its blob is unknown to the layers. With too few it reads beyond the end of the list;
    here such an input has a shape of the dimensions that are there.
    """
    result = _without(net, "input", *_INPUT_SHAPES)
    by = next(filter(net.has, _INPUT_SHAPES), None)
    if by is None:
        return result, [
            Problem("input-without-shape", net.span("input", i), {"input": name}, rejects=False)
            for i, name in enumerate(net.get("input"))
        ]
    layers = [_input_layer(net, by), *net.get("layer")]
    return _replaced(result, "layer", layers), _missing_dims(net, by)


def _input_layer(net: Message, by: str) -> Message:
    type_ = net.type.fields["layer"].message
    assert type_ is not None
    node = net.field("input")
    layer = Message(type_, node)
    layer.copy_field(net, "input", to="top")
    layer.set("name", "input", node)
    layer.set("type", "Input", node)
    block = _own_block(layer, "input_param", net.field(by))
    for index in range(len(net.get("input"))):
        shape = _input_shape(net, by, index, block.type.fields["shape"])
        block.add("shape", shape, shape.node)
    return layer


def _input_shape(net: Message, by: str, index: int, field: FieldType) -> Message:
    given = net.get(by)
    if by == "input_shape" and index < len(given):
        return given[index]  # type: ignore[no-any-return]
    assert field.message is not None
    if by == "input_shape":
        return Message(field.message, net.field("input", index))
    first = index * _DIMS_PER_INPUT
    shape = Message(field.message, net.field(by, first) or net.field("input", index))
    for at, dim in enumerate(given[first : first + _DIMS_PER_INPUT], first):
        shape.add("dim", dim, net.field(by, at))
    return shape


def _missing_dims(net: Message, by: str) -> list[Problem]:
    each = _DIMS_PER_INPUT if by == "input_dim" else 1
    given, inputs = len(net.get(by)), net.get("input")
    needed = each * len(inputs)
    if given >= needed:
        return []
    index = given // each
    values = {"input": inputs[index], "field": by, "needed": needed, "given": given}
    also = ((net.span(by, given - 1), f"the last {by}"),)
    return [Problem("input-dims-missing", net.span("input", index), values, also)]


def _is_old_batch_norm(layer: Message) -> bool:
    """Whether UpgradeNetBatchNorm changes the layer: exactly three ``param``, not yet frozen."""
    if layer.values.get("type") != "BatchNorm":
        return False
    params = layer.get("param")
    return len(params) == _OLD_BATCH_NORM_PARAMS and not all(
        param.values.get(name) == 0 for param in params for name in ("lr_mult", "decay_mult")
    )


def upgrade_batch_norm(net: Message) -> Upgraded:
    """Freeze the statistics of BatchNorm layers with exactly three ``param``.

    upgrade_proto.cpp, UpgradeNetBatchNorm: lr_mult and decay_mult become 0, whatever they were.
    """
    layers = [
        _replaced(layer, "param", [_frozen(param) for param in layer.get("param")])
        if _is_old_batch_norm(layer)
        else layer
        for layer in net.get("layer")
    ]
    return _replaced(net, "layer", layers), []


def _frozen(param: Message) -> Message:
    param = param.copy()
    for name in ("lr_mult", "decay_mult"):
        param.set(name, 0.0, param.field(name) or param.node)
    return param


# Which steps a net needs


def _has_v0(net: Message) -> bool:
    return any(layer.has("layer") for layer in net.get("layers"))


def _has_data_transform(net: Message) -> bool:
    return any(
        layer.sub(block).has(name)
        for layer in net.get("layers")
        if (block := _V1_TRANSFORMED.get(layer.get("type"))) is not None
        for name in _V1_TRANSFORM
    )


def _has_old_batch_norm(net: Message) -> bool:
    return any(map(_is_old_batch_norm, net.get("layer")))


_NET_STEPS: tuple[tuple[Callable[[Message], bool], Callable[[Message], Upgraded]], ...] = (
    (_has_v0, upgrade_v0_to_v1),
    (_has_data_transform, upgrade_data_transform),
    (lambda net: net.has("layers"), upgrade_v1_to_v2),
    (lambda net: net.has("input"), upgrade_input),
    (_has_old_batch_norm, upgrade_batch_norm),
)


# Messages that are not to be changed


def _without(message: Message, *names: str) -> Message:
    result = message.copy()
    for name in names:
        result.values.pop(name, None)
        result.nodes.pop(name, None)
    return result


def _replaced(message: Message, name: str, children: list[Message]) -> Message:
    """A copy with other messages in a repeated field."""
    result = _without(message, name)
    for child in children:
        result.add(name, child, child.node)
    return result


def _own_block(message: Message, name: str, node: Field | None) -> Message:
    """The message in a field, replaced by a copy, or made new as if it stood at ``node``."""
    type_ = message.type.fields[name].message
    assert type_ is not None
    old = message.values.get(name)
    block = Message(type_, node) if old is None else old.copy()
    message.set(name, block, block.node)
    return block


def _closest(word: str, known: Iterable[str]) -> str:
    matches = get_close_matches(word, known, n=1)
    return matches[0] if matches else ""
