"""Requests that book: each once per key, whatever its caller does; whoever asks again gets the same answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from gateway.model.errors import Conflict
from gateway.stations.answers import Asked, Query, stored_answer

STOP_S = 1.0
"""At a stop: time for what is under way to be recorded as what it is. Its devices are gone by then."""


class Once:
    """Those of one station that are being worked on."""

    def __init__(self, query: Query) -> None:
        self._query = query
        self.busy: dict[str, asyncio.Task[bytes]] = {}

    async def do(self, asked: Asked, work: Callable[[], Coroutine[Any, Any, bytes]]) -> bytes:
        """The answer of `work`, which stores it with what it books; or the one that was given before. Raises `Conflict`
        (`in_progress`, `key_reused`) and what `work` raises: then nothing is booked."""
        if asked.key in self.busy:
            raise Conflict("this request is being worked on", "Ask again in a moment", code="in_progress")
        if (before := stored_answer(self._query, asked)) is not None:
            return before
        # A caller that hangs up changes nothing: the work goes its way, and whoever asks again hears of it.
        task = asyncio.create_task(work(), name=asked.key)
        self.busy[asked.key] = task
        task.add_done_callback(lambda done: self._ended(asked.key, done))
        return await asyncio.shield(task)

    def _ended(self, key: str, task: asyncio.Task[bytes]) -> None:
        del self.busy[key]
        if not task.cancelled():
            task.exception()  # Its caller may be gone: nobody need look at it.

    async def stop(self) -> None:
        """What is still under way after `STOP_S` is settled at the next start."""
        if self.busy:
            await asyncio.wait(self.busy.values(), timeout=STOP_S)
