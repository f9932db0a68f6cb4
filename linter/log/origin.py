"""What a run started from, as its log tells: random weights, a weights file, or a snapshot."""

from __future__ import annotations

from ..model.context import Context
from .run import Run


def origin(run: Run) -> Context | None:
    """The context of a run; None where its log does not tell.

    tools/caffe.cpp (or the solver, for its ``weights``) says "Finetuning from" and "Resuming
    from"; where it runs and says neither, training begins with the fillers. Python may load
    weights without a word, but it does not say "Starting Optimization".
    """
    for event in run.of_kind("finetune"):
        # Release builds do not name the layers that are copied.
        copied = frozenset(copy.subject for copy in run.of_kind("copy"))
        filled = copied if copied and not run.events_dropped else None
        reason = f'the log says "Finetuning from {event.subject}" (line {event.line})'
        return Context("finetune", True, reason, filled)
    for event in run.of_kind("restore"):
        reason = f'the log says that it goes on from "{event.subject}" (line {event.line})'
        return Context("resume", True, reason)
    started = next(iter(run.of_kind("start")), None)
    if started is None or run.solver is None:
        return None
    # Tests say "Ignoring source layer" as well, but only once training runs.
    if any(event.line < started.line for event in [*run.of_kind("copy"), *run.of_kind("ignore")]):
        return None
    return Context("scratch", True, f"the log names no weights before line {started.line}")
