"""Work on bands of rows or items, on as many threads as there are processors."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

_lock = threading.Lock()
_pool: ThreadPoolExecutor | None = None


def threads() -> int:
    """NUMBA_NUM_THREADS where the environment has it, else the processors that this process may use."""
    told = os.environ.get("NUMBA_NUM_THREADS", "")
    if told.isdecimal() and int(told) > 0:
        return int(told)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_bands(work: Callable[[int, int], None], count: int, *, least: int) -> None:
    """Call `work(first, last)` so that the calls cover 0 to `count`, and return when all are done.

    All callers share the same threads, so that several of them do not crowd the processors.

    Args:
        work: must give the same whatever the bands are, and let go of the GIL.
        count: how many rows or items there are.
        least: fewer of them than this in a band would cost more to hand over than to do.
    """
    bands = min(count // max(1, least), threads())
    if bands < 2:
        work(0, count)
        return
    edges = [count * band // bands for band in range(bands + 1)]
    for done in [_threads().submit(work, *edge) for edge in pairwise(edges)]:
        done.result()


def _threads() -> ThreadPoolExecutor:
    global _pool
    with _lock:
        if _pool is None:
            _pool = ThreadPoolExecutor(threads(), thread_name_prefix="exemplar")
        return _pool


def _forget() -> None:
    """A forked process has none of the threads."""
    global _lock, _pool
    _lock, _pool = threading.Lock(), None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
