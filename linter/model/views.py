"""The nets that a file is likely to be built as, where no solver says it."""

from __future__ import annotations

from collections.abc import Collection

from ..core.problem import Problem
from ..schema.message import Message
from .net import Layer, Net
from .phase import State, keeps


def likely_views(net: Message) -> list[Net]:
    """The nets that Caffe is likely to build of a file whose solver is not known.

    A phase counts if data comes in: a file whose data layers are all of one phase is not meant for
    the other. Stages and levels are the solver's to set; a file that filters by stage is looked at
    once for each stage it names. A solver may give several, so a blob that is missing, or made
    twice, is no problem here where a layer that makes it is there in some stages only.
    """
    stages: list[frozenset[str]] = [frozenset((name,)) for name in _stages(net)] or [frozenset()]
    own = net.sub("state")
    phases = [own.get("phase")] if own.has("phase") else ["TRAIN", "TEST"]
    states = [
        State(phase, own.get("level"), chosen | frozenset(own.get("stage")))
        for phase in phases
        for chosen in stages
    ]
    views = [Net(net, state) for state in _likely(states, net.get("layer"))]
    made = _made_by_stage(net) if any(view.problems for view in views) else ()
    for view in views:
        view.problems = [one for one in view.problems if not _left_to_stages(one, made)]
    return views


def _likely(states: list[State], layers: list[Message]) -> list[State]:
    """The states for which data comes in; where none of them has a loss, those for tests."""
    sources = [one for one in layers if not one.has("bottom") and Layer(one, 0).is_source]
    fed = [state for state in states if any(keeps(state, one) for one in sources)]
    losses = (one for one in reversed(layers) if Layer(one, 0).is_loss)
    if any(keeps(state, one) for one in losses for state in fed):
        return fed
    # Without a loss nothing is trained: such a net is only ever run.
    return [state for state in fed or states if state.phase == "TEST"] or fed or states


def _made_by_stage(net: Message) -> frozenset[str]:
    """Names of the blobs that are made by layers for some stages only."""
    return frozenset(
        top
        for layer in net.get("layer")
        if any(
            rule.has("stage") or rule.has("not_stage")
            for rules in ("include", "exclude")
            for rule in layer.get(rules)
        )
        for top in layer.get("top")
        if top not in layer.get("bottom")
    )


def _left_to_stages(problem: Problem, made: Collection[str]) -> bool:
    name = {"unknown-bottom": "bottom", "top-produced-twice": "top"}.get(problem.kind)
    return name is not None and problem.values[name] in made


def _stages(net: Message) -> list[str]:
    names = {
        stage
        for layer in net.get("layer")
        for rules in ("include", "exclude")
        for rule in layer.get(rules)
        for stage in rule.get("stage")
    }
    return sorted(names)[:_MOST_STAGES]


_MOST_STAGES = 16
"""A net is built once for each; what names more was made by a program."""
