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
from typing import Any, Protocol, TypeVar

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

_AT_ONCE = 8
"""So many items in a row go to one process: files of a directory often need the same others."""


_TURNS = 8
"""Each process gets work so often at least, or the last one would keep all others waiting."""


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
    pool: _Pool | None = None

    def each(work: Callable[[Any, _Item], _Result], items: Sequence[_Item]) -> Iterable[_Result]:
        nonlocal pool
        if len(items) <= _AT_ONCE:
            return (work(here, item) for item in items)
        if pool is None:
            pool = _Pool(number, make, arguments)
        return pool.map(work, items)

    try:
        yield each
    except BaseException as error:
        if pool is not None:
            pool.end()
        from concurrent.futures.process import BrokenProcessPool

        if isinstance(error, BrokenProcessPool):
            raise WorkerError(
                "a worker process was ended, perhaps for want of memory; --jobs 1 does without"
            ) from error
        raise
    else:
        if pool is not None:
            pool.close()


class _Pool:
    """Processes, with a thread that ends all of them as soon as one of them ends by itself."""

    def __init__(
        self, number: int, make: Callable[..., object], arguments: Sequence[object]
    ) -> None:
        from concurrent.futures import ProcessPoolExecutor

        # A fork has all modules and rules at once; elsewhere it is no safe start, or there is none.
        context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
        self._pool = ProcessPoolExecutor(number, context, _begin, (make, arguments))
        self._number = number
        self._before = set(multiprocessing.active_children())
        self._over = threading.Event()
        self._closing = threading.Lock()
        self._watcher: threading.Thread | None = None

    def map(
        self, work: Callable[[Any, _Item], _Result], items: Sequence[_Item]
    ) -> Iterable[_Result]:
        """What the work gives for each item, in their order."""
        several = max(1, min(_AT_ONCE, len(items) // (self._number * _TURNS)))
        results = self._pool.map(partial(_do, work), items, chunksize=several)
        if self._watcher is None:  # the first work starts the processes, one may be gone already
            started: Any = getattr(self._pool, "_processes", None)
            processes = list((started or {}).values())
            self._watcher = threading.Thread(target=self._watch, args=(processes,), daemon=True)
            self._watcher.start()
        return results

    def close(self) -> None:
        """Let the processes end, which have nothing more to do."""
        self._over.set()
        self._pool.shutdown()
        self._stop_watching()

    def end(self) -> None:
        """End all at once: what is under way is of no use any more, and may take long."""
        from concurrent.futures import InvalidStateError

        tell = threading.excepthook

        def tell_others(what: threading.ExceptHookArgs) -> None:
            # The thread of a pool whose processes are gone stumbles over work that was cancelled.
            if what.exc_type is not InvalidStateError:
                tell(what)

        self._over.set()
        threading.excepthook = tell_others
        try:
            self._end_processes()
            self._pool.shutdown(cancel_futures=True)
            self._stop_watching()
        finally:
            threading.excepthook = tell

    def _alive(self) -> set[BaseProcess]:
        return set(multiprocessing.active_children()) - self._before

    def _watch(self, processes: Iterable[BaseProcess]) -> None:
        wait([process.sentinel for process in processes])
        if not self._over.is_set():
            self._end_processes()

    def _stop_watching(self) -> None:
        if self._watcher is not None:
            self._watcher.join()

    def _end_processes(self) -> None:
        """End the processes, so that the pool comes to know of it.

        One that ended in the middle of a result has left a part of it in the pipe. The pool waits
        for the rest as long as anybody could write it: other processes, and this one.
        """
        results: Any = getattr(self._pool, "_result_queue", None)
        processes = self._alive()
        for process in processes:
            process.terminate()
        for process in processes:
            process.join()
        if results is not None:
            with self._closing:  # closed twice at once, it might be another's by then
                results._writer.close()  # noqa: SLF001 - the pool has no word for it


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
