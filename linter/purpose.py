"""What the nets of a file are for, and the weights files that they are filled from: by config, by
the solver, by launch scripts, or guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from .core.looking import Kept
from .core.problem import Problem
from .core.source import Source
from .model.context import Context, chosen, guess, is_deploy, launched
from .model.launch import Launch
from .model.net import Net
from .reading import File
from .schema.message import Message
from .settings import Start

if TYPE_CHECKING:
    from .model.transfer import Sources
    from .model.weights import Weights
    from .moments.outlook import Outlook

_KEPT_WEIGHTS = 16


class BuiltNet(Struct):
    """A net with the states it is built in; ``problems`` are those of its file, ``weights`` the
    files that it is filled from, None where it is not known to be. ``outlooks`` tell how those of
    its nets start that start from fillers, with ``solver``, where they were looked at.
    """

    source: Source
    net: Message
    views: list[Net]
    problems: list[Problem] = field(default_factory=list)
    weights: Sources | None = None
    solver: Message | None = None
    outlooks: dict[Net, Outlook] = field(default_factory=dict)


def trains(view: Net) -> bool:
    """Whether the net is built for training."""
    return view.state.phase == "TRAIN"


def is_trained(built: BuiltNet) -> bool:
    """Whether a view of the net has a loss, and something to learn from it."""
    return any(
        trains(view)
        and any(layer.is_loss for layer in view.layers)
        and any(layer.learns for layer in view.layers)
        for view in built.views
    )


class Purposes:
    """What nets are for in one run; ``start_of`` gives how Caffe is started on a file."""

    def __init__(self, start_of: Callable[[Path], Start]) -> None:
        self._start = start_of
        self._kept: Kept[Weights] = Kept(_KEPT_WEIGHTS)

    def context(
        self,
        start: Start,
        built: BuiltNet,
        solver: Message | None,
        launches: Sequence[Launch] = (),
    ) -> Context:
        """What a net is for. What the config of the file that is checked says counts first, then
        that of the net's own file.
        """
        config = (start if start.told else self._start(Path(built.source.name))).config
        weights = built.weights
        filled = None
        if weights is not None and weights.whole:
            from .model.transfer import filled_layers

            filled = filled_layers(built.views, weights.files)
        if config.context is not None:
            return Context(config.context, True, f"--context {config.context}", filled)
        if config.weights:
            if solver is None and is_deploy(built.net):
                return replace(guess(built.net, built.views), filled=filled)
            reason = f"--weights {','.join(config.weights)}"
            return Context("finetune", True, reason, filled)
        if solver is not None and solver.has("weights"):
            reason = f"the solver's weights: {solver.get('weights')[0]}"
            return Context("finetune", True, reason, filled)
        if (found := launched(launches)) is not None:
            return replace(found, filled=filled)
        return guess(built.net, built.views)

    def sources(self, file: File) -> Sources | None:
        """The weights files that Caffe fills the nets of a file from; those of the config come
        first, and one of them that cannot be read ends the run.
        """
        start = self._start(file.path)
        if start.config.context == "scratch":
            return None
        if start.config.weights:
            from .model.transfer import Sources

            return Sources(tuple(self._weights(Path(name)) for name in start.config.weights))
        if file.kind != "solver" or file.message is None or not file.message.has("weights"):
            return None
        from .model.transfer import find_weights

        return find_weights(file.message, file.path, start.root, self._weights)

    def launched_weights(self, launches: Sequence[Launch]) -> Sources | None:
        """The files that a launch script starts the solver with, where they can be read."""
        launch = chosen(launches)
        files = launch.files() if launch is not None else None
        if files is None:
            return None
        from .model.transfer import Sources
        from .model.weights import WeightsError

        try:
            return Sources(tuple(self._weights(path) for path in files))
        except WeightsError:
            return None

    def _weights(self, path: Path) -> Weights:
        return self._kept.get(path, partial(_read_weights, path))


def _read_weights(path: Path) -> Weights:
    from .model.weights import read_weights

    return read_weights(path)
