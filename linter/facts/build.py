"""From the model to the facts of ``proto/facts.proto``, and to what rules can look at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from ..core.alike import closest
from ..core.source import Source
from ..engine import vocabulary as facts_of
from ..engine.run import Target
from ..model.backward import gradients_down
from ..model.build import Shapes
from ..model.compare import only_here
from ..model.context import Context
from ..model.launch import Launch
from ..model.layers import LAYER_TYPES
from ..model.net import Blob, Layer, Net, Param
from ..model.schedule import first_below, ignored_by_policy, ignored_by_type, rate
from ..model.sizes import batch_size
from ..model.solver import LR_POLICIES, SOLVER_TYPES, net_uses
from ..schema.message import Message
from .anchor import MessageAnchor
from .signal import add_signal, start_of
from .structure import add_structure, memory_mib, namesakes
from .text import plain as _text

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


class FactBuilder:
    """Builds the facts of one file's nets and of its solver.

    ``trained`` is the training net that test nets belong to, None where there is none.
    """

    def __init__(self, source: Source, context: Context, trained: Net | None = None) -> None:
        self._source = source
        self._context = context
        self._trained = trained

    def targets(
        self,
        net: Net,
        solver: facts_of.Solver,
        shapes: Shapes | None = None,
        ahead: Outlook | None = None,
    ) -> Iterator[Target]:
        """Everything in one net that rules look at: the net, its layers, their learned blobs."""
        net_facts = self.net(net, ahead)
        if shapes is not None:
            net_facts.memory_mib = memory_mib(net, shapes)
        words, phase = self._context.words, net.state.phase
        net_anchors = (MessageAnchor(net.message), *self._first_layer(net))
        shared = {"net": net_facts, "solver": solver}
        yield Target("net", self._source, net_anchors, shared, phase=phase, context=words)
        under_others = _under_others(net)
        untrained = self._untrained(net)
        same_names = namesakes(net)
        for layer in net.layers:
            layer_facts = self.layer(layer, net, under_others)
            add_structure(layer_facts, layer, shapes)
            if layer in same_names:
                layer_facts.namesake = _text(same_names[layer].type)
            if layer in untrained:
                layer_facts.only_in_test = True
                layer_facts.trained_instead = _text(untrained[layer])
            if ahead is not None:
                add_signal(layer_facts, layer, ahead)
            variables = {**shared, "layer": layer_facts}
            own = layer.kind.param if layer.kind else ""
            anchor = MessageAnchor(layer.message, own)
            yield Target(
                *("layer", self._source, (anchor,), variables),
                *(layer.type, layer.name, phase, words),
            )
            yield from self._params(layer, variables, anchor, phase, words)

    def _params(
        self,
        layer: Layer,
        variables: Mapping[str, Any],
        anchor: MessageAnchor,
        phase: str,
        words: str,
    ) -> Iterator[Target]:
        for param, facts in zip(layer.params, variables["layer"].params, strict=True):
            spec = (MessageAnchor(param.spec),) if param.spec is not None else ()
            yield Target(
                *("param", self._source, (*spec, anchor), {**variables, "param": facts}),
                *(layer.type, layer.name, phase, words),
            )

    @staticmethod
    def _first_layer(net: Net) -> tuple[MessageAnchor, ...]:
        """A net has no block of its own to point at, so its first layer stands for it."""
        return (MessageAnchor(net.layers[0].message),) if net.layers else ()

    def _untrained(self, net: Net) -> dict[Layer, str]:
        """Layers of a test net that its training net lacks; see ``only_here``."""
        if self._trained is None or net.state.phase != "TEST":
            return {}
        return only_here(net, self._trained)

    def _is_filled(self, layer: Layer) -> bool:
        """Whether the layer is known to start from stored weights; a snapshot holds all of them."""
        return self._context.kind == "resume" or layer.name in (self._context.filled or ())

    # Net

    def net(self, net: Net, ahead: Outlook | None = None) -> facts_of.Net:
        """The ``Net`` facts of one phase; ``ahead`` tells how it starts."""
        layers = net.layers
        weighing = [layer for layer in layers if layer.weighs]
        learning = [layer for layer in weighing if layer.learns]
        fillable = [layer for layer in learning if _takes_filler(layer)]
        unfilled = [
            layer
            for layer in fillable
            if not _has_filler(layer, "weight_filler") and not self._is_filled(layer)
        ]
        first = [layer for layer in weighing if _takes_filler(layer)][:1]
        under_others = _under_others(net)
        norms = [layer for layer in layers if layer.type == "BatchNorm"]
        losses = [layer.type for layer in layers if layer.is_loss]
        biases = [p for layer in learning for p in layer.params if p.role == "bias"]
        explicit = sum(_has(p, "decay_mult") for p in biases)
        facts = facts_of.Net(
            known=True,
            name=_text(net.name),
            phase=net.state.phase,
            context=self._context.kind,
            context_certain=self._context.certain,
            trains=net.state.phase == "TRAIN" and bool(losses and learning),
            deploy=self._context.kind == "deploy",
            layer_count=len(layers),
            fillable=len(fillable),
            unfilled=len(unfilled),
            unfilled_hidden=sum(layer in under_others for layer in unfilled),
            has_batch_norm=bool(norms),
            global_stats=sum(_uses_global_stats(layer, net) for layer in norms),
            highest_lr_mult=max((p.lr_mult for layer in learning for p in layer.params), default=0),
            highest_weight_lr_mult=max((layer.params[0].lr_mult for layer in learning), default=0),
            filled=sum(map(self._is_filled, weighing)),
            unknown_bottoms=sum(layer.bottoms.count(None) for layer in layers),
            staged=any(map(_names_stages, net.message.get("layer"))),
            raw_sources=sum(_gives_raw_pixels(layer) for layer in net.sources),
            summed_losses=sum(_sums(layer) for layer in layers if layer.is_loss),
            has_loss=bool(losses),
            weighing=len(weighing),
            learning=len(learning),
            unknown_types=sum(layer.opaque for layer in layers),
            last_outputs=_outputs(learning[-1]) if learning else 0,
            fork_types=sum(layer.type not in LAYER_TYPES for layer in layers),
            loss_types=_once(losses),
            biases_with_decay_mult=explicit,
            biases_without_decay_mult=len(biases) - explicit,
            source_types=_once(layer.type for layer in net.sources),
            phase_written=any(map(_names_phases, net.sources)),
            output_types=_once(layer.type for layer in layers if _is_output(layer)),
            frozen=len(weighing) - len(learning),
            first_filled=any(_has_filler(layer, "weight_filler") for layer in first),
            weights_without_decay=sum(layer.params[0].decay_mult == 0 for layer in fillable),
            weights_known=self._context.filled is not None,
            python_layers=sum(layer.type == "Python" for layer in layers),
        )
        if ahead is not None:
            facts.start = start_of(ahead)
        return facts

    # Layer

    def layer(self, layer: Layer, net: Net, under_others: set[Layer]) -> facts_of.Layer:
        """The ``Layer`` facts of one layer; ``under_others`` are those below others that learn."""
        facts = facts_of.Layer(
            name=_text(layer.name),
            type=_text(layer.type),
            known_type=not layer.opaque,
            bottoms=_texts(layer.bottom_names),
            tops=_texts(layer.top_names),
            in_place=layer.in_place,
            producer_types=_texts([b.producer.type for b in layer.bottoms if b is not None]),
            reader_types=_texts([r.type for blob in layer.tops for r, _ in blob.readers]),
            deep_producer_types=_texts([_deep_producer(b).type for b in layer.bottoms if b]),
            deep_reader_types=_texts([r.type for r in _deep_readers(layer)]),
            gradient_to_bottoms=gradients_down(layer, net),
            last_to_learn=layer.learns and layer not in under_others,
            loss_type=layer.kind is not None and layer.kind.loss,
            shares_bottom_with_loss=_shares_bottom_with_loss(layer),
            before_relu=any(r.type == "ReLU" for r in _deep_readers(layer, _TRANSPARENT)),
            mirror=layer.message.sub("transform_param").get("mirror"),
            included_phases=[
                rule.get("phase") for rule in layer.message.get("include") if rule.has("phase")
            ],
            weighs=layer.weighs,
            learns=layer.learns,
            reaches_loss=layer.reaches_loss,
            needs_backward=layer.needs_backward,
            is_loss=layer.is_loss,
            is_source=bool(layer.top_names) and not layer.bottom_names,
            takes_filler=_takes_filler(layer),
            has_bias=any(param.role == "bias" for param in layer.params),
            filled_from_weights=self._is_filled(layer),
            ignored_transforms=_ignored_transforms(layer),
        )
        for param in layer.params:
            self._add_param(facts, param)
        own = layer.own
        if own is not None:
            self._add_own(facts, layer, own)
        if layer.type == "BatchNorm":
            self._add_batch_norm(facts, layer, net)
        if facts.is_source:
            facts.batch_size = batch_size(layer)
            facts.image_channels = _image_channels(layer)
            facts.mean_values = len(layer.message.sub("transform_param").get("mean_value"))
        return facts

    @staticmethod
    def _add_param(facts: facts_of.Layer, param: Param) -> None:
        facts.params.append(
            facts_of.Param(
                index=param.index,
                role=param.role,
                lr_mult=param.lr_mult,
                decay_mult=param.decay_mult,
                written=param.spec is not None,
                has_lr_mult=_has(param, "lr_mult"),
                has_decay_mult=_has(param, "decay_mult"),
                name=_text(param.spec.get("name")) if param.spec else "",
            )
        )

    @staticmethod
    def _add_own(facts: facts_of.Layer, layer: Layer, own: Message) -> None:
        facts.own_fields = list(own.values)
        facts.num_output = _outputs(layer)
        if layer.type == "Dropout":
            facts.dropout_ratio = own.get("dropout_ratio")
        if _has_filler(layer, "weight_filler"):
            facts.weight_filler = _filler(own.get("weight_filler"))
        if _has_filler(layer, "bias_filler"):
            facts.bias_filler = _filler(own.get("bias_filler"))
        if facts.takes_filler:
            facts.suggested_filler = _suggested_filler(layer)

    @staticmethod
    def _add_batch_norm(facts: facts_of.Layer, layer: Layer, net: Net) -> None:
        own = layer.message.sub("batch_norm_param")
        facts.global_stats_written = own.has("use_global_stats")
        facts.global_stats = _uses_global_stats(layer, net)
        scales = [r for r in _deep_readers(layer) if r.type == "Scale"]
        facts.frozen_with_scale = bool(scales) and not any(scale.learns for scale in scales)

    # Solver

    def solver(
        self, solver: Message, missing_directory: str = "", parent_missing: bool = False
    ) -> facts_of.Solver:
        """The ``Solver`` facts; missing may be the directory of snapshots, and that above it."""
        uses = net_uses(solver)
        facts = facts_of.Solver(
            known=True,
            fields=list(solver.values),
            train_nets=sum(use.phase == "TRAIN" for use in uses),
            test_nets=len(solver.get("test_net")) + len(solver.get("test_net_param")),
            generic_net=solver.has("net") or solver.has("net_param"),
            test_states=len(solver.get("test_state")),
            missing_snapshot_directory=_text(missing_directory),
            missing_snapshot_parent=parent_missing,
        )
        for name in _SOLVER_SCALARS:
            value = solver.get(name)
            setattr(facts, name, _text(value) if isinstance(value, str) else value)
        if solver.is_unread("type"):
            facts.type = ""
        facts.stepvalue = list(solver.get("stepvalue"))
        facts.test_iter = list(solver.get("test_iter"))
        steps = solver.get("stepvalue")
        facts.stepvalues_rise = all(a < b for a, b in pairwise(steps))
        facts.ignored_by_policy = list(ignored_by_policy(solver))
        facts.ignored_by_type = list(ignored_by_type(solver))
        on_gpu = solver.has("solver_mode") and solver.get("solver_mode") == "GPU"
        facts.mode = "GPU" if on_gpu else "CPU"
        facts.rate_gone_at = first_below(solver, _GONE)
        facts.last_rate = rate(solver, max(0, solver.get("max_iter") - 1)) or 0
        type_field = solver.field("type")
        facts.old_type = type_field is not None and type_field.name == "solver_type"
        facts.policy_suggestion = _close(facts.lr_policy, LR_POLICIES)
        facts.policy_of_fork = facts.lr_policy in solver.type.schema.lr_policies
        facts.type_suggestion = _close(facts.type, SOLVER_TYPES)
        return facts

    @staticmethod
    def add_launch(facts: facts_of.Solver, launch: Launch) -> None:
        """What the command that starts the solver says."""
        facts.launch = _text(launch.place)
        facts.launch_weights = _text(",".join(launch.weights))
        facts.launch_snapshot = _text(launch.snapshot)
        facts.resumes_at = launch.resumes_at
        facts.launch_refused = launch.rivals

    @staticmethod
    def add_sizes(facts: facts_of.Solver, batch: int, images: int) -> None:
        """What the training net's data makes of the solver's numbers."""
        facts.batch, facts.train_images = batch, images
        facts.effective_batch = batch * max(1, facts.iter_size)
        if images > 0:
            facts.epochs = facts.max_iter * facts.effective_batch / images

    def solver_target(
        self, solver: Message, facts: facts_of.Solver, net: facts_of.Net | None
    ) -> Target:
        """A solver as rules look at it, with the facts of its training net."""
        variables = {"solver": facts, "net": facts_of.Net() if net is None else net}
        words = self._context.words
        return Target("solver", self._source, (_SolverAnchor(solver),), variables, context=words)


# A rate below this share of base_lr no longer changes the weights to speak of.
_GONE = 1e-3

_SOLVER_SCALARS = (
    *("type", "lr_policy", "base_lr", "gamma", "power", "momentum", "momentum2", "rms_decay"),
    *("delta", "weight_decay", "regularization_type", "stepsize", "max_iter", "display"),
    *("snapshot", "snapshot_after_train", "snapshot_prefix", "iter_size", "clip_gradients"),
    *("average_loss", "test_interval"),
)


class _SolverAnchor(MessageAnchor):
    """A solver has no block to point at; its first written field stands for the whole."""

    def find(self, path: str) -> Any:
        if path:
            return super().find(path)
        first = next(iter(self.message.nodes), None)
        return None if first is None else self.message.span(first)


def _close(word: str, known: tuple[str, ...]) -> str:
    if word in known:
        return ""
    lower = {name.lower(): name for name in known}
    return lower.get(closest(word.lower(), lower), "")


def _has(param: Param, name: str) -> bool:
    return param.spec is not None and param.spec.has(name)


def _takes_filler(layer: Layer) -> bool:
    return layer.kind is not None and layer.kind.fillers


def _has_filler(layer: Layer, name: str) -> bool:
    own = layer.own
    return own is not None and name in own.type.fields and own.has(name)


def _filler(filler: Message) -> facts_of.Filler:
    numbers = ("value", "min", "max", "mean", "std", "sparse")
    return facts_of.Filler(
        type=_text(filler.get("type")),
        variance_norm=filler.get("variance_norm"),
        **{name: filler.get(name) for name in numbers if filler.has(name)},
    )


def _ignored_transforms(layer: Layer) -> list[str]:
    block = _IGNORED_TRANSFORMS.get(layer.type, "")
    # In a V1 layer the fields were moved away by the upgrade, and are no longer here.
    return [name for name in _OLD_TRANSFORMS if block and layer.message.sub(block).has(name)]


def _deep_producer(blob: Blob) -> Layer:
    layer = blob.producer
    for _ in range(_FAR):
        if not layer.bottoms or not (layer.in_place or layer.type in _PASS_THROUGH):
            break
        below = layer.bottoms[0]
        if below is None:
            break
        layer = below.producer
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


def _under_others(net: Net) -> set[Layer]:
    """The layers that have another layer with filled weights between them and a loss.

    Scale and the like start at 1, so they only pass on what is below them. Every reader stands
    behind what it reads, so one pass from the end is enough.
    """
    found: set[Layer] = set()
    for layer in reversed(net.layers):
        readers = (reader for blob in layer.tops for reader, _ in blob.readers)
        if any(
            reader.reaches_loss
            and (
                reader in found or reader.kind is None or (reader.learns and _takes_filler(reader))
            )
            for reader in readers
        ):
            found.add(layer)
    return found


def _uses_global_stats(layer: Layer, net: Net) -> bool:
    """As written, or else true in TEST only (batch_norm_layer.cpp, LayerSetUp).

    The layer's own phase field, where it is set, counts for the net's.
    """
    own = layer.message.sub("batch_norm_param")
    if own.has("use_global_stats"):
        return bool(own.get("use_global_stats"))
    phase = layer.message.get("phase") if layer.message.has("phase") else net.state.phase
    return bool(phase == "TEST")


def _outputs(layer: Layer) -> int:
    own = layer.own
    return own.get("num_output") if own is not None and "num_output" in own.type.fields else 0


def _names_phases(layer: Layer) -> bool:
    return any(rule.has("phase") for rule in _state_rules(layer.message))


def _names_stages(layer: Message) -> bool:
    return any(rule.has("stage") or rule.has("not_stage") for rule in _state_rules(layer))


def _state_rules(layer: Message) -> Sequence[Message]:
    if not layer.has("include") and not layer.has("exclude"):
        return ()
    return (*layer.get("include"), *layer.get("exclude"))


def _once(types: Iterable[str]) -> list[str]:
    """Each type once: these facts are handed over for every layer, so they must stay short."""
    return _texts(dict.fromkeys(types))


def _texts(texts: Iterable[str]) -> list[str]:
    return [text if text.isascii() else _text(text) for text in texts]


def _is_output(layer: Layer) -> bool:
    """Whether nothing reads some top; one that a later layer overwrites is read by that layer."""
    return any(not blob.readers for blob in layer.tops)


def _sums(layer: Layer) -> bool:
    """Whether a loss is divided by less than the number of its terms."""
    if layer.type not in ("SoftmaxWithLoss", "SigmoidCrossEntropyLoss", "InfogainLoss"):
        return False
    own = layer.message.sub("loss_param")
    if own.has("normalization"):
        return own.get("normalization") in ("BATCH_SIZE", "NONE")
    if own.has("normalize"):
        return not own.get("normalize")
    return layer.type == "SigmoidCrossEntropyLoss"


def _gives_raw_pixels(layer: Layer) -> bool:
    """Whether a layer reads images and leaves their values as they are, up to a mean."""
    scale = layer.message.sub("transform_param").get("scale")
    return layer.type in ("Data", "ImageData") and bool(scale == 1)


def _image_channels(layer: Layer) -> int:
    """Channels of an image, where the text decides it (io.cpp, ReadImageToCVMat)."""
    if layer.type == "ImageData":
        return 3 if layer.message.sub("image_data_param").get("is_color") else 1
    transform = layer.message.sub("transform_param")
    # Only encoded images are converted; but these fields are written for nothing else.
    if layer.type == "Data" and transform.get("force_color") != transform.get("force_gray"):
        return 3 if transform.get("force_color") else 1
    return 0


def _shares_bottom_with_loss(layer: Layer) -> bool:
    return any(
        reader is not layer
        for blob in layer.bottoms
        if blob is not None
        for reader in blob.loss_readers
    )


def _suggested_filler(layer: Layer) -> str:
    own = layer.own
    if layer.type == "Deconvolution" and own is not None and own.get("group") > 1:
        return "bilinear"
    readers = _deep_readers(layer, _TRANSPARENT)
    return "msra" if any(reader.type in _RECTIFIERS for reader in readers) else "xavier"
