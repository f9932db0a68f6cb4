"""A solver as Caffe reads it: its nets, and the names it knows.

Sources: solver.cpp (Init, InitTrainNet, InitTestNets), solver_factory.hpp, sgd_solver.cpp.
"""

from __future__ import annotations

from msgspec import Struct

from ..core.problem import Problem
from ..core.source import Span
from ..schema.message import Message

SOLVER_TYPES = ("SGD", "Nesterov", "AdaGrad", "RMSProp", "AdaDelta", "Adam")
LR_POLICIES = ("fixed", "step", "exp", "inv", "multistep", "poly", "sigmoid")


class NetUse(Struct, frozen=True):
    """One net that a solver builds: from a file (``path``) or written inside it (``inline``).

    ``phase`` is the solver's default for it, ``state`` the solver's own ``train_state`` or
    ``test_state``, and ``span`` where the solver names the net.
    """

    phase: str
    state: Message | None
    span: Span
    path: str = ""
    inline: Message | None = None


def net_uses(solver: Message) -> list[NetUse]:
    """Every net that Caffe would build for this solver, training net first.

    A generic net serves as test net for the ``test_iter`` beyond those of the ``test_net`` ones
    (solver.cpp, InitTestNets). Where the fields contradict one another and Caffe builds nothing,
    every net that is named is given all the same.
    """
    train = ("net", "net_param", "train_net", "train_net_param")
    train_state = solver.get("train_state")
    uses = [_use(solver, "TRAIN", name, 0, train_state) for name in train if solver.has(name)]
    tests = [(name, i) for name in ("test_net_param", "test_net") for i in _indices(solver, name)]
    generic = [name for name in ("net_param", "net") if solver.has(name)]
    if generic:
        tests += [(generic[0], 0)] * (len(solver.get("test_iter")) - len(tests))
    states = solver.get("test_state")
    for number, (name, index) in enumerate(tests):
        state = states[number] if number < len(states) else None
        uses.append(_use(solver, "TEST", name, index, state))
    return uses


def overridden_phase(use: NetUse, net: Message) -> Problem | None:
    """A ``state`` in the net's own file that turns the solver's training net into one for tests, or
    the other way round: it counts before the solver's default (solver.cpp, InitTrainNet).
    """
    written = net.sub("state").values.get("phase")
    decided = use.state is not None and use.state.has("phase")
    if written is None or decided or written == use.phase:
        return None
    values = {"phase": written, "wanted": use.phase, "net": use.path}
    return Problem("phase-overridden", use.span, values, rejects=False)


def _indices(solver: Message, name: str) -> range:
    return range(len(solver.get(name)))


def _use(solver: Message, phase: str, name: str, index: int, state: Message | None) -> NetUse:
    value = solver.get(name)
    if isinstance(value, list):
        value = value[index]
    span = solver.span(name, index)
    if isinstance(value, Message):
        return NetUse(phase, state, span, inline=value)
    return NetUse(phase, state, span, path=value)
