"""What every station is given, and the step that they all begin with: fresh reading → identification."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Protocol

import msgspec

from gateway.fiscal.port import FiscalDevices
from gateway.fiscal.printers import Printers
from gateway.identity.identify import Identified, Identity
from gateway.ledger.effects import Effect
from gateway.ledger.ledger import Ledger
from gateway.model.bodies import FloodBody, IdentificationBody
from gateway.model.body import Body
from gateway.model.clock import Clock
from gateway.model.entry import EntryId, EntryKind, NewEntry, Stream
from gateway.model.errors import Conflict
from gateway.model.identification import Identification
from gateway.model.library import LibraryWord
from gateway.model.reading import Input, Presented, Reading, is_fresh
from gateway.model.shown import Show
from gateway.stations.alarm import FireAlarm
from gateway.stations.benefits import Benefits
from gateway.stations.board import Board
from gateway.stations.counters import CardDebits, Counters
from gateway.stations.deciding import Deciding
from gateway.stations.inside import Inside
from gateway.stations.weak import COPYABLE, weighed

log = logging.getLogger("stations")

IDENTIFICATION, ADMISSION, RECEIPT = "identification", "admission", "receipt"
"""Events that rules may ask for (docs/rules.md, Needs)."""
REFUSALS_A_MINUTE = 20
"""Refusals of one station that get entries of their own within a minute; the rest are one entry with a count."""


class Outputs(CardDebits, FiscalDevices, Protocol):
    """What stations ask of devices."""

    async def pulse(self, device: str, channel: int, ms: int, deadline_ms: int = 1500) -> int: ...


class Station(Protocol):
    """A station as the daemon drives it: readings of its own devices come in, one after the other; what inputs tell
    comes at once, whoever is being served."""

    id: str
    kind: str

    def devices(self) -> tuple[str, ...]: ...
    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    async def on_reading(self, reading: Reading) -> None: ...
    def on_input(self, reading: Input) -> None: ...


def new_entry(stream: Stream, kind: EntryKind, body: Body) -> NewEntry:
    """An entry whose body is this struct's JSON."""
    return NewEntry(stream, kind, msgspec.json.encode(body))


class _Flood(msgspec.Struct):
    """Refusals of one source and reason in one minute: how many asked for an entry of their own, how many have none."""

    minute_ms: int
    seen: int = 0
    untold: int = 0


