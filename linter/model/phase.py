"""Which layers of a net file a state keeps (net.cpp, FilterNet and StateMeetsRule)."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from ..core.problem import Problem
from ..schema.message import Message


class State(Struct, frozen=True):
    """What Caffe filters by: the phase (``TRAIN`` or ``TEST``), a level, and stages."""

    phase: str = "TEST"
    level: int = 0
    stages: frozenset[str] = frozenset()

    def meets(self, rule: Message) -> bool:
        """Whether every condition of one ``include`` or ``exclude`` block holds."""
        values = rule.values
        if "phase" in values and values["phase"] != self.phase:
            return False
        if self.level < values.get("min_level", self.level):
            return False
        if self.level > values.get("max_level", self.level):
            return False
        return self.stages.issuperset(values.get("stage", ())) and self.stages.isdisjoint(
            values.get("not_stage", ())
        )


def effective_state(phase: str, *states: Message | None) -> State:
    """The state a solver builds a net in: its default phase, then what each ``NetState`` message
    sets, later ones over earlier ones; stages add up (solver.cpp, InitTrainNet).
    """
    level, stages = 0, set[str]()
    for state in states:
        if state is not None:
            phase = state.values.get("phase", phase)
            level = state.values.get("level", level)
            stages.update(state.get("stage"))
    return State(phase, level, frozenset(stages))


def keeps(state: State, layer: Message) -> bool:
    """Whether a layer is part of the net in this state: any include matches, or no exclude."""
    if layer.has("include"):
        return any(map(state.meets, layer.get("include")))
    return not layer.has("exclude") or not any(map(state.meets, layer.get("exclude")))


def include_and_exclude(layers: Iterable[Message]) -> list[Problem]:
    """Layers with both kinds of rule, which Caffe refuses."""
    problems = []
    for layer in layers:
        if layer.has("include") and layer.has("exclude"):
            first, second = layer.span("include"), layer.span("exclude")
            name = layer.get("name")
            later = max(first, second)
            also = ((min(first, second), "the other rule"),)
            problems.append(
                Problem("include-and-exclude", later, {"layer": name}, also, layer=name)
            )
    return problems
