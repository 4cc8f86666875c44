"""The one way our numba kernels are compiled: once on each machine, in a thread of their own."""

from __future__ import annotations

import contextlib
import importlib
import threading
from collections.abc import Callable
from typing import Any

from numba import njit
from numba.core import event

OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}

_kernels: list[Kernel] = []
_lock = threading.RLock()  # numba compiles one kernel at a time anyway


class Kernel:
    """A function of arrays and numbers, compiled at the latest when it is first called; holds no GIL.

    Numba keeps the machine code beside the source, in the user's cache folder where that cannot be written
    to, or in NUMBA_CACHE_DIR where that is set. Where none of them will do, the kernel is compiled anew in
    each process.
    """

    def __init__(self, function: Callable[..., None], signature: str) -> None:
        self.function, self.signature = function, signature
        self._compiled: Callable[..., None] | None = None

    def __call__(self, *arguments: Any) -> None:
        """Run it. Raises TypeError for arguments that are not of the signature's types."""
        (self._compiled or self.compile())(*arguments)

    def compile(self) -> Callable[..., None]:
        """Load the machine code or make it; another thread that is at it is waited for."""
        with _lock:
            if self._compiled is None:
                dispatcher = self._from_cache()
                if dispatcher is None:
                    dispatcher = njit(**OPTIONS)(self.function)
                    dispatcher.compile(self.signature)
                dispatcher.disable_compile()  # other types are a mistake, and not one more thing to compile
                self._compiled = dispatcher
            return self._compiled

    def _from_cache(self) -> Any | None:
        """Compiled, and kept for the next time where it was not yet; None where the cache is of no use."""
        dispatcher = None
        with contextlib.suppress(Exception):  # no folder, a full disk, a damaged file: no reason to stop
            dispatcher = njit(cache=True, **OPTIONS)(self.function)
            dispatcher.compile(self.signature)
        return dispatcher if dispatcher is not None and dispatcher.signatures else None


def kernel(signature: str) -> Callable[[Callable[..., None]], Kernel]:
    """Decorator: a function that numba compiles for the types of `signature`, written as numba has them."""

    def register(function: Callable[..., None]) -> Kernel:
        _kernels.append(Kernel(function, signature))
        return _kernels[-1]

    return register


inlined = njit(error_model="numpy")
"""Decorator: a function that kernels call; it becomes a part of each."""


def compile_all(say: Callable[[str], None] | None) -> None:
    """Compile every kernel there is, or load it from the cache.

    Args:
        say: called once with a line for the user where something has to be compiled; None = never.
    """
    for name in ("patchmatch_kernels", "poisson_kernels", "palette_kernels", "max_flow"):
        importlib.import_module(f"inpaint.exemplar.{name}")
    with event.install_listener("numba:compile", _FirstCompilation(say)):
        for one in _kernels:
            if not threading.main_thread().is_alive():  # the program ends, and waits for this thread
                return
            one.compile()


class _FirstCompilation(event.Listener):
    def __init__(self, say: Callable[[str], None] | None) -> None:
        self._say = say

    def on_start(self, event: event.Event) -> None:
        say, self._say = self._say, None
        if say is not None:
            say("compiling the fill's kernels for this machine, once: some seconds")

    def on_end(self, event: event.Event) -> None:
        """Nobody is told."""