class Services:
    """The parts that stations use, and what the configuration says of each station's credentials."""

    def __init__(
        self,
        ledger: Ledger,
        identity: Identity,
        benefits: Benefits,
        outputs: Outputs,
        board: Board,
        clock: Clock,
        deciding: Deciding | None = None,
        weak: Mapping[str, Collection[str]] | None = None,
        printers: Printers | None = None,
    ) -> None:
        self.ledger = ledger
        self.identity = identity
        self.benefits = benefits
        self.deciding = deciding or Deciding(benefits, None, ledger.query, clock)
        self.outputs = outputs
        self.each_minute: list[Callable[[], Awaitable[None]]] = []
        """What housekeeping does each minute; what goes wrong there is told, not raised."""
        self.counters = Counters(ledger, outputs)
        self.printers = printers or Printers(ledger, outputs, clock)
        self.each_minute.append(self.printers.look)
        self.board = board
        self.printers.on_news.append(board.stir)
        self.clock = clock
        self.fire_alarm = FireAlarm()
        self.inside = Inside(ledger, clock, benefits.zone)
        self.gates_of: defaultdict[str, set[str]] = defaultdict(set)
        """Area → the gates that lead into it and out of it."""
        self._weak = weak or {}
        """Station → kinds of credentials that it takes although they can be copied; all where it is not named."""
        self._floods: dict[tuple[str, str], _Flood] = {}

    def identify(self, station: str, reading: Presented) -> Identified | None:
        """Who it is, or None for a reading that has grown stale: it counts, it opens nothing."""
        if not is_fresh(reading, self.clock.mono_ns()):
            self.count_unidentified(station, "stale")
            self.board.tell(station, Show.REFUSED, reason="stale")
            return None
        return self.resolve(station, reading)

    def resolve(self, station: str, reading: Presented) -> Identified:
        """Who it is, of a reading that is known to be fresh."""
        now = self.clock.stamp()
        identified = self.identity.identify(reading, now.wall_ms, sure=now.quality.trusted)
        return weighed(identified, self._weak.get(station, COPYABLE))

    async def store_identification(
        self, station: str, identified: Identified, library: LibraryWord | None = None
    ) -> tuple[Identification, EntryId | None]:
        """Commit an identification without a decision; a message that someone else used first becomes a refusal.
        A refusal beyond the minute's share is only counted, and has no entry of its own. `library`: what the library's
        own system said."""
        who = identified.identification
        if not who.accepted and not self.count_refusal(station, str(who.refusal)):
            return who, None
        try:
            # A refused card's counter is used up all the same: its message must not open anything later.
            return who, await self._store(station, who, identified.effects, library)
        except Conflict:
            who = identified.replayed
        if not self.count_refusal(station, str(who.refusal)):
            return who, None
        return who, await self._store(station, who, (), library)

    def of_identification(
        self, station: str, identified: Identified, library: LibraryWord | None = None
    ) -> tuple[list[NewEntry], list[Effect]]:
        """Entry and effects of somebody who was recognised, for a commit of the caller's, as its first entry. They
        raise `Conflict` (`replayed`) in it when someone else used the message first."""
        return [self._identification(station, identified.identification, library)], [
            *identified.effects,
            *self._noted(station, identified.identification),
        ]

    async def _store(
        self, station: str, who: Identification, effects: Sequence[Effect], library: LibraryWord | None
    ) -> EntryId:
        entry = self._identification(station, who, library)
        (stored,) = await self.ledger.commit([entry], [*effects, *self._noted(station, who)])
        return stored

    def _identification(self, station: str, who: Identification, library: LibraryWord | None) -> NewEntry:
        kind = EntryKind.IDENTIFICATION if who.accepted else EntryKind.REFUSAL
        body = IdentificationBody(station=station, identification=who.facts_left_out(), library=library)
        return new_entry(Stream.IDENTIFICATION, kind, body)

    def _noted(self, station: str, who: Identification) -> list[Effect]:
        return self.deciding.noted(who.holder if who.accepted else None, IDENTIFICATION, (), station)

    def show_identification(
        self, station: str, show: Show, who: Identification, entry: EntryId | None, **more: object
    ) -> None:
        """Tell the station's page; only digests' first digits leave. A refusal is its own reason, where the
        station has none that says more."""
        credential = who.credential
        if who.refusal is not None and not more.get("reason"):
            more["reason"] = str(who.refusal)
        self.board.tell(
            station,
            show,
            mark=credential.digest[:6] if credential else "",
            kind=credential.kind if credential else "",
            strength=credential.strength if credential else "",
            entry=str(entry) if entry else "",
            language=who.language or "",
            **more,
        )

    def count_refusal(self, source: str, reason: str) -> bool:
        """Whether one more refusal may have its own entry now; what may not is told as a count per minute."""
        flood = self._flood(source, reason)
        flood.seen += 1
        if flood.seen <= REFUSALS_A_MINUTE:
            return True
        flood.untold += 1
        return False

    def count_unidentified(self, source: str, reason: str) -> None:
        """A reading that was turned away before anyone looked whose it is: told as a count per minute only."""
        self._flood(source, reason).untold += 1

    def flush_floods(self, *, all_of_them: bool = False) -> None:
        """Store the counts of minutes that are over; at the end of the daemon all of them."""
        minute_ms = self.clock.wall_ms() // 60_000 * 60_000
        for (source, reason), flood in list(self._floods.items()):
            if all_of_them or flood.minute_ms != minute_ms:
                self._tell_flood(source, reason, flood)
                del self._floods[source, reason]

    def _flood(self, source: str, reason: str) -> _Flood:
        """The count of the running minute; one of a minute that is over is told."""
        minute_ms = self.clock.wall_ms() // 60_000 * 60_000
        flood = self._floods.get((source, reason))
        if flood is None or flood.minute_ms != minute_ms:
            if flood is not None:
                self._tell_flood(source, reason, flood)
            flood = self._floods[source, reason] = _Flood(minute_ms)
        return flood

    def _tell_flood(self, source: str, reason: str, flood: _Flood) -> None:
        if flood.untold:
            body = FloodBody(source=source, reason=reason, minute_ms=flood.minute_ms, count=flood.untold)
            self.ledger.ride(new_entry(Stream.IDENTIFICATION, EntryKind.FLOOD, body))
