"""Ctrl-C that cannot get lost.

Python drops a KeyboardInterrupt that arrives inside a weak reference's callback, as an import makes many; so
the signal is also remembered, and long loops ask for it.
"""

from __future__ import annotations

import os
import signal
from types import FrameType

_received = False


def listen() -> None:
    """From now on Ctrl-C raises KeyboardInterrupt and is remembered; a second one ends the process at once,
    without waiting for the photos at hand."""
    signal.signal(signal.SIGINT, _remember)


def _remember(number: int, frame: FrameType | None) -> None:
    global _received
    if _received:
        os.write(2, b"Interrupted: left at once; what is written is whole.\n")
        os._exit(130)
    _received = True
    raise KeyboardInterrupt


def check() -> None:
    """Raises KeyboardInterrupt where Ctrl-C was pressed."""
    if _received:
        raise KeyboardInterrupt
