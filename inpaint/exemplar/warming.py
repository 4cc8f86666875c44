"""What the first fill of a process needs, made ready in a thread while the rest still works."""

from __future__ import annotations

import threading
from collections.abc import Callable

_started = threading.Lock()


def warm_up(say: Callable[[str], None] | None = None) -> None:
    """Start a thread that makes the kernels ready; a fill waits for those that it calls. The second time
    nothing happens.

    Args:
        say: called once from that thread, with a line for the user where something has to be compiled,
            which takes some seconds; None = never.
    """
    if _started.acquire(blocking=False):
        threading.Thread(target=_warm_up, args=(say,), name="exemplar kernels").start()


def _warm_up(say: Callable[[str], None] | None) -> None:
    from inpaint.exemplar.compilation import compile_all  # numba: most of a second

    compile_all(say)
