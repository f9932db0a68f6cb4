"""The nets that a file is likely to be built as, where no solver says it."""

from __future__ import annotations

from ..core.problem import Problem
from ..schema.message import Message
from .net import Net
from .phase import State


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
    views = [
        Net(net, State(phase, own.get("level"), chosen | frozenset(own.get("stage"))))
        for phase in phases
        for chosen in stages
    ]
    made = _made_by_stage(net)
    for view in views:
        view.problems = [one for one in view.problems if not _left_to_stages(one, made)]
    fed = [view for view in views if view.sources]
    if any(layer.is_loss for view in fed for layer in view.layers):
        return fed
    # Without a loss nothing is trained: such a net is only ever run.
    return [view for view in fed or views if view.state.phase == "TEST"] or fed or views


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


def _left_to_stages(problem: Problem, made: frozenset[str]) -> bool:
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
