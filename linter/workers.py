"""Processes that share work on many files.

Each has an object of its own that does the work, made once. Results come in the order of the work,
whoever did it. Only objects of caffelint's own pass between the processes.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

_AT_ONCE = 8
"""So many items in a row go to one process: files of a directory often need the same others."""


class WorkerError(Exception):
    """A process was ended from outside."""


class Each(Protocol):
    """Does a piece of work for each of some items: ``work(worker, item)``, in their order."""

    def __call__(
        self, work: Callable[[Any, _Item], _Result], items: Sequence[_Item]
    ) -> Iterable[_Result]:
        """What the work gives for each item."""


@contextmanager
def start_workers(
    number: int, here: object, make: Callable[..., object], *arguments: object
) -> Iterator[Each]:
    """Processes that each work with ``make(*arguments)``; all of them end with the block.

    They start with the first work that is worth sharing; what is less is done with ``here``.

    Raises:
        WorkerError: when one of them is ended from outside, for want of memory as a rule.
    """
    before = set(multiprocessing.active_children())
    pool: ProcessPoolExecutor | None = None

    def each(work: Callable[[Any, _Item], _Result], items: Sequence[_Item]) -> Iterable[_Result]:
        nonlocal pool
        if len(items) <= _AT_ONCE:
            return (work(here, item) for item in items)
        if pool is None:
            pool = _pool(number, make, arguments)
        return pool.map(partial(_do, work), items, chunksize=_AT_ONCE)

    try:
        yield each
    except BaseException as error:
        if pool is not None:
            _end(pool, set(multiprocessing.active_children()) - before)
        from concurrent.futures.process import BrokenProcessPool

        if isinstance(error, BrokenProcessPool):
            raise WorkerError(
                "a worker process was ended, perhaps for want of memory; --jobs 1 does without"
            ) from error
        raise
    else:
        if pool is not None:
            pool.shutdown()


def _pool(
    number: int, make: Callable[..., object], arguments: Sequence[object]
) -> ProcessPoolExecutor:
    from concurrent.futures import ProcessPoolExecutor

    # A fork has all modules and rules at once; elsewhere it is no safe start, or there is none.
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    return ProcessPoolExecutor(number, context, _begin, (make, arguments))


def _end(pool: ProcessPoolExecutor, processes: Iterable[BaseProcess]) -> None:
    """End a pool at once: what is under way is of no use any more, and may take long."""
    from concurrent.futures import InvalidStateError

    tell = threading.excepthook

    def tell_others(what: threading.ExceptHookArgs) -> None:
        # The thread of a pool whose processes are gone stumbles over work that was cancelled.
        if what.exc_type is not InvalidStateError:
            tell(what)

    threading.excepthook = tell_others
    results: Any = getattr(pool, "_result_queue", None)
    try:
        for process in processes:
            process.terminate()
        for process in processes:
            process.join()
        # One that ended in the middle of a result has left a part of it in the pipe. The pool waits
        # for the rest as long as anybody could write it, and this process could.
        if results is not None:
            results._writer.close()  # noqa: SLF001 - the pool has no word for it
        pool.shutdown(cancel_futures=True)
    finally:
        threading.excepthook = tell


_worker: object = None
"""In a worker process: what it works with."""


def _begin(make: Callable[..., object], arguments: Sequence[object]) -> None:
    global _worker  # the one place that a pool leaves for it
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C is answered by the parent alone
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _worker = make(*arguments)


def _do(work: Callable[[Any, _Item], _Result], item: _Item) -> _Result:
    return work(_worker, item)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
