"""Why the net is built: from scratch, to fine-tune, to go on from a snapshot, to be deployed; and
how that is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from ..schema.message import Message
from .launch import Launch
from .net import Layer, Net
from .phase import State, keeps

Kind = Literal["scratch", "finetune", "resume", "deploy", "unknown"]


class Context(Struct, frozen=True):
    """The training context: its kind, whether it is certain, and the reason in words.

    ``filled`` are the layers whose weights a weights file brings, None where that is unknown.
    """

    kind: Kind
    certain: bool
    reason: str
    filled: frozenset[str] | None = None

    def fills(self, layer: str) -> bool:
        """Whether a layer is known to start from stored weights; a snapshot holds all of them."""
        return self.kind == "resume" or layer in (self.filled or ())

    @property
    def words(self) -> str:
        """For a reader: what was assumed and why."""
        kinds = {
            "scratch": "training from scratch",
            "finetune": "fine-tuning",
            "resume": "training that goes on from a snapshot",
            "deploy": "a deploy net",
            "unknown": "nothing about pre-trained weights",
        }
        return f"assumed {kinds[self.kind]}: {self.reason}"


UNKNOWN = Context(
    "unknown", False, "say --context scratch or finetune, or name the file with --weights"
)


def chosen(launches: Sequence[Launch]) -> Launch | None:
    """The launch that counts: one with weights, or else one without anything, or a resumed one.

    A snapshot goes on with what another launch has begun, so it tells only where it stands alone.
    """
    for wanted in (
        [one for one in launches if one.weights],
        [one for one in launches if not one.snapshot],
        launches,
    ):
        if wanted:
            return wanted[0]
    return None


def launched(launches: Sequence[Launch]) -> Context | None:
    """The context as launch scripts tell it; None where none starts the solver."""
    launch = chosen(launches)
    if launch is None:
        return None
    if launch.weights:
        kind: Kind = "finetune"
        how = f"with --weights {','.join(launch.weights)}"
    elif launch.snapshot:
        kind, how = "resume", f"with --snapshot {launch.snapshot}"
    else:
        kind, how = "scratch", "without weights"
    others = {one.place for one in launches if one.weights != launch.weights} - {launch.place}
    more = f" (and {len(others)} more start it otherwise)" if others else ""
    certain = launch.certain and not others and "$" not in "".join(launch.weights)
    return Context(kind, certain, f"{launch.place} starts it {how}{more}")


def is_deploy(net: Message) -> bool:
    """A net that is fed from outside and computes no loss in any phase."""
    phases = State("TRAIN"), State("TEST")
    messages = [one for one in net.get("layer") if any(keeps(state, one) for state in phases)]
    if all(layer.get("type") != "Input" for layer in messages):
        return False
    layers = [Layer(message, number) for number, message in enumerate(messages)]
    reads = any(layer.is_source and layer.type != "Input" for layer in layers)
    return not reads and not any(layer.is_loss for layer in layers)


def guess(net: Message, views: list[Net]) -> Context:
    """The context as far as the net itself tells.

    Frozen layers beside learning ones are a sign of fine-tuning: random weights are not kept.
    """
    if is_deploy(net):
        return Context("deploy", True, "it has an Input layer and no loss")
    for view in views:
        weighing = [layer for layer in view.layers if layer.weighs]
        frozen = [layer for layer in weighing if not layer.learns and _starts_random(layer.type)]
        if frozen and any(layer.learns for layer in weighing):
            return Context("finetune", False, f'layer "{frozen[0].name}" has lr_mult 0')
    return UNKNOWN


def _starts_random(type_: str) -> bool:
    """Deconvolutions are frozen from scratch too, as fixed bilinear upsampling."""
    return type_ in ("Convolution", "InnerProduct", "Embed")
