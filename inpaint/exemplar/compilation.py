"""The one way our numba kernels are compiled."""

from collections.abc import Callable
from typing import Any, Literal

from numba import njit


def kernel(
    *, parallel: bool = False, inline: Literal["never", "always"] = "never"
) -> Callable[[Callable[..., Any]], Any]:
    """Decorator: compile a function without the GIL, keeping the machine code on disk where that is possible.

    Numba keeps it beside the source, or in the user's cache folder where that cannot be written to; where
    neither can, the kernel is compiled anew in each process.

    Args:
        parallel: run `prange` loops on several threads (`NUMBA_NUM_THREADS`).
        inline: "always" or "never".
    """

    def compile_function(function: Callable[..., Any]) -> Any:
        try:
            return njit(nogil=True, cache=True, parallel=parallel, inline=inline)(function)
        except (RuntimeError, OSError):  # numba: "cannot cache function ...: no locator available"
            return njit(nogil=True, parallel=parallel, inline=inline)(function)

    return compile_function
