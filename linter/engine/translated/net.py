# Written by scripts/translate_rules.py: change the rules instead.
"""The expressions of the rules on a net, and the conditions of those on one type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


EXPRESSIONS: dict[str, Callable[..., Any]] = {
    'int(net.memory_mib)': lambda net, solver, option: int(net.memory_mib),
    'int(option.budget)': lambda net, solver, option: int(option['budget']),
    'net.phase': lambda net, solver, option: net.phase,
    'net.phase == "TRAIN" && net.has_loss && net.weighing > 0 && net.learning == 0 && net.unknown_types == 0 && net.python_layers == 0': lambda net, solver, option: ((net.phase == 'TRAIN') and net.has_loss and (net.weighing > 0) and (net.learning == 0) and (net.unknown_types == 0) and (net.python_layers == 0)),
    'net.weighing == 1 ? "the only layer with weights has" : "all " + string(net.weighing) + " layers with weights have"': lambda net, solver, option: ('the only layer with weights has' if (net.weighing == 1) else (('all ' + str(net.weighing)) + ' layers with weights have')),
    'option.budget > 0.0 && net.memory_mib > option.budget': lambda net, solver, option: ((option['budget'] > 0.0) and (net.memory_mib > option['budget'])),
    'solver.known && net.phase == "TRAIN" && !net.has_loss && net.weighing > 0 && net.unknown_types == 0 && net.python_layers == 0 && net.source_types.exists(t, t in ["Data", "ImageData", "HDF5Data", "WindowData", "MemoryData"])': lambda net, solver, option: (solver.known and (net.phase == 'TRAIN') and (not net.has_loss) and (net.weighing > 0) and (net.unknown_types == 0) and (net.python_layers == 0) and any((t in ('Data', 'ImageData', 'HDF5Data', 'WindowData', 'MemoryData',)) for t in net.source_types)),
}

GROUPS: dict[str, tuple[tuple[str, ...], Callable[..., list[bool]]]] = {
    '': (('CL125', 'CL403', 'CL704'), lambda net, solver, option: [
        ((option['CL125']['budget'] > 0.0) and (net.memory_mib > option['CL125']['budget'])),
        ((net.phase == 'TRAIN') and net.has_loss and (net.weighing > 0) and (net.learning == 0) and (net.unknown_types == 0) and (net.python_layers == 0)),
        (solver.known and (net.phase == 'TRAIN') and (not net.has_loss) and (net.weighing > 0) and (net.unknown_types == 0) and (net.python_layers == 0) and any((t in ('Data', 'ImageData', 'HDF5Data', 'WindowData', 'MemoryData',)) for t in net.source_types)),
    ]),
}
