"""Ctrl-C that cannot get lost.

Python drops a KeyboardInterrupt that arrives inside a weak reference's callback, as an import makes many; so
the signal is also remembered, and long loops ask for it.
"""

from __future__ import annotations

import signal
from types import FrameType

_received = False


def listen() -> None:
    """From now on Ctrl-C raises KeyboardInterrupt and is remembered."""
    signal.signal(signal.SIGINT, _remember)


def _remember(number: int, frame: FrameType | None) -> None:
    global _received
    _received = True
    raise KeyboardInterrupt


def check() -> None:
    """Raises KeyboardInterrupt where Ctrl-C was pressed."""
    if _received:
        raise KeyboardInterrupt
