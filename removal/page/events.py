"""What happens, told to every open page: server-sent events."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

KEPT = 200
HEARTBEAT_S = 15.0


class Events:
    """The last events, numbered; those who listen get what came after the number they saw last."""

    def __init__(self) -> None:
        self.number = 0
        self._kept: deque[tuple[int, dict[str, Any]]] = deque(maxlen=KEPT)
        self._changed: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.closing = False

    def bind(self) -> None:
        """Called in the event loop before anybody listens."""
        self._loop, self._changed = asyncio.get_running_loop(), asyncio.Event()

    def tell(self, event: dict[str, Any]) -> None:
        """Tells everybody; from any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._add, event)

    def close(self) -> None:
        """Ends all listening."""
        self.closing = True
        if self._changed is not None:
            self._changed.set()

    def _add(self, event: dict[str, Any]) -> None:
        self.number += 1
        last = self._kept[-1][1] if self._kept else {}
        if event.get("state") == last.get("state") == "running" and event["job"] == last["job"]:
            self._kept.pop()  # how far the job was is of no use any more
        self._kept.append((self.number, event))
        assert self._changed is not None
        self._changed.set()
        self._changed = asyncio.Event()

    async def listen(self, after: int) -> AsyncIterator[str]:
        """Events as lines of the stream, and a comment now and then so that a broken connection is seen."""
        yield "retry: 1000\n\n"
        while not self.closing:
            assert self._changed is not None
            changed = self._changed
            for number, event in [kept for kept in self._kept if kept[0] > after]:
                after = number
                yield f"id: {number}\ndata: {json.dumps(event)}\n\n"
            try:
                await asyncio.wait_for(changed.wait(), HEARTBEAT_S)
            except TimeoutError:
                yield ": still here\n\n"
