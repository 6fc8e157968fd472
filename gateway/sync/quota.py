"""What the quota authority is owed goes up until it is answered, and what it says goes into the ledger.

Nothing of this is on disk beside the tables of `gateway.quota`: at each connection it is rebuilt from them. A message
of which several exist (how much of a lease is used) waits a moment for the next one, and takes its place.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import msgspec

from gateway.model.errors import LedgerError, NotReady
from gateway.quota.owed import Id
from gateway.quota.quotas import Quotas
from gateway.sync.backoff import Backoff
from gateway.wire.quota import MAX_GROUP, Beyond, HandOver, QuotaSaid, Report, Said

log = logging.getLogger("sync")

GATHER_S = 2.0
"""Totals wait so long for further uses: a school class is one message, not thirty."""
ANSWER_S = 5.0
"""After so long without an answer a message is said again, and then after random times that grow (`Repeats`)."""
REPEATS_CAP_S = 300.0
TEND_S = 60.0
"""Between two looks at what is over and who comes often."""
GROUPS_AT_ONCE = 2
"""Messages to the broker at a time: the window is the entries'."""
PAUSE_S = 1.0
"""Between these, when there is more."""


class Repeats:
    """Of one message: when it goes again. Full jitter over `ANSWER_S`, so that a city's gateways do not ask in one
    second when the centre is back."""

    def __init__(self) -> None:
        self._backoff = Backoff(REPEATS_CAP_S)

    def next_s(self) -> float:
        return ANSWER_S + self._backoff.failed()


class _Flight:
    def __init__(self, due: float) -> None:
        self.sent: Said | None = None
        self.due = due
        self.repeats = Repeats()


class QuotaLine:
    """The way between `Quotas` and the broker, as long as a connection lasts. Used in the event loop. `publish` may
    raise `NotReady`; `spawn` runs what takes longer."""

    def __init__(
        self,
        quotas: Quotas,
        gateway: str,
        publish: Callable[[bytes], object],
        spawn: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        self._quotas = quotas
        self._gateway = gateway
        self._publish = publish
        self._spawn = spawn
        self._flights: dict[Id, _Flight] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._tending: asyncio.TimerHandle | None = None
        self._greet = False
        self._up = False

    def connected(self) -> None:
        """Say hello, and all that is owed."""
        self._loop = asyncio.get_running_loop()
        self._flights.clear()
        self._up = self._greet = True
        self._quotas.line(self.poke)
        self._tend_in(0.0)
        self.poke()

    def lost(self) -> None:
        """The connection has gone, or ends."""
        self._up = False
        self._quotas.line(None)
        for timer in (self._timer, self._tending):
            if timer is not None:
                timer.cancel()
        self._timer = self._tending = None

    def poke(self) -> None:
        """Something may be owed now."""
        self._in(0.0)

    def used(self) -> None:
        """Entries that may have used something were stored."""
        if self._up:
            self._in(GATHER_S)
            self._tend_in(GATHER_S)

    async def take(self, payload: bytes) -> None:
        """A message of the authority. Raises `InputRefused`, or `LedgerError`: it will be said again."""
        told = await self._quotas.take(payload)
        if told.greeted:
            self._greet = False
        if told.recalled:
            await self._quotas.tend()
        if self._up:
            self._in(0.0)

    # Out ---------------------------------------------------------------------------------------------------

    def _in(self, seconds: float) -> None:
        if not self._up:
            return
        if self._timer is not None:
            if self._timer.when() <= self._loop.time() + seconds:
                return
            self._timer.cancel()
        self._timer = self._loop.call_later(seconds, self._send)

    def _send(self) -> None:
        self._timer = None
        owed = self._quotas.owed(greet=self._greet)
        now = self._loop.time()
        self._flights = {of: self._look(of, said, now) for of, said in owed.items()}
        due = [(of, said) for of, said in owed.items() if self._flights[of].due <= now]
        groups = list(_grouped(due))
        for group in groups[:GROUPS_AT_ONCE]:
            try:
                self._publish(msgspec.json.encode(QuotaSaid(self._gateway, tuple(said for _, said in group))))
            except NotReady:
                return  # The link has just gone; its owner hears of it.
            for of, said in group:
                flight = self._flights[of]
                flight.sent, flight.due = said, now + flight.repeats.next_s()
        if len(groups) > GROUPS_AT_ONCE:
            self._in(PAUSE_S)
        elif self._flights:
            self._in(max(0.01, min(flight.due for flight in self._flights.values()) - now))

    def _look(self, of: Id, said: Said, now: float) -> _Flight:
        """When this message is due: a new one at once, or when others of its sort may have joined it."""
        gathers = GATHER_S if isinstance(said, Report | Beyond) else 0.0
        flight = self._flights.get(of)
        if flight is None:
            return _Flight(now + gathers)
        if flight.sent is not None and flight.sent != said:
            flight.sent, flight.repeats = None, Repeats()
            flight.due = now + gathers
        return flight

    def _tend_in(self, seconds: float) -> None:
        if self._tending is not None:
            if self._tending.when() <= self._loop.time() + seconds:
                return
            self._tending.cancel()
        self._tending = self._loop.call_later(seconds, self._tend)

    def _tend(self) -> None:
        self._tending = None
        self._spawn(self._tended())
        self._tend_in(TEND_S)

    async def _tended(self) -> None:
        try:
            await self._quotas.tend()
        except LedgerError as error:
            log.warning("leases are not tended: %s", error)
        self.poke()


def _grouped(due: list[tuple[Id, Said]]) -> Iterator[list[tuple[Id, Said]]]:
    """As they travel: a hand-over, which may be long, alone."""
    yield from ([one] for one in due if isinstance(one[1], HandOver))
    rest = [one for one in due if not isinstance(one[1], HandOver)]
    for at in range(0, len(rest), MAX_GROUP):
        yield rest[at : at + MAX_GROUP]
