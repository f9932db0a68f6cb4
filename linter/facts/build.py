"""From the model to the facts of ``proto/facts.proto``, and to what rules can look at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from ..core.alike import closest
from ..core.source import Source
from ..engine import vocabulary as facts_of
from ..engine.run import Target
from ..model.build import Shapes
from ..model.compare import only_here
from ..model.context import Context
from ..model.launch import Launch
from ..model.layers import LAYER_TYPES
from ..model.net import Layer, Net
from ..model.schedule import first_below, ignored_by_policy, ignored_by_type, rate
from ..model.solver import LR_POLICIES, SOLVER_TYPES, net_uses
from ..schema.message import Message
from .anchor import MessageAnchor
from .layer import (
    LayerFacts,
    Scene,
    gives_raw_pixels,
    has_filler,
    outputs,
    takes_filler,
    under_others,
    uses_global_stats,
    writes,
)
from .signal import start_of
from .structure import memory_mib, namesakes
from .text import plain as _text
from .text import texts

if TYPE_CHECKING:
    from ..moments.outlook import Outlook


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
        scene = Scene(
            *(net, self._context, shapes, ahead),
            *(under_others(net), self._untrained(net), namesakes(net)),
        )
        for layer in net.layers:
            variables = {**shared, "layer": LayerFacts(layer, scene)}
            own = layer.kind.param if layer.kind else ""
            anchor = MessageAnchor(layer.message, own)
            yield Target(
                *("layer", self._source, (anchor,), variables),
                *(layer.type, layer.name, phase, words),
            )
            if layer.params:
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

    # Net

    def net(self, net: Net, ahead: Outlook | None = None) -> facts_of.Net:
        """The ``Net`` facts of one phase; ``ahead`` tells how it starts."""
        layers = net.layers
        weighing = [layer for layer in layers if layer.weighs]
        learning = [layer for layer in weighing if layer.learns]
        fillable = [layer for layer in learning if takes_filler(layer)]
        unfilled = [
            layer
            for layer in fillable
            if not has_filler(layer, "weight_filler") and not self._context.fills(layer.name)
        ]
        first = [layer for layer in weighing if takes_filler(layer)][:1]
        below_others = under_others(net) if unfilled else set()
        norms = [layer for layer in layers if layer.type == "BatchNorm"]
        losses = [layer.type for layer in layers if layer.is_loss]
        biases = [p for layer in learning for p in layer.params if p.role == "bias"]
        explicit = sum(writes(p, "decay_mult") for p in biases)
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
            unfilled_hidden=sum(layer in below_others for layer in unfilled),
            has_batch_norm=bool(norms),
            global_stats=sum(uses_global_stats(layer, net) for layer in norms),
            highest_lr_mult=max((p.lr_mult for layer in learning for p in layer.params), default=0),
            highest_weight_lr_mult=max((layer.params[0].lr_mult for layer in learning), default=0),
            filled=sum(self._context.fills(layer.name) for layer in weighing),
            unknown_bottoms=sum(layer.bottoms.count(None) for layer in layers),
            staged=any(map(_names_stages, net.message.get("layer"))),
            raw_sources=sum(gives_raw_pixels(layer) for layer in net.sources),
            summed_losses=sum(_sums(layer) for layer in layers if layer.is_loss),
            has_loss=bool(losses),
            weighing=len(weighing),
            learning=len(learning),
            unknown_types=sum(layer.opaque for layer in layers),
            last_outputs=outputs(learning[-1]) if learning else 0,
            fork_types=sum(layer.type not in LAYER_TYPES for layer in layers),
            loss_types=_once(losses),
            biases_with_decay_mult=explicit,
            biases_without_decay_mult=len(biases) - explicit,
            source_types=_once(layer.type for layer in net.sources),
            phase_written=any(map(_names_phases, net.sources)),
            output_types=_once(layer.type for layer in layers if _is_output(layer)),
            frozen=len(weighing) - len(learning),
            first_filled=any(has_filler(layer, "weight_filler") for layer in first),
            weights_without_decay=sum(layer.params[0].decay_mult == 0 for layer in fillable),
            weights_known=self._context.filled is not None,
            python_layers=sum(layer.type == "Python" for layer in layers),
        )
        if ahead is not None:
            facts.start = start_of(ahead)
        return facts

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
    return texts(dict.fromkeys(types))


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
