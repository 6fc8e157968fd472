"""A simulated device's own thread: it hears what comes in at the plug and does at its time what is due, whatever the
driver at the other end is doing."""

from __future__ import annotations

import heapq
import itertools
import os
import select
import threading
import time
from collections.abc import Callable

from drivers.simulators.plugs import Plug

DO_S = 10.0
"""Longest that an action takes to be done."""


class OwnThread:
    """`start` begins it, `stop` ends it; what is not due by then is never done. `hear` and all actions run in it, one
    after the other. `later` and `do` may be called from any thread."""

    def __init__(self, name: str, plug: Plug, hear: Callable[[bytes], None]) -> None:
        self._name, self._plug, self._hear = name, plug, hear
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._lock = threading.Lock()
        self._running = False

    def start(self) -> None:
        """Begin, with the plug as it is."""
        self._woken, self._wake = os.pipe()
        self._running = True
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End it. Raises `TimeoutError` when an action does not come to its end."""
        self.do(self._end)
        self._thread.join()
        os.close(self._wake)
        os.close(self._woken)

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        """Do it in so many seconds; of two that are due at once the one that was told first is first."""
        with self._lock:
            heapq.heappush(self._due, (time.monotonic() + seconds, next(self._order), action))
        os.write(self._wake, b".")

    def do(self, action: Callable[[], None]) -> None:
        """Do it now: it is done when this returns. Not from within an action. Raises `TimeoutError`."""
        done = threading.Event()

        def both() -> None:
            action()
            done.set()

        self.later(0, both)
        if not done.wait(DO_S):
            raise TimeoutError("the simulated device does not run")

    def _run(self) -> None:
        while self._running:
            port = self._plug.readable()
            with self._lock:
                pause = max(0.0, self._due[0][0] - time.monotonic()) if self._due else None
            ready = select.select([self._woken, *port], [], [], pause)[0]
            if self._woken in ready:
                os.read(self._woken, 4096)
            if any(end in ready for end in port):
                self._hear(self._plug.read())
            self._do_due()

    def _do_due(self) -> None:
        while True:
            with self._lock:
                if not self._due or self._due[0][0] > time.monotonic():
                    return
                action = heapq.heappop(self._due)[2]
            action()

    def _end(self) -> None:
        self._running = False
