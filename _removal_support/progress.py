"""How far long work is, told to whoever watches it; who watches may stop it.

Work walks through its portions with `in_turn`. Where nobody watches that costs nothing and does nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

Tell = Callable[[float], None]
Item = TypeVar("Item")

_watching: ContextVar[tuple[Tell, float, float] | None] = ContextVar("watching", default=None)
# Who is told, and which part of the whole, from 0 to 1, the work at hand is.


@contextmanager
def watched(tell: Tell) -> Iterator[None]:
    """Has the work inside, in this thread, tell how far it is.

    tell: called with a share from 0 to 1 that only grows. What it raises ends the work, so that it can be
    stopped between two of its portions.
    """
    before = _watching.get()
    _watching.set((tell, 0.0, 1.0))
    try:
        yield
    finally:
        _watching.set(before)


@contextmanager
def unwatched() -> Iterator[None]:
    """Has the work inside tell nobody: what comes before the portions that count."""
    before = _watching.get()
    _watching.set(None)
    try:
        yield
    finally:
        _watching.set(before)


def in_turn(items: Sequence[Item], costs: Sequence[float] | None = None) -> Iterator[Item]:
    """The items one after the other, each a portion of the work at hand.

    costs: how much work each item is, in any unit, 0 or more; None = all the same. Work inside an item may
    have portions of its own.
    """
    outer = _watching.get()
    if outer is None:
        yield from items
        return
    tell, first, last = outer
    costs = [1.0] * len(items) if costs is None else costs
    total, done = float(sum(costs)) or 1.0, 0.0
    for item, cost in zip(items, costs, strict=True):
        begin = first + (last - first) * done / total
        done += float(cost)
        tell(begin)
        _watching.set((tell, begin, first + (last - first) * done / total))
        yield item
    _watching.set(outer)
    tell(last)
