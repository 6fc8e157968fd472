"""Jobs on their way to the writer: some may ride with the next commit, and all wait while the file is not written."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from gateway.ledger.draft import Job

RIDE_S = 1.0
"""How long an entry that may ride with the next commit waits for one."""


class Waiting:
    """Of one ledger, in its event loop. `submit` gives jobs to the writer, as one commit."""

    def __init__(self, loop: asyncio.AbstractEventLoop, submit: Callable[[tuple[Job, ...]], None]) -> None:
        self._loop = loop
        self._submit = submit
        self._riding: list[Job] = []
        self._timer: asyncio.TimerHandle | None = None
        self._held: list[tuple[Job, ...]] | None = None

    def ride(self, job: Job) -> None:
        """Send it with the next one, `RIDE_S` from now at the latest."""
        self._riding.append(job)
        if self._timer is None:
            self._timer = self._loop.call_later(RIDE_S, self.send)

    def send(self, *jobs: Job) -> None:
        """These, and what rides along, as one: a rider that came a moment later would cost a commit of its own."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        riders, self._riding = self._riding, []
        if not jobs and not riders:
            return
        if self._held is None:
            self._submit((*jobs, *riders))
        else:
            self._held.append((*jobs, *riders))

    def hold(self) -> None:
        """Send what rides; whatever comes from now on waits for `let_go`."""
        self.send()
        self._held = []

    def let_go(self) -> None:
        """Send what has waited, in order."""
        held, self._held = self._held or [], None
        for jobs in held:
            self._submit(jobs)
